"""Samples into the store together with what they make: states, their changes, known time by bucket.

All of it is a function of the samples held, whatever the order in which they came. Samples later than all that is known
of their entity cost themselves. A late or corrected one is the difference of two runs, without it and with it, from an
older head to where both are the same again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Self

import numpy as np
import pandas as pd

from coc.domain.datasets import COLUMNS, KEYS, Dataset, seen_from
from coc.domain.instants import DAY, HOUR, NAT, Bools, Micros, to_micros
from coc.domain.limits import ApLimits
from coc.ingest.basis import Basis, waiting
from coc.ingest.closed import Closed, closed_of
from coc.metrics.buckets import Sums, in_buckets, joined, less
from coc.metrics.heads import NO_ROWS, Course, Heads, Positions, Rows, advance, no_heads, same_heads
from coc.store import Tx, bulk, ledger
from coc.store.columns import BLANK_KEY, entity_column
from coc.store.feeds import save_heads
from coc.store.ledger import Key

# How far two runs are followed at a time until they meet: at one sample a minute the first hour is enough.
_STRIDES: Final = (HOUR, HOUR, 4 * HOUR, DAY)


def store_samples(tx: Tx, basis: Basis, source: str, dataset: Dataset, good: pd.DataFrame) -> int:
    """Upsert canonical samples of one source, one a key, and bring along what is made of them; how many changed."""
    if good.empty:
        return 0
    basis.note(tx, [source])
    keys, entity = _keys(dataset, good)
    heads = _held_heads(tx, dataset, keys)
    at = to_micros(good["at"])
    _, newest = _extremes(entity, at, len(keys))
    save_heads(tx, source, dataset, _newest(dataset, keys, newest))
    late = at <= heads["at"][entity]
    if late.any():
        fresh = ~late
        fresh[late] = _changed(tx, dataset, good[late], keys, entity[late])
        good, entity, at, late = good[fresh], entity[fresh], at[fresh], late[fresh]
    if good.empty:
        return 0
    stale = waiting(tx, dataset)
    moving = np.array([name not in stale for name, _ in keys])[entity] & (at >= ledger.floor(tx.connection))
    replay = _Replay.of(tx, basis, dataset, keys, heads, entity[moving], at[moving], late[moving])
    stored = bulk.upsert(tx, dataset, good, source=source)
    moves = Moves(basis.limits, closed_of(tx, basis.maintenance, dataset, keys, heads), len(keys))
    alone = moving & ~replay.mine[entity]
    moves.append(heads, _rows(good[alone], entity[alone], at[alone], basis.holds[source]))
    replay.run(moves)
    moves.save(tx, dataset, keys)
    return stored


def _keys(dataset: Dataset, good: pd.DataFrame) -> tuple[list[Key], Positions]:
    """The entities of a frame, and each row's position among them."""
    names = good[entity_column(dataset)].to_numpy(dtype=object)
    if BLANK_KEY not in good:
        code, found = pd.factorize(names)
        return [(name, "") for name in found], np.asarray(code, dtype=np.intp)
    vantage = good[BLANK_KEY].fillna("").to_numpy(dtype=object)
    code, pairs = pd.factorize(pd.Index(list(zip(names, vantage, strict=True)), tupleize_cols=False))
    return list(pairs), np.asarray(code, dtype=np.intp)


def _newest(dataset: Dataset, keys: list[Key], newest: Micros) -> dict[str, int]:
    """The newest sample of each entity, and of a service also from each vantage."""
    found: dict[str, int] = {}
    for (name, vantage), at in zip(keys, newest.tolist(), strict=True):
        found[name] = max(found.get(name, NAT), at)
        if dataset is Dataset.SERVICE_SAMPLES:
            found[seen_from(name, vantage)] = at
    return dict(sorted(found.items()))


def _held_heads(tx: Tx, dataset: Dataset, keys: list[Key]) -> Heads:
    held, found = ledger.read_heads(tx.connection, dataset, [entity for entity, _ in keys])
    place = {key: i for i, key in enumerate(held)}
    heads, rows = no_heads(len(keys)), np.array([place.get(key, -1) for key in keys])
    heads[rows >= 0] = found[rows[rows >= 0]]
    return heads


def _changed(tx: Tx, dataset: Dataset, late: pd.DataFrame, keys: list[Key], entity: Positions) -> Bools:
    """Which of these rows differ from what is stored, or are not: repeats must cost nothing more."""
    at = to_micros(late["at"])
    first, last = _extremes(entity, at, len(keys))
    some = np.unique(entity)
    held = ledger.read_canonical(tx.connection, dataset, [keys[i] for i in some], first[some], last[some] + 1)
    if held.empty:
        return np.ones(len(late), dtype=bool)
    place = _index(held, dataset).get_indexer(_index(late, dataset))
    differs = place < 0
    for name in (c.name for c in COLUMNS[dataset] if c.name not in KEYS[dataset]):
        came, was = late[name].reset_index(drop=True), held[name].iloc[place].reset_index(drop=True)
        same = (came == was).fillna(False).to_numpy(dtype=bool) | (came.isna() & was.isna()).to_numpy(dtype=bool)
        differs |= ~same
    return differs


def _index(samples: pd.DataFrame, dataset: Dataset) -> pd.MultiIndex:
    vantage = [samples[BLANK_KEY].fillna("").to_numpy(dtype=object)] if BLANK_KEY in samples else []
    names = samples[entity_column(dataset)].to_numpy(dtype=object)
    return pd.MultiIndex.from_arrays([names, *vantage, to_micros(samples["at"])])


def _extremes(entity: Positions, at: Micros, n: int) -> tuple[Micros, Micros]:
    """The first and the last moment of each entity; NAT in the second where it has none."""
    first, last = np.full(n, np.iinfo("int64").max), np.full(n, NAT)
    np.minimum.at(first, entity, at)
    np.maximum.at(last, entity, at)
    return first, last


def _rows(good: pd.DataFrame, entity: Positions, at: Micros, hold: int) -> Rows:
    order = np.lexsort((at, entity))

    def number(name: str) -> Any:
        if name not in good:
            return np.full(len(good), np.nan)
        return good[name].to_numpy(dtype="float64", na_value=np.nan)[order]

    return Rows(
        entity=entity[order],
        taken=at[order],
        up=good["up"].to_numpy(dtype=bool)[order],
        hold=np.full(len(good), hold),
        clients=number("clients"),
        latency=number("latency_ms"),
        loss=number("loss"),
    )


@dataclass(slots=True)
class Moves:
    """What a batch changes, gathered for one write each. Entities by position."""

    limits: ApLimits
    closed: Closed
    size: int
    sums: list[Sums] = field(default_factory=list)
    heads: dict[int, np.void] = field(default_factory=dict)
    marks: dict[tuple[int, int], np.void] = field(default_factory=dict)
    turned: dict[tuple[int, int], int] = field(default_factory=dict)
    unturned: set[tuple[int, int]] = field(default_factory=set)

    def append(self, heads: Heads, rows: Rows) -> None:
        """Samples that are later than their heads."""
        course = advance(heads, rows, self.limits)
        self.sums.append(in_buckets(self.closed.cut(course.pieces())))
        self._turns(course, None)
        self._marks(course, None)
        self.heads |= dict(zip(*_listed(*course.ends()), strict=True))

    def differ(self, held: Heads, old: Rows, heads: Heads, new: Rows) -> None:
        """Two runs over the same stretch, as it was and as it is now. `held` and `heads` are moved on to its end."""
        was, now = advance(held, old, self.limits), advance(heads, new, self.limits)
        made, held_ = (in_buckets(self.closed.cut(course.pieces())) for course in (now, was))
        self.sums.append(less(made, held_))
        self._turns(now, was)
        self._marks(now, was)
        for moved, course in ((held, was), (heads, now)):
            entity, ends = course.ends()
            moved[entity] = ends

    def _turns(self, now: Course, was: Course | None) -> None:
        found = _turns_of(now)
        held = {} if was is None else _turns_of(was)
        self.unturned |= held.keys() - found.keys()
        self.turned |= {key: code for key, code in found.items() if held.get(key) != code}

    def _marks(self, now: Course, was: Course | None) -> None:
        found = _marks_of(now)
        held = {} if was is None else _marks_of(was)
        self.marks |= {key: head for key, head in found.items() if key not in held or not _same(held[key], head)}

    def save(self, tx: Tx, dataset: Dataset, keys: list[Key]) -> None:
        def of(entities: Any) -> list[Key]:
            return [keys[i] for i in entities]

        ledger.add_rollups(tx, dataset, keys, joined(self.sums))
        ledger.drop_changes(tx, dataset, *_split(self.unturned, of))
        ledger.save_changes(tx, dataset, *_split(self.turned, of), np.array([*self.turned.values()], dtype="int64"))
        ledger.save_marks(tx, dataset, *_split(self.marks, of), _array(self.marks.values()))
        ledger.save_heads(tx, dataset, of(self.heads), _array(self.heads.values()))


def _split(found: Any, of: Any) -> tuple[list[Key], Micros]:
    return of([entity for entity, _ in found]), np.array([at for _, at in found], dtype="int64")


def _array(heads: Any) -> Heads:
    found = list(heads)
    made = no_heads(len(found))
    for i, head in enumerate(found):
        made[i] = head
    return made


def _listed(entity: Positions, heads: Heads) -> tuple[list[int], list[np.void]]:
    return entity.tolist(), list(heads)


def _turns_of(course: Course) -> dict[tuple[int, int], int]:
    entity, at, code = course.turns()
    return dict(zip(zip(entity.tolist(), at.tolist(), strict=True), code.tolist(), strict=True))


def _marks_of(course: Course) -> dict[tuple[int, int], np.void]:
    entity, hour, heads = course.marks()
    return dict(zip(zip(entity.tolist(), hour.tolist(), strict=True), list(heads), strict=True))


def _same(one: np.void, other: np.void) -> bool:
    return bool(same_heads(_array([one]), _array([other]))[0])


@dataclass(slots=True)
class _Replay:
    """The entities with a sample that is not later than their head: run again, as they were and as they are."""

    tx: Tx
    basis: Basis
    dataset: Dataset
    keys: list[Key]
    mine: Bools  # by position: is it one of them
    seeds: Heads
    start: Micros
    end: Micros
    last: Micros  # of each, the last sample there is
    old: Rows

    @classmethod
    def of(
        cls,
        tx: Tx,
        basis: Basis,
        dataset: Dataset,
        keys: list[Key],
        heads: Heads,
        entity: Positions,
        at: Micros,
        late: Bools,
    ) -> Self:
        """Before the samples go in: what is stored of the stretch that they touch."""
        n = len(keys)
        mine = np.zeros(n, dtype=bool)
        mine[entity[late]] = True
        first, final = _extremes(entity, at, n)
        seeds, start, end = no_heads(n), np.full(n, NAT), np.full(n, NAT)
        some = np.flatnonzero(mine)
        floor = ledger.floor(tx.connection)
        seeds[some] = ledger.heads_before(tx.connection, dataset, [keys[i] for i in some], first[some], floor)
        start[some] = np.maximum(np.where(seeds["at"][some] == NAT, NAT, seeds["at"][some] + 1), floor)
        end[some] = final[some] // HOUR * HOUR + HOUR
        made = cls(tx, basis, dataset, keys, mine, seeds, start, end, np.maximum(heads["at"], final), NO_ROWS)
        made.old = made._read(some)
        return made

    def _read(self, some: Positions) -> Rows:
        if not some.size:
            return NO_ROWS
        keys = [self.keys[i] for i in some]
        connection, holds = self.tx.connection, self.basis.holds
        rows = ledger.read_samples(connection, self.dataset, keys, self.start[some], self.end[some], holds)
        return rows.named(some)

    def run(self, moves: Moves) -> None:
        """After they went in: from stretch to stretch, until both runs are at the same point or at the end."""
        open_ = np.flatnonzero(self.mine)
        held, heads, old = self.seeds.copy(), self.seeds.copy(), self.old
        stretches = 0
        while open_.size:
            new = self._read(open_)
            moves.differ(held, old if stretches == 0 else new, heads, new)
            over = self.end[open_] > self.last[open_]
            apart = ~same_heads(held[open_], heads[open_])
            for i in open_[over & apart].tolist():
                moves.heads[i] = heads[i].copy()
            open_ = open_[apart & ~over]
            self.start[open_] = self.end[open_]
            self.end[open_] += _STRIDES[min(stretches, len(_STRIDES) - 1)]
            stretches += 1
