"""Working time by hand: day by day, from DOMAIN's tables, sharing no code with the product."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays

ZONE = ZoneInfo("Asia/Jakarta")
RAMADAN = {2025: (date(2025, 3, 1), date(2025, 3, 30)), 2026: (date(2026, 2, 19), date(2026, 3, 20))}
_HOURS = {
    "five_day": {
        "mon": ["07:30-12:00", "13:00-16:00"],
        "fri": ["07:30-11:30", "13:00-16:30"],
        "sat": [],
        "ramadan": {"mon": ["07:30-12:00", "12:30-15:00"], "fri": ["07:00-11:30"], "sat": []},
    },
    "six_day": {
        "mon": ["07:30-12:00", "13:00-15:30"],
        "fri": ["07:30-11:30"],
        "sat": ["07:30-13:00"],
        "ramadan": {"mon": ["07:30-12:00", "12:30-13:30"], "fri": ["07:00-11:30"], "sat": ["07:30-13:30"]},
    },
}
_OFF: dict[int, frozenset[date]] = {}


def _holidays(year: int) -> frozenset[date]:
    if year not in _OFF:
        _OFF[year] = frozenset(holidays.country_holidays("ID", years=year, categories=("public", "government")))
    return _OFF[year]


def spans(day: date, profile: str) -> list[tuple[datetime, datetime]]:
    if day.weekday() == 6 or day in _holidays(day.year):
        return []
    hours = _HOURS[profile]
    first, last = RAMADAN.get(day.year, (date.max, date.min))
    if first <= day <= last:
        hours = hours["ramadan"]
    key = "fri" if day.weekday() == 4 else "sat" if day.weekday() == 5 else "mon"
    found = []
    for text in hours[key]:
        a, b = (datetime.combine(day, time.fromisoformat(t), ZONE) for t in text.split("-"))
        found.append((a, b))
    return found


def hours(a: datetime, b: datetime, profile: str) -> float:
    total, day = 0.0, a.astimezone(ZONE).date()
    while day <= b.astimezone(ZONE).date():
        for start, end in spans(day, profile):
            total += max(0.0, (min(b, end) - max(a, start)).total_seconds())
        day += timedelta(days=1)
    return total / 3600


def end_of_working_day_after(at: datetime, n: int, profile: str) -> datetime:
    day = at.astimezone(ZONE).date()
    while n:
        day += timedelta(days=1)
        n -= bool(spans(day, profile))
    return spans(day, profile)[-1][1]
