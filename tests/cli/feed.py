"""Another implementation of feed v1, as small as the contract allows."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

NOW = "2026-03-02T10:00:00+07:00"
TOKEN = "feed-token-0123456789"


@dataclass
class Feed:
    """`mode`: good, hang (no answer at all) or login (a page instead of data)."""

    rows: dict[str, list[dict[str, Any]]]
    mode: str = "good"
    port: int = 0
    asked: list[str] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/coc/v1"


def _unit(code: str) -> dict[str, Any]:
    at = "2026-01-01T00:00:00+07:00"
    return {"code": code, "name": f"Dinas {code}", "kind": "department", "valid_from": "2023-01-01", "updated_at": at}


def _letter(number: int, **changed: Any) -> dict[str, Any]:
    at = f"2026-02-{1 + number % 26:02d}T09:00:00+07:00"
    row = {
        "id": f"L{number}",
        "kind": "incoming",
        "type": "surat_dinas",
        "category": "general",
        "urgency": "biasa",
        "security": "biasa",
        "unit": "DISDIK",
        "medium": "electronic",
        "registered_at": at,
        "updated_at": at,
    }
    return {**row, **changed}


def _disposition(number: int) -> dict[str, Any]:
    at = f"2026-02-{1 + number % 26:02d}T10:00:00+07:00"
    return {
        "id": f"D{number}",
        "letter_id": f"L{number}",
        "from_office": "sekda",
        "to_unit": "DINKES",
        "channel": "voice",
        "instruction": "LAKSANAKAN",
        "issued_at": at,
        "updated_at": at,
    }


def city_rows() -> dict[str, list[dict[str, Any]]]:
    letters = [_letter(n) for n in range(30)]
    letters[3]["category"] = "sundries"
    letters[4]["unit"] = "NOWHERE"
    return {
        "units": [_unit("DISDIK"), _unit("DINKES")],
        "letters": letters,
        "dispositions": [_disposition(n) for n in range(20)],
    }


def handler(feed: Feed) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            feed.asked.append(self.path)
            url = urlsplit(self.path)
            name = url.path.removeprefix("/coc/v1/")
            if feed.mode == "hang":
                feed.release.wait(60)
            if feed.mode == "login":
                self._send(200, b"<html><form action='/login'>masuk</form></html>", "text/html")
            elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self._json({"title": "Unauthorized"}, 401)
            elif name == "info":
                info = {"feed": "coc/1", "system": "Test 1", "datasets": list(feed.rows), "retention_days": 3650}
                self._json({**info, "now": NOW})
            elif name.endswith("/ids") and name[:-4] in feed.rows:
                self._json({"ids": [r["id"] for r in feed.rows[name[:-4]]], "now": NOW})
            elif name in feed.rows:
                self._page(name, parse_qs(url.query))
            else:
                self._json({"title": "Not found"}, 404)

        def _page(self, name: str, query: dict[str, list[str]]) -> None:
            since = query.get("updated_since", [""])[0]
            rows = sorted(feed.rows[name], key=lambda r: (r["updated_at"], r.get("id") or r["code"]))
            rows = [r for r in rows if not since or r["updated_at"] >= since[:10]]
            start, size = int(query.get("cursor", ["0"])[0]), 12
            more = str(start + size) if start + size < len(rows) else None
            self._json({"items": rows[start : start + size], "next": more, "now": NOW})

        def _json(self, body: Any, status: int = 200) -> None:
            self._send(status, json.dumps(body).encode(), "application/json")

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the asker was interrupted
                self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            pass

    return Handler


@contextlib.contextmanager
def serving(feed: Feed) -> Iterator[Feed]:
    """The feed on a port of its own, until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(feed))
    server.daemon_threads = True
    feed.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield feed
    feed.release.set()
    server.shutdown()
    server.server_close()
