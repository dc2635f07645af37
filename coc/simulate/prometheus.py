"""The simulated Prometheus on the wire: what 2.42 answers, to the byte's shape (seconds, strings, error texts)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

import numpy as np
import orjson

from coc.domain.instants import DAY, Floats, Micros, micros_of, to_index
from coc.simulate.feed import Answer
from coc.simulate.network import SCRAPE_DAYS
from coc.simulate.promql import ParseError, Selector, parse, seconds_of
from coc.simulate.series import METRICS, ExecutionError, Metrics, Vector

_MOST_POINTS: Final = 11_000
_BUILD: Final = {
    "version": "2.42.0",
    "revision": "simulated",
    "branch": "HEAD",
    "buildUser": "simulator",
    "buildDate": "20230131-13:02:32",
    "goVersion": "go1.19.5",
}


class BadData(ValueError):
    """A request Prometheus answers with 400 bad_data."""


class Prometheus:
    """Answers of `/api/v1/...`; `now` in microseconds."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self._paths: dict[str, Callable[[Mapping[str, str], int], bytes]] = {
            "query": self._query,
            "query_range": self._query_range,
            "targets": self._targets,
            "labels": self._labels,
            "status/buildinfo": lambda _query, _now: _success(orjson.dumps(_BUILD)),
        }

    def answer(self, path: str, query: Mapping[str, str], now: int) -> Answer:
        known = self._paths.get(path)
        if not known and path.startswith("label/") and path.endswith("/values"):
            label = path[len("label/") : -len("/values")]
            known = lambda _query, _now: _success(orjson.dumps(self._label_values(label)))  # noqa: E731
        if not known:
            return Answer(b"404 page not found\n", 404, "text/plain; charset=utf-8")
        try:
            return Answer(known(query, now))
        except ParseError as error:
            return _error(400, "bad_data", f'invalid parameter "query": {error}')
        except BadData as error:
            return _error(400, "bad_data", str(error))
        except ExecutionError as error:
            return _error(422, "execution", str(error))

    def _query(self, query: Mapping[str, str], now: int) -> bytes:
        at = _instant("time", query["time"]) if query.get("time") else now // 1000 * 1000
        expression = parse(query.get("query", ""))
        if isinstance(expression, Selector) and expression.range_seconds is not None:
            first = max(at - round(expression.range_seconds * 1e6), now - SCRAPE_DAYS * DAY)
            return _matrix(self.metrics.measured(expression, first, min(at, now)))
        found = self.metrics.evaluate(expression, np.array([at]), now)
        stamp = _second_text(at)
        if not isinstance(found, Vector):
            return _data("scalar", f'[{stamp},"{_number(float(found[0]))}"]')
        rows = [
            f'{{"metric":{_label_text(found.labels[row])},"value":[{stamp},"{_number(float(found.values[row, 0]))}"]}}'
            for row in _ordered(found)
            if found.present[row, 0]
        ]
        return _data("vector", f"[{','.join(rows)}]")

    def _query_range(self, query: Mapping[str, str], now: int) -> bytes:
        start, end = (_instant(name, query.get(name, "")) for name in ("start", "end"))
        if end < start:
            raise BadData('invalid parameter "end": end timestamp must not be before start time')
        step = _step(query.get("step", ""))
        if (end - start) // step > _MOST_POINTS:
            raise BadData(
                "exceeded maximum resolution of 11,000 points per timeseries. "
                "Try decreasing the query resolution (?step=XX)"
            )
        at = np.arange(start, end + 1, step)
        expression = parse(query.get("query", ""))
        if isinstance(expression, Selector) and expression.range_seconds is not None:
            raise BadData(
                'invalid parameter "query": invalid expression type "range vector" for range query, '
                "must be Scalar or instant Vector"
            )
        found = self.metrics.evaluate(expression, at, now)
        if not isinstance(found, Vector):
            shape = (1, len(at))
            found = Vector([{}], found.reshape(shape), np.ones(shape, dtype=bool), at.reshape(shape))
        return _matrix(found, at)

    def _targets(self, query: Mapping[str, str], now: int) -> bytes:
        pool, found = query.get("scrapePool"), []
        for selector in ("wifi", "apps", "links", "apps-sites"):
            vector = self.metrics.select(_job(selector), np.array([now]), now)
            found += [
                _target(vector.labels[row], bool(vector.values[row, 0]), int(vector.at[row, 0]))
                for row in _ordered(vector)
                if vector.present[row, 0] and pool in (None, "", selector)
            ]
        active = query.get("state") != "dropped"
        return _success(orjson.dumps({"activeTargets": found if active else [], "droppedTargets": []}))

    def _labels(self, _query: Mapping[str, str], _now: int) -> bytes:
        return _success(orjson.dumps(sorted({"__name__", *(k for t in self.metrics.targets() for k in t)})))

    def _label_values(self, label: str) -> list[str]:
        if label == "__name__":
            return list(METRICS)
        return sorted({t[label] for t in self.metrics.targets() if label in t})


def _job(job: str) -> Selector:
    found = parse(f'up{{job="{job}"}}')
    if not isinstance(found, Selector):
        raise TypeError(job)
    return found


def _target(labels: dict[str, str], alive: bool, at: int) -> dict[str, Any]:
    job, held = labels["job"], {k: v for k, v in labels.items() if k != "__name__"}
    module = {"wifi": "icmp", "links": "tcp_connect"}.get(job, "http_app")
    asked = f"/probe?module={module}&target={quote(held['instance'], safe='')}"
    return {
        "discoveredLabels": {
            "__address__": held["instance"],
            "__metrics_path__": "/probe",
            "__param_module": module,
            "__scheme__": "http",
            "__scrape_interval__": "1m",
            "__scrape_timeout__": "10s",
            **{k: v for k, v in held.items() if k != "instance"},
        },
        "labels": held,
        "scrapePool": job,
        "scrapeUrl": f"http://127.0.0.1:9115{asked}",
        "globalUrl": f"http://prometheus.kota.example:9115{asked}",
        "lastError": "" if alive else "dial tcp 127.0.0.1:9115: connect: connection refused",
        "lastScrape": to_index(np.array([at]))[0].strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z",
        "lastScrapeDuration": 0.004 if alive else 0.0004,
        "health": "up" if alive else "down",
        "scrapeInterval": "1m",
        "scrapeTimeout": "10s",
    }


def _success(data: bytes) -> bytes:
    return b'{"status":"success","data":' + data + b"}"


def _data(kind: str, result: str) -> bytes:
    return _success(f'{{"resultType":"{kind}","result":{result}}}'.encode())


def _error(status: int, kind: str, text: str) -> Answer:
    return Answer(orjson.dumps({"status": "error", "errorType": kind, "error": text}), status)


def _label_text(labels: dict[str, str]) -> str:
    return orjson.dumps(labels, option=orjson.OPT_SORT_KEYS).decode()


def _ordered(vector: Vector) -> list[int]:
    return sorted(range(len(vector.labels)), key=lambda row: sorted(vector.labels[row].items()))


def _matrix(found: Vector, grid: Micros | None = None) -> bytes:
    """Series without a sample are left out; on a grid all share its stamps, else each sample has its own."""
    stamps = None if grid is None else np.array(_stamps(grid), dtype=object)
    rows = []
    for row in _ordered(found):
        there = np.flatnonzero(found.present[row])
        if not there.size:
            continue
        texts = stamps[there].tolist() if stamps is not None else _stamps(found.at[row, there])
        pairs = ",".join([f'[{t},"{v}"]' for t, v in zip(texts, _numbers(found.values[row, there]), strict=True)])
        rows.append(f'{{"metric":{_label_text(found.labels[row])},"values":[{pairs}]}}')
    return _data("matrix", f"[{','.join(rows)}]")


def _second_text(micros: int) -> str:
    """A JSON number of seconds: whole, or with three digits of milliseconds."""
    seconds, ms = divmod(micros // 1000, 1000)
    return f"{seconds}.{ms:03d}" if ms else str(seconds)


def _stamps(at: Micros) -> list[str]:
    """`_second_text` of many: one target is scraped at the same part of each second."""
    seconds, ms = np.divmod(at // 1000, 1000)
    if at.size and (ms == ms[0]).all():
        part = f".{int(ms[0]):03d}" if ms[0] else ""
        return [f"{second}{part}" for second in seconds.tolist()]
    return [_second_text(micros) for micros in at.tolist()]


def _numbers(values: Floats) -> list[str]:
    if not np.isfinite(values).all() or (np.abs(values) > 1e15).any():
        return [_number(v) for v in values.tolist()]
    whole = values.astype("int64")
    if (whole == values).all():
        return [str(v) for v in whole.tolist()]
    text = orjson.dumps(values.tolist()).decode()[1:-1]
    if "e" in text:
        return [_number(v) for v in values.tolist()]
    return [part.removesuffix(".0") for part in text.split(",")]


def _number(value: float) -> str:
    """Go's shortest form without exponent."""
    if not np.isfinite(value):
        return "NaN" if value != value else "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    if "e" in text:
        return str(np.format_float_positional(value, trim="-"))
    return text.removesuffix(".0")


def _instant(name: str, text: str) -> int:
    try:
        return round(float(text) * 1000) * 1000
    except (ValueError, OverflowError):
        pass
    try:
        at = datetime.fromisoformat(text.replace(" ", "+"))
        if at.tzinfo is not None:
            return micros_of(at.astimezone(UTC))
    except ValueError:
        pass
    wrong = f'cannot parse "{text}" to a valid timestamp'
    if name == "time":
        wrong = f"Invalid time value for 'time': {wrong}"
    raise BadData(f'invalid parameter "{name}": {wrong}')


def _step(text: str) -> int:
    try:
        step = seconds_of(text)
    except ValueError as error:
        raise BadData(f'invalid parameter "step": cannot parse "{text}" to a valid duration') from error
    if not step > 0:
        raise BadData(
            'invalid parameter "step": zero or negative query resolution step widths are not accepted. '
            "Try a positive integer"
        )
    return max(round(step * 1000) * 1000, 1000)
