"""How old the backlog is, in the calendar of the unit that has it: counted once a city for every chart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from coc.domain.instants import Bools, Floats, to_days
from coc.domain.worktime import Calendar
from coc.metrics.city import City
from coc.metrics.dispositions import backlog_rows, overdue_rows
from coc.metrics.facts import Positions, disposition_column, dispositions, now_of, once, today_of

Ages = npt.NDArray[np.int64]


def waiting(city: City) -> Positions:
    """The backlog, as places in `facts.dispositions`."""
    return once(city, "backlog", lambda: np.flatnonzero(backlog_rows(dispositions(city))))


def late(city: City) -> Bools:
    """Of the backlog, what is overdue."""

    def find() -> Bools:
        rows = dispositions(city)
        return overdue_rows(rows, now_of(city), backlog_rows(rows))[waiting(city)]

    return once(city, "backlog_late", find)


def age_in_days(city: City) -> Ages:
    """Working days after the city date of issue, up to and with today; the day of issue never counts."""

    def find() -> Ages:
        issued, today = city.calendars.days_of(dispositions(city).issued[waiting(city)]), int(to_days(today_of(city)))
        found = np.zeros(len(issued), dtype="int64")
        for calendar, mine in _by_calendar(city):
            found[mine] = calendar.working_days_between(issued[mine], today)
        return found

    return once(city, "backlog_days", find)


def age_in_hours(city: City) -> Floats:
    """Working hours from issued_at to now."""

    def find() -> Floats:
        issued = dispositions(city).issued[waiting(city)]
        found = np.zeros(len(issued))
        for calendar, mine in _by_calendar(city):
            found[mine] = calendar.hours_between(issued[mine], city.now)
        return found

    return once(city, "backlog_hours", find)


def _by_calendar(city: City) -> Iterator[tuple[Calendar, Bools]]:
    """Each calendar of the backlog's units, with its rows. Found of the few codes, not of each row."""
    unit = disposition_column(city, "to_unit")
    mine = unit.places[waiting(city)]
    for calendar, words in city.calendars.groups(pd.Series([*unit.words, ""], dtype="str")):
        yield calendar, words[mine]  # -1 is the last
