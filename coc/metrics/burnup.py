"""Installed sites by month against the plan, and where the pace of the last half year would lead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from coc.domain.instants import Floats
from coc.metrics.city import City
from coc.metrics.facts import once
from coc.metrics.sites import NO_DAY, Days, programme

PACE_MONTHS: Final = 6  # complete ones
FEWEST: Final = 3  # installations in them, or there is no pace to speak of
MOST_UNDATED: Final = 0.1  # of the installed sites: with more, the pace is not known
AHEAD_YEARS: Final = 5
BEHIND_YEARS: Final = 12


@dataclass(frozen=True, slots=True)
class Pace:
    """`a_month`: sites, NaN where nothing may be forecast; then `why`: few, undated, finished or empty."""

    a_month: float
    installed: int  # in the months looked at
    why: str = ""


def pace(city: City) -> Pace:
    """The installations of the last `PACE_MONTHS` complete months of the city's calendar."""
    rows = programme(city)
    month = int(_month_of(np.array([rows.today]))[0])
    dated = rows.since[rows.since != NO_DAY]
    months = _month_of(dated)
    lately = int(((months >= month - PACE_MONTHS) & (months < month)).sum())
    there = int(rows.installed.sum())
    if there == len(rows.rows):
        return Pace(np.nan, lately, "finished" if there else "empty")
    if there - len(dated) > MOST_UNDATED * there:
        return Pace(np.nan, lately, "undated")
    return Pace(lately / PACE_MONTHS, lately) if lately >= FEWEST else Pace(np.nan, lately, "few")


def burnup(city: City) -> pd.DataFrame:
    """A row a month's end, and one today: at (date as text), planned, installed, forecast, today.

    `planned`: sites whose target_at is not after the day. `installed`: sites installed by then, NaN after today; one
    that nobody dates counts from the beginning. `forecast`: NaN before today; from today's installed on at `pace`, up
    to the last site. No row where there is nothing to install; months over `BEHIND_YEARS` ago or more than
    `AHEAD_YEARS` ahead are left out (what lies before them is in the first row).
    """

    def find() -> pd.DataFrame:
        rows, speed = programme(city), pace(city)
        there, whole = int(rows.installed.sum()), len(rows.rows)
        dated = np.sort(rows.since[rows.since != NO_DAY])
        target = np.sort(rows.target[rows.target != NO_DAY])
        if not whole or not len(dated) + len(target):
            return pd.DataFrame()
        done = rows.today + (whole - there) / speed.a_month * _MONTH if speed.a_month > 0 else np.nan
        days = _ends(rows.today, [*dated[:1], *target[:1]], [*target[-1:], *([done] if done == done else [])])
        ahead: Floats = np.maximum(days - rows.today, 0) / _MONTH
        forecast = np.minimum(there + ahead * speed.a_month, whole)
        had = there - len(dated) + np.searchsorted(dated, days, side="right")
        return pd.DataFrame(
            {
                "at": pd.Series(days.astype("datetime64[D]").astype("str"), dtype="str"),
                "planned": np.searchsorted(target, days, side="right"),
                "installed": np.where(days <= rows.today, had, np.nan),
                "forecast": np.where(days >= rows.today, np.round(forecast, 1), np.nan),
                "today": days == rows.today,
            }
        )

    return once(city, "burnup", find)


def outlook(city: City) -> pd.DataFrame:
    """One row: a_month (NaN: no forecast), lately (installed in those months), why, done (date as text, "" unknown).

    `done`: when the last site would be installed at that pace; "" too where that is beyond `AHEAD_YEARS`.
    """
    rows, speed = programme(city), pace(city)
    done = ""
    if speed.a_month > 0:
        day = rows.today + (len(rows.rows) - int(rows.installed.sum())) / speed.a_month * _MONTH
        done = str(np.datetime64(int(day), "D")) if day <= rows.today + AHEAD_YEARS * _YEAR else ""
    return pd.DataFrame({"a_month": [speed.a_month], "lately": [speed.installed], "why": [speed.why], "done": [done]})


_YEAR: Final = 365.25
_MONTH: Final = _YEAR / 12


def _month_of(days: Days) -> Days:
    return days.astype("datetime64[D]").astype("datetime64[M]").astype("int64")


def _ends(today: int, firsts: list[int], lasts: list[float]) -> Days:
    """The last days of the months from before the first to the last, today among them."""
    first = max(min(firsts, default=today), today - BEHIND_YEARS * _YEAR)
    last = min(max([*lasts, today]), today + AHEAD_YEARS * _YEAR)
    start, end = _month_of(np.array([min(first, today), last], dtype="int64"))
    months = np.arange(start - 1, end + 1)
    ends = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype("int64") - 1
    return np.union1d(ends, [today])
