"""A person at the doors with a browser that runs no scripts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import sqlalchemy as sa

from coc.access.passwords import hash_of
from coc.store import Control
from coc.store.control import Account
from coc.store.control.metadata import metadata
from tests.live.serving import Answer, Served

PASSWORD = "tugu keris siginjai"
HASH = hash_of(PASSWORD)
_KEPT = ("audit", "audit_anchors")  # append-only


def people(control: Control, roles: dict[str, str], server: Served | None = None) -> None:
    """These accounts and nothing else: no session, lock, token or switch of an earlier test."""
    with control.write() as connection:
        for table in metadata.sorted_tables:
            if table.name not in _KEPT:
                connection.execute(sa.delete(table))
    for name, role in roles.items():
        control.add_account(Account(name, role, ("DISDIK",) if role == "head" else (), password=HASH))
    if server is not None:
        server.services.sessions.refresh()
        server.services.tokens.refresh()


@dataclass
class Browser:
    """Keeps cookies and follows nothing."""

    server: Served
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Answer:
        return self._ask(path, "GET", headers, None)

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Answer:
        headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        return self._ask(path, "POST", headers, urlencode(fields).encode())

    def form(self, path: str, to: str, fields: dict[str, str], **headers: str) -> Answer:
        """Fill in the form that a page holds."""
        token = re.search(rb'name="csrf" value="([^"]+)"', self.get(path).body)
        assert token is not None
        return self.post(to, {"csrf": token[1].decode(), **fields}, **headers)

    def sign_in(self, name: str = "kadis", password: str = PASSWORD, way: str = "/") -> Answer:
        return self.form("/masuk", "/masuk", {"username": name, "password": password, "next": way})

    def _ask(self, path: str, method: str, headers: dict[str, str], body: bytes | None) -> Answer:
        if self.cookies:
            headers = {**headers, "Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        answer = self.server.ask(path, method, headers, body)
        for line in answer.cookies:
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return answer
