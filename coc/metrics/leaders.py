"""The city's leaders: how long letters wait for their first disposition. Offices, never officials (DOMAIN, Privacy)."""

from __future__ import annotations

import numpy as np

from coc.domain.datasets import Dataset
from coc.domain.instants import Bools
from coc.metrics.city import City, WindowName
from coc.metrics.facts import (
    NEVER,
    dispositions,
    first_disposition,
    letter_of,
    letters,
    now_of,
    once,
    window_start,
)
from coc.metrics.registry import kpi
from coc.metrics.scoped import Durations, Scoped


@kpi(
    "leaders.first_disposition_hours_p50",
    measure="hours",
    better="down",
    datasets=(Dataset.LETTERS, Dataset.DISPOSITIONS),
    inputs=("letters.registered_at@time", "dispositions.letter_id", "dispositions.issued_at@time"),
)
def first_disposition_hours(city: City, window: WindowName) -> Scoped:
    """Median of working hours (default calendar) from registered_at to the first disposition, by the letter's unit.

    Of incoming letters whose first disposition (the earliest issued_at of those not cancelled) falls in the window and
    comes from walikota, wakil_walikota or sekda. Before the registration: 0 h.
    """
    return _waits(city).within(window_start(city, window), now_of(city)).quantile(city, 0.5)


def _waits(city: City) -> Durations:
    def prepare() -> Durations:
        rows, first = letters(city), first_disposition(city)
        chosen = np.flatnonzero(rows.incoming & _by_leaders(city) & (first >= window_start(city, "90d")))
        hours = city.calendars.default.hours_between(rows.registered[chosen], first[chosen])
        return Durations.of(rows.unit[chosen], first[chosen], hours)

    return once(city, "leaders_waits", prepare)


def _by_leaders(city: City) -> Bools:
    """For each letter whether its first disposition came from a leader. Of several at one instant one is enough."""
    given, of, first = dispositions(city), letter_of(city), first_disposition(city)
    found = np.zeros(len(first), dtype=bool)
    rows = np.flatnonzero(given.leader & (of >= 0))
    found[of[rows[given.issued[rows] == first[of[rows]]]]] = True
    found &= first != NEVER
    return found
