"""How busy the city is: letters per day and minute, working days, Ramadan, nights."""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np

from coc.domain import reference
from coc.domain.calendar_spec import CalendarSettings
from coc.domain.instants import DAY, HOUR, Bools, Floats, Micros, to_date, to_days, to_micros
from coc.domain.worktime import Calendar, build_calendars
from coc.simulate.chance import rng

ZONE: Final = "Asia/Jakarta"
OFFSET: Final = 7 * HOUR  # WIB: no summer time, ever
FAR: Final = int(np.iinfo(np.int64).max)  # "never": later than any now
MINUTES: Final = 1440
_MS: Final = 1000

_WEEKDAY: Final = (1.12, 1.05, 1.0, 0.98, 0.84, 0.0, 0.0)
_LETTERS: Final = 278  # a plain working day, city-wide
_RAMADAN: Final = 0.76
_OFF_DAY: Final = (32, 48)  # weekends and holidays: the units that never close


def day_of(micros: int) -> int:
    """The city day (since 1970) of an instant."""
    return (micros + OFFSET) // DAY


def midnight(day: int) -> int:
    """The first instant of a city day, in UTC microseconds."""
    return day * DAY - OFFSET


def minute_of_day(at: Micros) -> Micros:
    return np.asarray((at + OFFSET) % DAY // 60_000_000)


def whole_ms(at: Micros) -> Micros:
    """The feed tells milliseconds, so that is all there is: a cursor must mean what its text says."""
    return np.where(at == FAR, FAR, at // _MS * _MS)


class Rhythm:
    """The city's calendar and its volume."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._curves: dict[tuple[bool, bool], Floats] = {}

    @cached_property
    def calendar(self) -> Calendar:
        return build_calendars(CalendarSettings(), ZONE).default

    @cached_property
    def _fasting(self) -> tuple[tuple[int, int], ...]:
        return tuple((int(to_days(a)), int(to_days(b))) for a, b in reference.ramadan().values())

    def is_working(self, day: int) -> bool:
        return bool(self.calendar.is_working_day([to_date(day)])[0])

    def is_ramadan(self, day: int) -> bool:
        return any(first <= day <= last for first, last in self._fasting)

    def volume(self, day: int) -> int:
        """Letters registered on a city day."""
        draws = rng(self.seed, "volume", day)
        if not self.is_working(day):
            return int(draws.integers(*_OFF_DAY))
        season = 1 + 0.04 * np.sin(2 * np.pi * (day % 365) / 365)
        size = _LETTERS * _WEEKDAY[to_date(day).weekday()] * season * np.exp(draws.normal(0, 0.045))
        if self.is_ramadan(day):
            return int(np.clip(size * _RAMADAN, 150, 250))
        return int(np.clip(size, 222, 318))

    def registration_times(self, day: int, size: int) -> Micros:
        """When the day's letters are registered, in order."""
        draws = rng(self.seed, "register", day)
        curve = self._curve(self.is_working(day), self.is_ramadan(day))
        minute = np.searchsorted(curve, draws.random(size) * curve[-1], side="right")
        at = midnight(day) + minute * 60_000_000 + draws.integers(0, 60_000_000, size)
        return whole_ms(np.sort(at))

    def _curve(self, working: bool, fasting: bool) -> Floats:
        """Cumulated weight by minute of the day."""
        key = working, fasting
        if key not in self._curves:
            minute = np.arange(MINUTES)
            night = np.where((minute >= 17 * 60) & (minute < 22 * 60), 0.065, 0.02)
            if working:
                early = 30 if fasting else 0
                forenoon = np.exp(-(((minute - 590 + early) / 75) ** 2))
                afternoon = 0.8 * np.exp(-(((minute - 860 + 2 * early) / 55) ** 2))
                open_hours = (minute >= 450) & (minute < (900 if fasting else 970))
                weight = np.where(open_hours, forenoon + afternoon + 0.1, night)
            else:
                weight = 0.25 + np.exp(-(((minute - 780) / 260) ** 2))
            self._curves[key] = np.cumsum(weight)
        return self._curves[key]

    def off_hours(self, at: Micros, day: int) -> Bools:
        """Registered when only the units on duty work: nights, weekends, holidays (not the lunch break)."""
        if not self.is_working(day):
            return np.ones(len(at), dtype=bool)
        minute = minute_of_day(at)
        return np.asarray((minute < 445) | (minute >= (905 if self.is_ramadan(day) else 990)))

    def later(self, at: Micros, hours: Floats, on_duty: Bools) -> Micros:
        """`at` plus working hours, or plus clock hours for those on duty around the clock."""
        found = at + (hours * HOUR).astype("int64")
        office = ~on_duty
        if office.any():
            found[office] = to_micros(self.calendar.add_hours(at[office], np.maximum(hours[office], 1e-4)))
        return whole_ms(found)

    def evening(self, at: Micros, draws: np.random.Generator) -> Micros:
        """An instant of the evening of each one's day: a leader at home, with the phone in hand."""
        day = (at + OFFSET) // DAY
        return whole_ms(day * DAY - OFFSET + ((18.4 + 4.0 * draws.beta(1.6, 2.2, len(at))) * HOUR).astype("int64"))
