"""Drills: failures of the simulated sources that an operator starts, to see what the COC makes of them.

A drill ends by itself. Then the city is as if it had never been: what the feed told wrongly or hid is told again, with
a newer `updated_at`, as an e-office does whose data were mended (docs/simulator.md). Only a power cut stays in the
history, since that is where power cuts are.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import numpy as np

from coc.clock import system_now
from coc.simulate.drill_rows import FEW, MANY, hidden
from coc.simulate.series import Metrics
from coc.simulate.timeline import Table, Timeline, iso

FEED, PROMETHEUS, APPS, FILES = TARGETS = ("feed", "prometheus", "apps", "files")
SECONDS: Final = 600.0
_FEWEST_LETTERS: Final = 8
LONGEST_SECONDS: Final = 14_400.0  # a clock that runs ahead for longer would make wrong times look right


@dataclass(frozen=True)
class Drill:
    """`default`: what it strikes when nobody names a target. `targets` empty: a site's code."""

    name: str
    about: str
    targets: tuple[str, ...]
    default: tuple[str, ...] = (FEED,)
    seconds: float = SECONDS


DRILLS: Final[Mapping[str, Drill]] = {
    d.name: d
    for d in (
        Drill("down", "the source closes every connection without an answer", TARGETS),
        Drill("slow", "answers come drop by drop and never end within the deadline", TARGETS),
        Drill("delay", "every answer comes eight seconds late, and is right", TARGETS),
        Drill("frozen", "answers show the city as it was when the drill began", (FEED, PROMETHEUS),
              (FEED, PROMETHEUS), 1200.0),
        Drill("login", "a login page, with status 200, instead of data", TARGETS),
        Drill("truncated", "JSON that ends halfway", (FEED, PROMETHEUS)),
        Drill("garbage", "a third of the rows has values that mean nothing", (FEED, FILES)),
        Drill("clock", "the source's clock is seven hours ahead", (FEED,)),
        Drill("drift", "a release renamed fields: two are gone from every row", (FEED, FILES)),
        Drill("new-value", "a release writes words that nobody has mapped", (FEED,)),
        Drill("deletions", "a few rows are gone, as if deleted", (FEED, FILES)),
        Drill("mass", "one row in twelve is gone: too many to believe", (FEED, FILES)),
        Drill("unauthorised", "401: the token is no longer taken", TARGETS),
        Drill("busy", "503 with Retry-After: 30", TARGETS),
        Drill("redirect", "a redirect to another host", TARGETS),
        Drill("not-found", "404: the API has moved", TARGETS),
        Drill("loop", "the first page and the same cursor, again and again", (FEED,)),
        Drill("exporter", "the exporters behind Prometheus are dead: up is 0, and nothing else is there", (PROMETHEUS,),
              (PROMETHEUS,)),
        Drill("power", "the power is cut at one site: its access points are down", (), ()),
    )
}  # fmt: skip


class DrillError(Exception):
    """A request for a drill that cannot be: its status, and a sentence with what is known."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.title = status, title


@dataclass(eq=False)
class Running:
    """A drill that is on. `began`: city time, microseconds; `until`: `time.monotonic()`.

    `hidden`: ids that do not exist for now; `spoiled`: those that were told wrongly; both by dataset.
    """

    name: str
    target: str
    began: int
    until: float
    hidden: dict[str, frozenset[str]] = field(default_factory=dict)
    spoiled: dict[str, set[str]] = field(default_factory=dict)
    over: bool = False


class Drills:
    """What is on, by drill and target. Safe to use from many threads."""

    def __init__(self, seed: int, timeline: Timeline, metrics: Metrics) -> None:
        self.seed, self._timeline, self._metrics = seed, timeline, metrics
        self._on: dict[tuple[str, str], Running] = {}
        self._lock = threading.RLock()

    def running(self, name: str, target: str) -> Running | None:
        return self._on.get((name, target))

    def is_on(self, name: str, target: str) -> bool:
        return (name, target) in self._on

    def goes_on(self, name: str, target: str) -> bool:
        """Whether it is on and has time left; one that has run out is on until `settle`."""
        running = self.running(name, target)
        return running is not None and running.until > time.monotonic()

    @property
    def due(self) -> bool:
        """Whether a drill has run out and `settle` has something to do."""
        return any(r.until <= time.monotonic() for r in list(self._on.values()))

    def settle(self, now: int) -> None:
        """End what has run out; `now`: the city's time."""
        with self._lock:
            for running in [r for r in self._on.values() if r.until <= time.monotonic()]:
                self._end(running, now)

    def start(self, name: str, targets: Iterable[str], seconds: float | None, now: int) -> None:
        """Begin, or go on for `seconds` from now. Raises DrillError."""
        drill = known(name)
        lasting = drill.seconds if seconds is None else seconds
        if not 0 < lasting <= LONGEST_SECONDS:
            raise DrillError(400, "Bad Request", f"seconds is not above 0 and up to {LONGEST_SECONDS:.0f}")
        chosen = self.targets(drill, targets, now)
        with self._lock:
            for target in chosen:
                until = time.monotonic() + lasting
                if running := self.running(name, target):
                    running.until = until
                else:
                    self._begin(Running(name, target, now, until))

    def stop(self, name: str | None, targets: Iterable[str], now: int) -> int:
        """End a drill, at all its targets where none is named; every drill for None. How many were on."""
        if name is not None:
            known(name)
        wanted = set(targets)
        with self._lock:
            ending = [r for r in self._on.values() if name in (None, r.name) and (not wanted or r.target in wanted)]
            for running in ending:
                self._end(running, now)
        return len(ending)

    def targets(self, drill: Drill, asked: Iterable[str], now: int) -> list[str]:
        """The targets meant, `asked` or the drill's own. Raises DrillError for one it does not have."""
        possible = self.possible(drill, now)
        chosen = list(dict.fromkeys(asked)) or list(drill.default) or possible[:1]
        for target in chosen:
            if target not in possible:
                raise DrillError(400, "Bad Request", f"{drill.name} has no target {target!r}; it has {_said(possible)}")
        return chosen

    def possible(self, drill: Drill, now: int) -> list[str]:
        """A power cut can strike every active site, first the one with most access points."""
        if drill.targets:
            return list(drill.targets)
        active = self._metrics.network.programme.active(now)
        return [s.code for s in sorted(active, key=lambda s: (-len(s.points), s.code))]

    def listed(self, now: int, name: str | None = None) -> list[dict[str, Any]]:
        """Every drill, or one: what it does, where, and since and until when it is on."""
        chosen = list(DRILLS.values()) if name is None else [known(name)]
        on = list(self._on.values())
        return [
            {
                "name": drill.name,
                "about": drill.about,
                "targets": self.possible(drill, now),
                "default": self.targets(drill, (), now),
                "seconds": drill.seconds,
                "on": [_shown(r) for r in on if r.name == drill.name],
            }
            for drill in chosen
        ]

    def spoil(self, running: Running, dataset: str, ids: Iterable[str], now: int) -> None:
        """Note rows told wrongly, to be told again: at the drill's end, or now where it has ended meanwhile."""
        with self._lock:
            if running.over:
                self._timeline.touch(dataset, ids, now)
            else:
                running.spoiled.setdefault(dataset, set()).update(ids)

    def _begin(self, running: Running) -> None:
        if running.name in ("deletions", "mass") and running.target == FEED:
            running.hidden = self._hidden(running.name, running.began)
        self._world(running, running.began, begins=True)
        self._on[running.name, running.target] = running

    def _end(self, running: Running, now: int) -> None:
        del self._on[running.name, running.target]
        running.over = True
        self._world(running, now, begins=False)
        for told_again in (running.spoiled, running.hidden):
            for dataset, ids in told_again.items():
                self._timeline.touch(dataset, ids, now)

    def _world(self, running: Running, now: int, *, begins: bool) -> None:
        """Drills that change what there is to measure, and not only how it is told."""
        if running.name == "power":
            (self._metrics.network.cut if begins else self._metrics.network.restore)(running.target, now)
        elif running.name == "exporter":
            self._metrics.dead_since = running.began if begins else None
        elif (running.name, running.target) == ("frozen", PROMETHEUS):
            self._metrics.stands_at = running.began if begins else None

    def _hidden(self, name: str, now: int) -> dict[str, frozenset[str]]:
        """Some letters, and what hangs on them."""
        tables = self._timeline.tables(now)
        letters, dispositions = tables["letters"], tables["dispositions"]
        if not isinstance(letters, Table) or not isinstance(dispositions, Table):
            raise TypeError(name)
        there = letters.existing(now)
        gone = hidden(self.seed, there, MANY if name == "mass" else FEW, _FEWEST_LETTERS)
        held = np.isin(dispositions.values("letter_id").astype("str"), sorted(gone))
        return {"letters": gone, "dispositions": frozenset(dispositions.values("id")[held].tolist())}


def known(name: str) -> Drill:
    """The drill of that name. Raises DrillError with the names that exist."""
    if name not in DRILLS:
        raise DrillError(404, "Not Found", f"there is no drill {name!r}; there are {', '.join(DRILLS)}")
    return DRILLS[name]


def _shown(running: Running) -> dict[str, Any]:
    left = max(0.0, running.until - time.monotonic())
    return {
        "target": running.target,
        "since": iso(np.array([running.began]))[0],
        "until": (system_now() + timedelta(seconds=left)).isoformat(timespec="seconds"),
        "seconds_left": round(left, 1),
    }


def _said(possible: list[str]) -> str:
    return ", ".join(possible[:8]) + (f" and {len(possible) - 8} more" if len(possible) > 8 else "")
