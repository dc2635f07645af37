"""A person at the doors with a browser that runs no scripts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from coc.access.passwords import hash_of
from tests.live.serving import Answer, Served

PASSWORD = "tugu keris siginjai"
HASH = hash_of(PASSWORD)


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
