"""Between canonical frames and database rows, by whole columns: no loop over rows.

Instants go in as integers; on the way out a missing one is replaced by NaT's own integer in SQL, so that a column of
the answer is an instant column after one cast.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa

from coc.domain.datasets import DTYPES, Column, Dataset, Kind
from coc.domain.instants import NAT, to_index, to_micros

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PRIME: Final = np.uint64(0x100000001B3)
# A null vantage is the COC's own room; a key cannot be null.
BLANK_KEY: Final = "vantage"


def micros(at: datetime) -> int:
    """Microseconds since 1970 UTC."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def at_micros(value: int) -> datetime:
    """The inverse, aware and UTC."""
    return _EPOCH + timedelta(microseconds=value)


def instant(value: int | None) -> datetime | None:
    """As `at_micros`, of what may be null."""
    return None if value is None else at_micros(value)


def to_values(series: pd.Series[Any], kind: Kind) -> npt.NDArray[np.object_]:
    """A canonical column as plain Python values, None where missing (what a driver binds)."""
    if kind is Kind.TIME:
        raw = to_micros(series)
        found = raw.astype(object)
        found[raw == NAT] = None
        return found
    missing = series.isna().to_numpy(dtype=bool)
    if kind is Kind.TEXT or kind is Kind.DATE:
        found = series.to_numpy(dtype=object, copy=True)
    elif kind is Kind.FLOAT:
        found = series.to_numpy(dtype="float64", na_value=np.nan).astype(object)
    else:
        found = series.astype("Int64").to_numpy(dtype="int64", na_value=0).astype(object)
    found[missing] = None
    return found


def to_rows(
    frame: pd.DataFrame, columns: Sequence[Column], extra: dict[str, Any], order: Sequence[str]
) -> list[tuple[Any, ...]]:
    """Tuples of the named values in `order`: the frame's `columns` and `extra` (a scalar or an array each)."""
    n = len(frame)
    lists: dict[str, list[Any]] = {}
    for column in columns:
        values = to_values(frame[column.name], column.kind)
        if column.name == BLANK_KEY:
            values[pd.isna(values)] = ""
        lists[column.name] = values.tolist()
    lists |= {name: v.tolist() if isinstance(v, np.ndarray) else [v] * n for name, v in extra.items()}
    return list(zip(*(lists[name] for name in order), strict=True))


def row_hash(frame: pd.DataFrame, columns: Sequence[Column]) -> npt.NDArray[np.int64]:
    """A 64-bit hash of each row's canonical values, the same in every process."""
    total = np.full(len(frame), 0xCBF29CE484222325, dtype="uint64")
    with np.errstate(over="ignore"):
        for column in columns:
            values = _hashable(frame[column.name], column.kind)
            total = (total ^ pd.util.hash_array(values)) * _PRIME
    return total.view("int64")


def _hashable(series: pd.Series[Any], kind: Kind) -> npt.NDArray[Any]:
    if kind is Kind.TIME:
        return to_micros(series)
    if kind is Kind.FLOAT:
        return series.to_numpy(dtype="float64", na_value=np.nan) + 0.0  # -0.0 is 0.0
    if kind in (Kind.INT, Kind.BOOL):
        return series.astype("Int64").to_numpy(dtype="int64", na_value=NAT)
    return series.astype(object).where(series.notna(), "\x00").to_numpy(dtype=object)  # no real text is NUL


def select_list(table: sa.Table, columns: Sequence[Column]) -> list[sa.ColumnElement[Any]]:
    """What to select so that `to_frame` can read it: `source`, then the columns."""
    chosen: list[sa.ColumnElement[Any]] = [table.c.source]
    for column in columns:
        found = table.c[column.name]
        chosen.append(sa.func.coalesce(found, sa.literal_column(str(NAT))) if column.kind is Kind.TIME else found)
    return chosen


def to_frame(
    rows: Sequence[Any], columns: Sequence[Column], words: dict[str | None, str | None] | None = None
) -> pd.DataFrame:
    """Rows of `select_list` as a frame: `source`, then the columns in canonical dtypes.

    `words` remembers texts from call to call: a driver makes a new string for every cell, though a city has a hundred
    units, and a day of samples would hold 160,000 copies of their names.
    """
    known = {} if words is None else words
    lists = list(zip(*rows, strict=True)) if rows else [()] * (len(columns) + 1)
    data: dict[str, Any] = {"source": _array(lists[0], _SOURCE, known)}
    for column, values in zip(columns, lists[1:], strict=True):
        data[column.name] = _array(values, column, known)
    return pd.DataFrame(data)


_SOURCE: Final = Column("source")
_DISTINCT: Final = frozenset({"source_id", "letter_id", "parent_id", "number", "subject", "sender", "instruction_text"})


def _array(values: Sequence[Any], column: Column, words: dict[str | None, str | None]) -> Any:
    if column.kind is Kind.TIME:
        return to_index(np.array(values, dtype="int64"))
    if column.kind is Kind.FLOAT:
        return np.array(values, dtype="float64")
    if column.kind in (Kind.INT, Kind.BOOL):
        floats = np.array(values, dtype="float64")  # exact below 2**53; a larger count is quarantined
        missing = np.isnan(floats)
        whole = np.where(missing, 0, floats)
        if column.kind is Kind.BOOL:
            return pd.arrays.BooleanArray(whole.astype(bool), missing)
        return pd.arrays.IntegerArray(whole.astype("int64"), missing)
    if column.name not in _DISTINCT:
        values = [words.setdefault(v, v) for v in values]
    texts = np.array(values, dtype=object)
    if column.name == BLANK_KEY:
        texts[texts == ""] = None
    return pd.array(texts, dtype="str")


def empty_frame(columns: Sequence[Column]) -> pd.DataFrame:
    """No rows, `source` and the columns in canonical dtypes."""
    return to_frame([], columns)


def missing_column(kind: Kind, n: int) -> pd.Series[Any]:
    """As many missing values of a kind as `n` says."""
    return pd.Series([None] * n, dtype=DTYPES[kind])


def entity_column(dataset: Dataset) -> str:
    """The column that names what a sample is of."""
    return {Dataset.AP_SAMPLES: "ap", Dataset.SERVICE_SAMPLES: "service", Dataset.LINK_SAMPLES: "link"}[dataset]
