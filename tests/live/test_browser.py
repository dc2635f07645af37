"""The client script in a real browser: repaints, banner, recovery, one stream over many tabs, a clean console."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.live.serving import ROOT

pytestmark = pytest.mark.browser


class Server:
    """A server process of which only the state file is known to the test."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port, self.state = port, folder / "state.json"
        self.url = f"http://127.0.0.1:{port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.epoch = 0

    def tell(self, value: float, *, epoch: int | None = None, **state: Any) -> int:
        """A commit: the next epoch (or the same, said again) with this value. The epoch."""
        self.epoch = self.epoch + 1 if epoch is None else epoch
        # Replaced whole: the server must not read half a file.
        fresh = self.state.with_suffix(".new")
        fresh.write_text(json.dumps({"epoch": self.epoch, "value": value, **state}))
        fresh.replace(self.state)
        return self.epoch

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.live.server_process", str(self.port), str(self.state)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/readyz", timeout=1).close()
            except OSError:
                assert time.monotonic() < until
                assert self.process.poll() is None
                time.sleep(0.1)
            else:
                return

    def signal(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(5)


@pytest.fixture(scope="module")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    found = Server(tmp_path_factory.mktemp("server"), port)
    found.tell(12)
    found.start()
    yield found
    found.kill()


@pytest.fixture
def server(one_server: Server) -> Server:
    one_server.tell(12)
    return one_server


class Seen:
    """A page with all it complained of, apart from requests that a dead server could not answer."""

    def __init__(self, context: Any, server: Server) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.server = server
        self.page = context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        self.page.on("console", self._console)
        self.page.on("request", lambda request: self.requests.append(request.url))

    def _console(self, message: Any) -> None:
        refused = "net::ERR_" in message.text
        if message.type in ("error", "warning") and not refused:
            self.errors.append(f"{message.type}: {message.text}")

    def open(self, path: str = "/") -> Any:
        self.page.goto(self.server.url + path)
        self.painted(self.server.epoch)
        return self.page

    def painted(self, epoch: int, seconds: float = 15) -> None:
        self.page.wait_for_selector(f'body[data-epoch="{epoch}"]', timeout=seconds * 1000)

    def lost(self, seconds: float) -> None:
        self.page.wait_for_selector('body[data-connection="lost"] #coc-banner:not([hidden])', timeout=seconds * 1000)

    def live(self, seconds: float = 15) -> None:
        self.page.wait_for_selector('body[data-connection="live"]', timeout=seconds * 1000)
        assert self.page.query_selector("#coc-banner:not([hidden])") is None

    def clean(self) -> None:
        assert self.errors == []
        origin = self.server.url + "/"
        assert [url for url in self.requests if not url.startswith((origin, "data:", "blob:"))] == []


@pytest.fixture
def seen(chromium: Any, server: Server) -> Iterator[Seen]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, locale="id-ID")
    yield Seen(context, server)
    context.close()


def test_a_new_epoch_is_painted_before_the_next_beat_by_patching_the_same_chart(server: Server, seen: Seen) -> None:
    page = seen.open()
    page.evaluate("() => { document.querySelector('#home-chart .main-svg').dataset.mine = '1' }")
    start, before = time.monotonic(), len(seen.requests)
    seen.painted(server.tell(13))
    assert time.monotonic() - start < 5
    assert page.text_content("#home-value") == "13.0"
    assert page.get_attribute("#home-value", "data-value") == "13.0"
    drawn = "() => document.querySelector('#home-chart .js-plotly-plot')._fullData[0].y[1]"
    assert page.evaluate(drawn) == 13
    assert page.get_attribute("#home-chart .main-svg", "data-mine") == "1"
    assert [r for r in seen.requests[before:] if "/live/frame" not in r] == []  # no callback, no polling
    seen.clean()


def test_a_killed_server_raises_the_banner_and_a_restarted_one_repaints_by_itself(server: Server, seen: Seen) -> None:
    page = seen.open()
    server.kill()
    seen.lost(12)
    assert "terputus" in page.text_content("#coc-banner")
    assert page.text_content("#home-value") == "12.0"  # the last good picture stays
    epoch = server.tell(99)
    server.start()
    seen.painted(epoch, 30)
    seen.live()
    assert page.text_content("#home-value") == "99.0"
    seen.clean()


def test_a_store_in_trouble_is_told_over_the_picture_that_stays_until_it_is_well(server: Server, seen: Seen) -> None:
    page = seen.open()
    server.tell(12, epoch=server.epoch, trouble=True)
    page.wait_for_selector('body[data-store="store_full"] #coc-banner:not([hidden])', timeout=3000)
    assert "Disk penyimpanan penuh" in page.text_content("#coc-banner")
    page.wait_for_function("() => /Sudah [1-9] dtk/.test(document.querySelector('#coc-banner').textContent)")
    assert page.get_attribute("body", "data-connection") == "live"
    assert page.text_content("#home-value") == "12.0"
    server.tell(12, epoch=server.epoch)
    page.wait_for_selector('body[data-store="ok"]', timeout=6000)
    assert page.query_selector("#coc-banner:not([hidden])") is None
    seen.clean()


@pytest.mark.slow
def test_a_server_that_hangs_is_noticed_by_its_silence_and_recovered_from(server: Server, seen: Seen) -> None:
    seen.open()
    server.signal(signal.SIGSTOP)
    try:
        seen.lost(14)
    finally:
        server.signal(signal.SIGCONT)
    epoch = server.tell(1)
    seen.live(20)
    seen.painted(epoch)
    seen.clean()


@pytest.mark.slow
def test_more_tabs_than_a_browser_has_connections_share_one_stream_and_all_repaint(server: Server, seen: Seen) -> None:
    context = seen.page.context
    tabs = [seen] + [Seen(context, server) for _ in range(6)]
    for tab in tabs:
        tab.open()
    streams = [r for tab in tabs for r in tab.requests if r.endswith("/api/v1/stream")]
    assert len(streams) == 1
    epoch = server.tell(2)
    for tab in tabs:
        tab.painted(epoch)
    leader = next(tab for tab in tabs if any(r.endswith("/api/v1/stream") for r in tab.requests))
    leader.page.close()
    epoch = server.tell(3)
    for tab in tabs:
        if tab is not leader:
            tab.painted(epoch)
            tab.clean()


def test_the_page_that_is_gone_to_is_the_one_that_is_kept_up_to_date(server: Server, seen: Seen) -> None:
    page = seen.open()
    page.click("#home-link")
    page.wait_for_selector('body[data-page="lain"]')
    epoch = server.tell(2)
    seen.painted(epoch)
    page.go_back()
    page.wait_for_selector('body[data-page="home"]')
    seen.painted(epoch)
    assert page.text_content("#home-value") == "2.0"
    seen.clean()


def test_ages_count_against_the_servers_now_and_not_the_kiosks_clock(server: Server, chromium: Any) -> None:
    epoch = server.tell(1, age=130)
    context = chromium.new_context()
    context.add_init_script("Date.now = () => 0")  # a kiosk whose clock says 1970
    seen = Seen(context, server)
    page = seen.open("/?lang=en")
    page.wait_for_function("() => document.querySelector('.age').textContent === '2 min'")
    assert page.get_attribute("[data-feed]", "data-as-of")
    server.tell(1, epoch=epoch, age=3)  # a pull that brought nothing new: no epoch, and yet younger
    page.wait_for_function("() => / s$/.test(document.querySelector('.age').textContent)", timeout=10_000)
    assert page.text_content("[data-clock]").endswith("WIB")
    seen.clean()
    context.close()


def test_a_frame_that_fails_keeps_the_picture_and_is_tried_again(server: Server, seen: Seen) -> None:
    page = seen.open()
    server.tell(666)
    page.wait_for_event("response", lambda r: "/live/frame" in r.url and r.status == 500)
    assert page.text_content("#home-value") == "12.0"
    seen.painted(server.tell(14))
    assert [e for e in seen.errors if "500" not in e] == []


def test_another_build_reloads_the_page_once(server: Server, seen: Seen) -> None:
    page = seen.open()
    page.evaluate("() => { window.before = true }")
    epoch = server.tell(7, build="anotherbuild")
    page.wait_for_selector('body[data-build="anotherbuild"]', timeout=25_000)
    seen.painted(epoch)
    assert page.evaluate("() => window.before") is None
    seen.clean()


def test_a_callback_that_fails_tells_the_person_and_leaves_what_stood(server: Server, seen: Seen) -> None:
    page = seen.open("/lain?lang=en")
    page.click("#lain-fail")
    page.wait_for_selector("#coc-notice:not([hidden])")
    assert "could not be updated" in page.text_content("#coc-notice")
    assert page.text_content("#lain-said") == "before"
    seen.clean()


def test_an_unknown_page_and_a_broken_one_are_designed(server: Server, seen: Seen) -> None:
    page = seen.page
    page.goto(server.url + "/tidak-ada")
    page.wait_for_selector("text=Halaman tidak ditemukan")
    page.goto(server.url + "/rusak")
    page.wait_for_selector("text=gagal digambar")
    assert [e for e in seen.errors if "404" not in e] == []
