"""Values as a source wrote them -> canonical types. What does not fit is that cell's defect, never a guess.

Text is Unicode NFC, stripped, blank is null. A time must carry its offset. A number may be written as text (a CSV knows
nothing else), a boolean as true/false or 1/0.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final

import numpy as np
import pandas as pd

from coc.domain.datasets import DTYPES, Column, Kind

LONGEST: Final = 4000  # characters of a text; a longer one is a broken export, not a letter's number
_OFFSET: Final = r"[T ]\d{2}.*(?:[zZ]|[+-]\d{2}(?::?\d{2})?)\s*$"
_DATE: Final = re.compile(r"^(\d{4}-\d{2})(-\d{2})?(?:[T ].*)?$")
_TRUE_FALSE: Final = {"true": True, "false": False, "1": True, "0": False}
# Times beyond are typing errors; they would also overflow arithmetic further on.
_EARLIEST, _LATEST = pd.Timestamp("1900-01-01", tz="UTC"), pd.Timestamp("2200-01-01", tz="UTC")

Cleaned = tuple["pd.Series[Any]", "pd.Series[bool]"]  # the typed column, and which cells could not be read


def clean_column(column: Column, raw: pd.Series[Any]) -> Cleaned:
    """`raw` in the column's dtype (`DTYPES`), null where unreadable, and the mask of unreadable cells."""
    return _CLEANERS[column.kind](raw)


def _none_bad(raw: pd.Series[Any]) -> pd.Series[bool]:
    return pd.Series([False] * len(raw), index=raw.index, dtype=bool)


def _objects(raw: pd.Series[Any]) -> list[Any]:
    values: list[Any] = raw.astype("object").tolist()
    return values


def _is_null(value: Any) -> bool:
    return value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and value != value)


def _by_cell(raw: pd.Series[Any], read: Callable[[Any], Any], dtype: str) -> Cleaned:
    """`read` gives the value, None for null, and raises ValueError for what it cannot read."""
    values, bad = [], []
    for value in _objects(raw):
        try:
            values.append(None if _is_null(value) else read(value))
            bad.append(False)
        except ValueError:
            values.append(None)
            bad.append(True)
    return pd.Series(values, index=raw.index, dtype=dtype), pd.Series(bad, index=raw.index, dtype=bool)


def _read_text(value: Any) -> str | None:
    if not isinstance(value, str):
        raise ValueError("not a text")  # noqa: TRY004 - ValueError is what `_by_cell` takes
    if not value.isascii():
        value = unicodedata.normalize("NFC", value)
    value = value.strip()
    if len(value) > LONGEST or (not value.isprintable() and any(_unstorable(ch) for ch in value)):
        raise ValueError("too long, or control characters")
    return value or None


def _unstorable(ch: str) -> bool:
    """Control characters, and half a surrogate pair: JSON can carry both, no database can."""
    return (ch < " " and ch not in "\t\r\n") or "\ud800" <= ch <= "\udfff"


def _text(raw: pd.Series[Any]) -> Cleaned:
    # Few distinct values in most columns (kinds, units, offices): read each once.
    try:
        positions, distinct = pd.factorize(raw.astype("object"), use_na_sentinel=True)
    except TypeError:  # a list or an object stands where a text should
        return _by_cell(raw, _read_text, DTYPES[Kind.TEXT])
    values, bad = _by_cell(pd.Series(distinct, dtype="object"), _read_text, "object")
    cells = np.array([*values, None], dtype=object)[positions]  # position -1, null, is the last
    return (
        pd.Series(cells, index=raw.index, dtype=DTYPES[Kind.TEXT]),
        pd.Series(np.append(bad.to_numpy(dtype=bool), False)[positions], index=raw.index),
    )


def _time(raw: pd.Series[Any]) -> Cleaned:
    if isinstance(raw.dtype, pd.DatetimeTZDtype):
        return raw.dt.tz_convert("UTC").dt.as_unit("us"), _none_bad(raw)
    cells = pd.Series([_written(v) for v in _objects(raw)], index=raw.index, dtype="object")
    null = cells.map(_is_null).to_numpy(dtype=bool) | (
        cells.map(lambda v: isinstance(v, str) and not v.strip())
    ).to_numpy(dtype=bool)
    is_text = cells.map(lambda v: isinstance(v, str)).to_numpy(dtype=bool)
    texts = cells.where(is_text & ~null, None).astype("str")
    with_offset = texts.str.contains(_OFFSET, regex=True, na=False).to_numpy(dtype=bool)
    times = pd.to_datetime(texts.where(with_offset), format="ISO8601", utc=True, errors="coerce")
    times = times.dt.as_unit("us")
    sane = times.between(_EARLIEST, _LATEST)
    times = times.where(sane)
    return times, pd.Series(~null & times.isna().to_numpy(), index=raw.index)


def _written(value: Any) -> Any:
    """An aware datetime as ISO text; a naive one stays what it is, and is refused."""
    return value.isoformat() if isinstance(value, datetime) and value.tzinfo is not None else value


def _read_date(value: Any) -> str | None:
    if not isinstance(value, str):
        raise ValueError("not a date")  # noqa: TRY004 - ValueError is what `_by_cell` takes
    text = value.strip()
    if not text:
        return None
    found = _DATE.match(text)
    return date.fromisoformat(f"{found[1]}{found[2] or '-01'}").isoformat() if found else _refuse()


def _refuse() -> str:
    raise ValueError("not a date")


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str | np.number):
        raise ValueError("not a number")  # noqa: TRY004
    try:
        found = float(value)
    except OverflowError as error:
        raise ValueError("too large") from error
    if found in (float("inf"), float("-inf")):
        raise ValueError("not finite")
    return found


def _read_float(value: Any) -> float | None:
    if isinstance(value, str) and not value.strip():
        return None
    found = _number(value)
    return None if found != found else found


def _read_int(value: Any) -> int | None:
    found = _read_float(value)
    if found is None:
        if isinstance(value, str) and value.strip():
            raise ValueError("not a number, and says so")
        return None
    if not found.is_integer() or abs(found) > 2**53:
        raise ValueError("not a whole number")
    return int(found)


def _read_bool(value: Any) -> bool | None:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, str):
        text = value.strip().lower()
        return None if not text else _TRUE_FALSE[text] if text in _TRUE_FALSE else bool(_refuse())
    return _TRUE_FALSE[text] if (text := f"{_number(value):g}") in _TRUE_FALSE else bool(_refuse())


def _typed(kinds: str, dtype: str, read: Callable[[Any], Any]) -> Callable[[pd.Series[Any]], Cleaned]:
    as_dtype: Any = dtype  # the stubs know each dtype by its literal name only

    def cleaner(raw: pd.Series[Any]) -> Cleaned:
        numpy_kind = getattr(raw.dtype, "kind", "O")
        if raw.dtype == dtype and not (numpy_kind == "f" and np.isinf(raw.to_numpy(dtype="float64")).any()):
            return raw, _none_bad(raw)
        if numpy_kind in kinds and raw.dtype != dtype:
            return raw.astype(as_dtype), _none_bad(raw)
        return _by_cell(raw, read, dtype)

    return cleaner


_CLEANERS: Final[dict[Kind, Callable[[pd.Series[Any]], Cleaned]]] = {
    Kind.TEXT: _text,
    Kind.TIME: _time,
    Kind.DATE: lambda raw: _by_cell(raw, _read_date, DTYPES[Kind.DATE]),
    Kind.INT: _typed("iu", DTYPES[Kind.INT], _read_int),
    Kind.FLOAT: _typed("iu", DTYPES[Kind.FLOAT], _read_float),
    Kind.BOOL: _typed("b", DTYPES[Kind.BOOL], _read_bool),
}
