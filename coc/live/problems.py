"""Every error of the API as problem+json (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

import orjson

CONTENT_TYPE: Final = b"application/problem+json"


def problem(status: int, detail: str, title: str | None = None, **extra: Any) -> bytes:
    """The body: type, title, status, detail, and what `extra` adds."""
    said = {"type": "about:blank", "title": title or HTTPStatus(status).phrase, "status": status, "detail": detail}
    return orjson.dumps({**said, **extra})


async def send_problem(send: Any, status: int, detail: str, title: str | None = None, **extra: Any) -> None:
    body = problem(status, detail, title, **extra)
    headers = [
        (b"content-type", CONTENT_TYPE),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if status == HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b'Bearer realm="coc"'))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
