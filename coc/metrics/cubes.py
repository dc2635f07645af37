"""Counts and quantiles of dispositions by scope, window and whatever else: the cubes behind charts, as sparse frames.

A page's choice of unit and window then only selects rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from coc.domain.instants import NAT, Bools, Floats, Micros
from coc.metrics.city import WINDOWS, City
from coc.metrics.facts import (
    EARLIER,
    LATER,
    Days,
    Positions,
    disposition_days,
    dispositions,
    midnight_before,
    now_of,
    once,
    scopes,
    window_start,
)
from coc.metrics.registry import is_recorded, registered

Counts = npt.NDArray[np.int64]
DAYS: Final = 90  # of the longest window
OUTSIDE: Final = len(WINDOWS)  # the span of what is in no window


def recorded(city: City, kpi: str) -> bool:
    """Whether the sources record what the KPI needs: a chart that rests on it is empty where they do not."""
    return is_recorded(registered()[kpi], city.provided)


def _spans() -> Positions:
    found = np.full(LATER - EARLIER + 1, OUTSIDE, dtype=np.intp)
    for place in range(len(WINDOWS) - 1, -1, -1):
        found[1 - int(WINDOWS[place][:-1]) - EARLIER : 1 - EARLIER] = place
    return found


_SPANS: Final = _spans()


def spans(city: City, at: Micros) -> Positions:
    """The shortest window that holds each instant, as its place in `WINDOWS`; `OUTSIDE` for one that none holds."""
    found = np.full(len(at), OUTSIDE, dtype=np.intp)
    inside = at <= now_of(city)
    for place in range(len(WINDOWS) - 1, -1, -1):
        found[inside & (at >= window_start(city, WINDOWS[place]))] = place
    return found


def spans_of(days: Days) -> Positions:
    """`spans` of city days as `facts` numbers them."""
    return _SPANS[days - EARLIER]


def day_places(days: Days) -> Positions:
    """The place of each city day in the longest window, 0 its first; -1 before it and after now."""
    return np.where((days > -DAYS) & (days <= 0), days + np.intp(DAYS - 1), -1)


def midnights(city: City) -> Micros:
    """The city midnights of the longest window's days, oldest first."""
    return once(
        city,
        "midnights",
        lambda: np.array([midnight_before(city, back) for back in range(DAYS - 1, -1, -1)], dtype="int64"),
    )


def by_scope(scope: Positions) -> tuple[Positions, Positions]:
    """Each row for the city, then once more for its unit where that is on the list: (scopes, rows)."""
    of_units = np.flatnonzero(scope)
    rows = np.concatenate([np.arange(len(scope)), of_units])
    return np.concatenate([np.zeros(len(scope), dtype=np.intp), scope[of_units]]), rows


def in_hours_order(city: City) -> Positions:
    """The dispositions by their hours of follow-up, those without at the end: sorted once for all charts."""
    return once(city, "hours_order", lambda: np.argsort(dispositions(city).hours, kind="stable"))


def issued_spans(city: City) -> Positions:
    """The span of each disposition by its issue; cancelled ones are in no window."""

    def find() -> Positions:
        return np.where(dispositions(city).cancelled == NAT, spans_of(disposition_days(city, "issued")), OUTSIDE)

    return once(city, "issued_spans", find)


def counts(keys: Sequence[Positions], sizes: Sequence[int]) -> Counts:
    """How many rows by the keys, as an array of these sizes."""
    found = np.bincount(flat(keys, sizes), minlength=int(np.prod(sizes)))
    return found.reshape(tuple(sizes)).astype("int64")


def flat(keys: Sequence[Positions], sizes: Sequence[int]) -> Positions:
    """The keys as one; numpy's own `ravel_multi_index` also checks them, for three times the time."""
    found = keys[0]
    for key, size in zip(keys[1:], sizes[1:], strict=True):
        found = found * size + key
    return found


def by_window(span: Positions, keys: Sequence[Positions], sizes: Sequence[int]) -> Counts:
    """`counts` with the windows in front: each holds the shorter ones'. Every row must be in a window."""
    return np.cumsum(counts([span, *keys], [OUTSIDE, *sizes]), axis=0)


def with_city(found: Counts, axis: int = 0) -> Counts:
    """Counts by scope with the city's in their first place: of all units, and of those that are not on the list."""
    first = (slice(None),) * axis + (0,)
    found[first] = found.sum(axis=axis)
    return found


def texts(words: Sequence[str], places: Positions) -> pd.Series[Any]:
    """The words at these places."""
    return pd.Series(pd.array(list(words), dtype="str").take(places))


def units_of(city: City, places: Positions) -> pd.Series[Any]:
    """The codes of scopes, "" for the city."""
    return texts(scopes(city).tolist(), places)


def grouped(group: Positions) -> Positions:
    """The order of rows by group that leaves each group's rows as they lie."""
    # Of 16 bits numpy sorts by radix: ten times as fast.
    found: Positions = np.argsort(group.astype("uint16"), kind="stable")
    return found


def quantiles(sizes: Counts, values: Floats, qs: Sequence[float]) -> list[Floats]:
    """The linearly interpolated quantiles of groups of these sizes, whose values lie one after another, each sorted.

    Null where a group is empty; to the hundredth of an hour. As `scoped.grouped_quantile`, its groups counted once.
    """
    full = np.flatnonzero(sizes)
    last = sizes[full] - 1
    first = np.cumsum(sizes)[full] - sizes[full]
    found = []
    for q in qs:
        place = q * last
        below = np.floor(place).astype("int64")
        low, high = values[first + below], values[first + np.minimum(below + 1, last)]
        result = np.full(len(sizes), np.nan)
        result[full] = np.round(low + (high - low) * (place - below), 2)
        found.append(result)
    return found


def nothing(columns: Sequence[str], whole: Sequence[str] = ()) -> pd.DataFrame:
    """No rows; `whole` names the columns of whole numbers."""
    return pd.DataFrame({c: pd.Series([], dtype="int64" if c in whole else "str") for c in columns})


def rows_where(found: Bools | Counts) -> tuple[Positions, ...]:
    """The places of what is not 0, by axis."""
    return tuple(np.asarray(axis, dtype=np.intp) for axis in np.nonzero(found))
