"""What is watched: small HTTP servers that can be slow, dead, moved; and an exporter whose clock can stand still."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Web:
    """One HTTP server on loopback that can go away and come back at its port. `page`: what it says now."""

    def __init__(self, page: Callable[[], str]) -> None:
        self.page, self.port, self.delay = page, 0, 0.0
        self._server: ThreadingHTTPServer | None = None
        self.open()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def open(self) -> None:
        if self._server is not None:
            return
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                time.sleep(outer.delay)
                body = outer.page().encode()
                self.send_response(200)
                self.send_header("content-type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """From now on connections are refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


def target(name: str) -> Web:
    """An access point's or application's front page."""
    return Web(lambda: f"halaman {name}\n")


class Dated:
    """An exporter that tells each measurement's own time, as gateways do. `frozen`: it tells the same one for ever."""

    def __init__(self, metric: str, aps: list[str]) -> None:
        self.frozen, self._at = False, 0

        def page() -> str:
            if not self.frozen:
                self._at = int(time.time() * 1000)
            return "".join(f'{metric}{{ap="{ap}"}} 1 {self._at}\n' for ap in aps)

        self.web = Web(page)
