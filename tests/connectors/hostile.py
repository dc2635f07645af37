"""A real HTTP server that answers as sources do on their bad days. Every request is remembered."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

TLS = Path(__file__).parent / "tls"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement
    server: Server

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("content-length") or 0)
        request = Request(
            self.command, parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()},
            {k.lower(): v for k, v in self.headers.items()}, self.rfile.read(length),
        )  # fmt: skip
        self.server.seen.append(request)
        with contextlib.suppress(BrokenPipeError, ConnectionError, ssl.SSLError):
            self.server.answer(self, request)

    do_POST = do_GET

    def say(self, status: int, body: bytes = b"", kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content_type": kind, "content_length": str(len(body)), **headers}.items():
            if value:
                self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def json(self, found: Any, status: int = 200, **headers: str) -> None:
        self.say(status, json.dumps(found).encode(), **headers)

    def log_message(self, *_: Any) -> None:
        return


@dataclass
class Server(ThreadingHTTPServer):
    """`answer` gets the handler and the request. `stop` ends answers that would go on."""

    answer: Callable[[Handler, Request], None]
    tls: bool = False
    seen: list[Request] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    daemon_threads = True
    request_queue_size = 64
    allow_reuse_address = True

    def __post_init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(TLS / "self-signed.pem")
            self.socket = context.wrap_socket(self.socket, server_side=True)

    __hash__ = object.__hash__

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: Any) -> None:
        return  # a client that hangs up is what these tests are about


@contextlib.contextmanager
def serving(answer: Callable[[Handler, Request], None], *, tls: bool = False) -> Iterator[Server]:
    server = Server(answer, tls)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# Answers that any path may give


def login_page(handler: Handler, _: Request) -> None:
    handler.say(200, b"<!doctype html><form><input type=password></form>", "text/html; charset=utf-8")


def truncated(handler: Handler, _: Request) -> None:
    handler.say(200, b'{"items": [{"id": "1", "subj')


def cut_short(handler: Handler, _: Request) -> None:
    handler.say(200, b'{"items": [', content_length="5000")
    handler.close_connection = True


def cut_chunks(handler: Handler, _: Request) -> None:
    handler.say(200, b"", content_length="", transfer_encoding="chunked")
    handler.wfile.write(b'c\r\n{"items": [{\r\n40\r\n"id"')
    handler.close_connection = True


def drip_body(handler: Handler, _: Request) -> None:
    handler.say(200, b"", content_length="1000000")
    while not handler.server.stop.is_set():
        handler.wfile.write(b" ")
        time.sleep(0.05)


def drip_headers(handler: Handler, _: Request) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    number = 0
    while not handler.server.stop.is_set():
        number += 1
        handler.wfile.write(b"x")
        time.sleep(0.05)


def gzip_bomb(handler: Handler, _: Request) -> None:
    """1 GB of spaces in 1 MB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    handler.say(200, b"", content_length="", content_encoding="gzip", connection="close")
    million = b" " * 1_000_000
    for _number in range(1000):
        handler.wfile.write(packer.compress(million))
    handler.wfile.write(packer.flush())
    handler.close_connection = True


def huge(handler: Handler, _: Request) -> None:
    handler.say(200, b"", content_length="", connection="close")
    while not handler.server.stop.is_set():
        handler.wfile.write(b" " * 1_000_000)


def broken_gzip(handler: Handler, _: Request) -> None:
    handler.say(200, b"\x1f\x8b" + b"nonsense" * 10, content_encoding="gzip")


def gzipped(found: Any) -> Callable[[Handler, Request], None]:
    def answer(handler: Handler, _: Request) -> None:
        handler.say(200, gzip.compress(json.dumps(found).encode()), content_encoding="gzip")

    return answer


def status(
    code: int, body: bytes = b"", kind: str = "text/plain", **headers: str
) -> Callable[[Handler, Request], None]:
    def answer(handler: Handler, _: Request) -> None:
        handler.say(code, body, kind, **headers)

    return answer


def in_turn(*answers: Callable[[Handler, Request], None]) -> Callable[[Handler, Request], None]:
    """One after the other, the last for ever."""
    left = list(answers)

    def answer(handler: Handler, request: Request) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(handler, request)

    return answer
