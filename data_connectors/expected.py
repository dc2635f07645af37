"""What a cell should have been: the other half of every sentence about a refused row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from difflib import get_close_matches
from typing import Final

from coc.domain.datasets import COLUMNS, Column, Dataset, Kind
from data_connectors.mapping import Mapped

_MOST: Final = 12
_LIKE: Final = datetime(2026, 12, 31, 14, 5)  # noqa: DTZ001 - an example to read
_QUARTER: Final = 90.0


def column_of(field: str, mapped: Mapped | None) -> str:
    """The source's own name of a canonical column."""
    return (mapped.fields or {}).get(field, field) if mapped is not None else field


def expected(dataset: Dataset, field: str, reason: str, value: str | None, mapped: Mapped | None) -> str:
    """In a few words; "" where the reason alone says it. `value`: the cell as it was read, None where it is hidden."""
    column = next((c for c in COLUMNS[dataset] if c.name == field), None)
    if column is None:
        return "as many cells as the header has columns" if reason == "unreadable" else ""
    say = _SAID.get(reason)
    return say(column, value or "", mapped or Mapped()) if say is not None else ""


def _one_of(column: Column, value: str, mapped: Mapped) -> str:
    known = list(mapped.values.get(column.name, {})) or list(column.values or ())
    near = get_close_matches(value.casefold(), [k.casefold() for k in known], 1)
    hint = next((f" (`{k}`?)" for k in known if near and k.casefold() == near[0]), "")
    return f"one of {', '.join(known[:_MOST])}{hint}" if known else ""


def _time(_column: Column, _value: str, mapped: Mapped) -> str:
    form = mapped.time.format
    if form in ("epoch_s", "epoch_ms"):
        return "seconds since 1970" if form == "epoch_s" else "milliseconds since 1970"
    like = {"iso": "2026-12-31T14:05:00+07:00", "date": "2026-12-31"}.get(form) or _LIKE.strftime(form)
    return f"a date as {like}, or one that the spreadsheet knows as a date"


def _type(column: Column, value: str, mapped: Mapped) -> str:
    if column.kind is Kind.TIME:
        return _time(column, value, mapped)
    if column.kind not in (Kind.INT, Kind.FLOAT):
        return "a plain text"
    whole = column.kind is Kind.INT
    like = "80" if whole else f"-1{mapped.decimal}595"
    comma = '; where it has a decimal comma, set `decimal: ","`' if "," in value and mapped.decimal == "." else ""
    return f"{'a whole number' if whole else 'one number'} such as {like}{comma}"


def _range(column: Column, value: str, _mapped: Mapped) -> str:
    low, high = column.minimum, column.maximum
    ends = f"from {low:g}" if low is not None and high is None else f"from {low:g} to {high:g}" if high else ""
    if column.name == "lat" and abs(_float(value)) > _QUARTER:
        return f"a number {ends}: latitude and longitude may stand the other way round"
    return f"a number {ends}"


def _float(value: str) -> float:
    try:
        return float(value.replace(",", "."))
    except ValueError:
        return 0.0


_SAID: Final[dict[str, Callable[[Column, str, Mapped], str]]] = {
    "unknown_value": _one_of,
    "bad_time": _time,
    "no_zone": lambda *_: "a time with its offset, or `time: {zone: ...}` in config.yaml",
    "bad_type": _type,
    "out_of_range": _range,
    "missing_required": lambda *_: "a value",
    "not_unique": lambda *_: "a code that no other row has",
    "unknown_unit": lambda *_: "the code of a unit",
    "in_future": lambda *_: "a time that is not ahead of now",
}
