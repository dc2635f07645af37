"""Bytes made once, in the three encodings a client may ask for, and the headers that go with them."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import brotli

RawHeaders = list[tuple[bytes, bytes]]
VARY: Final = b"Cookie, Authorization, Accept-Encoding"
PRIVATE: Final = b"private, no-cache"
_SMALL: Final = 200  # bytes that compression does not make smaller


def accepted(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The best of br, gzip and identity that the request accepts."""
    offered: dict[str, float] = {}
    for key, value in headers:
        if key == b"accept-encoding":
            for part in value.decode("latin-1").lower().split(","):
                name, _, weight = part.strip().partition(";")
                offered[name.strip()] = _weight(weight)
    wild = offered.get("*", 0.0)
    return next((name for name in ("br", "gzip") if offered.get(name, wild) > 0), "identity")


def _weight(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def compress(body: bytes, encoding: str, quality: int = 5) -> bytes:
    if encoding == "br":
        return brotli.compress(body, quality=quality)  # type: ignore[no-any-return]
    return gzip.compress(body, 6, mtime=0) if encoding == "gzip" else body


def etag_of(*parts: object) -> bytes:
    """A weak tag over everything an answer depends on: its encodings are the same answer."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=12).hexdigest()
    return f'W/"{digest}"'.encode()


def matches(headers: Iterable[tuple[bytes, bytes]], etag: bytes) -> bool:
    """Whether If-None-Match names the tag (weak comparison)."""
    bare = etag.removeprefix(b"W/")
    for key, value in headers:
        if key == b"if-none-match":
            tags = {tag.strip().removeprefix(b"W/") for tag in value.split(b",")}
            if bare in tags or b"*" in tags:
                return True
    return False


@dataclass(frozen=True, slots=True)
class Ready:
    """An answer's body, compressed once."""

    etag: bytes
    plain: bytes
    br: bytes
    gzip: bytes

    @classmethod
    def of(cls, body: bytes, etag: bytes) -> Ready:
        return cls(etag, body, compress(body, "br"), compress(body, "gzip"))

    def body(self, encoding: str) -> bytes:
        return {"br": self.br, "gzip": self.gzip}.get(encoding, self.plain)


def answer_headers(etag: bytes, content_type: bytes, encoding: str, length: int) -> RawHeaders:
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(length).encode()),
        (b"etag", etag),
        (b"cache-control", PRIVATE),
        (b"vary", VARY),
    ]
    return headers if encoding == "identity" else [*headers, (b"content-encoding", encoding.encode())]


async def send_ready(scope: Any, send: Any, ready: Ready, content_type: bytes = b"application/json") -> int:
    """Send the answer, or 304 where the client has it. The status sent."""
    headers = scope["headers"]
    if matches(headers, ready.etag):
        kept = [(b"etag", ready.etag), (b"cache-control", PRIVATE), (b"vary", VARY)]
        await send({"type": "http.response.start", "status": 304, "headers": kept})
        await send({"type": "http.response.body", "body": b""})
        return 304
    encoding = accepted(headers) if len(ready.plain) > _SMALL else "identity"
    body = ready.body(encoding)
    start = answer_headers(ready.etag, content_type, encoding, len(body))
    await send({"type": "http.response.start", "status": 200, "headers": start})
    await send({"type": "http.response.body", "body": body})
    return 200
