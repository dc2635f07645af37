"""The simulated city as one HTTP server: COC feed v1, Prometheus, probe targets, registers as CSV, and drills.

One ASGI function; the work is done in threads, so that a slow application never delays a feed.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qsl

import orjson
import uvicorn

from coc.clock import Clock, FrozenClock, RunningClock, from_environment
from coc.domain.instants import micros_of
from coc.simulate import drill_desk, faults, feed, wire
from coc.simulate.city import SEED, City
from coc.simulate.drills import Drills
from coc.simulate.feed import Answer
from coc.simulate.prometheus import Prometheus
from coc.simulate.rhythm import whole_ms
from coc.simulate.series import Metrics
from coc.simulate.timeline import Timeline, iso
from coc.simulate.wire import Receive, Scope, Send

_START_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 1.5
_NOT_FOUND: Final = Answer(b"404 page not found\n", 404, "text/plain; charset=utf-8")


class Simulation:
    """A city and its clock, behind HTTP."""

    def __init__(self, seed: int = SEED, speed: float = 1.0, clock: Clock | None = None) -> None:
        self.seed, self.clock = seed, clock or _clock(speed)
        self.city = City(seed)
        self.timeline = Timeline(self.city)
        self.metrics = Metrics(seed)
        self.prometheus = Prometheus(self.metrics)
        self.drills = Drills(seed, self.timeline, self.metrics)

    def now(self) -> int:
        """Whole milliseconds, as microseconds."""
        return micros_of(self.clock.now()) // 1000 * 1000

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if self.drills.due:
            await asyncio.to_thread(self.drills.settle, self.now())
        target = faults.target_of(scope["path"])
        if target and self.drills.is_on("delay", target):
            await asyncio.sleep(faults.DELAY_SECONDS)
        answer = await self._answered(scope, receive, target)
        if answer is None:
            if await wire.hang_up(receive):
                return
            answer = Answer(b"", 503, "text/plain; charset=utf-8")
        if target and self.drills.is_on("slow", target):
            await wire.drip(receive, send, answer, lambda: self.drills.goes_on("slow", target))
            return
        await wire.reply(send, answer, head=scope["method"] == "HEAD")

    async def _answered(self, scope: Scope, receive: Receive, target: str | None) -> Answer | None:
        """The answer; None where the connection is to be closed without one."""
        method, path = scope["method"], scope["path"]
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        if drill_desk.is_desk(path):
            return await asyncio.to_thread(drill_desk.answer, self.drills, method, path, query, headers, self.now())
        if target and self.drills.is_on("down", target):
            return None
        if target and (said := faults.instead(self.drills, target)):
            return said
        if path.startswith("/apps/"):
            return await self._application(path[len("/apps/") :])
        if method == "POST" and path.startswith("/prometheus/"):
            query |= dict(parse_qsl((await wire.body_of(receive)).decode("utf-8", "replace"), keep_blank_values=True))
        elif method not in ("GET", "HEAD"):
            return Answer(b"Method Not Allowed\n", 405, "text/plain", (("Allow", "GET, HEAD"),))
        found = await asyncio.to_thread(self._found, path, query, headers.get("authorization"))
        return faults.cut(self.drills, target, found) if target else found

    def _found(self, path: str, query: dict[str, str], authorization: str | None) -> Answer:
        now = self.now()
        area, _, rest = path.removeprefix("/").partition("/")
        if area == "coc" and rest.startswith("v1/"):
            return feed.answer(self.timeline, faults.Faults(self.drills, now), rest[3:], query, authorization)
        if area == "prometheus" and rest.startswith("api/v1/"):
            return self.prometheus.answer(rest[len("api/v1/") :], query, now)
        programme = self.metrics.network.programme
        if path == "/data/titik-wifi.csv":
            return _csv(faults.register(self.drills, programme.sites_csv(now)))
        if path == "/data/access-points.csv":
            return _csv(programme.points_csv(now))
        if path == "/data/jalur.csv":
            return _csv(self.metrics.lines.register())
        if path == "/info":
            info = {"now": iso(_one(now))[0], "speed": self.clock.speed, "seed": self.seed}
            return Answer(orjson.dumps(info))
        return _NOT_FOUND

    async def _application(self, service: str) -> Answer | None:
        """What the application does just now: answers after its latency, is out of order, or hangs up."""
        found = await asyncio.to_thread(self.metrics.applications.answer, service.strip("/"), self.now())
        if found is None:
            return _NOT_FOUND
        status, seconds = found
        await asyncio.sleep(seconds)
        if status == 0:
            return None
        text = f"{service}: layanan berjalan\n" if status == 200 else f"{service}: sedang gangguan\n"
        headers = () if status == 200 else (("Retry-After", "60"),)
        return Answer(text.encode(), status, "text/plain; charset=utf-8", headers)


def _clock(speed: float) -> Clock:
    """`COC_CLOCK` freezes the city; else it lives from now on, at `speed`."""
    clock = from_environment()
    if isinstance(clock, FrozenClock) or speed == 1.0:
        return clock
    return RunningClock(clock.now(), speed, time.monotonic())


def _one(micros: int) -> Any:
    import numpy as np

    return whole_ms(np.array([micros]))


def _csv(text: str) -> Answer:
    return Answer(text.encode(), 200, "text/csv; charset=utf-8")


class Handle:
    """A running simulator; a context manager that stops it."""

    def __init__(self, simulation: Simulation, listener: socket.socket) -> None:
        self.simulation = simulation
        self.port = int(listener.getsockname()[1])
        config = uvicorn.Config(
            simulation,
            log_config=None,
            log_level="critical",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
            timeout_keep_alive=75,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, args=(listener,), name="simulated-city", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _run(self, listener: socket.socket) -> None:
        self._server.run(sockets=[listener])

    def start(self) -> None:
        self._thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not self._server.started and self._thread.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        if not self._server.started:
            raise RuntimeError("the simulated city did not start")
        # The first reader should not have to wait for half a year of letters.
        warm = self.simulation.timeline.tables
        threading.Thread(target=warm, args=(self.simulation.now(),), name="simulated-history", daemon=True).start()

    def stop(self) -> None:
        """End within two seconds, whoever is still connected."""
        self._server.should_exit = True
        self._thread.join(_STOP_SECONDS)
        if self._thread.is_alive():
            self._server.force_exit = True
            self._thread.join(_STOP_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(port: int = 0, seed: int = SEED, speed: float = 1.0, clock: Clock | None = None) -> Handle:
    """Serve the city on loopback in a thread of its own; `port` 0 is any free one. Raises OSError where it is taken.

    `clock`: the city's time; absent, `COC_CLOCK` or the machine's, `speed` times as fast from now on.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(256)
    except OSError:
        listener.close()
        raise
    handle = Handle(Simulation(seed, speed, clock), listener)
    handle.start()
    return handle


serve = start
