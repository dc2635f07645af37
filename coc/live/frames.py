"""Page frames: rendered, serialised and compressed once per key, however many screens ask."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

from plotly.io.json import to_json_plotly

from coc.access import Lens, Viewer
from coc.live import choices
from coc.live.encoding import Ready, etag_of, send_ready
from coc.live.problems import send_problem
from coc.live.services import Services
from coc.metrics.city import WindowName
from coc.ui.cards import with_files

log = logging.getLogger("coc.frames")
_MOST_FRAMES: Final = 256
_ASKED_LATELY_SECONDS: Final = 120.0
_MOST_AHEAD: Final = 8
_FAILED_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Key:
    """What a frame depends on, the epoch aside: a lens is a mask class, so a frame is nobody's own."""

    lens: Lens
    page: str
    scope: str
    language: str
    theme: str
    window: WindowName = choices.DEFAULT_WINDOW
    part: str = ""


class FrameError(RuntimeError):
    """A page's render failed; the last good picture stays on the screens."""


@dataclass(slots=True)
class _Frame:
    epoch: int
    stamp: str
    ready: Ready
    asked: float


class Frames:
    """The cache. `get` may be called from any thread; a key is built by one of them while the others wait."""

    def __init__(self, services: Services, ticks: Callable[[], float] = time.monotonic) -> None:
        self.services, self._ticks = services, ticks
        self._held: OrderedDict[Key, _Frame] = OrderedDict()
        self._failed: dict[Key, tuple[int, float]] = {}
        self._lock = threading.Lock()
        self._building: dict[Key, threading.Lock] = {}

    def held(self, key: Key) -> Ready | None:
        """The frame of the page's present epoch, if it was made already."""
        frame = self._held.get(key)
        services = self.services
        if frame is None or frame.epoch != services.page_epoch(key.page, key.lens) or frame.stamp != services.stamp:
            return None
        frame.asked = self._ticks()
        return frame.ready

    def get(self, key: Key) -> Ready:
        """The frame of the page's present epoch. Raises FrameError where the page's render fails."""
        with self._lock:
            gate = self._building.setdefault(key, threading.Lock())
        with gate:
            found = self.held(key)
            return found if found is not None else self._build(key)

    def ahead(self) -> None:
        """Make the frames that screens asked for lately, so that a new epoch is told with its bytes at hand."""
        now = self._ticks()
        with self._lock:
            lately = [k for k, f in reversed(self._held.items()) if now - f.asked < _ASKED_LATELY_SECONDS]
        for key in lately[:_MOST_AHEAD]:
            try:
                asked = self._held[key].asked
                self.get(key)
                self._held[key].asked = asked  # made ahead is not asked for
            except (FrameError, KeyError):
                continue

    def _build(self, key: Key) -> Ready:
        services, epoch = self.services, self.services.page_epoch(key.page, key.lens)
        stamp = services.stamp  # before the boards: a frame must never be newer than it says
        failed = self._failed.get(key)
        if failed is not None and failed[0] == epoch and self._ticks() - failed[1] < _FAILED_SECONDS:
            raise FrameError(key.page)
        view = services.view_as(key.lens, key.page, key.language, key.theme, key.scope, key.window, key.part)
        try:
            props = with_files(services.pages[key.page].render(view), view)
            body = {"epoch": view.epoch, "now": view.now.isoformat(), "page": key.page, "stamp": stamp, "props": props}
            text = to_json_plotly(body).encode()
        except Exception as error:
            if failed is None:
                log.exception("page %s cannot be rendered at epoch %s", key.page, epoch)
            self._failed[key] = (epoch, self._ticks())
            raise FrameError(key.page) from error
        self._failed.pop(key, None)
        tag = etag_of(
            *(services.realm, services.build, key.lens, key.page, key.scope, key.window, key.part),
            *(key.language, key.theme, view.epoch, stamp),
        )
        ready = Ready.of(text, tag)
        services.measures.frames.inc()
        with self._lock:
            self._held[key] = _Frame(view.epoch, stamp, ready, self._ticks())
            self._held.move_to_end(key)
            while len(self._held) > _MOST_FRAMES:
                old, _ = self._held.popitem(last=False)
                self._building.pop(old, None)
        return ready


class FrameRoute:
    """`/live/frame?page=&lang=&theme=&scope=&window=&part=`: a raw ASGI app.

    What is not ready is made off the event loop, once.
    """

    def __init__(self, frames: Frames) -> None:
        self.frames, self.services = frames, frames.services
        self._workers = ThreadPoolExecutor(2, thread_name_prefix="frames")
        self._flights: dict[Key, asyncio.Future[Ready]] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002 - ASGI
        viewer: Viewer = scope["coc.viewer"]
        query = {k: v[-1] for k, v in parse_qs(scope["query_string"].decode("latin-1")).items()}
        page, scoped = query.get("page", ""), query.get("scope", "")
        if page not in self.services.pages:
            await send_problem(send, 404, f"There is no page named {page[:80]!r}.")
            return
        if not self.services.is_for(page, viewer.lens):
            await send_problem(send, 403, "Your role may not see this page.", code="lens")
            return
        of = self.services.pages[page].spec.of
        if scoped and scoped not in self.services.scopes(page):
            near = self.services.reader.nearest_unit(scoped) if of == "unit" else None
            await send_problem(
                send, 404, f"There is no {of} {scoped[:80]!r}." + (f" The nearest is {near}." if near else "")
            )
            return
        chosen = choices.choose(self.services.settings, query, {})
        window = choices.window_of(query.get("window"))
        part = choices.part_of(self.services.pages[page].spec.parts, query.get("part"))
        key = Key(viewer.lens, page, scoped, chosen.language, chosen.theme, window, part)
        try:
            ready = self.frames.held(key) or await self._flight(key)
        except FrameError:
            await send_problem(
                send, 500, "This page cannot be drawn now; the last picture stays, and it is tried again."
            )
            return
        await send_ready(scope, send, ready)

    async def _flight(self, key: Key) -> Ready:
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.get_running_loop().run_in_executor(self._workers, self.frames.get, key)
            self._flights[key] = flight
            flight.add_done_callback(lambda _: self._flights.pop(key, None))
        # A client that leaves must not take the frame from the others.
        return await asyncio.shield(flight)
