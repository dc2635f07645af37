"""Sockets that a run's deadline can cut, whatever the other side does.

A timeout holds for one `recv` only: a source that sends a header byte every few seconds outlives every timeout, and
`http.client` reads all headers before it hands anything over. So each socket of a run is known to a `Guard`, whose
timer shuts them down at the deadline; the blocked read then ends at once. Name look-ups cannot be cut, so they run in
a thread that is left behind.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
import weakref
from datetime import UTC, datetime
from typing import Any, ClassVar

from requests.adapters import HTTPAdapter
from urllib3 import PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from data_connectors.base import FetchError

Address = tuple[int, tuple[Any, ...]]  # family, socket address


class Guard:
    """The deadline of one run (`time.monotonic()`), and the sockets that end with it.

    `certificate_until`: when the certificate of the last TLS connection ends; None where none was checked.
    """

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.certificate_until: datetime | None = None
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._is_cut = False
        self._timer = threading.Timer(max(0.0, self.left), self._cut)
        self._timer.daemon = True
        self._timer.start()

    @property
    def left(self) -> float:
        return self.deadline - time.monotonic()

    @property
    def expired(self) -> bool:
        return self._is_cut or self.left <= 0

    def close(self) -> None:
        self._timer.cancel()

    def watch(self, opened: socket.socket) -> None:
        with self._lock:
            self._sockets.add(opened)
        if self.expired:
            self._cut()

    def _cut(self) -> None:
        self._is_cut = True
        with self._lock:
            opened = list(self._sockets)
        for one in opened:
            try:
                # Not SSLSocket.shutdown: it drops the TLS object under the thread that is reading from it.
                socket.socket.shutdown(one, socket.SHUT_RDWR)
            except OSError:
                continue  # closed already

    def connect(self, host: str, port: int, seconds: float, options: Any = ()) -> socket.socket:
        """A connected socket; all addresses of the host together get `seconds`. Raises FetchError."""
        until = min(self.deadline, time.monotonic() + seconds)
        addresses = _resolve(host, port, until)
        last: OSError | None = None
        for tried, (family, address) in enumerate(addresses):
            share = (until - time.monotonic()) / (len(addresses) - tried)
            if share <= 0:
                break
            opened = socket.socket(family, socket.SOCK_STREAM)
            try:
                for option in options or ():
                    opened.setsockopt(*option)
                opened.settimeout(share)
                opened.connect(address)
            except OSError as error:
                opened.close()
                last = error
            else:
                opened.settimeout(max(0.001, until - time.monotonic()))
                return opened
        raise _no_connection(host, port, seconds, last)


def _no_connection(host: str, port: int, seconds: float, last: OSError | None) -> FetchError:
    if last is None or isinstance(last, TimeoutError):
        return FetchError("too_slow", f"{seconds:g} s ({host}:{port} does not take the connection)")
    said = "refuses the connection" if isinstance(last, ConnectionRefusedError) else last.strerror or "no route"
    return FetchError("unreachable", f"{host}:{port} {said}")


def _resolve(host: str, port: int, until: float) -> list[Address]:
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return _looked_up(host, port, until)
    return [(socket.AF_INET6 if ip.version == 6 else socket.AF_INET, (host, port))]


def _looked_up(host: str, port: int, until: float) -> list[Address]:
    found: list[Address] = []
    failed: list[OSError | UnicodeError] = []

    def look() -> None:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.extend((family, address) for family, _, _, _, address in answers)
        except (OSError, UnicodeError) as error:
            failed.append(error)

    thread = threading.Thread(target=look, name="coc-resolve", daemon=True)
    thread.start()
    thread.join(max(0.0, until - time.monotonic()))
    if found:
        return found
    why = "the name server does not answer" if thread.is_alive() else "the name is not known"
    raise NameNotFound("unreachable", f"{host}: {why}")


class NameNotFound(FetchError):
    """No address for a host: told apart, because an application probe names it."""


class _CutHTTP(HTTPConnection):
    guard: ClassVar[Guard]

    def _new_conn(self) -> socket.socket:
        seconds = self.timeout if isinstance(self.timeout, int | float) else self.guard.left
        return self.guard.connect(self._dns_host, int(self.port or 80), seconds, self.socket_options)

    def connect(self) -> None:
        super().connect()
        self.guard.watch(self.sock)


class _CutHTTPS(HTTPSConnection):
    guard: ClassVar[Guard]

    def _new_conn(self) -> socket.socket:
        seconds = self.timeout if isinstance(self.timeout, int | float) else self.guard.left
        return self.guard.connect(self._dns_host, int(self.port or 443), seconds, self.socket_options)

    def connect(self) -> None:
        super().connect()
        if self.sock is not None:
            self.guard.watch(self.sock)
            self.guard.certificate_until = _certificate_until(self.sock)


def _certificate_until(opened: socket.socket) -> datetime | None:
    """The `notAfter` of the other side's certificate. One that was not checked says nothing: ssl hands over none."""
    found = opened.getpeercert() if isinstance(opened, ssl.SSLSocket) else None
    ends = (found or {}).get("notAfter")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC) if isinstance(ends, str) else None


class GuardedAdapter(HTTPAdapter):
    """A `requests` adapter all of whose sockets belong to one guard."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        manager: PoolManager = self.poolmanager
        bound = {"guard": self._guard}
        plain = type("CutHTTP", (_CutHTTP,), bound)
        secure = type("CutHTTPS", (_CutHTTPS,), bound)
        manager.pool_classes_by_scheme = {
            "http": type("Pool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
        }
