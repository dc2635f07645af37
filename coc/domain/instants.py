"""Instants as int64 microseconds since 1970 UTC: exact to compare, quick to search, blind to time zones."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

Micros: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]

NAT: Final = int(np.iinfo(np.int64).min)  # "no instant", as numpy's NaT
SECOND: Final = 1_000_000
HOUR: Final = 3600 * SECOND
DAY: Final = 24 * HOUR


def to_micros(values: Any) -> Micros:
    """Microseconds of tz-aware instants: a Series, an index, an array, a list or one Timestamp/datetime (a 0-d array).

    Integers pass as microseconds, datetime64 without a zone as UTC. NaT and None become `NAT`.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind in "iM":
        times = values if values.dtype.kind == "i" else values.astype("datetime64[us]")
        return times.astype("int64", copy=False)
    if isinstance(values, pd.Series) and values.dtype == "datetime64[us, UTC]":  # as frames hold them
        return values.to_numpy(dtype="datetime64[us]").astype("int64")
    if values is None or values is pd.NaT:
        return np.asarray(NAT, dtype="int64")
    if isinstance(values, int | np.integer):
        return np.asarray(values, dtype="int64")
    if isinstance(values, datetime | np.datetime64):
        return np.asarray(NAT if pd.isna(values) else pd.Timestamp(values).as_unit("us").asm8.astype("int64"))
    return np.asarray(pd.DatetimeIndex(pd.to_datetime(values, utc=True)).as_unit("us").asi8, dtype="int64")


def micros_of(instant: Any) -> int:
    """Microseconds of one instant."""
    return int(to_micros(instant))


def to_index(micros: Micros) -> pd.DatetimeIndex:
    """The inverse: `datetime64[us, UTC]`."""
    return pd.DatetimeIndex(np.asarray(micros, dtype="int64").view("datetime64[us]"), tz="UTC")


def to_days(dates: Any) -> npt.NDArray[np.int64]:
    """Days since 1970-01-01 of civil dates: `date`s, ISO texts or datetime64; one or many."""
    if isinstance(dates, date | str):
        return np.asarray(np.datetime64(str(dates)[:10], "D").astype("int64"))
    return np.asarray(dates, dtype="datetime64[D]").astype("int64")


def to_date(day: int) -> date:
    """The inverse for one day."""
    return date.fromordinal(date(1970, 1, 1).toordinal() + int(day))
