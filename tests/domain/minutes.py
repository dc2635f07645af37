"""Working time counted minute by minute on a wall clock: slow, and with nothing in common with the engine."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import holidays

import coc

JAKARTA = ZoneInfo("Asia/Jakarta")
# weekday -> spans in minutes of the day
FIVE = {**{day: [(450, 720), (780, 960)] for day in range(4)}, 4: [(450, 690), (780, 990)]}
FIVE_RAMADAN = {**{day: [(450, 720), (750, 900)] for day in range(4)}, 4: [(420, 690)]}
SIX = {**{day: [(450, 720), (780, 930)] for day in range(4)}, 4: [(450, 690)], 5: [(450, 780)]}
SIX_RAMADAN = {**{day: [(450, 720), (750, 810)] for day in range(4)}, 4: [(420, 690)], 5: [(450, 810)]}
HOURS = {"five_day": (FIVE, FIVE_RAMADAN), "six_day": (SIX, SIX_RAMADAN)}

_RAMADAN = json.loads((Path(coc.__file__).parent / "reference" / "ramadan.json").read_text())["ramadan"].values()
_OFF = holidays.country_holidays("ID", categories=("public", "government"), years=range(2015, 2036))


@cache
def spans(day: date, profile: str) -> list[tuple[int, int]]:
    """The working spans of a day, in minutes after its midnight."""
    if day in _OFF:
        return []
    fasting = any(r["awal"] <= day.isoformat() <= r["akhir"] for r in _RAMADAN)
    return HOURS[profile][fasting].get(day.weekday(), [])


def works(at: datetime, profile: str, zone: ZoneInfo = JAKARTA) -> bool:
    wall = at.astimezone(zone)
    minute = wall.hour * 60 + wall.minute
    return any(start <= minute < end for start, end in spans(wall.date(), profile))


def minutes_between(a: datetime, b: datetime, profile: str, zone: ZoneInfo = JAKARTA) -> int:
    """Working minutes between two whole minutes."""
    at, count = a.astimezone(UTC), 0
    while at < b:
        count += works(at, profile, zone)
        at += timedelta(minutes=1)
    return count


def nth_day_end(at: datetime, n: int, profile: str, zone: ZoneInfo = JAKARTA) -> datetime:
    day = at.astimezone(zone).date()
    while n:
        day += timedelta(days=1)
        n -= bool(spans(day, profile))
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    return midnight + timedelta(minutes=spans(day, profile)[-1][1])
