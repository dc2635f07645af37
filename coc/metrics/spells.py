"""When entities were down or silent: stretches of time, from their changes of state and from their known time.

A stretch is [start, end) in microseconds; one that goes on ends at `ON`. Pure numpy: a month of 1,000 points is a few
passes over its turns and over a table of buckets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from coc.domain.instants import NAT, SECOND, Bools, Micros, to_micros
from coc.metrics.heads import Positions
from coc.metrics.states import DOWN

ON: Final = int(np.iinfo("int64").max)


@dataclass(frozen=True, slots=True)
class Spells:
    """`entity`: a position; `silent`: not known to be down, nothing was heard of it; `downs`: how often it fell."""

    entity: Positions
    start: Micros
    end: Micros
    silent: Bools
    downs: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start)

    def chosen(self, rows: Any) -> Spells:
        return Spells(self.entity[rows], self.start[rows], self.end[rows], self.silent[rows], self.downs[rows])


def spells(entity: Positions, start: Micros, end: Micros, *, silent: bool) -> Spells:
    size = len(start)
    return Spells(entity, start, end, np.full(size, silent), np.ones(size, dtype="int64"))


def together(parts: Sequence[Spells]) -> Spells:
    """All of them, by entity and start."""
    names = ("entity", "start", "end", "silent", "downs")
    found = Spells(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
    return found.chosen(np.lexsort((found.start, found.entity)))


def downs(turns: pd.DataFrame, mine: Bools, index: pd.Index[Any]) -> Spells:
    """From changes of state (entity, at, state), of the rows `mine`: each stretch in which one of `index` is down."""
    rows = np.flatnonzero(mine)
    entity = positions_of(turns["entity"], index)[rows]
    at, down = to_micros(turns["at"])[rows], (turns["state"] == DOWN).to_numpy(dtype=bool)[rows]
    order = np.lexsort((at, entity))
    entity, at, down = entity[order], at[order], down[order]
    ends = np.append(entity[1:] != entity[:-1], True)[: len(entity)]
    until = np.where(ends, ON, np.append(at[1:], ON)[: len(at)])
    fell = down & (entity >= 0)
    return joined(spells(entity[fell], at[fell], until[fell], silent=False), 0)


def positions_of(names: pd.Series[Any], index: pd.Index[Any]) -> Positions:
    """Where each name stands in the index, -1 where it does not; of a categorical column by its few words."""
    if not isinstance(names.dtype, pd.CategoricalDtype):
        return np.asarray(index.get_indexer(pd.Index(names)), dtype=np.intp)
    of_words = index.get_indexer(pd.Index(names.cat.categories.astype("str"), dtype="str"))
    return np.append(of_words, -1).astype(np.intp)[names.cat.codes.to_numpy()]


def silences(known: pd.DataFrame, mine: Bools, index: pd.Index[Any], first: int, end: int, width: int) -> Spells:
    """Where nothing is known of an entity for at least one whole bucket in [first, end), cut to what is known around.

    `known`: entity, at (a bucket's start), up_seconds, down_seconds; of the rows `mine`, one a bucket. What is known of
    the bucket before is taken to be its beginning, of the one after its end. A silence that the last bucket does not
    end is left to who knows the present; one that began before the first begins at NAT.
    """
    size, first = max((end - first) // width, 0), first // width * width
    entity, at = positions_of(known["entity"], index), to_micros(known["at"])
    seconds = known["up_seconds"].to_numpy(dtype="float64") + known["down_seconds"].to_numpy(dtype="float64")
    heard = mine & (entity >= 0) & (at >= first) & (at < first + size * width) & (seconds > 0)
    # Most are known of without a gap: only the others are looked at bucket by bucket.
    some = np.flatnonzero(np.bincount(entity[heard], minlength=len(index)) < size)
    row = np.full(len(index) + 1, -1, dtype=np.intp)
    row[some] = np.arange(len(some))
    found = np.flatnonzero(heard & (row[entity] >= 0))
    table = np.zeros((len(some), size + 1), dtype="int64")
    table[row[entity[found]], (at[found] - first) // width] = np.rint(seconds[found] * SECOND)
    table[:, size] = 1  # what is after the last bucket is not asked
    quiet = table == 0
    before = np.concatenate([np.zeros((len(some), 1), dtype=bool), quiet[:, :-1]], axis=1)
    who, opens = np.nonzero(quiet & ~before)
    _, closes = np.nonzero(~quiet & before)
    done = closes < size
    who, opens, closes = who[done], opens[done], closes[done]
    led = table[who, np.maximum(opens - 1, 0)]
    start = np.where(opens == 0, NAT, first + (opens - 1) * width + np.minimum(led, width))
    until = first + (closes + 1) * width - np.minimum(table[who, closes], width)
    return spells(some[who], start, until, silent=True)


def joined(found: Spells, within: int) -> Spells:
    """Stretches of one entity that touch, overlap or are at most `within` apart, as one; silent where all of it was."""
    if not len(found):
        return found
    found = found.chosen(np.lexsort((found.start, found.entity)))
    new = np.append(True, found.entity[1:] != found.entity[:-1])
    until = reach(found.end, new)[:-1]
    apart = found.start[1:] > np.where(until >= ON - within, ON, until + within)
    new[1:] |= apart
    begins = np.flatnonzero(new)
    return Spells(
        found.entity[begins],
        found.start[begins],
        np.maximum.reduceat(found.end, begins),
        np.logical_and.reduceat(found.silent, begins),
        np.maximum(np.add.reduceat(np.where(found.silent, 0, found.downs), begins), 1),
    )


def reach(end: Micros, new: Bools) -> Micros:
    """The furthest end so far of each entity."""
    group = np.cumsum(new) - 1
    order = np.argsort(end, kind="stable")
    rank = np.empty(len(end), dtype="int64")
    rank[order] = np.arange(len(end))
    best = np.maximum.accumulate(rank + group * len(end)) - group * len(end)
    furthest: Micros = end[order][best]
    return furthest


def without(found: Spells, entity: Positions, first: Micros, last: Micros) -> tuple[Spells, Spells]:
    """(what is left, what was taken): the stretches less the time [first, last) of the same entity.

    The intervals of one entity are disjoint.
    """
    row, span = pairs(found.entity, found.start, found.end, entity, first, last)
    taken = replace(
        found.chosen(row),
        start=np.maximum(found.start[row], first[span]),
        end=np.minimum(found.end[row], last[span]),
    )
    of, opens, closes = remainders(found.start, found.end, row, taken.start, taken.end)
    return replace(found.chosen(of), start=opens, end=closes), taken


def remainders(
    start: Micros, end: Micros, row: Positions, first: Micros, last: Micros
) -> tuple[Positions, Micros, Micros]:
    """What is left of stretches, each as (its row, from, to), without the parts [first, last) of these rows.

    The parts lie within their stretch and are disjoint.
    """
    # It lies between the stretch's start, the parts in order, and its end.
    opens, closes = np.concatenate([start, last]), np.concatenate([end, first])
    of = np.concatenate([np.arange(len(start)), row])
    opens, closes, of = opens[np.lexsort((opens, of))], closes[np.lexsort((closes, of))], np.sort(of)
    some = closes > opens
    return of[some], opens[some], closes[some]


def pairs(
    entity: Positions, start: Micros, end: Micros, of: Positions, first: Micros, last: Micros
) -> tuple[Positions, Positions]:
    """Which stretch (row) meets which interval (row): of the same entity, and with time in common.

    The intervals of one entity are disjoint, in any order.
    """
    order = np.lexsort((first, of))
    of, first, last = of[order], first[order], last[order]
    low = place_of(of, last, entity, start, side="right")
    high = place_of(of, first, entity, end, side="left")
    count = np.maximum(high - low, 0)
    row = np.repeat(np.arange(len(entity)), count)
    span = low[row] + np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    return row, order[span]


def place_of(of: Positions, at: Micros, entity: Positions, when: Micros, side: Any) -> Positions:
    """Where (entity, when) would stand among the sorted (of, at)."""
    moments, codes = np.unique(np.concatenate([at, when]), return_inverse=True)
    size = len(moments) + 1
    keys = of.astype("int64") * size + codes[: len(at)]
    wanted = entity.astype("int64") * size + codes[len(at) :]
    return np.searchsorted(keys, wanted, side=side)


def begun_in(found: Spells, of: Positions, first: Micros, last: Micros) -> Positions:
    """Of each stretch the interval of its entity in which it began, -1 for none; those of one entity are disjoint."""
    row, span = pairs(found.entity, found.start, found.start + 1, of, first, last)
    place = np.full(len(found), -1, dtype=np.intp)
    place[row] = span
    return place


def all_at_once(found: Spells, group: Positions, sizes: npt.NDArray[np.int64]) -> tuple[Positions, Micros, Micros]:
    """When all entities of a group (`group`: of each entity, -1 for none) are in a stretch at once: group, start, end.

    The stretches of one entity are disjoint.
    """
    of = group[found.entity]
    some = found.chosen(of >= 0)
    of = of[of >= 0]
    at, who = np.concatenate([some.start, some.end]), np.concatenate([of, of])
    step = np.repeat([1, -1], len(some))
    order = np.lexsort((step, at, who))  # of one moment the ends first
    at, who, count = at[order], who[order], np.cumsum(step[order])
    opens = np.flatnonzero((count == sizes[who]) & (step[order] > 0))
    return who[opens], at[opens], at[opens + 1]


def goes_on(found: Spells, ends: Micros, within: Micros, now: int) -> Bools:
    """Which stretches went on after the end of what they are in (`ON`: it has none), for longer than their entity's."""
    return np.minimum(found.end, now) > np.where(ends == ON, ON, ends + within[found.entity])
