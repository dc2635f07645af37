"""Adoption as habit: who uses the e-office week after week, and for how many types of letters (DOMAIN, KPIs)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import numpy as np

from coc.domain.datasets import Dataset
from coc.domain.instants import Bools, Floats, micros_of
from coc.metrics.city import City, WindowName
from coc.metrics.facts import before, letter_types, letters, now_of, once, scopes, today_of, window_start, within
from coc.metrics.registry import kpi
from coc.metrics.scoped import Scoped, count, scoped

WEEKS: Final = 4
WORKING_DAYS: Final = 3  # of a week that counts
_WEEKS_BACK: Final = 12  # whole weeks of the days that boards hold


@kpi(
    "adoption.rate",
    measure="rate",
    better="up",
    datasets=(Dataset.LETTERS,),
    inputs=("letters.registered_at",),
    windowed=False,
)
def rate(city: City, _window: WindowName) -> Scoped:
    """Units valid today that registered enough letters in each week / units valid today (0..1).

    Enough: `limits.adoption_letters_per_week`. Weeks: the 4 latest complete ones (Mon-Sun) with at least 3 working days
    in the default calendar, reaching back past holiday weeks. A unit's own rate is 1 or 0.
    """
    weeks, rows = weeks_of_habit(city), letters(city)
    if len(weeks) < WEEKS:
        return scoped(np.full(len(scopes(city)), np.nan))
    habit = np.ones(len(scopes(city)), dtype=bool)
    for monday in weeks:
        first, end = (micros_of(city.calendars.midnight(monday + timedelta(days=d))) for d in (0, 7))
        registered = count(city, rows.unit, before(rows.registered, first, end))
        habit &= registered >= city.limits.adoption_letters_per_week
    return _mean_over_units(city, habit.astype("float64"))


@kpi(
    "adoption.breadth",
    measure="rate",
    better="up",
    datasets=(Dataset.LETTERS,),
    inputs=("letters.registered_at", "letters.type"),
    windowed=False,
)
def breadth(city: City, _window: WindowName) -> Scoped:
    """Mean over units valid today of distinct letter types registered in the last 90d / number of configured types.

    0..1; types that config does not list are left out. A unit's own is its own share, whatever the window.
    """
    rows, types, units = letters(city), len(letter_types(city)), len(scopes(city))
    if not types:
        return scoped(np.full(units, np.nan))
    used = within(rows.registered, window_start(city, "90d"), now_of(city)) & (rows.type >= 0)
    pairs = np.bincount(rows.unit[used] * types + rows.type[used], minlength=units * types)
    return _mean_over_units(city, (pairs.reshape(units, types) > 0).sum(axis=1) / types)


def weeks_of_habit(city: City) -> list[date]:
    """Mondays of the 4 latest complete weeks with 3 working days or more, the latest first; fewer where boards end."""

    def find() -> list[date]:
        today = today_of(city)
        last = today - timedelta(days=today.weekday() + 7)
        mondays = [last - timedelta(days=7 * n) for n in range(_WEEKS_BACK)]
        working = city.calendars.default.working_days
        return [m for m in mondays if working(m, m + timedelta(days=6)) >= WORKING_DAYS][:WEEKS]

    return once(city.known_later or city, f"weeks_of_habit-{today_of(city)}", find)


def valid_today(city: City) -> Bools:
    """By scope: valid_from <= today <= valid_to, an absent bound holds; the city is False."""

    def find() -> Bools:
        today, units = today_of(city).isoformat(), city.units
        begun = units["valid_from"].isna() | (units["valid_from"].str[:10] <= today)
        ended = units["valid_to"].notna() & (units["valid_to"].str[:10] < today)
        found: Bools = scopes(city).isin(units.loc[begun & ~ended, "code"]).to_numpy(dtype=bool)
        return found

    whole = city.part.whole if city.part is not None else city.known_later or city
    return once(whole, f"valid-{today_of(city)}", find)


def _mean_over_units(city: City, values: Floats) -> Scoped:
    """The city's mean, and each unit's own; null for a unit that is not valid today."""
    valid = valid_today(city)
    found = np.where(valid, values, np.nan)
    found[0] = values[valid].mean() if valid.any() else np.nan
    return scoped(found)
