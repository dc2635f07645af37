"""A small real feed, and a terminal beside it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.cli.feed import Feed, city_rows, handler
from tests.cli.terminal import Terminal


@pytest.fixture
def feed() -> Iterator[Feed]:
    feed = Feed(city_rows())
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(feed))
    server.daemon_threads = True
    feed.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield feed
    feed.release.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    for process in terminal.started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def city(terminal: Terminal, feed: Feed) -> Terminal:
    """A terminal whose config names the test's feed, and nothing else."""
    terminal.write(
        f"connectors:\n  sipadek: {{type: sipadek, url: '{feed.url}', auth: {{bearer: '${{FEED_TOKEN}}'}}}}\n"
    )
    return terminal
