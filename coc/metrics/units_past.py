"""Units' past, from today's knowledge: twelve weeks, and how each stood when a window opened.

A thing is known at an instant when its own time is not after it. What boards hold reaches 90 days back: all that was
open on one of them.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from coc.domain.instants import NAT, Micros, micros_of
from coc.metrics.adoption import WORKING_DAYS, weeks_of_habit
from coc.metrics.city import WINDOWS, City
from coc.metrics.dispositions import done, on_time_rows
from coc.metrics.facts import (
    NEVER,
    Days,
    Positions,
    disposition_days,
    dispositions,
    letter_days,
    letters,
    once,
    scopes,
    today_of,
    window_start,
)
from coc.metrics.scoped import grouped_quantile
from coc.metrics.units_frames import Cells, cells

WEEKS: Final = 12  # whole weeks of the days that boards hold


def mondays(city: City) -> list[date]:
    """Of the 12 latest complete weeks, the oldest first."""
    today = today_of(city)
    last = today - timedelta(days=today.weekday() + 7)
    return [last - timedelta(days=7 * n) for n in range(WEEKS - 1, -1, -1)]


def weeks(city: City) -> pd.DataFrame:
    """The 12 weeks of `past`: monday, working_days, counts, habit, letters, dispositions.

    counts: it has working days enough for adoption; habit: it is one of the four that adoption looks at. letters,
    dispositions: whether any was known by its end; before that nothing is 0, it is unknown.
    """
    of_habit, working = set(weeks_of_habit(city)), city.calendars.default.working_days
    days = [working(m, m + timedelta(days=6)) for m in mondays(city)]
    ends = _starts(city)[1:]
    first = [at.min(initial=NEVER) for at in (letters(city).registered, dispositions(city).issued)]
    return pd.DataFrame(
        {
            "monday": pd.Series(mondays(city), dtype="object"),
            "working_days": np.array(days, dtype="int64"),
            "counts": [d >= WORKING_DAYS for d in days],
            "habit": [m in of_habit for m in mondays(city)],
            "letters": ends > first[0],
            "dispositions": ends > first[1],
        }
    )


def past(city: City) -> pd.DataFrame:
    """By unit and week (its place in `weeks`): what came, and how it stood at the week's end.

    registered, eligible, electronic (letters; the last two without the paper-exempt), due, on_time (dispositions due in
    the week), p85 (working hours of the follow-up completed in it, NaN: none), backlog, overdue (at its end; done since
    was open then).
    """
    mail, given = letters(city), dispositions(city)
    came, due = _weeks(city, letter_days(city, "registered")), _weeks(city, disposition_days(city, "due"))
    paperless = (came >= 0) & ~mail.exempt
    judged = given.nf & (due >= 0)
    backlog, overdue = _opened(city, _starts(city)[1:])
    found = {
        "registered": cells(city, mail.unit, came, came >= 0, WEEKS),
        "eligible": cells(city, mail.unit, came, paperless, WEEKS),
        "electronic": cells(city, mail.unit, came, paperless & mail.electronic, WEEKS),
        "due": cells(city, given.unit, due, judged, WEEKS),
        "on_time": cells(city, given.unit, due, judged & on_time_rows(given), WEEKS),
        "backlog": backlog,
        "overdue": overdue,
    }
    hours = _followup_by_week(city)
    kept = np.any([counts > 0 for counts in found.values()], axis=0) | ~np.isnan(hours)
    unit, place = np.nonzero(kept)
    return pd.DataFrame(
        {
            "unit": scopes(city).take(unit).reset_index(drop=True),
            "week": place,
            **{name: counts[kept] for name, counts in found.items()},
            "p85": hours[kept].round(2),
        }
    )


def before(city: City) -> pd.DataFrame:
    """How each unit stood when a window opened: unit, window, backlog, overdue."""
    at = np.array([window_start(city, window) for window in WINDOWS], dtype="int64")
    backlog, overdue = _opened(city, at)
    unit, place = np.nonzero(backlog)
    return pd.DataFrame(
        {
            "unit": scopes(city).take(unit).reset_index(drop=True),
            "window": pd.Series(pd.array(WINDOWS, dtype="str").take(place)),
            "backlog": backlog[unit, place],
            "overdue": overdue[unit, place],
        }
    )


def _starts(city: City) -> Micros:
    """The midnights that open the 12 weeks, and the one that ends the last."""

    def find() -> Micros:
        days = [*mondays(city), mondays(city)[-1] + timedelta(days=7)]
        return np.array([micros_of(city.calendars.midnight(d)) for d in days], dtype="int64")

    return once(city, "week_starts", find)


def _weeks(city: City, days: Days) -> Positions:
    """The place of each city day's week, -1 where it is in none of the 12."""
    begins = (mondays(city)[0] - today_of(city)).days
    return np.where((days >= begins) & (days < begins + 7 * WEEKS), (days - begins) // 7, -1).astype(np.intp)


def _weeks_of(city: City, at: Micros) -> Positions:
    """The place of each time's week, -1 where it is in none of the 12."""
    found = np.searchsorted(_starts(city), at, side="right") - 1
    return np.where(found < WEEKS, found, -1)


def _opened(city: City, midnights: Micros) -> tuple[Cells, Cells]:
    """By scope and midnight, how many were open just before it and how many of them overdue.

    A thing is open from its issue until it is completed or cancelled, overdue from the moment after its due.
    """

    def prepare() -> tuple[Cells, Cells]:
        rows = dispositions(city)
        mine = np.flatnonzero(rows.follow_up)
        unit, issued = rows.unit[mine], rows.issued[mine]
        ends = [np.where(at[mine] == NAT, NEVER, at[mine]) for at in (rows.completed, rows.cancelled)]
        left = np.maximum(issued, np.minimum(*ends))
        late = np.maximum(issued, np.where(rows.due[mine] == NAT, NEVER - 1, rows.due[mine]) + 1)
        ever = np.flatnonzero(late < left)
        return (
            _by(city, unit, issued) - _by(city, unit, left),
            _by(city, unit[ever], late[ever]) - _by(city, unit[ever], left[ever]),
        )

    asked = np.searchsorted(_instants(city), midnights)
    backlog, overdue = once(city, "opened", prepare)
    return backlog[:, asked], overdue[:, asked]


def _instants(city: City) -> Micros:
    """Every midnight that is asked for, once, in order: one pass over the rows serves all."""
    return once(
        city, "opened_at", lambda: np.unique([*_starts(city), *(window_start(city, window) for window in WINDOWS)])
    )


def _by(city: City, unit: Positions, at: Micros) -> Cells:
    """How many times of each scope lie before each of the instants."""
    instants = _instants(city)
    place = np.searchsorted(instants, at, side="right")
    found: Cells = cells(city, unit, place, place < len(instants), len(instants)).cumsum(axis=1)
    return found


def _followup_by_week(city: City) -> npt.NDArray[np.float64]:
    """p85 of the follow-up completed in each week, by scope."""
    rows, size = done(city, "90d"), len(scopes(city))
    found = _quantile_by_week(rows.unit, _weeks_of(city, rows.at), rows.hours, size)
    whole = np.zeros(len(rows.city_at), dtype=np.intp)
    found[0] = _quantile_by_week(whole, _weeks_of(city, rows.city_at), rows.city_hours, 1)[0]
    return found


def _quantile_by_week(
    unit: Positions, week: Positions, hours: npt.NDArray[np.float64], units: int
) -> npt.NDArray[np.float64]:
    """Rows come by unit and hours: what is left is to part their weeks."""
    mine = np.flatnonzero(week >= 0)
    group = unit[mine] * WEEKS + week[mine]
    order = np.argsort(group.astype("uint16") if units * WEEKS < 2**16 else group, kind="stable")
    return grouped_quantile(group[order], hours[mine][order], 0.85, units * WEEKS).reshape(units, WEEKS)
