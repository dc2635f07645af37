"""Compression around the Flask side: dynamic answers as they come, fingerprinted files once."""

from __future__ import annotations

import asyncio
import hashlib
import re
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from coc.live.encoding import RawHeaders, accepted, compress, matches

AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]
_TEXTUAL: Final = re.compile(rb"^(text/|application/(json|javascript|xml|problem\+json)|image/svg)")
# What names one content for ever: Dash's own fingerprints, and ?m= with the file's time.
_FINGERPRINTED: Final = re.compile(r"^/_dash-component-suites/.+\.v\d[^/]*m\d+\.[a-z0-9.]+$")
_STAMP: Final = re.compile(rb"^m=[\d.]+$")
_SMALL: Final = 500
_MOST_BYTES: Final = 48_000_000
_MOST_PATHS: Final = 512
_BEST: Final = 9  # brotli, for what is compressed once; 11 would take seconds of a core for 3 % less


@dataclass(frozen=True, slots=True)
class _File:
    headers: RawHeaders
    bodies: dict[str, bytes]

    @property
    def weight(self) -> int:
        return sum(map(len, self.bodies.values()))


class Compressed:
    """An ASGI app around one that answers whole files and documents (nothing that streams)."""

    def __init__(self, inner: AsgiApp) -> None:
        self.inner = inner
        self._files: dict[tuple[str, bytes], _File] = {}
        # Dash serves a file under any fingerprint that looks like one: the same bytes are held once.
        self._same: dict[bytes, _File] = {}
        self._workers = ThreadPoolExecutor(1, thread_name_prefix="compress")
        self._lock = threading.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        key = (scope["path"], scope["query_string"])
        held = self._files.get(key)
        encoding = accepted(scope["headers"])
        if held is not None and scope["method"] == "GET":
            await _send_file(scope, send, held, encoding)
            return
        whole = _Whole()
        await self.inner({**scope, "headers": _with_strong_tags(scope["headers"])}, receive, whole)
        status, headers, body = whole.status, whole.headers, bytes(whole.body)
        if status == 200 and scope["method"] == "GET" and _lasting(*key):
            file = await asyncio.get_running_loop().run_in_executor(self._workers, self._keep, key, headers, body)
            await _send_file(scope, send, file, encoding)
            return
        if encoding != "identity" and status != 304 and len(body) > _SMALL and _is_textual(headers):
            body = compress(body, encoding)
            headers = _encoded(headers, encoding, len(body))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _keep(self, key: tuple[str, bytes], headers: RawHeaders, body: bytes) -> _File:
        digest = hashlib.blake2b(body, digest_size=16).digest()
        with self._lock:
            file = self._same.get(digest) or _file(headers, body)
            if len(self._files) >= _MOST_PATHS or sum(f.weight for f in self._same.values()) > _MOST_BYTES:
                self._files.clear()
                self._same.clear()
            self._same[digest] = self._files[key] = file
        return file


def _lasting(path: str, query: bytes) -> bool:
    if path.startswith("/assets/"):
        return bool(_STAMP.match(query))
    return not query and bool(_FINGERPRINTED.match(path))


def _with_strong_tags(headers: Any) -> Any:
    """The tags as the inner side gave them: Dash compares its own letter by letter."""
    return [(k, v.replace(b'W/"', b'"') if k == b"if-none-match" else v) for k, v in headers]


def _is_textual(headers: RawHeaders) -> bool:
    kind = next((v for k, v in headers if k == b"content-type"), b"")
    return bool(_TEXTUAL.match(kind)) and not any(k == b"content-encoding" for k, _ in headers)


def _file(headers: RawHeaders, body: bytes) -> _File:
    bodies = {"identity": body}
    if len(body) > _SMALL and _is_textual(headers):
        bodies |= {"br": compress(body, "br", _BEST), "gzip": compress(body, "gzip")}
    # A file's date would differ between two machines that serve the same build.
    kept = [(k, v) for k, v in headers if k not in {b"content-length", b"last-modified", b"date", b"set-cookie"}]
    return _File(kept, bodies)


async def _send_file(scope: Any, send: Any, file: _File, encoding: str) -> None:
    etag = next((v for k, v in file.headers if k == b"etag"), None)
    if etag is not None and matches(scope["headers"], etag):
        kept = [(k, v) for k, v in file.headers if k in {b"etag", b"cache-control"}]
        await send({"type": "http.response.start", "status": 304, "headers": [*kept, (b"vary", b"Accept-Encoding")]})
        await send({"type": "http.response.body", "body": b""})
        return
    chosen = encoding if encoding in file.bodies else "identity"
    body = file.bodies[chosen]
    await send({"type": "http.response.start", "status": 200, "headers": _encoded(file.headers, chosen, len(body))})
    await send({"type": "http.response.body", "body": body})


def _encoded(headers: RawHeaders, encoding: str, length: int) -> RawHeaders:
    """Headers of the body in this encoding. A strong tag becomes weak: the encodings are one answer."""
    found: RawHeaders = []
    varies = b"Accept-Encoding"
    for key, value in headers:
        if key == b"content-length":
            continue
        if key == b"vary":
            varies = value + b", Accept-Encoding"
        elif key == b"etag" and not value.startswith(b"W/"):
            found.append((key, b"W/" + value))
        else:
            found.append((key, value))
    found += [(b"content-length", str(length).encode()), (b"vary", varies)]
    return found if encoding == "identity" else [*found, (b"content-encoding", encoding.encode())]


class _Whole:
    """Collects an answer."""

    def __init__(self) -> None:
        self.status, self.body = 500, bytearray()
        self.headers: RawHeaders = []

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [(k.lower(), v) for k, v in message.get("headers", [])]
        else:
            self.body += message.get("body", b"")
