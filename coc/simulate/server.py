"""The simulated city as one HTTP server: COC feed v1, Prometheus, probe targets, registers as CSV.

One ASGI function; the work is done in threads, so that a slow application never delays a feed.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qsl

import orjson
import uvicorn

from coc.clock import Clock, FrozenClock, RunningClock, from_environment
from coc.domain.instants import micros_of
from coc.simulate import feed
from coc.simulate.city import SEED, City
from coc.simulate.feed import Answer
from coc.simulate.prometheus import Prometheus
from coc.simulate.rhythm import whole_ms
from coc.simulate.series import Metrics
from coc.simulate.timeline import Timeline, iso

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_START_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 1.5
_BODY_LIMIT: Final = 1_000_000
_NOT_FOUND: Final = Answer(b"404 page not found\n", 404, "text/plain; charset=utf-8")


class Simulation:
    """A city and its clock, behind HTTP."""

    def __init__(self, seed: int = SEED, speed: float = 1.0, clock: Clock | None = None) -> None:
        self.seed, self.clock = seed, clock or _clock(speed)
        self.city = City(seed)
        self.timeline = Timeline(self.city)
        self.metrics = Metrics(seed)
        self.prometheus = Prometheus(self.metrics)

    def now(self) -> int:
        """Whole milliseconds, as microseconds."""
        return micros_of(self.clock.now()) // 1000 * 1000

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        method, path = scope["method"], scope["path"]
        if path.startswith("/apps/"):
            await self._application(path[len("/apps/") :], receive, send)
            return
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        if method == "POST" and path.startswith("/prometheus/"):
            query |= dict(parse_qsl((await _body(receive)).decode("utf-8", "replace"), keep_blank_values=True))
        elif method not in ("GET", "HEAD"):
            await _reply(send, Answer(b"Method Not Allowed\n", 405, "text/plain", (("Allow", "GET, HEAD"),)))
            return
        headers = dict(scope["headers"])
        authorization = headers.get(b"authorization", b"").decode("latin-1") or None
        answer = await asyncio.to_thread(self._answer, path, query, authorization)
        await _reply(send, answer, head=method == "HEAD")

    def _answer(self, path: str, query: dict[str, str], authorization: str | None) -> Answer:
        now = self.now()
        area, _, rest = path.removeprefix("/").partition("/")
        if area == "coc" and rest.startswith("v1/"):
            return feed.answer(self.timeline, now, rest[3:], query, authorization)
        if area == "prometheus" and rest.startswith("api/v1/"):
            return self.prometheus.answer(rest[len("api/v1/") :], query, now)
        if path == "/data/titik-wifi.csv":
            return _csv(self.metrics.network.programme.sites_csv(now))
        if path == "/data/access-points.csv":
            return _csv(self.metrics.network.programme.points_csv(now))
        if path == "/info":
            info = {"now": iso(_one(now))[0], "speed": self.clock.speed, "seed": self.seed}
            return Answer(orjson.dumps(info))
        return _NOT_FOUND

    async def _application(self, service: str, receive: Receive, send: Send) -> None:
        """What the application does just now: answers after its latency, is out of order, or hangs up."""
        found = await asyncio.to_thread(self.metrics.applications.answer, service.strip("/"), self.now())
        if found is None:
            await _reply(send, _NOT_FOUND)
            return
        status, seconds = found
        await asyncio.sleep(seconds)
        if status == 0 and await _hang_up(receive):
            return
        text = f"{service}: layanan berjalan\n" if status == 200 else f"{service}: sedang gangguan\n"
        headers = () if status == 200 else (("Retry-After", "60"),)
        await _reply(send, Answer(text.encode(), status or 503, "text/plain; charset=utf-8", headers))


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


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more and len(body) < _BODY_LIMIT:
        message = await receive()
        body += message.get("body", b"")
        more = bool(message.get("more_body"))
    return body


async def _hang_up(receive: Receive) -> bool:
    """Close the connection without an answer, as a crashed application does; False where that cannot be done."""
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is None:
        return False
    transport.abort()
    for _ in range(3):  # let the server notice, so that it does not answer in our place
        await asyncio.sleep(0)
    return True


async def _reply(send: Send, answer: Answer, head: bool = False) -> None:
    headers = [("content-type", answer.content_type), ("content-length", str(len(answer.body))), *answer.headers]
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": b"" if head else answer.body})


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
