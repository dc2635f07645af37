"""Dispositions: backlog, what is overdue and due soon, hours of follow-up, on-time rate (DOMAIN, KPIs).

*nf* = dispositions whose instruction needs follow-up and that are not cancelled; a unit's are those sent to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from coc.domain.datasets import Dataset
from coc.domain.instants import NAT, Bools, Floats
from coc.metrics.city import City, WindowName
from coc.metrics.facts import (
    Dispositions,
    Positions,
    counted,
    dispositions,
    framed,
    grouped_quantile,
    now_of,
    once,
    scopes,
    share,
    window_start,
    within,
)
from coc.metrics.registry import kpi

_DISPOSITIONS = (Dataset.DISPOSITIONS,)
_WITH_LETTERS = (Dataset.DISPOSITIONS, Dataset.LETTERS)  # urgency, and so the due date, is the letter's
_OPEN = ("dispositions.instruction", "dispositions.completed_at")
_DUE = (*_OPEN, "dispositions.due_at|letters.urgency")  # without either nothing is ever due


def overdue_rows(rows: Dispositions, now: int, backlog: Bools) -> Bools:
    """Of the backlog, what is past its due: now > due. At now == due it is not."""
    found: Bools = backlog & (rows.due != NAT) & (now > rows.due)
    return found


def due_soon_rows(rows: Dispositions, now: int, backlog: Bools) -> Bools:
    """Of the backlog, not overdue, with due - now <= 20 % of due - issued_at, by the clock.

    Exact in microseconds. A due before its issue makes the right side negative: never due soon.
    """
    left, span = rows.due - now, rows.due - rows.issued
    found: Bools = backlog & (rows.due != NAT) & (left >= 0) & (5 * left <= span)
    return found


@kpi(
    "disposition.backlog",
    measure="count",
    better="down",
    datasets=_DISPOSITIONS,
    inputs=_OPEN,
    windowed=False,
)
def backlog(city: City, _window: WindowName) -> pd.DataFrame:
    """Those nf with completed_at null, by to_unit."""
    rows = dispositions(city)
    return counted(city, rows.unit, backlog_rows(rows))


def backlog_rows(rows: Dispositions) -> Bools:
    found: Bools = rows.nf & (rows.completed == NAT)
    return found


@kpi(
    "disposition.overdue",
    measure="count",
    better="down",
    datasets=_WITH_LETTERS,
    inputs=_DUE,
    windowed=False,
)
def overdue(city: City, _window: WindowName) -> pd.DataFrame:
    """Backlog with now > due; what has no due is not overdue."""
    rows = dispositions(city)
    return counted(city, rows.unit, overdue_rows(rows, now_of(city), backlog_rows(rows)))


@kpi(
    "disposition.due_soon",
    measure="count",
    better="down",
    datasets=_WITH_LETTERS,
    inputs=_DUE,
    windowed=False,
)
def due_soon(city: City, _window: WindowName) -> pd.DataFrame:
    """Backlog, not overdue, with due - now <= 20 % of due - issued_at (clock time)."""
    rows = dispositions(city)
    return counted(city, rows.unit, due_soon_rows(rows, now_of(city), backlog_rows(rows)))


@kpi(
    "disposition.on_time_rate",
    measure="rate",
    better="up",
    datasets=_WITH_LETTERS,
    inputs=_DUE,
)
def on_time_rate(city: City, window: WindowName) -> pd.DataFrame:
    """Those nf with due in the window: completed_at not null and <= due / all of them (0..1)."""
    rows = dispositions(city)
    whole = rows.nf & within(rows.due, window_start(city, window), now_of(city))
    return share(city, rows.unit, on_time_rows(rows), whole)


def on_time_rows(rows: Dispositions) -> Bools:
    found: Bools = (rows.completed != NAT) & (rows.completed <= rows.due)
    return found


@dataclass(frozen=True, slots=True)
class _Done:
    """Completed nf, sorted by unit and hours, and by hours alone for the city."""

    unit: Positions
    rows: Positions  # rows of `dispositions`, by (unit, hours)
    rows_by_hours: Positions


def _done(city: City) -> _Done:
    def prepare() -> _Done:
        rows = dispositions(city)
        done = np.flatnonzero(rows.nf & (rows.completed != NAT) & ~np.isnan(rows.hours))
        by_hours = done[np.argsort(rows.hours[done], kind="stable")]
        by_unit = by_hours[np.argsort(rows.unit[by_hours], kind="stable")]
        return _Done(rows.unit[by_unit], by_unit, by_hours)

    return once(city, "done", prepare)


def _hours_quantile(city: City, window: WindowName, q: float) -> pd.DataFrame:
    rows, done = dispositions(city), _done(city)
    first, now = window_start(city, window), now_of(city)

    def select() -> tuple[Positions, Floats, Floats]:
        chosen = within(rows.completed[done.rows], first, now)
        city_wide = done.rows_by_hours[within(rows.completed[done.rows_by_hours], first, now)]
        return done.unit[chosen], rows.hours[done.rows[chosen]], rows.hours[city_wide]

    unit, hours, of_city = once(city, f"followup-{window}", select)
    values = grouped_quantile(unit, hours, q, len(scopes(city)))
    values[0] = grouped_quantile(np.zeros(len(of_city), dtype=np.intp), of_city, q, 1)[0]
    return framed(city, values)


def _followup(id: str, q: float) -> None:
    def quantile(city: City, window: WindowName) -> pd.DataFrame:
        return _hours_quantile(city, window, q)

    quantile.__doc__ = (
        f"nf completed in the window: {q:.0%} of them took at most this many working hours from issued_at to "
        "completed_at, in to_unit's calendar (quantile by linear interpolation)."
    )
    inputs = ("dispositions.issued_at", *_OPEN)
    kpi(id, measure="hours", better="down", datasets=_DISPOSITIONS, inputs=inputs)(quantile)


for _percent in (50, 85, 95):
    _followup(f"disposition.followup_hours_p{_percent}", _percent / 100)
