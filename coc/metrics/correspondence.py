"""Letters: registered and completed, paperless rates, sheets saved, what waits for a disposition (DOMAIN, KPIs)."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from coc.domain.datasets import Dataset
from coc.domain.instants import NAT
from coc.metrics.city import City, WindowName
from coc.metrics.facts import (
    before,
    dispositions,
    letter_of,
    letters,
    midnight_before,
    now_of,
    today_of,
    window_start,
    within,
)
from coc.metrics.registry import kpi
from coc.metrics.scoped import Scoped, count, counted, scoped, share, total

_LETTERS = (Dataset.LETTERS,)


@kpi(
    "correspondence.registered_today",
    measure="count",
    better=None,
    datasets=_LETTERS,
    inputs=("letters.registered_at",),
    windowed=False,
)
def registered_today(city: City, _window: WindowName) -> Scoped:
    """Letters with registered_at in [today's city midnight, now], by unit."""
    rows = letters(city)
    return counted(city, rows.unit, within(rows.registered, midnight_before(city, 0), now_of(city)))


@kpi(
    "correspondence.completed_today",
    measure="count",
    better="up",
    datasets=_LETTERS,
    inputs=("letters.completed_at",),
    windowed=False,
)
def completed_today(city: City, _window: WindowName) -> Scoped:
    """Letters with completed_at in [today's city midnight, now], by unit."""
    rows = letters(city)
    return counted(city, rows.unit, within(rows.completed, midnight_before(city, 0), now_of(city)))


@kpi(
    "correspondence.registered_per_working_day",
    measure="count",
    better=None,
    datasets=_LETTERS,
    inputs=("letters.registered_at",),
)
def registered_per_working_day(city: City, window: WindowName) -> Scoped:
    """Letters registered in the window's complete days / working days (default calendar) among them.

    Complete days: from the window's first midnight to before today's. Null when no working day is among them.
    """
    rows, today = letters(city), today_of(city)
    registered = before(rows.registered, window_start(city, window), midnight_before(city, 0))
    first = today - timedelta(days=int(window[:-1]) - 1)
    days = city.calendars.default.working_days(first, today - timedelta(days=1))
    return scoped(count(city, rows.unit, registered) / (days or np.nan))


@kpi(
    "correspondence.paperless_rate",
    measure="rate",
    better="up",
    datasets=_LETTERS,
    inputs=("letters.registered_at", "letters.medium", "letters.category"),
)
def paperless_rate(city: City, window: WindowName) -> Scoped:
    """Electronic / all, of letters registered in the window whose category is not in `limits.paper_exempt` (0..1)."""
    rows = letters(city)
    eligible = within(rows.registered, window_start(city, window), now_of(city)) & ~rows.exempt
    return share(city, rows.unit, rows.electronic, eligible)


@kpi(
    "correspondence.paperless_rate_all",
    measure="rate",
    better="up",
    datasets=_LETTERS,
    inputs=("letters.registered_at", "letters.medium"),
)
def paperless_rate_all(city: City, window: WindowName) -> Scoped:
    """Electronic / all, of letters registered in the window, of whatever category (0..1)."""
    rows = letters(city)
    registered = within(rows.registered, window_start(city, window), now_of(city))
    return share(city, rows.unit, rows.electronic, registered)


@kpi(
    "correspondence.sheets_saved",
    measure="sheets",
    better="up",
    datasets=_LETTERS,
    inputs=("letters.registered_at", "letters.medium"),
)
def sheets_saved(city: City, window: WindowName) -> Scoped:
    """Sum of pages x copies over electronic letters registered in the window; rupiah = x `limits.rupiah_per_sheet`.

    Where a letter does not say, `limits.default_pages` and `limits.default_copies`.
    """
    rows = letters(city)
    saved = rows.electronic & within(rows.registered, window_start(city, window), now_of(city))
    return scoped(total(city, rows.unit[saved], rows.sheets[saved]))


@kpi(
    "correspondence.undispositioned",
    measure="count",
    better="down",
    datasets=(Dataset.LETTERS, Dataset.DISPOSITIONS),
    inputs=("letters.registered_at@time", "letters.completed_at", "dispositions.letter_id"),
    windowed=False,
)
def undispositioned(city: City, _window: WindowName) -> Scoped:
    """Incoming letters, not completed, without a disposition that is not cancelled, that waited too long.

    Too long: more than `limits.first_disposition_working_hours` of the default calendar since registered_at.
    """
    rows, given = letters(city), dispositions(city)
    dispositioned = np.zeros(len(rows.unit), dtype=bool)
    of_letter = letter_of(city)
    dispositioned[of_letter[(of_letter >= 0) & (given.cancelled == NAT)]] = True
    waiting = rows.incoming & (rows.completed == NAT) & ~dispositioned
    age = city.calendars.default.hours_between(rows.registered[waiting], now_of(city))
    waiting[waiting] = age > city.limits.first_disposition_working_hours
    return counted(city, rows.unit, waiting)
