"""Dispositions: backlog, what is overdue and due soon, hours of follow-up, on-time rate, office hours (DOMAIN, KPIs).

*nf* = dispositions whose instruction needs follow-up and that are not cancelled; a unit's are those sent to it.
"""

from __future__ import annotations

import numpy as np

from coc.domain.datasets import Dataset
from coc.domain.instants import NAT, Bools
from coc.metrics.city import City, WindowName
from coc.metrics.facts import (
    Dispositions,
    Positions,
    dispositions,
    kept_dispositions,
    now_of,
    once,
    window_start,
    within,
)
from coc.metrics.registry import kpi
from coc.metrics.scoped import Durations, Scoped, counted, in_order, share

_DISPOSITIONS = (Dataset.DISPOSITIONS,)
_WITH_LETTERS = (Dataset.DISPOSITIONS, Dataset.LETTERS)  # urgency, and so the due date, is the letter's
_OPEN = ("dispositions.instruction", "dispositions.completed_at")
# Without either nothing is ever due; of a date nobody knows when that day it is due.
_DUE = (*_OPEN, "dispositions.due_at@time|letters.urgency", "dispositions.due_at@time|dispositions.issued_at@time")


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
def backlog(city: City, _window: WindowName) -> Scoped:
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
def overdue(city: City, _window: WindowName) -> Scoped:
    """Backlog with now > due; what has no due is not overdue."""
    rows = dispositions(city)
    return counted(city, rows.unit, overdue_rows(rows, now_of(city), backlog_rows(rows)))


@kpi(
    "disposition.due_soon",
    measure="count",
    better="down",
    datasets=_WITH_LETTERS,
    inputs=("dispositions.issued_at@time", *_DUE),
    windowed=False,
)
def due_soon(city: City, _window: WindowName) -> Scoped:
    """Backlog, not overdue, with due - now <= 20 % of due - issued_at (clock time)."""
    rows = dispositions(city)
    return counted(city, rows.unit, due_soon_rows(rows, now_of(city), backlog_rows(rows)))


@kpi(
    "disposition.on_time_rate",
    measure="rate",
    better="up",
    datasets=_WITH_LETTERS,
    inputs=("dispositions.completed_at@time", *_DUE),
)
def on_time_rate(city: City, window: WindowName) -> Scoped:
    """Those nf with due in the window: completed_at not null and <= due / all of them (0..1)."""
    rows = dispositions(city)
    whole = rows.nf & within(rows.due, window_start(city, window), now_of(city))
    return share(city, rows.unit, on_time_rows(rows), whole)


def on_time_rows(rows: Dispositions) -> Bools:
    found: Bools = (rows.completed != NAT) & (rows.completed <= rows.due)
    return found


def _ended(rows: Dispositions) -> Bools:
    found: Bools = rows.nf & (rows.completed != NAT) & ~np.isnan(rows.hours)
    return found


def _ended_in_order(city: City) -> tuple[Positions, Positions]:
    """What `done` is of, by unit and hours and by hours alone; of a part it is the whole's without the others."""

    def find() -> tuple[Positions, Positions]:
        if city.part is not None:
            kept = kept_dispositions(city)
            place = np.cumsum(kept) - 1
            by_unit, by_hours = (place[rows[kept[rows]]] for rows in _ended_in_order(city.part.whole))
            return by_unit, by_hours
        rows = dispositions(city)
        found = np.flatnonzero(_ended(rows))
        by_unit, by_hours = in_order(rows.unit[found], rows.hours[found])
        return found[by_unit], found[by_hours]

    return once(city, "done_order", find)


def done(city: City, window: WindowName) -> Durations:
    """Follow-up completed in the window; sorted once for all windows, selected once for all quantiles."""

    def recent(first: int) -> Durations:
        rows = dispositions(city)
        found = np.flatnonzero(_ended(rows) & (rows.completed >= first))
        return Durations.of(rows.unit[found], rows.completed[found], rows.hours[found])

    def prepare() -> Durations:
        rows = dispositions(city)
        return Durations.chosen(rows.unit, rows.completed, rows.hours, *_ended_in_order(city))

    def select() -> Durations:
        first = window_start(city, window)
        if city.known_later is not None:  # seldom asked of another window: what it does not have is not sorted
            return recent(first).within(first, now_of(city))
        return once(city, "done", prepare).within(first, now_of(city))

    return once(city, f"done-{window}", select)


def _followup(id: str, q: float) -> None:
    def quantile(city: City, window: WindowName) -> Scoped:
        return done(city, window).quantile(city, q)

    quantile.__doc__ = (
        f"nf completed in the window: {q:.0%} of them took at most this many working hours from issued_at to "
        "completed_at, in to_unit's calendar (quantile by linear interpolation)."
    )
    inputs = ("dispositions.issued_at@time", "dispositions.completed_at@time", *_OPEN)
    kpi(id, measure="hours", better="down", datasets=_DISPOSITIONS, inputs=inputs)(quantile)


for _percent in (50, 85, 95):
    _followup(f"disposition.followup_hours_p{_percent}", _percent / 100)


@kpi(
    "disposition.outside_hours_share",
    measure="rate",
    better=None,
    datasets=_DISPOSITIONS,
    inputs=("dispositions.issued_at@time",),
)
def outside_hours_share(city: City, window: WindowName) -> Scoped:
    """Dispositions issued in the window outside working time (default calendar) / issued in the window (0..1).

    Cancelled ones are in neither; those that need no follow-up are in both.
    """
    rows = dispositions(city)
    issued = within(rows.issued, window_start(city, window), now_of(city)) & (rows.cancelled == NAT)
    return share(city, rows.unit, rows.outside, issued)
