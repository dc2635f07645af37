"""Where dispositions wait and for how long: the frames of /disposisi, by unit ("" is the city) and window.

A chart that rests on what no source records has no row (`cubes.recorded`): nothing is drawn as if it were known.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from coc.domain.datasets import URGENCIES
from coc.domain.instants import NAT, Floats
from coc.metrics import backlog, cubes
from coc.metrics.city import WINDOWS, City
from coc.metrics.cubes import OUTSIDE, by_scope, texts, units_of
from coc.metrics.facts import (
    Positions,
    disposition_column,
    dispositions,
    once,
    scopes,
)
from coc.metrics.registry import registered
from coc.metrics.series import AGES

ABSENT: Final = "absent"  # the urgency of a disposition whose letter has not arrived
EVERY: Final = "all"  # of all urgencies together
URGENCY_ROWS: Final = (*URGENCIES, ABSENT)
STEPS: Final = (0, 2, 4, 8, 15, 22.5, 30, 37.5, 56.25, 75, 112.5, 150, 225)  # working hours; 7.5 are a day
_SLE: Final = "disposition.followup_hours_p85"
_QUANTILES: Final = (0.5, 0.85, 0.95)


def ages(city: City) -> pd.DataFrame:
    """The backlog: unit, urgency, bucket (working days of age, to_unit's calendar), backlog, overdue; no empty cell.

    Age: working days after the city date of issue, up to and with today; the day of issue never counts. overdue: null
    where no source records what it rests on.
    """
    if not cubes.recorded(city, "disposition.backlog"):
        return cubes.nothing(("unit", "urgency", "bucket", "backlog", "overdue"), ("backlog", "overdue"))
    rows, waiting = dispositions(city), backlog.waiting(city)
    dues = cubes.recorded(city, "disposition.overdue")
    late = backlog.late(city) if dues else np.zeros(len(waiting), dtype=bool)
    bucket = np.searchsorted([1, 3, 5], backlog.age_in_days(city), side="left")
    sizes = (len(scopes(city)), len(URGENCY_ROWS), len(AGES), 2)
    keys = (rows.unit[waiting], urgencies(city)[waiting], bucket, late.astype(np.intp))
    found = cubes.with_city(cubes.counts(keys, sizes))
    whole = found.sum(axis=3)
    unit, urgency, age = cubes.rows_where(whole)
    return pd.DataFrame(
        {
            "unit": units_of(city, unit),
            "urgency": texts(URGENCY_ROWS, urgency),
            "bucket": texts(AGES, age),
            "backlog": whole[unit, urgency, age],
            "overdue": found[unit, urgency, age, 1] if dues else np.full(len(unit), np.nan),
        }
    )


def ageing(city: City) -> pd.DataFrame:
    """The backlog by its age in working hours, counted in steps: unit, urgency, beyond, count, hours (their mean age).

    beyond: older than the scope's line, its p85 of follow-up over 90 days, at which a step is cut in two; where a unit
    has followed up nothing, the city's line is its.
    """
    if not _ages_known(city):
        return cubes.nothing(("unit", "urgency", "beyond", "count", "hours"), ("beyond", "count", "hours"))
    unit_of, waiting = dispositions(city).unit, backlog.waiting(city)
    scope, row = by_scope(unit_of[waiting])
    age, limit = backlog.age_in_hours(city)[row], _lines(city)[scope]
    step = np.searchsorted(STEPS, age, side="right") - 1
    beyond = (age > limit).astype(np.intp)
    sizes = (len(scopes(city)), len(URGENCY_ROWS), len(STEPS), 2)
    flat = cubes.flat((scope, urgencies(city)[waiting][row], step, beyond), sizes)
    count = np.bincount(flat, minlength=int(np.prod(sizes)))
    total = np.bincount(flat, weights=age, minlength=len(count))
    some = np.flatnonzero(count)
    unit, urgency, _, over = np.unravel_index(some, sizes)
    return pd.DataFrame(
        {
            "unit": units_of(city, unit),
            "urgency": texts(URGENCY_ROWS, urgency),
            "beyond": over.astype(bool),
            "count": count[some].astype("int64"),
            "hours": np.round(total[some] / count[some], 1),
        }
    )


def lines(city: City) -> pd.DataFrame:
    """The line of each scope that has a backlog: unit, hours (NaN: unknown), own, open, beyond (older than the line).

    own: whether the line is of the unit's own follow-up; else it is the city's.
    """
    columns = ("unit", "hours", "own", "open", "beyond")
    if not _ages_known(city):
        return cubes.nothing(columns, columns[1:])
    waiting = backlog.waiting(city)
    scope, row = by_scope(dispositions(city).unit[waiting])
    count = np.bincount(scope, minlength=len(scopes(city)))
    limit = _lines(city)
    over = np.bincount(scope[backlog.age_in_hours(city)[row] > limit[scope]], minlength=len(count))
    some = np.flatnonzero(count)
    own = ~np.isnan(_own_lines(city))
    return pd.DataFrame(
        {
            "unit": units_of(city, some),
            "hours": np.round(limit[some], 2),
            "own": own[some],
            "open": count[some].astype("int64"),
            "beyond": over[some].astype("int64"),
        }
    )


def spread(city: City) -> pd.DataFrame:
    """Follow-up completed in the window: unit, window, urgency ("all": of every), count, p50, p85, p95 (working hours).

    As the KPIs `disposition.followup_hours_*`, to the hundredth of an hour; no row for a group without any.
    """
    if not cubes.recorded(city, _SLE):
        columns = ("unit", "window", "urgency", "count", "p50", "p85", "p95")
        return cubes.nothing(columns, columns[3:])
    rows, order = dispositions(city), cubes.in_hours_order(city)
    done = order[(rows.nf & (rows.completed != NAT) & ~np.isnan(rows.hours))[order]]
    span = cubes.spans(city, rows.completed[done])
    done, span = done[span < OUTSIDE], span[span < OUTSIDE]
    unit, urgency, hours = rows.unit[done], urgencies(city)[done], rows.hours[done]
    width, every = len(URGENCY_ROWS) + 1, len(URGENCY_ROWS)
    whole = np.full(len(done), every)
    # Each row counts for the city and for its unit, with its urgency and with all.
    parts = [_quantile_rows(city, key, hours, span, width) for key in (whole, urgency)]
    listed = np.flatnonzero(unit)
    unit, hours, span = unit[listed] * width, hours[listed], span[listed]
    parts += [_quantile_rows(city, unit + key[listed], hours, span, width) for key in (whole, urgency)]
    some, window, count, p50, p85, p95 = (np.concatenate(column) for column in zip(*parts, strict=True))
    return pd.DataFrame(
        {
            "unit": units_of(city, some // width),
            "window": texts(WINDOWS, window),
            "urgency": texts((*URGENCY_ROWS, EVERY), some % width),
            "count": count,
            "p50": p50,
            "p85": p85,
            "p95": p95,
        }
    )


def _quantile_rows(
    city: City, group: Positions, hours: Floats, span: Positions, width: int
) -> tuple[Positions, Positions, cubes.Counts, Floats, Floats, Floats]:
    """Of rows in the order of their hours: (group, window, count, p50, p85, p95) of each group that has any."""
    if len(group) and group.min() < group.max():
        order = cubes.grouped(group)
        group, hours, span = group[order], hours[order], span[order]
    size = len(scopes(city)) * width
    parts = []
    for place in range(len(WINDOWS)):
        inside = span <= place
        mine = group[inside]
        count = np.bincount(mine, minlength=size)
        some = np.flatnonzero(count)
        found = [q[some] for q in cubes.quantiles(count, hours[inside], _QUANTILES)]
        parts.append((some, np.full(len(some), place), count[some], *found))
    groups, windows, counts, p50, p85, p95 = (np.concatenate(column) for column in zip(*parts, strict=True))
    return groups, windows, counts.astype("int64"), p50, p85, p95


def urgencies(city: City) -> Positions:
    """The urgency of each disposition's letter, as its place in `URGENCY_ROWS`."""

    def find() -> Positions:
        held = disposition_column(city, "letter_urgency")
        known = [URGENCY_ROWS.index(w) if w in URGENCIES else URGENCY_ROWS.index("unknown") for w in held.words]
        return np.array([*known, URGENCY_ROWS.index(ABSENT)], dtype=np.intp)[held.places]  # -1 is the last

    return once(city, "urgency_rows", find)


def _ages_known(city: City) -> bool:
    """Whether what is open is known, and the hour of its issue: a date alone gives no age in hours."""
    return cubes.recorded(city, "disposition.backlog") and cubes.recorded(city, "disposition.outside_hours_share")


def _own_lines(city: City) -> Floats:
    def find() -> Floats:
        if not cubes.recorded(city, _SLE):
            return np.full(len(scopes(city)), np.nan)
        return registered()[_SLE].function(city, "90d").values

    return once(city, "own_lines", find)


def _lines(city: City) -> Floats:
    own = _own_lines(city)
    return np.where(np.isnan(own), own[0], own)
