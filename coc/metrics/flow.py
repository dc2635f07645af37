"""Dispositions that come and go: net flow, and how long the backlog takes to clear (DOMAIN, KPIs).

Of all that need follow-up, cancelled ones too. Completed and cancelled is one departure, at the earlier.
"""

from __future__ import annotations

import numpy as np

from coc.domain.datasets import Dataset
from coc.domain.instants import NAT, Bools, Micros, micros_of
from coc.metrics.city import City, WindowName
from coc.metrics.dispositions import backlog_rows
from coc.metrics.facts import before, dispositions, midnight_before, now_of, once, today_of, window_start, within
from coc.metrics.registry import kpi
from coc.metrics.scoped import NO_OUTFLOW, OK, STATES, UNSTABLE, Scoped, count, ratio, scoped

_INPUTS = ("dispositions.issued_at", "dispositions.instruction", "dispositions.completed_at")
_DAYS = 10
_BALANCE = 4  # arrivals and departures that differ by more than 1/4 of the larger are out of balance


def departed(city: City) -> Micros:
    """For each disposition when it was completed or cancelled, `NAT` while it is neither."""

    def find() -> Micros:
        rows = dispositions(city)
        first: Micros = np.minimum(rows.completed, rows.cancelled)  # NAT is the least
        return np.where(first == NAT, np.maximum(rows.completed, rows.cancelled), first)

    return once(city, "departed", find)


@kpi(
    "disposition.net_flow",
    measure="count",
    better="down",
    datasets=(Dataset.DISPOSITIONS,),
    inputs=_INPUTS,
)
def net_flow(city: City, window: WindowName) -> Scoped:
    """Needing follow-up: issued in the window - (completed or cancelled in the window). Above 0 the backlog grows."""
    rows, first, now = dispositions(city), window_start(city, window), now_of(city)
    arrived, left = (rows.follow_up & within(at, first, now) for at in (rows.issued, departed(city)))
    return scoped(count(city, rows.unit, arrived) - count(city, rows.unit, left))


@kpi(
    "disposition.days_to_clear",
    measure="days",
    better="down",
    datasets=(Dataset.DISPOSITIONS,),
    inputs=_INPUTS,
    windowed=False,
)
def days_to_clear(city: City, _window: WindowName) -> Scoped:
    """Backlog / mean (completed or cancelled) per working day over the last 10 complete working days.

    From the city midnight of the earliest of the 10 (default calendar, for units too) to before today's, weekends' work
    included. Null with state no_outflow when that mean is 0; state unstable, with its value, when arrivals and
    departures of those days differ by more than 25 % of the larger (Little's law holds only near balance).
    """
    rows = dispositions(city)
    days = city.calendars.default.latest_complete_working_days(today_of(city), _DAYS)
    end = midnight_before(city, 0)
    first = micros_of(city.calendars.midnight(days[0])) if days else end

    def per_scope(rows_of: Bools) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return count(city, rows.unit, rows_of)

    arrivals = per_scope(rows.follow_up & before(rows.issued, first, end))
    departures = per_scope(rows.follow_up & before(departed(city), first, end))
    unbalanced = _BALANCE * np.abs(arrivals - departures) > np.maximum(arrivals, departures)
    state = np.where(unbalanced, STATES.index(UNSTABLE), STATES.index(OK))
    state[departures == 0] = STATES.index(NO_OUTFLOW)
    return Scoped(ratio(per_scope(backlog_rows(rows)) * len(days), departures), state.astype("int8"))
