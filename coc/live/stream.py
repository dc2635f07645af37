"""`/api/v1/stream`: one server-sent event per epoch, repeated every five seconds as the heartbeat."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from coc.access import Gatekeeper, Lens, Refusal, Viewer
from coc.live.hub import Hub

BEAT_SECONDS: Final = 5.0
RECHECK_SECONDS: Final = 5.0  # with a beat between two checks a revoked right ends within 15
_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class Stream:
    """A raw ASGI app. `event(lens)` gives the bytes of the present `version` event."""

    def __init__(self, hub: Hub, gatekeeper: Gatekeeper, event: Callable[[Lens], bytes]) -> None:
        self.hub, self.gatekeeper, self.event = hub, gatekeeper, event

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        viewer: Viewer = scope["coc.viewer"]
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        if scope.get("coc.head"):
            await send({"type": "http.response.body", "body": b""})
            return
        task = asyncio.current_task()
        gone = asyncio.ensure_future(_until_gone(receive, task))
        self.hub.streams += 1
        try:
            await self._beat(scope, viewer, send)
            await send({"type": "http.response.body", "body": b""})
        except asyncio.CancelledError:
            # The client left, or the server stops: both end the stream without a trace.
            pass
        finally:
            self.hub.streams -= 1
            gone.cancel()

    async def _beat(self, scope: Any, viewer: Viewer, send: Any) -> None:
        checked = time.monotonic()
        while not self.hub.closing:
            waiter = self.hub.waiter  # taken before the send: no epoch falls between
            assert waiter is not None
            await send({"type": "http.response.body", "body": self.event(viewer.lens), "more_body": True})
            await asyncio.wait([waiter], timeout=BEAT_SECONDS)
            if time.monotonic() - checked >= RECHECK_SECONDS:
                checked = time.monotonic()
                again = self.gatekeeper.viewer_of(scope)
                if isinstance(again, Refusal) or again.lens != viewer.lens:
                    return


async def _until_gone(receive: Any, task: asyncio.Task[Any] | None) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    if task is not None:
        task.cancel()
