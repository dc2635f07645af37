"""Requests byte by byte, as no honest client writes them, and a server with accounts to send them to."""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coc.access import passwords
from coc.access.sessions import csrf_of
from coc.settings.models import Settings
from coc.store import Control
from coc.store.control import Account
from tests.live.serving import Answer, Served, served

PASSWORD = "tugu keris siginjai"
HASH = passwords.hash_of(PASSWORD)
HEADS_UNIT = "DISDIK"


def people() -> list[Account]:
    heads = {"units": (HEADS_UNIT,)}
    return [
        Account("tamu", "guest", password=HASH),
        Account("layar", "screen", password=HASH),
        Account("rina", "head", password=HASH, **heads),
        Account("wako", "leader", password=HASH),
        Account("oper", "operator", password=HASH),
        Account("admin", "admin", password=HASH),
    ]


@dataclass
class Site:
    """A live server whose control store is real."""

    served: Served
    control: Control

    def open(self, name: str) -> str:
        """A session's secret, opened as the form does it after the password was right."""
        sessions = self.served.services.sessions
        sessions.refresh()
        return str(sessions.open(name, via="password", agent="test", address="127.0.0.1"))

    def ask(self, path: str, secret: str | None = None, method: str = "GET", **more: Any) -> Answer:
        """A request as a browser of this origin makes it, with the session's cookie where one is given."""
        headers = {"Cookie": f"coc_live={secret}"} if secret else {}
        return self.served.ask(path, method, headers | more.pop("headers", {}), **more)

    def form(self, path: str, fields: bytes, secret: str | None = None, *, csrf: bool = True, **headers: str) -> Answer:
        """A form's POST. `csrf`: with the session's own token."""
        token = f"&csrf={csrf_of(secret)}".encode() if csrf and secret else b""
        own = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin}
        return self.ask(path, secret, "POST", headers=own | headers, body=fields + token)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.served.port}"


@contextlib.contextmanager
def a_site(folder: Path, settings: Settings | None = None, **more: Any) -> Iterator[Site]:
    control = Control(f"sqlite:///{folder}/control.db")
    try:
        for person in people():
            control.add_account(person)
        with served(settings or Settings(), control=control, **more) as found:
            yield Site(found, control)
    finally:
        control.close()


def send_raw(port: int, data: bytes, seconds: float = 10.0) -> bytes:
    """What comes back until the server closes or `seconds` pass."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as wire:
        wire.sendall(data)
        return received(wire)


def received(wire: socket.socket) -> bytes:
    found = b""
    with contextlib.suppress(TimeoutError, ConnectionError):
        while piece := wire.recv(65536):
            found += piece
    return found


def received_until(wire: socket.socket, end: bytes) -> bytes:
    """What comes up to `end`, on a connection that stays open."""
    found = b""
    while not found.endswith(end):
        piece = wire.recv(4096)
        assert piece, found
        found += piece
    return found


def statuses(answer: bytes) -> list[int]:
    """The status of each answer in a row of them."""
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3})", answer)]
