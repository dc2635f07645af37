"""A small real feed, and a terminal beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.feed import Feed, city_rows, serving
from tests.cli.terminal import Terminal


@pytest.fixture
def feed() -> Iterator[Feed]:
    with serving(Feed(city_rows())) as feed:
        yield feed


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
