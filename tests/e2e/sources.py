"""Another implementation of feed v1 and of a Prometheus API: small, strict, nothing of the product in it."""

from __future__ import annotations

import bisect
import json
import math
import re
import threading
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.e2e.city import MadeCity

TOKEN = "wire-token-for-tests"
PAGE = 97
LOOK_BACK = 300


@dataclass
class Series:
    """metric and labels -> [(at, value)] in order, `at` in epoch seconds."""

    rows: dict[tuple[str, str, str], list[tuple[float, float]]] = field(default_factory=dict)

    def add(self, metric: str, job: str, key: str, at: float, value: float) -> None:
        self.rows.setdefault((metric, job, key), []).append((at, value))


class Sources:
    """Serves one made city on loopback; `down` answers every request with a closed connection."""

    def __init__(self, city: MadeCity, series: Series) -> None:
        self.city, self.series, self.down = city, series, False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if outer.down:
                    self.connection.close()
                    return
                parts = urlsplit(self.path)
                query = {k: v[0] for k, v in parse_qs(parts.query).items()}
                status, body = outer.answer(parts.path, query, self.headers.get("Authorization"))
                raw = json.dumps(body).encode()
                kind = "application/problem+json" if status >= 400 and "title" in body else "application/json"
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, query: dict[str, str], auth: str | None) -> tuple[int, dict[str, Any]]:
        if path.startswith("/coc/v1/"):
            if auth != f"Bearer {TOKEN}":
                return 401, {"title": "Unauthorized", "detail": "a bearer token is needed", "status": 401}
            return self._feed(path.removeprefix("/coc/v1/"), query)
        if path == "/api/v1/query":
            return self._query(query["query"], float(query.get("time", self.city.now.timestamp())))
        if path == "/api/v1/query_range":
            return self._range(query)
        return 404, {"title": "Not Found", "detail": path, "status": 404}

    def _feed(self, name: str, query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        now = self.city.now.isoformat()
        if name == "info":
            sets = ["units", "letters", "dispositions"]
            info = {"feed": "coc/1", "system": "Lain 1.0", "now": now, "datasets": sets, "retention_days": 3650}
            return 200, info
        rows = {"units": self.city.units, "letters": self.city.letters, "dispositions": self.city.dispositions}
        dataset, _, ids = name.partition("/")
        if dataset not in rows or ids not in ("", "ids"):
            return 404, {"title": "Not Found", "detail": name, "status": 404}
        key = "code" if dataset == "units" else "id"
        if ids:
            return 200, {"ids": [r[key] for r in rows[dataset]], "now": now}
        since = query.get("updated_since")
        found = sorted(
            (r for r in rows[dataset] if not since or _at(r["updated_at"]) >= _at(since)),
            key=lambda r: (_at(r["updated_at"]), r[key]),
        )
        first = int(query.get("cursor", "c0")[1:])
        page = found[first : first + min(PAGE, int(query.get("limit", 500)))]
        rest = first + len(page)
        return 200, {"items": page, "next": f"c{rest}" if rest < len(found) else None, "now": now}

    def _select(self, expression: str) -> tuple[list[tuple[dict[str, str], list[tuple[float, float]]]], bool, float]:
        match = re.fullmatch(r"(timestamp\()?(\w+)(?:\{job=['\"](\w+)['\"]\})?\)?\s*(?:\*\s*(\d+))?", expression)
        assert match, expression
        stamped, metric, job, scale = bool(match[1]), match[2], match[3], float(match[4] or 1)
        label = {"apps": "service"}
        found = [
            ({"__name__": m, "job": j, label.get(j, "ap"): key}, rows)
            for (m, j, key), rows in self.series.rows.items()
            if m == metric and job in (None, j)
        ]
        return found, stamped, scale

    @staticmethod
    def _value(rows: list[tuple[float, float]], at: float, stamped: bool, scale: float) -> str | None:
        i = bisect.bisect_right(rows, (at, math.inf)) - 1
        if i < 0 or rows[i][0] <= at - LOOK_BACK:
            return None
        return repr(rows[i][0] if stamped else rows[i][1] * scale)

    def _query(self, expression: str, at: float) -> tuple[int, dict[str, Any]]:
        found, stamped, scale = self._select(expression)
        result = [
            {"metric": metric, "value": [at, value]}
            for metric, rows in found
            if (value := self._value(rows, at, stamped, scale)) is not None
        ]
        return 200, {"status": "success", "data": {"resultType": "vector", "result": result}}

    def _range(self, query: dict[str, str]) -> tuple[int, dict[str, Any]]:
        start, end, step = float(query["start"]), float(query["end"]), float(query["step"].rstrip("s"))
        if (end - start) / step > 11_000:
            return 400, {"status": "error", "errorType": "bad_data", "error": "exceeded maximum resolution"}
        found, stamped, scale = self._select(query["query"])
        result = []
        for metric, rows in found:
            points = ((t, self._value(rows, t, stamped, scale)) for t in _steps(start, end, step))
            values = [[t, v] for t, v in points if v is not None]
            if values:
                result.append({"metric": metric, "values": values})
        return 200, {"status": "success", "data": {"resultType": "matrix", "result": result}}


def _steps(start: float, end: float, step: float) -> list[float]:
    return [start + i * step for i in range(int((end - start) // step) + 1)]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
