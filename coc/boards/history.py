"""KPIs of letters and dispositions at the end of past days, by today's knowledge.

Days whose rows the boards hold cost a few passes over columns each; older ones are read from the store for who asks, a
piece at a time, and no board waits for that. What was made of a commit is kept until the next one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Final, Self

import pandas as pd

from coc.boards.builder import Snapshot
from coc.boards.city import ALL, PUBLIC, SECRET, Context, cities_of, provided_by
from coc.boards.figures import DayFigures
from coc.boards.live_frames import HELD_DAYS, UNUSED, LiveFrames
from coc.boards.network_days import availability
from coc.clock import Clock
from coc.domain.datasets import MOVING, Dataset
from coc.ingest.basis import Basis
from coc.metrics.adoption import WEEKS, weeks_of_habit
from coc.metrics.at import city_at, day_end
from coc.metrics.city import City
from coc.metrics.facts import once, scopes
from coc.metrics.registry import KpiSpec, is_recorded, registered
from coc.settings.models import Realm, Settings
from coc.store import Store
from coc.store.columns import empty_frame
from coc.store.tables import stored_columns

WINDOW: Final = "30d"  # of a windowed KPI: the default one, which ends with the day
MOST_ROWS: Final = 400_000  # that one request may have read beside what the boards hold
_PIECE: Final = timedelta(days=60)
_MOST_KEPT: Final = 5_000
# How many days before its own a day's figure looks at; a windowed one at its window.
_REACH: Final = {"adoption.rate": 91, "adoption.breadth": 90, "disposition.days_to_clear": 60}
_MAIL: Final = (Dataset.LETTERS, Dataset.DISPOSITIONS)


class TooMuchError(Exception):
    """The days asked for hold more rows than are read for one request."""


Of = tuple[str, str]  # population, KPI


@dataclass(slots=True)
class _Made:
    """What was made of one commit's rows, as they were on one day of the city."""

    of: tuple[int, date]
    figures: dict[tuple[str, str, date], DayFigures] = field(default_factory=dict)
    begun: dict[str, Mapping[Dataset, datetime]] = field(default_factory=dict)


class History:
    """Thread-safe; `snapshot()` gives what the boards are now, with the cities that they were made of, if any."""

    def __init__(
        self, store: Store, settings: Settings, realm: Realm, clock: Clock, snapshot: Callable[[], Snapshot | None]
    ) -> None:
        self.store, self.settings, self.realm, self.clock = store, settings, realm, clock
        self._snapshot = snapshot
        self._provided = provided_by(settings, realm)
        self._reading, self._own_frames = threading.Lock(), threading.Lock()
        self._own: tuple[int, Mapping[str, City]] | None = None
        self._made = _Made((-1, date.min))

    @cached_property
    def _live(self) -> LiveFrames:
        return LiveFrames(self.store, Basis.of(self.settings, self.realm))

    def figures(self, kpi: str, population: str, days: Iterable[date]) -> dict[date, DayFigures]:
        """At the end of each of the days; all are before today. Raises TooMuchError."""
        wanted = sorted(set(days))
        _, made = self._of(population)
        todo = {d: [(population, kpi)] for d in wanted if (population, kpi, d) not in made.figures}
        for day, found in self.of_days(todo, MOST_ROWS):
            made.figures |= {(*key, day): figures for key, figures in found.items()}
        return {d: made.figures[population, kpi, d] for d in wanted}

    def of_days(
        self, wanted: Mapping[date, Sequence[Of]], most_rows: int
    ) -> Iterator[tuple[date, dict[Of, DayFigures]]]:
        """What is wanted of each day, the newest first; first all that what the boards hold can tell, then the rest.

        `most_rows`: that may be read; raises TooMuchError. With 0 nothing is read, and what the boards cannot tell is
        left out.
        """
        _, cities = self._cities()
        today = cities[ALL].calendars.today(cities[ALL].now)
        held_from, specs = today - timedelta(days=HELD_DAYS), registered()
        far: dict[_Group, dict[date, list[Of]]] = {}
        for day in sorted(wanted, reverse=True):
            near = []
            for key in wanted[day]:
                spec = specs[key[1]]
                group = _Group.of(spec)
                if day - _looks_back(cities[ALL], spec, day, group.reach) >= held_from:
                    near.append(key)
                elif most_rows:
                    far.setdefault(group, {}).setdefault(day, []).append(key)
            if near:
                yield day, _of_day(cities, day, near)
        for group, its in far.items():
            for piece, older in self._older(group, sorted(its), most_rows):
                for day in reversed(piece):
                    yield day, _of_day(older, day, its[day])

    def network(self, kpi: str, days: Sequence[date]) -> dict[date, DayFigures]:
        """At the end of each day, of a KPI that rollups give."""
        city, _ = self._of(ALL)
        found = availability(self.store, city, registered()[kpi], days)
        return {day: DayFigures(_places(city), values) for day, values in found.items()}

    def begun(self, spec: KpiSpec, population: str) -> datetime | None:
        """When the first of what the KPI counts came to be; None where nothing did."""
        _, made = self._of(population)
        if population not in made.begun:
            made.begun[population] = self.store.begun(SECRET if population == PUBLIC else ())
        return made.begun[population].get(spec.datasets[0])

    def awaits(self, spec: KpiSpec) -> bool:
        """Whether the first fill of what it counts is not done."""
        snapshot = self._snapshot()
        awaited = snapshot.awaited if snapshot else frozenset()
        return bool(awaited & frozenset(MOVING) & frozenset(spec.datasets))

    def is_recorded(self, spec: KpiSpec) -> bool:
        return is_recorded(spec, self._provided)

    def ends(self, day: date) -> datetime:
        city, _ = self._of(ALL)
        return day_end(city, day).to_pydatetime()

    def day_of(self, at: datetime) -> date:
        city, _ = self._of(ALL)
        return city.calendars.today(at)

    def today(self) -> date:
        """The city's date, as the figures have it."""
        city, _ = self._of(ALL)
        return city.calendars.today(city.now)

    def _of(self, population: str) -> tuple[City, _Made]:
        """The population, and what is kept of these rows."""
        commit, cities = self._cities()
        city = cities[population]
        of = (commit, city.calendars.today(city.now))
        made = self._made
        if made.of != of or len(made.figures) > _MOST_KEPT:
            self._made = made = _Made(of)
        return city, made

    def _cities(self) -> tuple[int, Mapping[str, City]]:
        """The commit, and by population what the boards hold of it; read anew where another process makes them."""
        snapshot = self._snapshot()
        if snapshot is not None and snapshot.cities:
            return snapshot.commit, snapshot.cities
        with self._own_frames:
            now, commit = pd.Timestamp(self.clock.now()), self.store.commit_number()
            if self._own is None or self._own[0] != commit or _another_day(self._own[1][ALL], now):
                context = Context.of(self.store, self.settings, self.realm)
                self._live.refresh(now, context.calendars)
                live = self._live
                self._own = commit, cities_of(live.frames, live.pasts, context, now, self._provided, known=live.known)
            return self._own

    def _older(
        self, group: _Group, days: Sequence[date], most_rows: int
    ) -> Iterator[tuple[list[date], Mapping[str, City]]]:
        """The days in pieces, each with the cities of the rows that it takes."""
        context = Context.of(self.store, self.settings, self.realm)
        pieces = _pieces(days)
        spans = [
            (
                context.calendars.midnight(piece[0] - group.reach).to_pydatetime(),
                context.calendars.midnight(piece[-1] + timedelta(days=1)).to_pydatetime(),
            )
            for piece in pieces
        ]
        self._refuse_more(most_rows, group.datasets, spans)
        for piece, (since, until) in reversed(list(zip(pieces, spans, strict=True))):
            with self._reading:  # one at a time: a piece is as large as what the boards hold
                frames = self._read(group, since, until)
            yield piece, cities_of(frames, {}, context, pd.Timestamp(self.clock.now()), self._provided)

    def _refuse_more(
        self, most_rows: int, datasets: Sequence[Dataset], spans: Sequence[tuple[datetime, datetime]]
    ) -> None:
        rows = sum(self.store.count_between(d, *span) for span in spans for d in datasets)
        if rows > most_rows:
            raise TooMuchError(
                f"these days take {rows} rows to be read, and one request may read {most_rows}: "
                "narrow them with from= and to="
            )

    def _read(self, group: _Group, since: datetime, until: datetime) -> dict[Dataset, pd.DataFrame]:
        frames = {d: empty_frame(stored_columns(d)) for d in Dataset}
        if group.habit:
            frames[Dataset.LETTERS] = self.store.registered(since, until, without=UNUSED)
        elif Dataset.LETTERS in group.datasets:
            frames[Dataset.LETTERS] = self.store.letters(since, until=until, without=UNUSED)
        if Dataset.DISPOSITIONS in group.datasets:
            frames[Dataset.DISPOSITIONS] = self.store.dispositions(since, until=until, without=UNUSED)
        return frames


@dataclass(frozen=True, slots=True)
class _Group:
    """KPIs that the same rows give: of which datasets, and how far back."""

    datasets: tuple[Dataset, ...]
    reach: timedelta

    @classmethod
    def of(cls, spec: KpiSpec) -> Self:
        datasets = tuple(d for d in spec.datasets if d in _MAIL)
        if spec.id.startswith("disposition."):  # what it takes of its letter is stored with it
            datasets = (Dataset.DISPOSITIONS,)
        return cls(datasets, timedelta(days=_REACH.get(spec.id, int(WINDOW[:-1]) if spec.windowed else 1)))

    @property
    def habit(self) -> bool:
        """Looks far back, at letters that were registered alone."""
        return self.reach >= timedelta(days=90)


def _looks_back(city: City, spec: KpiSpec, day: date, longest: timedelta) -> timedelta:
    """How far before the day the figure looks; habits at four weeks, which holidays push back."""
    if spec.id != "adoption.rate":
        return longest
    weeks = weeks_of_habit(replace(city, now=day_end(city, day)))
    return day - weeks[-1] if len(weeks) == WEEKS else longest


def _of_day(cities: Mapping[str, City], day: date, keys: Sequence[Of]) -> dict[Of, DayFigures]:
    specs, found, then = registered(), {}, dict[str, City]()
    for key in keys:
        population, kpi = key
        if population not in then:
            then[population] = city_at(cities[population], day_end(cities[population], day))
        found[key] = DayFigures(_places(cities[population]), specs[kpi].function(then[population], WINDOW))
    return found


def _places(city: City) -> Mapping[str, int]:
    return once(city, "places", lambda: {code: n for n, code in enumerate(scopes(city))})


def _pieces(days: Sequence[date]) -> list[list[date]]:
    """Of sorted days."""
    found: list[list[date]] = []
    for day in days:
        if found and day - found[-1][0] < _PIECE:
            found[-1].append(day)
        else:
            found.append([day])
    return found


def _another_day(city: City, now: pd.Timestamp) -> bool:
    return city.calendars.today(city.now) != city.calendars.today(now)
