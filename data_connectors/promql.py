"""The Prometheus HTTP API, as much of it as samples need, and the few forms of PromQL that we may take apart.

A query is asked as it is configured. Only one that is a plain selector, or one times a number, is also asked for its
raw samples (`selector[3600s]`) and for `timestamp(selector)`, which tell when it was measured; on any other expression
they would tell when it was evaluated.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from data_connectors.answers import required, shortened
from data_connectors.base import FetchError
from data_connectors.client import ATTEMPTS, Client

MAX_POINTS: Final = 10_900  # Prometheus refuses more than 11,000 a series
_QUOTED: Final = r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`"
_BRACES: Final = rf"\{{(?:[^{{}}\"'`]|{_QUOTED})*\}}"
_SELECTOR: Final = rf"(?:[a-zA-Z_:][a-zA-Z0-9_:]*\s*(?:{_BRACES})?|{_BRACES})"
_NUMBER: Final = r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_AFTER: Final = re.compile(rf"\s*({_SELECTOR})\s*(?:([*/])\s*({_NUMBER})\s*)?")
_BEFORE: Final = re.compile(rf"\s*({_NUMBER})\s*\*\s*({_SELECTOR})\s*")
# What a query may fail with and still leave the source worth asking something simpler.
_FATAL: Final = frozenset({"too_slow", "credentials", "rate_limited", "too_large", "certificate", "redirected"})

Floats = npt.NDArray[np.float64]
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Expression:
    """A configured query. `selector` is null where it is more than one times a `scale`."""

    text: str
    selector: str | None
    scale: float = 1.0

    @classmethod
    def of(cls, text: str) -> Self:
        if match := _AFTER.fullmatch(text):
            number = float(match[3] or 1)
            scale = number if match[2] != "/" else (1 / number if number else 0.0)
            return cls(text, match[1].strip(), scale)
        if match := _BEFORE.fullmatch(text):
            return cls(text, match[2].strip(), float(match[1]))
        return cls(text, None)


@dataclass(frozen=True, slots=True)
class Series:
    """One time series of an answer. `times`: epoch seconds as answered; `labels` without the metric's name, sorted."""

    labels: Labels
    times: Floats
    value: Floats


@dataclass(frozen=True, slots=True)
class Api:
    """Queries at one Prometheus, with their answers checked for shape."""

    client: Client

    def instant(self, query: str, at: float | None, attempts: int = ATTEMPTS) -> list[Series]:
        """One point a series, evaluated at `at` (None: the source's own now)."""
        params = {"query": query} if at is None else {"query": query, "time": _epoch(at)}
        return self._asked("query", params, "vector", attempts)

    def raw(self, selector: str, start: float, end: float) -> list[Series]:
        """The samples themselves within (start, end], at their own times. Not every implementation has it."""
        params = {"query": f"{selector}[{int(end - start) + 1}s]", "time": _epoch(end)}
        return self._asked("query", params, "matrix", attempts=1)

    def grid(self, query: str, start: float, end: float, step: float) -> list[Series]:
        """What the query gave at every `step` back from `end`, `end` included."""
        step = max(step, math.ceil((end - start) / MAX_POINTS))
        steps = int((end - start) // step)
        params = {"query": query, "start": _epoch(end - steps * step), "end": _epoch(end), "step": f"{step:g}"}
        return self._asked("query_range", params, "matrix", attempts=2)  # then in halves

    def _asked(self, endpoint: str, params: Mapping[str, str], kind: str, attempts: int) -> list[Series]:
        body = self.client.get_json(f"api/v1/{endpoint}", params, attempts=attempts)
        where = f"/api/v1/{endpoint}"
        if isinstance(body, dict) and body.get("status") == "error":
            said = shortened(str(body.get("error") or "no reason given"))
            raise self.client.scrubbed(FetchError("source_error", said, permanent=True))
        data = required(body, "data", dict, where)
        found = required(data, "resultType", str, where)
        result = required(data, "result", list, where)
        if found != kind:
            said = f"`{shortened(params['query'])}` gives a {found}, not a {kind}: no series with labels"
            raise FetchError("schema_drift", said, permanent=True)
        try:
            return [_series(one, "value" if kind == "vector" else "values") for one in result]
        except (TypeError, KeyError, ValueError, IndexError, AttributeError):
            raise FetchError("schema_drift", f"a series of {where} is not as documented", permanent=True) from None


def _epoch(seconds: float) -> str:
    return f"{seconds:.3f}"


def _series(one: Mapping[str, Any], key: str) -> Series:
    points = [one[key]] if key == "value" else one[key]
    labels = tuple(sorted((str(k), str(v)) for k, v in one["metric"].items() if k != "__name__"))
    at = np.array([p[0] for p in points], dtype="float64")
    texts = [p[1] for p in points]
    try:
        value = np.array(texts, dtype="float64")
    except ValueError:
        value = np.array([_number(t) for t in texts], dtype="float64")
    return Series(labels, at, value)


def _number(text: Any) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return float("nan")


def refused(error: FetchError) -> bool:
    """Whether the source lives and only will not answer this query."""
    return error.code not in _FATAL
