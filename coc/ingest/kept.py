"""Cells of a refused row as JSON, faithfully: what was wrong with a cell is still wrong when the row is tried again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import pandas as pd

from coc.ingest.clean import LONGEST

_WHOLE: Final = 2**53  # JSON readers lose digits beyond


@dataclass(frozen=True, slots=True)
class Unfit:
    """Something no column can hold (a list, infinity, a control character), by what can be shown of it."""

    shown: str

    def __str__(self) -> str:
        return self.shown


def missing(value: Any) -> bool:
    return value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and math.isnan(value))


def text(value: Any) -> str:
    """Text that every database can hold: cut, control characters and broken surrogates escaped."""
    cut = str(value)[:LONGEST]
    return cut.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")


def to_json(value: Any) -> Any:
    """A cell as JSON; `from_json` gives it back. Times and dates are named, what does not fit is kept as its text."""
    if missing(value):
        return None
    if hasattr(value, "item") and not isinstance(value, pd.Timestamp):
        value = value.item()  # a numpy scalar
    if isinstance(value, bool) or (isinstance(value, int) and abs(value) < _WHOLE):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, str) and len(value) <= LONGEST and text(value) == value:
        return value
    if isinstance(value, datetime):
        return {"time": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    return {"unfit": text(value)}


def from_json(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, shown),) = value.items()
    if kind == "time":
        return datetime.fromisoformat(shown)
    return date.fromisoformat(shown) if kind == "date" else Unfit(shown)


def canonical_json(value: Any) -> Any:
    """As `to_json`, of a canonical cell: an instant is its ISO text, as the pipeline reads it again."""
    return value.isoformat() if isinstance(value, datetime) and not missing(value) else to_json(value)


def readable(value: Any) -> Any:
    """What a person is shown of a JSON cell."""
    return next(iter(value.values())) if isinstance(value, dict) else value
