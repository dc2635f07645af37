"""What connectors of WiFi controllers share: a sample a point at its own time, and many small questions at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

import pandas as pd

from data_connectors.ahead import Ahead, Note
from data_connectors.base import FetchError, Window
from data_connectors.keeping import objects

AT_ONCE: Final = 8  # questions: a controller of a city answers them beside its own work
GAUGES: Final = ("clients", "rx_bps", "tx_bps", "latency_ms")
_HARDWARE: Final = re.compile(
    r"\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b|\b[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}\b|\b[0-9a-f]{12}\b", re.I
)
Problem = dict[str, Any]
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement. `at`: the measurement's own time; gauges are null where they were not measured."""

    key: str
    at: datetime
    up: bool
    clients: int | None = None
    rx_bps: float | None = None
    tx_bps: float | None = None
    latency_ms: float | None = None


@dataclass(slots=True)
class Samples:
    """From one connector's measurements to canonical rows, run after run."""

    gauges: tuple[str, ...] = GAUGES
    ahead: Ahead = field(default_factory=Ahead)

    def frame(self, found: Iterable[Sample], window: Window) -> tuple[pd.DataFrame, list[Note]]:
        """Canonical columns of what is new: the same source time again is no new sample. None lies ahead of now."""
        found = list(found)
        rows = pd.DataFrame(
            {
                "key": pd.Series([s.key for s in found], dtype="str"),
                "at": pd.Series([_millis(s.at) for s in found], dtype="int64"),
                "up": pd.Series([s.up for s in found], dtype=bool),
                **{name: self._gauge(name, found) for name in self.gauges},
            }
        )
        rows, notes = self.ahead.capped(rows, window.now)
        if not window.full and window.known:
            known = {key: _millis(at) for key, at in window.known.items()}
            rows = rows[rows["at"] > rows["key"].map(known).fillna(-1)]
        times = pd.to_datetime(rows.pop("at"), unit="ms", utc=True).astype("datetime64[us, UTC]")
        rows.insert(1, "at", times)
        return rows.rename(columns={"key": "ap"}).reset_index(drop=True), notes

    @staticmethod
    def _gauge(name: str, found: list[Sample]) -> pd.Series[Any]:
        dtype = "Int64" if name == "clients" else "float64"
        return pd.Series([getattr(s, name) for s in found], dtype=dtype)


def is_new(key: str, at: datetime, window: Window) -> bool:
    """Whether a measurement of that time is none that we hold: only then its gauges are worth their questions."""
    held = window.known.get(key)
    return window.full or held is None or _millis(at) > _millis(held)


def _millis(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def answers(items: Iterable[T], ask: Callable[[T], R]) -> list[R]:
    """`ask(item)` of each, some at once, in the order of the items. The first failure ends the others."""
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="coc-ask")
    try:
        return list(pool.map(ask, items))
    finally:
        pool.shutdown(cancel_futures=True)


def of_one_alone(error: FetchError) -> bool:
    """Whether a failure may be that of the one thing asked about, while the source answers for others."""
    return error.code in ("http_status", "source_error", "broken", "schema_drift")


def unreadable(key: str, column: str, error: FetchError) -> Problem:
    """The error of a row whose source could not tell it."""
    return unknown(key, column, error.code, "unreadable")


def points(names: Mapping[str, str], places: Mapping[str, tuple[Any, Any]] | None = None) -> pd.DataFrame:
    """The dataset `access_points`: key -> name, and latitude and longitude where the system has them."""
    frame = pd.DataFrame(
        {"source_id": objects(list(names)), "name": objects([named(name, key) for key, name in names.items()])}
    )
    if places is not None:
        frame["lat"] = objects([places[key][0] for key in names])
        frame["lon"] = objects([places[key][1] for key in names])
    return frame


def named(name: str, key: str) -> str:
    """A name to show. A point that nobody named bears its hardware address, which is never kept: its key instead."""
    return key if not name.strip() or hardware_in(name) else name.strip()


def hardware_in(text: str) -> bool:
    return _HARDWARE.search(text) is not None


def unknown(key: str, column: str, value: str, reason: str = "unknown_value") -> Problem:
    """A row's error. The value is told, unless it bears a hardware address."""
    return {"source_id": key, "field": column, "reason": reason, "value": "" if hardware_in(value) else value[:80]}


def number(value: Any) -> float | None:
    """A finite number of 0 or more, also written as text; None for anything else, never a guess."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if 0 <= found < float("inf") else None


@dataclass(slots=True)
class Reading:
    """Values of one run's rows. What cannot be read is null, and an error of its row; what is missing is only null."""

    problems: list[Problem] = field(default_factory=list)

    def gauge(self, key: str, column: str, value: Any) -> float | None:
        found = number(value)
        if found is None and not missing(value):
            self.problems.append(unknown(key, column, _shown(value), _why(value)))
        return found


def missing(value: Any) -> bool:
    """Not measured, in the words that systems have for it."""
    return value is None or (isinstance(value, str) and value.strip().lower() in ("", "nan", "null"))


def _why(value: Any) -> str:
    try:
        return "out_of_range" if not isinstance(value, bool) and float(value) < 0 else "bad_type"
    except (TypeError, ValueError):
        return "bad_type"


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, str | int | float) else type(value).__name__
