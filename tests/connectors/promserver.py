"""A Prometheus API over samples held in memory; as able or as poor as a test wants it."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

from tests.connectors.hostile import Handler, Request

LOOK_BACK = 300.0
Labels = tuple[tuple[str, str], ...]
_QUERY = re.compile(r"(timestamp\()?(\w+)(\{[^}]*\})?(?:\[(\d+)s\])?(\))?(?:\s*\*\s*(\d+))?")


@dataclass
class Prometheus:
    """`series`: metric and labels -> [(at, value)] in order. `can`: what the implementation knows beside plain queries.

    `unknown`: what it does with what it does not know: "400", or "drop" the connection.
    """

    now: float
    series: dict[tuple[str, Labels], list[tuple[float, str]]] = field(default_factory=dict)
    can: frozenset[str] = frozenset({"raw", "range", "timestamp"})
    unknown: str = "400"
    asked: list[str] = field(default_factory=list)

    def add(self, metric: str, at: float, value: Any, **labels: str) -> None:
        self.series.setdefault((metric, tuple(sorted(labels.items()))), []).append((at, str(value)))

    def __call__(self, handler: Handler, request: Request) -> None:
        query = request.query.get("query", "")
        self.asked.append(query)
        match = _QUERY.fullmatch(query)
        name = request.path.rpartition("/")[2]
        if name == "query_range" and "range" not in self.can:
            handler.say(404, b"404 page not found", "text/plain")
        elif not match or (match[4] and "raw" not in self.can) or (match[1] and "timestamp" not in self.can):
            self._refuse(handler)
        elif name == "query_range":
            start, end, step = (float(request.query[k]) for k in ("start", "end", "step"))
            if (end - start) / step > 11_000:
                handler.json({"status": "error", "errorType": "bad_data", "error": "exceeded maximum resolution"}, 400)
                return
            self._answer(handler, "matrix", self._grid(match, start, end, step))
        elif match[4]:
            self._answer(handler, "matrix", self._raw(match, float(request.query["time"])))
        else:
            at = float(request.query.get("time", self.now))
            self._answer(handler, "vector", [{"metric": m, "value": v[0]} for m, v in self._at(match, [at])])

    def _refuse(self, handler: Handler) -> None:
        if self.unknown == "drop":
            handler.close_connection = True
            return
        handler.json({"status": "error", "errorType": "bad_data", "error": "parse error"}, 400)

    @staticmethod
    def _answer(handler: Handler, kind: str, result: list[Any]) -> None:
        handler.json({"status": "success", "data": {"resultType": kind, "result": result}})

    def _chosen(self, match: re.Match[str]) -> list[tuple[dict[str, str], list[tuple[float, str]]]]:
        wanted = dict(re.findall(r"(\w+)=[\"']([^\"']*)[\"']", match[3] or ""))
        return [
            ({"__name__": metric, **dict(labels)}, samples)
            for (metric, labels), samples in self.series.items()
            if metric == match[2] and wanted.items() <= dict(labels).items()
        ]

    def _at(self, match: re.Match[str], times: list[float]) -> list[tuple[dict[str, str], list[list[Any]]]]:
        found = []
        for metric, samples in self._chosen(match):
            values = []
            when = [s[0] for s in samples]
            for at in times:
                place = bisect_right(when, at)
                held = samples[place - 1] if place else (-LOOK_BACK, "stale")
                if held[0] > at - LOOK_BACK and held[1] != "stale":
                    number = repr(held[0]) if match[1] else held[1]
                    values.append([at, str(float(number) * float(match[6])) if match[6] else number])
            if values:
                found.append((metric, values))
        return found

    def _grid(self, match: re.Match[str], start: float, end: float, step: float) -> list[Any]:
        times = [round(start + i * step, 3) for i in range(int((end - start) / step + 1e-9) + 1)]
        return [{"metric": metric, "values": values} for metric, values in self._at(match, times)]

    def _raw(self, match: re.Match[str], end: float) -> list[Any]:
        start = end - float(match[4])
        found = []
        for metric, samples in self._chosen(match):
            values = [[at, value] for at, value in samples if start < at <= end and value != "stale"]
            if values:
                found.append({"metric": metric, "values": values})
        return found
