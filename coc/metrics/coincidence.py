"""What else was down on a day on which a figure moved: told as coincidence, never as cause (decision 107).

`lit` is the whole statistic, on plain arrays; `coincidences` applies it to a city's figures of the last working day
that is over, against its own 8 weeks of working days.

1. A figure *moved* when its difference from what is usual on that weekday (the median of the same weekday in these
   weeks, the day itself among them) is, in the bad direction, among the outermost 5 % of all these days: the first or
   second of 40, ties counted against it.
2. What was down is measured day by day, within working hours: the share of them in which each application, link or
   kecamatan's access points were down, less that one's own median, so that what is always down says nothing.
3. It is *lit* when the largest of these shares on that day is among the largest 5 % of the same number over all the
   days: the days that did not move are the placebo. Were outages strewn over the days without regard to the figure,
   every order of the days would be as likely, so of the days on which a figure moved at most 5 % (`RATE`) would be lit,
   however many applications and links there are; of all days at most 0.25 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from coc.domain import reference
from coc.domain.datasets import Dataset
from coc.domain.instants import DAY, HOUR, Bools, Floats, Micros, to_date, to_days, to_micros
from coc.metrics import cubes
from coc.metrics.city import City
from coc.metrics.facts import Days, day_numbers, disposition_days, dispositions, letter_days, once, today_of
from coc.metrics.flow import departed
from coc.metrics.heads import Positions
from coc.metrics.points import access_points, links, services
from coc.metrics.spells import positions_of

RATE: Final = 0.05
WEEKS: Final = 8
_FEWEST: Final = 20  # working days: with fewer than 20 nothing can be among 5 %
_LEAST: Final = 0.05  # of the working hours: a shorter outage is not worth a word
_COLUMNS: Final = ("kpi", "day", "value", "usual", "kind", "entity", "name", "hours", "share")
Worse = Literal["up", "down"]


def outermost(values: Floats, last: int = -1) -> bool:
    """Whether one of the values is among the largest 5 % of them all; ties count against it."""
    at_least = int(np.count_nonzero(values >= values[last] - 1e-12))
    return at_least <= RATE * len(values)


def moved(values: Floats, weekdays: Positions, worse: Worse) -> bool:
    """Whether the last day's figure is far off what is usual on its weekday, in the bad direction."""
    if len(values) < _FEWEST or np.isnan(values[-1]):
        return False
    off = values - usual(values, weekdays)
    off = off[~np.isnan(off)]
    if len(off) < _FEWEST:
        return False
    return outermost(off if worse == "up" else -off)


def usual(values: Floats, weekdays: Positions) -> Floats:
    """Of each day the median of its weekday's values."""
    found = np.full(len(values), np.nan)
    for day in np.unique(weekdays):
        mine = weekdays == day
        known = values[mine][~np.isnan(values[mine])]
        found[mine] = np.median(known) if len(known) else np.nan
    return found


def lit(shares: Floats) -> Bools:
    """Which of the entities (rows) were down on the last day (column) as hardly anything ever is on one of the days.

    All False but on a day that is `outermost` by the largest share of all; then those that alone would make it so.
    """
    if not shares.size or shares.shape[1] < _FEWEST:
        return np.zeros(len(shares), dtype=bool)
    above = shares - np.median(shares, axis=1, keepdims=True)
    largest = above.max(axis=0)
    if not outermost(largest):
        return np.zeros(len(shares), dtype=bool)
    others = np.sort(largest[:-1])
    allowed = int(RATE * len(largest)) - 1  # placebo days that may be as large
    threshold = others[len(others) - 1 - allowed]
    found: Bools = (above[:, -1] > threshold) & (shares[:, -1] >= _LEAST)
    return found


@dataclass(frozen=True, slots=True)
class _Days:
    """The working days of the 8 weeks that end with the last one that is over. `start`, `end`: of working intervals."""

    days: Micros  # since 1970
    start: Micros
    end: Micros
    of: Positions  # the interval's day, by position

    @property
    def weekdays(self) -> Positions:
        return (self.days + 3) % 7

    def hours(self) -> tuple[Micros, Positions, Floats]:
        """The clock hours with working time in them, in order: start, day, seconds of it."""
        first = self.start // HOUR
        parts = (self.end - 1) // HOUR - first + 1
        row = np.repeat(np.arange(len(parts)), parts)
        at = (first[row] + np.arange(len(row)) - np.repeat(np.cumsum(parts) - parts, parts)) * HOUR
        worked = (np.minimum(self.end[row], at + HOUR) - np.maximum(self.start[row], at)) / 1e6
        hour, place = np.unique(at, return_inverse=True)
        return hour, self.of[row][np.searchsorted(at, hour)], np.bincount(place, weights=worked).astype("float64")


def _days(city: City) -> _Days:
    calendar, today = city.calendars.default, today_of(city)
    days = to_days(calendar.latest_complete_working_days(today, 7 * WEEKS))
    days = days[days > days[-1] - 7 * WEEKS] if len(days) else days
    start, end = calendar.intervals
    day = city.calendars.days_of(start) if len(days) else start
    mine = np.isin(day, days)
    return _Days(days, start[mine], end[mine], np.searchsorted(days, day[mine]))


def coincidences(city: City) -> pd.DataFrame:
    """What was down on the last working day that is over, beside each figure that moved on it: only what is `lit`.

    kpi, day (ISO), value, usual, kind (service, link, area), entity, name, hours (down, of the working time), share of
    it; by figure, the longest first. Figures: letters registered, dispositions that went, hours of follow-up (median).
    """
    found = once(city, "coincidences", lambda: _coincidences(city))
    return found


def _coincidences(city: City) -> pd.DataFrame:
    days = _days(city)
    rows: list[tuple[Any, ...]] = []
    if len(days.days) >= _FEWEST:
        down: _Down | None = None
        for kpi, values, worse in _figures(city, days):
            if moved(values, days.weekdays, worse):
                down = down or _Down.of(city, days)
                now = (kpi, to_date(int(days.days[-1])).isoformat(), values[-1], usual(values, days.weekdays)[-1])
                rows += [(*now, *row) for row in down.rows()]
    found = pd.DataFrame(rows, columns=list(_COLUMNS))
    kinds = {name: "float64" if name in ("value", "usual", "hours", "share") else "str" for name in _COLUMNS}
    return found.astype(kinds)


def _figures(city: City, days: _Days) -> list[tuple[str, Floats, Worse]]:
    """By day; of what the sources record."""
    first = int(to_days(today_of(city))) - cubes.DAYS + 1
    places = days.days - first

    def per_day(on: Days) -> Floats:
        found = cubes.day_places(on)
        return np.bincount(found[found >= 0], minlength=cubes.DAYS)[places].astype("float64")

    given = dispositions(city)
    found: list[tuple[str, Floats, Worse]] = []
    if cubes.recorded(city, "correspondence.registered_today"):
        found.append(("correspondence.registered_today", per_day(letter_days(city, "registered")), "down"))
    if cubes.recorded(city, "disposition.net_flow"):
        gone = day_numbers(city, departed(city))[given.follow_up]
        found.append(("disposition.net_flow", per_day(gone), "down"))
    if cubes.recorded(city, "disposition.followup_hours_p50"):
        order = cubes.in_hours_order(city)
        order = order[(given.nf & ~np.isnan(given.hours))[order]]
        day = cubes.day_places(disposition_days(city, "completed")[order])
        order, day = order[day >= 0], day[day >= 0]
        group = cubes.grouped(day)
        sizes = np.bincount(day, minlength=cubes.DAYS)
        (median,) = cubes.quantiles(sizes, given.hours[order[group]], [0.5])
        found.append(("disposition.followup_hours_p50", median[places], "up"))
    return found


@dataclass(frozen=True, slots=True)
class _Down:
    """The share of working hours down, by entity and day."""

    kind: list[str]
    entity: list[str]
    name: list[str]
    shares: Floats
    worked: Floats  # hours, by day

    @classmethod
    def of(cls, city: City, days: _Days) -> _Down:
        hour, day, worked = days.hours()
        total = np.bincount(day, weights=worked, minlength=len(days.days))
        kind, entity, name, shares = [], [], [], []
        for word, dataset, listed in (
            ("service", Dataset.SERVICE_SAMPLES, services(city)),
            ("link", Dataset.LINK_SAMPLES, links(city)),
        ):
            kind += [word] * len(listed)
            entity += listed.index.tolist()
            name += listed["name"].tolist()
            shares.append(_by_hour(city, dataset, listed.index, hour, day, worked, len(total)) / total)
        areas, of_areas = _by_area(city, days)
        kind += ["area"] * len(areas)
        whole = np.concatenate([*shares, of_areas])
        named = reference.areas().set_index("code")["name"]
        return cls(kind, entity + areas, name + [str(named.get(a, a)) for a in areas], whole, total / 3600)

    def rows(self) -> list[tuple[Any, ...]]:
        """kind, entity, name, hours, share of what is lit, the longest first."""
        found = np.flatnonzero(lit(self.shares))
        last = self.shares[:, -1]
        found = found[np.argsort(-last[found], kind="stable")]
        worked = float(self.worked[-1])
        return [(self.kind[i], self.entity[i], self.name[i], last[i] * worked, last[i]) for i in found]


def _by_hour(
    city: City, dataset: Dataset, index: pd.Index[Any], hour: Micros, day: Positions, worked: Floats, days: int
) -> Floats:
    """Down time within working time, by entity and day: of each clock hour the part of it that is worked."""
    known = city.known_hours
    mine = ((known["dataset"] == dataset.value) & (known["vantage"] == "") & (known["down_seconds"] > 0)).to_numpy()
    entity = positions_of(pd.Series(known["entity"].array[mine]), index)
    at = to_micros(known["at"].array[mine])
    place = np.minimum(np.searchsorted(hour, at), len(hour) - 1)
    some = (entity >= 0) & (hour[place] == at)
    entity, place = entity[some], place[some]
    # An hour's down time is spread over it evenly: sums by the hour say no more.
    down = known["down_seconds"].to_numpy(dtype="float64")[mine][some] / 3600 * worked[place]
    table = np.zeros((len(index), days))
    np.add.at(table, (entity, day[place]), down)
    return table


def _by_area(city: City, days: _Days) -> tuple[list[str], Floats]:
    """Of the access points of each area together the share of their known time down, on the days' UTC days."""
    listed = access_points(city)
    code, areas = pd.factorize(listed["area"], sort=True)
    known = city.known_days
    mine = (known["dataset"] == Dataset.AP_SAMPLES.value).to_numpy()
    entity = positions_of(pd.Series(known["entity"].array[mine]), listed.index)
    # The UTC day that the first working interval begins in.
    utc = days.start[np.searchsorted(days.of, np.arange(len(days.days)))] // DAY
    day = to_micros(known["at"].array[mine]) // DAY
    place = np.minimum(np.searchsorted(utc, day), len(utc) - 1)
    area = np.append(code, -1)[entity]
    some = (area >= 0) & (utc[place] == day)
    up, down = (np.zeros((len(areas), len(utc))) for _ in range(2))
    for table, column in ((up, "up_seconds"), (down, "down_seconds")):
        amounts = known[column].to_numpy(dtype="float64")[mine][some]
        np.add.at(table, (area[some], place[some]), amounts)
    whole = up + down
    return [str(a) for a in areas], np.divide(down, whole, out=np.zeros_like(whole), where=whole > 0)
