"""Connections that are slow on purpose, or too many: uvicorn waits for ever where this does not."""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

from coc.access.address import proxies
from coc.live.rates import place

_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\ncontent-length: 23\r\nretry-after: 10\r\n"
    b"cache-control: no-store\r\nconnection: close\r\n\r\nToo many connections.\r\n"
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and for how many one waits; docs/decisions/068 says why these."""

    header_seconds: float = 20.0  # from a connection's begin, or a request's first byte, until its headers are whole
    unread_seconds: float = 60.0  # while a client takes nothing of what waits for it
    connections: int = 1_000  # of one address; this machine and the trusted proxies may hold any number


@dataclass(slots=True)
class Doorkeeper:
    """What the connections of one server share."""

    patience: Patience = field(default_factory=Patience)
    trusted: Sequence[str] = ()
    open: Counter[str] = field(default_factory=Counter)

    def counts(self, address: str) -> bool:
        """Whether connections of the address are limited."""
        try:
            found = ipaddress.ip_address(address.split("%")[0])
        except ValueError:
            return False
        return not found.is_loopback and not any(found in ipaddress.ip_network(n) for n in proxies(self.trusted))

    def protocol(self) -> Callable[..., asyncio.Protocol]:
        """For uvicorn's `http`."""

        def made(*args: Any, **named: Any) -> asyncio.Protocol:
            return Connection(self, *args, **named)

        return made


class Connection(H11Protocol):
    """uvicorn's HTTP/1.1 with an end to waiting: for headers, for a body after its answer, for a client that reads."""

    def __init__(self, keeper: Doorkeeper, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._keeper = keeper
        self._place = ""
        self._request = _Due(self.loop, keeper.patience.header_seconds, self._give_up)
        self._unread = _Due(self.loop, keeper.patience.unread_seconds, self._give_up)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._request.set()
        address = self.client[0] if self.client else ""
        if not self._keeper.counts(address):
            return
        self._place = place(address)
        self._keeper.open[self._place] += 1
        if self._keeper.open[self._place] > self._keeper.patience.connections:
            transport.write(_FULL)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._request.end()
        self._unread.end()
        if self._place:
            self._keeper.open[self._place] -= 1
            if not self._keeper.open[self._place]:
                del self._keeper.open[self._place]
            self._place = ""
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._request.end()
        if self.cycle is None or self.cycle.response_complete:
            # Of a next request that is not whole, or of a body nobody waits for any more.
            self._request.set()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle is not None and not self.cycle.response_complete:
            self._request.end()  # the next one had come already

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread.set()

    def resume_writing(self) -> None:
        self._unread.end()
        super().resume_writing()

    def _give_up(self) -> None:
        self.transport.abort()


class _Due:
    """A timer that may be set while it runs, and ended while it does not."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, then: Callable[[], None]) -> None:
        self._loop, self._seconds, self._then = loop, seconds, then
        self._timer: asyncio.TimerHandle | None = None

    def set(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._then)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
