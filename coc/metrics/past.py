"""Known time over windows by the clock: whole buckets, the samples around a window's start, the tail after the last.

A `Past` costs what a city has of points, not of samples: a month of a point is thirty days, some hours and a few
minutes of samples; and still every window is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from coc.domain.instants import DAY, HOUR, NAT, SECOND, Bools, Floats, Micros, to_index
from coc.domain.limits import ApLimits
from coc.metrics.buckets import FIVE_MINUTES, Sums, chosen, in_buckets, joined, less, wider
from coc.metrics.closures import NO_CLOSURES, Closures, cut
from coc.metrics.heads import Heads, Pieces, Positions, Rows, advance, no_heads
from coc.metrics.states import Track, described, segments, track

WINDOWS_HOURS = (24, 7 * 24, 30 * 24)


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a dataset's entities by `now` (microseconds), by position; of a service once a vantage.

    `heads`: after each one's last sample that is not after now (`at` NAT: it has none). `since`: when that state came.
    `buckets`: by width, those that the windows need (`needed`). `edges`: the samples around the windows' starts, as far
    to both sides as one holds and a short spell lasts. `ahead`: what samples after now make of the buckets of 5
    minutes, negated; `buckets` are without it. `closed`: maintenance, which `buckets` are without.
    """

    now: int
    entities: pd.Index[Any]
    vantages: pd.Index[Any]  # "": the COC's own room
    heads: Heads
    since: Micros
    buckets: Mapping[int, Sums]
    edges: Rows
    ahead: Sums = field(default_factory=lambda: joined([]))
    closed: Closures = NO_CLOSURES

    @property
    def sampled(self) -> Bools:
        found: Bools = self.heads["at"] != NAT
        return found

    def of_room(self) -> Past:
        """As the COC's own room sees it."""
        mine = np.asarray(self.vantages == "")
        if mine.all():
            return self
        place = np.where(mine, np.cumsum(mine) - 1, -1)

        def sums(held: Sums) -> Sums:
            some = chosen(held, mine[held.entity])
            return replace(some, entity=place[some.entity])

        return replace(
            self,
            entities=self.entities[mine],
            vantages=self.vantages[mine],
            heads=self.heads[mine],
            since=self.since[mine],
            buckets={width: sums(held) for width, held in self.buckets.items()},
            edges=self.edges.chosen(mine[self.edges.entity]).named(place),
            ahead=sums(self.ahead),
            closed=self.closed.among(mine, place),
        )


def past_of(samples: pd.DataFrame | Track, now: Any, limits: ApLimits, closed: Closures = NO_CLOSURES) -> Past:
    """The past of a few samples, from nothing: as `track` takes them. `closed`: by position among a track's."""
    t = samples if isinstance(samples, Track) else track(samples, now)
    n = len(t.entities)
    course = advance(no_heads(n), t, limits)
    heads, since = no_heads(n), np.full(n, NAT)
    who, ends = course.ends()
    heads[who] = ends
    entity, at, _ = course.turns()
    np.maximum.at(since, entity, at)
    five = in_buckets(cut(course.pieces(), closed))
    buckets = {w: wider(five, w) for w in (FIVE_MINUTES, HOUR, DAY)}
    return Past(t.now, t.entities, t.vantages, heads, since, buckets, t, closed=closed)


def rewound(past: Past, seeds: Heads, rows: Rows, limits: ApLimits) -> Past:
    """Without the samples after `now`: `rows` are those of some entities since their `seeds`, to the last there is."""
    before = rows.chosen(rows.taken <= past.now)
    ahead = np.unique(rows.entity)
    course = advance(seeds, before, limits)
    heads = past.heads.copy()
    heads[ahead] = seeds[ahead]
    who, ends = course.ends()
    heads[who] = ends
    kept, made = (cut(c.pieces(), past.closed) for c in (course, advance(seeds, rows, limits)))
    gone = less(in_buckets(kept), in_buckets(made))
    buckets = {w: joined([held, wider(gone, w)], w) for w, held in past.buckets.items()}
    return replace(past, heads=heads, buckets=buckets, ahead=gone)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A window [opens, now] cut where the buckets of each width begin to hold it whole: 5 minutes, hours, days."""

    opens: int
    five: int
    hour: int
    day: int

    @classmethod
    def of(cls, now: int, hours: float) -> Stretch:
        opens = now - round(hours * HOUR)
        five = _up(opens, FIVE_MINUTES)
        hour = _up(five, HOUR)
        return cls(opens, five, hour, _up(hour, DAY))


def _up(at: int, width: int) -> int:
    return -(-at // width) * width


def known_time(past: Past, hours: float, limits: ApLimits) -> tuple[Micros, Micros]:
    """Microseconds up and down of each entity in the last `hours` by the clock (at least one)."""
    at = Stretch.of(past.now, hours)
    n = len(past.entities)
    up, down = np.zeros(n, dtype="int64"), np.zeros(n, dtype="int64")
    spans = ((FIVE_MINUTES, at.five, at.hour), (HOUR, at.hour, at.day), (DAY, at.day, past.now + DAY))
    parts = [chosen(s, (s.at >= first) & (s.at < end)) for w, first, end in spans for s in [past.buckets[w]]]
    for sums in (*parts, in_buckets(_edge(past, at, limits)), in_buckets(_tails(past, limits, at.five))):
        more = _added(n, sums.entity, sums.up, sums.down)
        up, down = up + more[0], down + more[1]
    return up, down


def _added(n: int, entity: Positions, *values: Micros) -> list[Micros]:
    found = []
    for weights in values:
        total = np.zeros(n, dtype="int64")
        np.add.at(total, entity, weights)
        found.append(total)
    return found


def _edge(past: Past, at: Stretch, limits: ApLimits) -> Pieces:
    """What the samples say of the time from the window's start to the first whole bucket."""
    rows = past.edges
    found = segments(rows, past.now, limits.min_down_seconds)
    start, end = np.maximum(found.start, at.opens), np.minimum(found.end, at.five)
    some = np.flatnonzero(end > start)
    up = found.up[some].astype("int64")
    pieces = Pieces(rows.entity[some], start[some], end[some], up, 1 - up, np.zeros(len(some), dtype="int64"))
    return cut(pieces, past.closed)


def _tails(past: Past, limits: ApLimits, first: int) -> Pieces:
    """From each last sample to the end of its hold or now; a spell that is only now long enough is taken back whole."""
    known = np.flatnonzero(past.sampled)
    heads = past.heads[known]
    end = np.minimum(heads["at"] + heads["hold"], past.now)
    enough = limits.min_down_seconds * SECOND
    down = ~heads["up"] & (end - np.where(heads["up"], end, heads["spell"]) > enough)
    grown = np.flatnonzero(down & (heads["at"] - heads["spell"] <= enough) & (heads["at"] > heads["spell"]))
    ones = np.ones(len(grown), dtype="int64")
    clients = np.minimum(np.nan_to_num(heads["clients"]), 1_000_000).astype("int64")
    pieces = Pieces(
        np.concatenate([known, known[grown]]),
        np.maximum(np.concatenate([heads["at"], heads["spell"][grown]]), first),
        np.concatenate([end, heads["at"][grown]]),
        np.concatenate([(~down).astype("int64"), -ones]),
        np.concatenate([down.astype("int64"), ones]),
        np.concatenate([clients, 0 * ones]),
    )
    some = pieces.end > pieces.start
    names = ("entity", "start", "end", "up", "down", "clients")
    return cut(Pieces(*(getattr(pieces, name)[some] for name in names)), past.closed)


def tail(past: Past, limits: ApLimits) -> Sums:
    """What rollups lack, in buckets of 5 minutes: from each last sample to its hold's end or now."""
    return joined([in_buckets(_tails(past, limits, 0)), past.ahead])


def present(past: Past) -> pd.DataFrame:
    """`states.present_states` of every sampled entity."""
    known = past.sampled
    names = pd.Series(past.entities[known], dtype="str").reset_index(drop=True)
    return described(past.heads[known], names, past.since[known], past.now)


def availability(samples: pd.DataFrame | Past, now: Any, hours: float, limits: ApLimits) -> pd.DataFrame:
    """Known time of each sampled entity in the last `hours` by the clock: entity, up_seconds, down_seconds, coverage.

    As measured, without hysteresis; coverage = known time / window (0..1).
    """
    past = samples if isinstance(samples, Past) else past_of(samples, now, limits)
    up, down = known_time(past, hours, limits)
    known = past.sampled
    return pd.DataFrame(
        {
            "entity": pd.Series(past.entities[known], dtype="str").reset_index(drop=True),
            "up_seconds": up[known] / SECOND,
            "down_seconds": down[known] / SECOND,
            "coverage": (up + down)[known] / round(hours * HOUR),
        }
    )


def availability_by_hour(
    samples: pd.DataFrame | Past,
    now: Any,
    hours: int,
    limits: ApLimits | None = None,
    entities: int | None = None,
    counted: Bools | None = None,
) -> pd.DataFrame:
    """The last `hours` clock hours, the running one included: at (the hour's start, UTC), up_share, coverage, clients.

    up_share = up / (up + down), NaN where nothing is known. coverage = known time / (`entities`, default all sampled, x
    the hour as far as it has passed). clients: the mean number connected over the known time of all together, the sum
    of each one's time-weighted mean. `counted`: the positions that count, default all.
    """
    limits = limits or ApLimits()
    past = samples if isinstance(samples, Past) else past_of(samples, now, limits)
    counts = np.ones(len(past.entities), dtype=bool) if counted is None else counted
    size = int(np.count_nonzero(past.sampled & counts)) if entities is None else entities
    running = (past.now - 1) // HOUR * HOUR  # at 10:00 sharp the hour that just ended
    starts = running - HOUR * np.arange(hours - 1, -1, -1)
    tail = wider(in_buckets(_tails(past, limits, int(starts[0]))), HOUR)
    up, total, clients = np.zeros(hours), np.zeros(hours), np.zeros(hours)
    for sums in (past.buckets[HOUR], tail):
        some = chosen(sums, counts[sums.entity] & (sums.at >= starts[0]) & (sums.at <= running))
        place = (some.at - starts[0]) // HOUR
        up += np.bincount(place, weights=some.up, minlength=hours)
        total += np.bincount(place, weights=some.up + some.down, minlength=hours)
        clients += np.bincount(place, weights=some.clients, minlength=hours)
    elapsed = np.minimum(starts + HOUR, past.now) - starts
    nothing = total == 0
    return pd.DataFrame(
        {
            "at": to_index(starts),
            "up_share": _ratio(up, total),
            "coverage": _ratio(total, size * elapsed.astype("float64")),
            "clients": np.where(nothing, np.nan, _ratio(clients, elapsed.astype("float64"))),
        }
    )


def _ratio(part: Floats, whole: Floats) -> Floats:
    found: Floats = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return found
