"""When dispositions come, go and are given: by day, and by hour of the week."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import numpy as np
import pandas as pd

from coc.domain.instants import HOUR, Floats, to_days
from coc.metrics import cubes
from coc.metrics.city import WINDOWS, City
from coc.metrics.cubes import DAYS, OUTSIDE, texts, units_of
from coc.metrics.dispositions import backlog_rows
from coc.metrics.facts import (
    Positions,
    day_numbers,
    disposition_days,
    dispositions,
    once,
    scopes,
    today_of,
)
from coc.metrics.flow import departed
from coc.metrics.scoped import count

FINE: Final = 30  # days told one by one; the 90 days are told by seven
WEEK: Final = 7
HOURS: Final = tuple(f"h{hour:02}" for hour in range(24))


def balance(city: City) -> pd.DataFrame:
    """What needs follow-up, by day: unit, step (day, week), day (its first, ISO), arrived, departed, backlog, working.

    step "day": the last 30 days; "week": the last 90 in sevens that end today (the oldest has six). backlog: at the
    end of the step. working: days of it that the default calendar works. A unit has no row where nothing moved.
    """
    columns = ("unit", "step", "day", "arrived", "departed", "backlog", "working")
    if not cubes.recorded(city, "disposition.net_flow"):
        return cubes.nothing(columns, columns[3:])
    rows = dispositions(city)
    left = cubes.day_places(day_numbers(city, departed(city)))
    came, went = (_per_day(city, day) for day in (_issue_days(city), left))
    now = count(city, rows.unit, backlog_rows(rows)).astype("int64")
    net = came - went
    after = np.cumsum(net[:, ::-1], axis=1)[:, ::-1] - net  # of the days that follow
    backlog = now[:, None] - after
    first = today_of(city) - timedelta(days=DAYS - 1)
    works = city.calendars.default.is_working_day([first + timedelta(days=i) for i in range(DAYS)])
    parts = []
    for step, starts in (("day", np.arange(DAYS - FINE, DAYS)), ("week", _sevens())):
        ends = np.append(starts[1:], DAYS) - 1
        arrived, left = (np.add.reduceat(moved, starts, axis=1) for moved in (came, went))
        moving = (arrived + left) > 0
        moving[0] = True  # the city's days are all there
        unit, place = cubes.rows_where(moving)
        parts.append(
            pd.DataFrame(
                {
                    "unit": units_of(city, unit),
                    "step": texts((step,), np.zeros(len(unit), dtype=np.intp)),
                    "day": texts([(first + timedelta(days=int(i))).isoformat() for i in starts], place),
                    "arrived": arrived[unit, place],
                    "departed": left[unit, place],
                    "backlog": backlog[unit, ends[place]],
                    "working": np.add.reduceat(works.astype("int64"), starts)[place],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _sevens() -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The first days of the sevens that end with the last day; the oldest starts at 0."""
    whole = np.arange(DAYS - WEEK, -1, -WEEK)[::-1]
    return np.concatenate([[0], whole]) if whole[0] else whole


def _issue_days(city: City) -> Positions:
    return once(city, "issue_days", lambda: cubes.day_places(disposition_days(city, "issued")))


def _per_day(city: City, day: Positions) -> cubes.Counts:
    """Scopes x days."""
    rows = dispositions(city)
    mine = rows.follow_up & (day >= 0)
    return cubes.with_city(cubes.counts((rows.unit[mine], day[mine]), (len(scopes(city)), DAYS)))


def week(city: City) -> pd.DataFrame:
    """Dispositions issued in the window, not cancelled, by hour of the week in the city's zone.

    unit, window, weekday (0 Monday), office (24 digits, 1 for an hour of which the default calendar works half or more
    on the window's days), h00 ... h23.
    """
    if not cubes.recorded(city, "disposition.outside_hours_share"):
        return cubes.nothing(("unit", "window", "weekday", "office", *HOURS), ("weekday", *HOURS))
    rows = dispositions(city)
    span = cubes.issued_spans(city)
    chosen = np.flatnonzero(span < OUTSIDE)
    day = _issue_days(city)[chosen]
    hour = np.minimum((rows.issued[chosen] - cubes.midnights(city)[day]) // HOUR, 23).astype(np.intp)
    weekday = (int(to_days(today_of(city))) - (DAYS - 1) + day + 3) % 7  # 1970-01-01 was a Thursday
    keys = (rows.unit[chosen], weekday.astype(np.intp), hour)
    found = cubes.with_city(cubes.by_window(span[chosen], keys, (len(scopes(city)), WEEK, 24)), axis=1)
    place, unit = cubes.rows_where(found.sum(axis=(2, 3)))
    cells = found[place, unit].reshape(-1, 24)
    place, unit = np.repeat(place, WEEK), np.repeat(unit, WEEK)
    days = np.tile(np.arange(WEEK), len(cells) // WEEK)
    office = ["".join("1" if share >= 0.5 else "0" for share in row) for row in _office(city).reshape(-1, 24)]
    frame = pd.DataFrame(
        {
            "unit": units_of(city, unit),
            "window": texts(WINDOWS, place),
            "weekday": days.astype("int64"),
            "office": texts(office, place * WEEK + days),
        }
    )
    return frame.assign(**{name: cells[:, i] for i, name in enumerate(HOURS)})


def _office(city: City) -> Floats:
    """Of each window, weekday and hour the share that is working time, over the window's days."""

    def find() -> Floats:
        starts = cubes.midnights(city)[:, None] + np.arange(24) * HOUR
        worked = city.calendars.default.hours_between(starts.ravel(), (starts + HOUR).ravel()).reshape(DAYS, 24)
        weekday = (int(to_days(today_of(city))) - (DAYS - 1) + np.arange(DAYS) + 3) % 7
        found = np.zeros((len(WINDOWS), WEEK, 24))
        for place, window in enumerate(WINDOWS):
            inside = np.arange(DAYS) >= DAYS - int(window[:-1])
            for of in range(WEEK):
                found[place, of] = worked[inside & (weekday == of)].mean(axis=0)
        return found

    return once(city, "office_hours", find)
