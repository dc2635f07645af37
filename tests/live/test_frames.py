"""Frames are made once per key, however many ask; the stream tells each epoch and keeps beating."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import brotli
import pytest

from coc.access import Gatekeeper, Refusal, Viewer
from coc.live import stream as streams
from coc.live.frames import FrameError, Frames, Key
from coc.live.hub import Hub
from tests.live.serving import NOW, Served, served, snapshot, wait_until

KEY = Key("operator", "home", "", "id", "dark")


@pytest.fixture
def own() -> Iterator[Served]:
    with served() as found:
        yield found


def test_a_frame_holds_what_the_page_renders(live: Served) -> None:
    frame = live.ask("/live/frame?page=home&lang=en&theme=light&scope=DISDIK").json
    assert set(frame) == {"epoch", "now", "page", "props", "stamp"}
    assert (frame["epoch"], frame["page"]) == (1, "home")
    assert frame["props"]["home-scope"]["children"] == "operator en light DISDIK"
    assert frame["props"]["home-value"]["data-value"] == "3.0"
    assert frame["props"]["home-chart"]["figure"]["data"][0]["type"] == "scatter"
    assert frame["props"]["home-feeds"]["children"][0]["type"] == "Div"


def test_an_unknown_language_or_theme_is_the_default_frame(live: Served) -> None:
    known = live.ask("/live/frame?page=home").headers["etag"]
    assert live.ask("/live/frame?page=home&lang=xx&theme=pink").headers["etag"] == known


def test_a_frame_masks_by_the_lens_of_who_asks(live: Served) -> None:
    for_operator = live.token("/live/frame?page=home", "operator").body
    for_screen = live.token("/live/frame?page=home", "screen").body
    assert b"503" in for_operator
    assert b"503" not in for_screen


def test_a_thousand_who_ask_at_once_wait_for_one_rendering(own: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    page = own.services.pages["home"]
    rendered: list[float] = []

    def slow(view: Any) -> Any:
        rendered.append(time.monotonic())
        time.sleep(0.3)
        return page.render(view)

    monkeypatch.setitem(own.services.pages, "home", type(page)(page.spec, slow, page.layout))
    with ThreadPoolExecutor(40) as pool:
        answers = list(
            pool.map(lambda _: own.ask("/live/frame?page=home", headers={"Accept-Encoding": "br"}), range(200))
        )
    assert len(rendered) == 1
    assert len({a.body for a in answers}) == 1
    assert brotli.decompress(answers[0].body)


def test_while_a_frame_is_made_the_server_answers_others(own: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    page = own.services.pages["home"]
    begun, asked = threading.Event(), threading.Event()

    def slow(view: Any) -> Any:
        begun.set()
        assert asked.wait(20)
        return page.render(view)

    monkeypatch.setitem(own.services.pages, "home", type(page)(page.spec, slow, page.layout))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(own.ask, "/live/frame?page=home")
        assert begun.wait(20)
        assert own.ask("/healthz").status == 200
        asked.set()
        assert waiting.result().status == 200


def test_a_page_that_cannot_be_drawn_is_a_problem_and_mends_with_the_next_epoch(own: Served) -> None:
    own.tell(snapshot(2, value=666))
    answer = own.ask("/live/frame?page=home")
    assert answer.status == 500
    assert answer.headers["content-type"] == "application/problem+json"
    own.tell(snapshot(3))
    assert own.ask("/live/frame?page=home").json["epoch"] == 3


def test_frames_that_screens_asked_for_are_ready_before_the_epoch_is_told(own: Served) -> None:
    frames = Frames(own.services)
    frames.get(KEY)
    own.tell(snapshot(2, value=13))
    assert frames.held(KEY) is None
    frames.ahead()
    held = frames.held(KEY)
    assert held is not None
    assert b'"13.0"' in held.plain


def test_a_frame_nobody_asked_for_lately_is_not_made_ahead(own: Served) -> None:
    now = [0.0]
    frames = Frames(own.services, lambda: now[0])
    frames.get(KEY)
    now[0] = 500.0
    own.tell(snapshot(2))
    frames.ahead()
    assert frames.held(KEY) is None


def test_the_cache_forgets_the_oldest(own: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coc.live.frames._MOST_FRAMES", 2)
    frames = Frames(own.services)
    keys = [KEY, Key("operator", "home", "", "en", "dark"), Key("operator", "home", "", "en", "light")]
    for key in keys:
        frames.get(key)
    assert [frames.held(k) is not None for k in keys] == [False, True, True]


def test_a_failing_page_is_not_rendered_for_each_who_asks(own: Served) -> None:
    own.tell(snapshot(2, value=666))
    frames = Frames(own.services)
    calls: list[int] = []
    page = own.services.pages["home"]
    own.services.pages["home"] = type(page)(page.spec, lambda view: calls.append(1) or page.render(view), page.layout)
    for _ in range(20):
        with pytest.raises(FrameError):
            frames.get(KEY)
    assert len(calls) == 1


# --- the stream ---


class Listener:
    """Reads a stream in a thread; `events` grows with each `version`."""

    def __init__(self, own: Served, headers: dict[str, str] | None = None) -> None:
        self.events: list[dict[str, Any]] = []
        self.at: list[float] = []
        self.ended = threading.Event()
        self.connection = http.client.HTTPConnection("127.0.0.1", own.port, timeout=30)
        self.connection.request("GET", "/api/v1/stream", headers=headers or {})
        self.socket = self.connection.sock
        self.answer = self.connection.getresponse()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def leave(self) -> None:
        """As a browser that is switched off."""
        self.socket.shutdown(socket.SHUT_RDWR)

    def _read(self) -> None:
        name = ""
        while line := self.answer.readline():
            if line.startswith(b"event: "):
                name = line[7:].strip().decode()
            elif line.startswith(b"data: "):
                assert name == "version"
                self.at.append(time.monotonic())
                self.events.append(json.loads(line[6:]))
        self.ended.set()


def test_the_stream_tells_the_present_at_once_and_each_epoch_before_the_next_beat(own: Served) -> None:
    listener = Listener(own)
    wait_until(lambda: listener.events)
    first = listener.events[0]
    assert first["epoch"] == 1
    assert first["boards"] == {"correspondence": 1, "feeds": 1}
    assert first["pages"] == {"home": 1, "lain": 1, "rusak": 1}
    assert first["now"] == NOW.isoformat()
    assert first["build"] == own.services.build
    start = time.monotonic()
    own.tell(snapshot(2))
    wait_until(lambda: len(listener.events) > 1)
    assert listener.events[1]["epoch"] == 2
    assert listener.at[1] - start < streams.BEAT_SECONDS


def test_the_heartbeat_carries_ages_that_make_no_epoch(own: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "BEAT_SECONDS", 0.1)
    listener = Listener(own)
    wait_until(lambda: listener.events)
    later = NOW + timedelta(minutes=3)
    own.tell(snapshot(1, as_of=later))
    wait_until(lambda: listener.events[-1]["feeds"]["sipadek"]["as_of"] == later.isoformat())
    assert listener.events[-1]["epoch"] == 1


def test_a_screens_stream_carries_states_and_ages_only(own: Served) -> None:
    listener = Listener(own, {"Authorization": "Bearer sc-secret"})
    wait_until(lambda: listener.events)
    assert set(listener.events[0]["feeds"]["sipadek"]) == {"state", "as_of", "last_good"}


def test_a_stream_whose_right_was_taken_away_ends(own: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(streams, "RECHECK_SECONDS", 0.2)
    listener = Listener(own, {"Authorization": "Bearer sc-secret"})
    wait_until(lambda: listener.events)
    monkeypatch.setattr(
        Gatekeeper, "viewer_of", lambda *_: Refusal(401, "Revoked token", "It was revoked while the stream was open.")
    )
    assert listener.ended.wait(3)
    wait_until(lambda: own.services.hub.streams == 0)


def test_streams_end_at_once_when_the_server_stops(own: Served) -> None:
    listeners = [Listener(own) for _ in range(5)]
    wait_until(lambda: all(x.events for x in listeners))
    own.services.hub.close()
    assert all(x.ended.wait(streams.BEAT_SECONDS) for x in listeners)


def test_a_client_that_leaves_is_forgotten(own: Served) -> None:
    listener = Listener(own)
    wait_until(lambda: own.services.hub.streams == 1)
    listener.leave()
    wait_until(lambda: own.services.hub.streams == 0)


def test_a_telling_between_two_waits_is_not_lost() -> None:
    async def story() -> list[bytes]:
        hub, sent = Hub(), []
        hub.bind()
        state = {"epoch": 1}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body" and message.get("more_body"):
                sent.append(message["body"])
                if state["epoch"] == 1:
                    state["epoch"] = 2
                    hub._wake()  # told while the first event is being sent
                else:
                    hub.closing = True
                    hub._wake()

        async def receive() -> Any:
            await asyncio.sleep(60)

        stream = streams.Stream(hub, None, lambda _: str(state["epoch"]).encode(), lambda _: state["epoch"])  # type: ignore[arg-type]
        scope = {"coc.viewer": Viewer("operator", "x")}
        await asyncio.wait_for(stream(scope, receive, send), 2)
        return sent

    assert asyncio.run(story()) == [b"1", b"2"]


def test_what_a_lens_may_not_see_does_not_come_between_two_beats() -> None:
    async def story() -> list[dict[str, int]]:
        hub, sent = Hub(), {"public": 0, "room": 0}
        hub.bind()
        epochs = {"public": 1, "room": 1}

        async def open_one(lens: Any) -> None:
            async def send(message: Any) -> None:
                sent[lens] += bool(message.get("more_body"))

            async def receive() -> Any:
                await asyncio.sleep(60)

            stream = streams.Stream(hub, None, lambda _: b"x", lambda seen: epochs[seen])  # type: ignore[arg-type]
            await stream({"coc.viewer": Viewer(lens, lens)}, receive, send)

        opened = [asyncio.ensure_future(open_one(lens)) for lens in sent]
        await asyncio.sleep(0.05)
        epochs["room"] = 2
        hub.tell()
        await asyncio.sleep(0.05)
        first = dict(sent)
        epochs["public"] = 2
        hub.tell()
        await asyncio.sleep(0.05)
        hub.close()
        await asyncio.wait_for(asyncio.gather(*opened), 2)
        return {
            f"{lens} {when}": n for when, found in (("then", first), ("at last", sent)) for lens, n in found.items()
        }

    assert asyncio.run(story()) == {"public then": 1, "room then": 2, "public at last": 2, "room at last": 2}
