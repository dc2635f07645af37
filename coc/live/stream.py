"""`/api/v1/stream`: one server-sent event per epoch, repeated every five seconds as the heartbeat."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from coc.access import Gatekeeper, Lens, Refusal, Viewer
from coc.access.address import client_of
from coc.access.loopback import is_loopback
from coc.live.hub import Hub
from coc.live.problems import send_problem
from coc.live.rates import TOO_OFTEN, UNNAMED, place

BEAT_SECONDS: Final = 5.0
RECHECK_SECONDS: Final = 5.0  # with a beat between two checks a revoked right ends within 15
MOST_OF_ONE: Final = 100  # streams of one session or token: a wall's token serves all its screens
MOST_OF_PLACE: Final = 1_000  # of one address: an office behind one; this machine may open any number
_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class Stream:
    """A raw ASGI app. `event(lens)` gives the bytes of the present `version` event, `news(lens)` what is new in it.

    `news` is compared only: what a lens cannot see as new is not told to it between two beats either, for the moment
    alone would say that something came.
    """

    def __init__(
        self,
        hub: Hub,
        gatekeeper: Gatekeeper,
        event: Callable[[Lens], bytes],
        news: Callable[[Lens], object],
    ) -> None:
        self.hub, self.gatekeeper, self.event, self.news = hub, gatekeeper, event, news
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        viewer: Viewer = scope["coc.viewer"]
        counted = _counted(scope, viewer)
        if any(self._open[name] >= most for name, most in counted.items()):
            await send_problem(send, TOO_OFTEN.status, "Too many streams are open; close some.", TOO_OFTEN.title)
            return
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        if scope.get("coc.head"):
            await send({"type": "http.response.body", "body": b""})
            return
        task = asyncio.current_task()
        gone = asyncio.ensure_future(_until_gone(receive, task))
        self.hub.streams += 1
        self._open.update(counted.keys())
        try:
            await self._beat(scope, viewer, send)
            await send({"type": "http.response.body", "body": b""})
        except asyncio.CancelledError:
            # The client left, or the server stops: both end the stream without a trace.
            pass
        finally:
            self.hub.streams -= 1
            self._open.subtract(counted.keys())
            self._open = +self._open  # names of nobody any more go
            gone.cancel()

    async def _beat(self, scope: Any, viewer: Viewer, send: Any) -> None:
        checked = time.monotonic()
        while not self.hub.closing:
            waiter = self.hub.waiter  # taken before the send: no epoch falls between
            assert waiter is not None
            told = self.news(viewer.lens)
            await send({"type": "http.response.body", "body": self.event(viewer.lens), "more_body": True})
            await self._until_news(waiter, viewer.lens, told)
            if time.monotonic() - checked >= RECHECK_SECONDS:
                checked = time.monotonic()
                again = self.gatekeeper.viewer_of(scope)
                if isinstance(again, Refusal) or again.lens != viewer.lens:
                    return

    async def _until_news(self, waiter: asyncio.Future[None], lens: Lens, told: object) -> None:
        """Wait for the next beat, or until there is something that the lens was not told."""
        beat = time.monotonic() + BEAT_SECONDS
        while (left := beat - time.monotonic()) > 0:
            await asyncio.wait([waiter], timeout=left)
            if not waiter.done() or self.hub.closing:
                return
            again = self.hub.waiter  # before the look: no epoch falls between
            assert again is not None
            if self.news(lens) != told:
                return
            waiter = again


def _counted(scope: Any, viewer: Viewer) -> dict[str, int]:
    """What this stream is counted by, with the most of each."""
    address = client_of(scope)
    if is_loopback(address):
        return {}
    named = viewer.session or ("" if viewer.name in UNNAMED else viewer.name)
    return {f"place {place(address)}": MOST_OF_PLACE} | ({f"viewer {named}": MOST_OF_ONE} if named else {})


async def _until_gone(receive: Any, task: asyncio.Task[Any] | None) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    if task is not None:
        task.cancel()
