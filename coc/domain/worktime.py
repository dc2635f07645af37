"""Working time: weekly profiles, Ramadan hours, public holidays and collective leave, in any zone, vectorised.

A calendar is a sorted table of working intervals [start, end) in UTC with the working time before each; every question
is then a binary search. Wall times that a zone's clock skips move to the moment it jumps, times it shows twice mean
the first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import date, time
from functools import cache, lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import holidays as holiday_tables
import numpy as np
import numpy.typing as npt
import pandas as pd

from coc.domain import reference
from coc.domain.calendar_spec import CalendarSettings, Holidays, Profile
from coc.domain.instants import DAY, HOUR, NAT, Bools, Floats, Micros, to_date, to_days, to_index, to_micros

_YEARS: Final = (2015, 2035)  # grown when a time outside is asked for
_BOUNDS: Final = (1950, 2150)  # never beyond: such a time is a typing error, measured from the bound

# Perpres 21/2023: 37.5 h a week, 32.5 h in Ramadan (Kota Jambi's circular 3/2026 gives the Ramadan hours).
SHIPPED: Final[dict[str, Profile]] = {
    "five_day": Profile.model_validate(
        {
            "hours": {"mon-thu": ["07:30-12:00", "13:00-16:00"], "fri": ["07:30-11:30", "13:00-16:30"]},
            "ramadan": {"mon-thu": ["07:30-12:00", "12:30-15:00"], "fri": ["07:00-11:30"]},
        }
    ),
    "six_day": Profile.model_validate(
        {
            "hours": {"mon-thu": ["07:30-12:00", "13:00-15:30"], "fri": ["07:30-11:30"], "sat": ["07:30-13:00"]},
            "ramadan": {"mon-thu": ["07:30-12:00", "12:30-13:30"], "fri": ["07:00-11:30"], "sat": ["07:30-13:30"]},
        }
    ),
}


@cache
def _country(country: str, year: int) -> dict[date, str]:
    if country not in holiday_tables.list_supported_countries():
        raise ValueError(f"calendar.holidays.country: `{country}` is not a country that `holidays` knows")
    kind = getattr(holiday_tables, country)
    wanted = [c for c in ("public", "government") if c in kind.supported_categories]
    language = kind.default_language  # left out, the machine's own locale would name the days
    found = holiday_tables.country_holidays(country, years=year, categories=wanted, language=language)
    return dict(found.items())


def holiday_names_of(spec: Holidays, year: int) -> dict[date, str]:
    """Days off of a year: public holidays and collective leave, minus `remove`, plus `extra`."""
    names = {day: name for day, name in _country(spec.country, year).items() if day not in spec.remove}
    for day in spec.extra:
        if day.year == year:
            names.setdefault(day, _country(spec.country, year).get(day, "Hari libur"))
    return names


class Grid:
    """The working intervals of whole years. All arrays are sorted; times are microseconds, days count from 1970."""

    def __init__(self, profile: Profile, zone: str, off: Holidays, first_year: int, last_year: int) -> None:
        self.years = (first_year, last_year)
        self.first_day = int(to_days(date(first_year, 1, 1)))
        days = np.arange(self.first_day, int(to_days(date(last_year + 1, 1, 1))) + 1)
        self.midnights = _localise(days * DAY, zone)
        self._even = bool((np.diff(self.midnights) == DAY).all())  # no clock is put forward or back in these years
        week, in_ramadan = (days[:-1] + 3) % 7, _ramadan_days(days[:-1])  # 1970-01-01 was a Thursday
        years = range(first_year, last_year + 1)
        closed = np.isin(days[:-1], [int(to_days(d)) for y in years for d in holiday_names_of(off, y)])
        rows = [
            (days[:-1][(week == weekday) & (in_ramadan == fasting) & ~closed], span)
            for fasting, hours in ((False, profile.hours), (True, profile.ramadan or profile.hours))
            for weekday, spans in hours.items()
            for span in spans
        ]
        day = np.concatenate([np.empty(0, dtype="int64"), *(d for d, _ in rows)])
        start, end = (
            _localise(np.concatenate([np.empty(0, dtype="int64"), *(d * DAY + _of_day(s[i]) for d, s in rows)]), zone)
            for i in (0, 1)
        )
        order = np.argsort(start, kind="stable")
        order = order[(end > start)[order]]  # a span that falls into a skipped hour is none
        self.start, self.end, self.day = start[order], end[order], day[order]
        self.before = np.concatenate([[0], np.cumsum(self.end - self.start)])  # working time before interval i
        last = np.flatnonzero(np.diff(self.day, append=NAT))
        self.working_days, self.day_ends = self.day[last], self.end[last]

    def elapsed(self, at: Micros) -> Micros:
        """Working time from the grid's first day to `at`."""
        if not self.start.size:
            return np.zeros_like(at)
        i = np.clip(np.searchsorted(self.start, at, side="right") - 1, 0, None)
        return self.before[i] + np.clip(at, self.start[i], self.end[i]) - self.start[i]

    def day_of(self, at: Micros) -> npt.NDArray[np.int64]:
        if self._even:
            day: npt.NDArray[np.int64] = (np.maximum(at, self.midnights[0] - 1) - self.midnights[0]) // DAY
            return self.first_day + day
        return self.first_day + np.searchsorted(self.midnights, at, side="right") - 1


def _of_day(at: time) -> int:
    return (at.hour * 3600 + at.minute * 60 + at.second) * 1_000_000 + at.microsecond


def _localise(wall: Micros, zone: str) -> Micros:
    naive = pd.DatetimeIndex(wall.view("datetime64[us]"))
    aware = naive.tz_localize(zone, ambiguous=np.ones(len(wall), dtype=bool), nonexistent="shift_forward")
    return np.asarray(aware.as_unit("us").asi8, dtype="int64")


def _ramadan_days(days: npt.NDArray[np.int64]) -> Bools:
    inside = np.zeros(len(days), dtype=bool)
    for first, last in reference.ramadan().values():
        inside |= (days >= to_days(first)) & (days <= to_days(last))
    return inside


class Calendar:
    """One profile's working time. Instants may be Series, arrays, lists or one Timestamp; they broadcast."""

    def __init__(self, name: str, profile: Profile, zone: str, off: Holidays) -> None:
        self.name = name
        self._source = (profile, zone, off)
        self._grid = Grid(profile, zone, off, *_YEARS)

    @property
    def intervals(self) -> tuple[Micros, Micros]:
        """Starts and ends of the working intervals held now: a base range of years, grown on demand."""
        return self._grid.start, self._grid.end

    def _covering(self, *instants: Micros) -> Grid:
        """A grid with a year to spare around all instants. Callers keep it: another thread may grow it further."""
        grid = self._grid
        for at in instants:
            known = at[at != NAT] if at.min(initial=NAT + 1) == NAT else at
            if known.size:
                first, last = _year(int(known.min())), _year(int(known.max()))
                grid = self._grown(grid, first - 1, last + 1)
        return grid

    def _grown(self, grid: Grid, first: int, last: int) -> Grid:
        years = max(min(first, grid.years[0]), _BOUNDS[0]), min(max(last, grid.years[1]), _BOUNDS[1])
        if years != grid.years:
            grid = self._grid = Grid(*self._source, *years)
        return grid

    def _reaching(self, at: Micros, enough: Callable[[Grid], bool]) -> Grid:
        """A grid grown forward, ten years a step, until `enough`, or to the bound."""
        grid = self._covering(at)
        while not enough(grid) and grid.years[1] < _BOUNDS[1]:
            grid = self._grown(grid, grid.years[0], grid.years[1] + 10)
        return grid

    def hours_between(self, a: Any, b: Any) -> Floats:
        """Working hours in [a, b]: 0 where b is before a, NaN where either is missing."""
        start, end = np.broadcast_arrays(*(np.atleast_1d(to_micros(x)) for x in (a, b)))
        grid = self._covering(start, end)
        hours: Floats = np.clip(grid.elapsed(end) - grid.elapsed(start), 0, None) / HOUR
        hours[(start == NAT) | (end == NAT)] = np.nan
        return hours

    def inside(self, at: Any) -> Bools:
        """Whether an instant is working time; intervals are half-open: 12:00:00 is outside. False where missing."""
        micros = np.atleast_1d(to_micros(at))
        grid = self._covering(micros)
        i = np.searchsorted(grid.start, micros, side="right") - 1
        found: Bools = i >= 0
        found[found] = micros[found] < grid.end[i[found]]
        return found

    def add_hours(self, at: Any, hours: float | Floats) -> pd.DatetimeIndex:
        """The earliest instant with that much working time after `at` (16:00, not the next 07:30); NaT where never."""
        start = np.atleast_1d(to_micros(at))
        wanted = np.rint(np.asarray(hours, dtype="float64") * HOUR).astype("int64")
        start, wanted = np.broadcast_arrays(start, wanted)
        asked = (start != NAT) & (wanted > 0)
        grid = self._reaching(start, lambda g: bool((g.elapsed(start) + wanted <= g.before[-1])[asked].all()))
        goal = grid.elapsed(start) + wanted
        i = np.searchsorted(grid.before[1:], goal, side="left")
        reached = asked & (i < grid.start.size)
        ends = np.where(wanted <= 0, start, NAT)
        ends[reached] = (grid.start[i[reached]] + goal[reached]) - grid.before[i[reached]]
        return to_index(ends)

    def hours_before(self, at: Any, hours: float) -> pd.Timestamp:
        """The earliest instant from which no more than `hours` of working time pass until `at`.

        From any earlier one more passes: what began before it is older than `hours`.
        """
        end = np.atleast_1d(to_micros(at))
        grid = self._covering(end)
        goal = grid.elapsed(end) - round(hours * HOUR)
        if not grid.start.size or goal[0] <= 0:
            return to_index(grid.midnights[:1])[0]
        i = np.searchsorted(grid.before[1:], goal, side="left")
        return to_index(grid.start[i] + goal - grid.before[i])[0]

    def working_day_before(self, day: int, n: int) -> int:
        """The latest civil day after which `n` working days pass until and with `day`; days count from 1970."""
        grid = self._covering(np.atleast_1d(np.int64(day) * DAY))
        place = int(np.searchsorted(grid.working_days, day, side="right")) - n
        return int(grid.working_days[place] if place >= 0 else grid.first_day) - 1

    def end_of_nth_working_day(self, at: Any, n: int) -> pd.DatetimeIndex:
        """The end of the last interval of the n-th working day after the city date of `at` (that date never counts).

        n < 1 gives `at` itself; NaT where there is no such day.
        """
        start = np.atleast_1d(to_micros(at))
        if n < 1:
            return to_index(start)

        def nth(grid: Grid) -> npt.NDArray[np.intp]:
            return np.searchsorted(grid.working_days, grid.day_of(start), side="right") + (n - 1)

        grid = self._reaching(start, lambda g: bool((nth(g) < g.day_ends.size)[start != NAT].all()))
        index = nth(grid)
        found = (index < grid.day_ends.size) & (start != NAT)
        ends = np.full(start.shape, NAT)
        ends[found] = grid.day_ends[index[found]]
        return to_index(ends)

    def is_working_day(self, dates: Any) -> Bools:
        """Whether civil dates have any working interval."""
        days = np.atleast_1d(to_days(dates))
        grid = self._covering(days * DAY)
        return np.isin(days, grid.working_days)

    def working_days(self, first: date, last: date) -> int:
        """Working days from `first` to `last`, both included."""
        return int(self.working_days_between(to_days(first) - 1, to_days(last)))

    def working_days_between(self, after: Any, until: Any) -> npt.NDArray[np.int64]:
        """Working days after civil day `after` up to and with `until`; days count from 1970; never negative."""
        a, b = np.asarray(after, dtype="int64"), np.asarray(until, dtype="int64")
        days = self._covering(np.atleast_1d(a) * DAY, np.atleast_1d(b) * DAY).working_days
        count = np.searchsorted(days, b, side="right") - np.searchsorted(days, a, side="right")
        return np.asarray(np.maximum(count, 0), dtype="int64")

    def latest_complete_working_days(self, today: date, n: int) -> list[date]:
        """The `n` latest working days before `today`, oldest first; fewer where the calendar has no more."""
        grid = self._covering(np.atleast_1d(to_days(today)) * DAY)
        past = grid.working_days[: np.searchsorted(grid.working_days, to_days(today), side="left")]
        return [to_date(d) for d in past[-n:]] if n > 0 else []


def _year(micros: int) -> int:
    """The year of an instant, clamped: `date` cannot hold what a typing error may."""
    return min(max(1970 + int(micros // (DAY * 365.2425)), _BOUNDS[0]), _BOUNDS[1])


@lru_cache(maxsize=1_000)
def _midnight(day: date, time_zone: str) -> pd.Timestamp:
    """Kept: a refresh of all boards asks for the same hundred days many times."""
    return to_index(_localise(np.atleast_1d(to_days(day)) * DAY, time_zone))[0]


class Calendars:
    """The city's calendars: by profile, by unit, and the default; and the city's days."""

    def __init__(self, spec: CalendarSettings, time_zone: str, unit_profiles: tuple[tuple[str, str], ...]) -> None:
        profiles = SHIPPED | spec.profiles
        if spec.default not in profiles:
            raise ValueError(f"calendar.default: `{spec.default}` is not a profile; known: {', '.join(profiles)}")
        self.names = frozenset(profiles)
        self.zone = ZoneInfo(time_zone)
        self._spec = spec
        self._calendars = {n: Calendar(n, p, time_zone, spec.holidays) for n, p in profiles.items()}
        self._units = {unit: name for unit, name in unit_profiles if name in profiles and name != spec.default}
        self.default = self._calendars[spec.default]
        self.digest = self._digest(time_zone)

    def of_profile(self, name: str | None) -> Calendar:
        """The profile's calendar; the default where the name is null or unknown."""
        return self._calendars.get(name or "", self.default)

    def of_unit(self, code: str | None) -> Calendar:
        """The unit's calendar; the default where the unit names none or is unknown."""
        return self.of_profile(self._units.get(code or ""))

    def groups(self, units: pd.Series[Any]) -> Iterator[tuple[Calendar, Bools]]:
        """Each calendar that a column of unit codes uses, with the mask of its rows."""
        names = (
            units.map(self._units).fillna(self.default.name)
            if self._units
            else pd.Series(self.default.name, units.index)
        )
        for name in pd.unique(names):
            yield self._calendars[str(name)], (names == name).to_numpy(dtype=bool)

    def midnight(self, day: date) -> pd.Timestamp:
        """The first instant of a city day, in UTC."""
        return _midnight(day, self.zone.key)

    def today(self, now: Any) -> date:
        """The city's date at an instant."""
        return pd.Timestamp(now).tz_convert(self.zone).date()

    def days_of(self, at: Any) -> npt.NDArray[np.int64]:
        """City days (since 1970) of instants; meaningless where missing."""
        micros = np.atleast_1d(to_micros(at))
        return self.default._covering(micros).day_of(micros)

    def holiday_names(self, first: date, last: date) -> dict[date, str]:
        """Names of the days off from `first` to `last`, in order of date."""
        found = {
            day: name
            for year in range(first.year, last.year + 1)
            for day, name in holiday_names_of(self._spec.holidays, year).items()
            if first <= day <= last
        }
        return dict(sorted(found.items()))

    def _digest(self, time_zone: str) -> str:
        """Of the intervals themselves, so that new holiday or zone tables change it as config does."""
        state = hashlib.blake2b(
            repr((time_zone, self.default.name, sorted(self._units.items()))).encode(), digest_size=16
        )
        for name in sorted(self._calendars):
            start, end = self._calendars[name].intervals
            state.update(name.encode() + start.tobytes() + end.tobytes())
        return state.hexdigest()


_built: dict[tuple[object, ...], Calendars] = {}


def build_calendars(spec: CalendarSettings, time_zone: str, units: pd.DataFrame | None = None) -> Calendars:
    """The city's calendars from config and its units (columns code, calendar); the same input gives the same object.

    Raises ValueError for an unknown default profile, country or zone.
    """
    pairs: tuple[tuple[str, str], ...] = ()
    if units is not None and len(units):
        named = units[units["calendar"].notna()]
        pairs = tuple(sorted({str(c): str(n) for c, n in zip(named["code"], named["calendar"], strict=True)}.items()))
    key = (spec.model_dump_json(), time_zone, pairs)
    if key not in _built:
        while len(_built) >= 16:
            _built.pop(next(iter(_built)), None)
        _built[key] = Calendars(spec, time_zone, pairs)
    return _built[key]
