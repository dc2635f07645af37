"""Keeps what is published: every KPI of every complete day, once, beside the boards and never in their way.

A day is kept by what is known of it by then: on the first fill the days that the boards' rows tell at once (nothing is
read for it: a process would never give that memory back), later each day once its sources were read after its
midnight. What is seen in passing alone (states, clients) is kept of the boards that stood when the
day ended, by a process that was there.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from coc.boards.board import CITY, Board
from coc.boards.builder import Builder, Snapshot
from coc.boards.city import ALL, POPULATIONS
from coc.boards.figures import DayFigures
from coc.boards.history import History, Of
from coc.boards.kept import packed
from coc.boards.network_days import is_rolled_up
from coc.domain.datasets import SAMPLES, Dataset
from coc.metrics.registry import KpiSpec, registered
from coc.metrics.scoped import STATES, Scoped
from coc.store import LostLeaseError
from coc.store.trouble import cause_of

log = logging.getLogger("coc.boards")
KEPT_DAYS: Final = 90
_LOOK_SECONDS: Final = 5.0
_BREATH_SECONDS: Final = 0.05  # between two days: who builds boards goes first
_MIDNIGHT: Final = timedelta(minutes=10)  # boards older than this did not stand at the day's end
_MAIL: Final = (Dataset.LETTERS, Dataset.DISPOSITIONS)
_SAMPLED: Final = frozenset(d.value for d in SAMPLES)


@dataclass(frozen=True, slots=True)
class _Passing:
    """What was shown last of what is seen in passing, and for how long of that day it had yet to stand."""

    day: date
    left: timedelta
    figures: Mapping[str, DayFigures]


class Keeper:
    """One thread calls `keep`."""

    def __init__(self, builder: Builder) -> None:
        self.builder, self.store = builder, builder.store
        self.history = History(builder.store, builder.settings, builder.realm, builder.clock, lambda: builder.snapshot)
        self._passing: _Passing | None = None
        self._whole: frozenset[tuple[str, date]] | None = None  # by KPI, until when all is kept

    def keep(self, breathe: Callable[[], bool] = lambda: True) -> int:
        """Keep what is complete and not kept yet; how many figures that were. `breathe`: between days, False stops."""
        snapshot = self.builder.snapshot
        if snapshot is None or not snapshot.boards:
            return 0
        today, ready = self.history.today(), self._ready(snapshot)
        kept = self._keep_passing(snapshot, today, ready)
        known = frozenset(ready.items())
        if self._whole == known:
            return kept
        for count in self._keep_known(today, ready):
            kept += count
            if not breathe():
                return kept
        self._whole = known
        return kept

    def _keep_known(self, today: date, ready: Mapping[str, date]) -> Iterator[int]:
        held = self.store.kept_keys(today - timedelta(days=KEPT_DAYS))
        all_days = [today - timedelta(days=n) for n in range(1, KEPT_DAYS + 1)]
        specs = [spec for spec in registered().values() if spec.id in ready]
        for spec in specs:
            missing = [d for d in all_days if d <= ready[spec.id] and (spec.id, ALL, d) not in held]
            if is_rolled_up(spec.id) and missing:
                known = self.history.network(spec.id, missing)
                some = {d: found for d, found in known.items() if not np.isnan(found.found.values).all()}
                yield self._put(ALL, {(spec.id, day): found for day, found in some.items()})
        wanted: dict[date, list[Of]] = {}
        for spec in specs:
            for population in POPULATIONS if spec.datasets[0] in _MAIL else ():
                begun = self.history.begun(spec, population)
                for day in all_days:
                    told = day <= ready[spec.id] and begun is not None and self.history.ends(day) >= begun
                    if told and (spec.id, population, day) not in held:
                        wanted.setdefault(day, []).append((population, spec.id))
        for day, figures in self.history.of_days(wanted, most_rows=0):
            rows = [packed(kpi, population, day, found) for (population, kpi), found in figures.items()]
            self.store.keep(rows, self.builder.clock.now())
            yield len(rows)

    def _put(self, population: str, figures: Mapping[tuple[str, date], DayFigures]) -> int:
        rows = [packed(kpi, population, day, found) for (kpi, day), found in figures.items()]
        self.store.keep(rows, self.builder.clock.now())
        return len(rows)

    def _ready(self, snapshot: Snapshot) -> dict[str, date]:
        """The last day that can be kept of each KPI which some source records and whose first fill is done."""
        feeds = _feeds(snapshot)
        yesterday = self.history.today() - timedelta(days=1)
        found: dict[str, date] = {}
        for spec in registered().values():
            its = [f for f in feeds if f["enabled"] and {*f["datasets"]} & {d.value for d in spec.datasets}]
            read = [f["last_good"] for f in its if not pd.isna(f["last_good"])]
            waits = self.history.awaits(spec) or any(_is_filling(f) for f in its)
            if self.history.is_recorded(spec) and not waits:
                until = min([self.history.day_of(at) - timedelta(days=1) for at in read], default=yesterday)
                found[spec.id] = min(until, yesterday)
        return found

    def _keep_passing(self, snapshot: Snapshot, today: date, ready: Mapping[str, date]) -> int:
        """Remember what stands now; where a day has ended since, what stood at its end is kept."""
        before, kept = self._passing, 0
        if before is not None and before.day < today and before.left <= _MIDNIGHT:
            kept = self._put(ALL, {(kpi, before.day): found for kpi, found in before.figures.items()})
        day = self.history.day_of(snapshot.computed_at)
        if before is None or before.day != day or self.history.ends(day) - snapshot.computed_at <= _MIDNIGHT:
            left = self.history.ends(day) - snapshot.computed_at
            self._passing = _Passing(day, left, dict(_seen_in_passing(snapshot, ready)))
        return kept


def _seen_in_passing(snapshot: Snapshot, ready: Mapping[str, date]) -> Iterator[tuple[str, DayFigures]]:
    for spec in registered().values():
        board = snapshot.boards.get((spec.id.split(".")[0], ALL))
        if spec.datasets[0] not in _MAIL and not is_rolled_up(spec.id) and spec.id in ready and board is not None:
            yield spec.id, _of_board(board, spec)


def _of_board(board: Board, spec: KpiSpec) -> DayFigures:
    mine = board.kpis[(board.kpis["id"] == spec.id) & (board.kpis["window"] == "30d")]
    places = {unit: n for n, unit in enumerate(mine["unit"].tolist())}
    states = np.array([STATES.index(s) for s in mine["state"]], dtype="int8")
    return DayFigures(places or {CITY: 0}, Scoped(mine["value"].to_numpy(dtype="float64"), states))


def _feeds(snapshot: Snapshot) -> list[dict[str, Any]]:
    board = snapshot.boards.get(("feeds", ALL))
    rows = [] if board is None or "feeds" not in board.frames else board.frames["feeds"].to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _is_filling(feed: Mapping[str, Any]) -> bool:
    """Whether its past is still coming in."""
    return bool({*feed["datasets"]} & _SAMPLED and feed["history"])


class KeepingThread:
    """Keeps in the background what a builder's boards publish, while it is ours to build them."""

    def __init__(self, builder: Builder) -> None:
        self._keeper, self._builder = Keeper(builder), builder
        self._stop = threading.Event()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="keeping", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, patience: float = 2.0) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(patience)

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            if self._builder.builds:
                self._keep()

    def _keep(self) -> None:
        try:
            with self._builder.fenced():
                self._keeper.keep(self._breathe)
        except LostLeaseError:
            pass  # whoever builds now keeps, too
        except Exception as error:
            if not self._failing and cause_of(error) is None:  # once when it breaks
                log.exception("what is published cannot be kept; it is tried again")
            self._failing = True
        else:
            self._failing = False

    def _breathe(self) -> bool:
        return not self._stop.wait(_BREATH_SECONDS) and self._builder.builds
