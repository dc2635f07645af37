"""Changes of state and known time of what one dataset samples, held in memory: a refresh costs what changed.

A thousand access points are 288,000 buckets of five minutes a day. So what later commits changed is read from the
first sample that they changed on, and only what is new is put in its place.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
from sqlalchemy.engine import Connection

from coc.domain.datasets import Dataset
from coc.domain.instants import NAT
from coc.domain.limits import ApLimits
from coc.metrics import known
from coc.metrics.buckets import WIDTHS, Sums, chosen, joined, wider
from coc.metrics.known import NO_TURNS, Part, Turns
from coc.metrics.past import Past, tail
from coc.store import Store, ledger
from coc.store.ledger import Key

_FOREVER: Final = int(np.iinfo("int64").max)
_COLUMNS: Final = ("entity", "at", "up", "down", "clients")


class KnownHeld:
    """`parts[width]` and `turns` as of the last refresh; positions are those of `Past`."""

    def __init__(self, store: Store, dataset: Dataset, limits: ApLimits, margin: int) -> None:
        self.store, self.dataset, self.limits = store, dataset, limits
        # As far before a changed sample as it can change what is known: a hold, and a spell that was short.
        self._margin = margin
        self._sums: dict[int, Sums] = {}
        self._turns, self._keys = NO_TURNS, 0
        self._rev, self._last = -1, np.zeros(0, dtype="int64")
        self.parts: dict[int, Part] = {}
        self.turns = Part(dataset, known.NO_NAMES, known.NO_NAMES, NO_TURNS)

    def refresh(self, past: Past, commit: int) -> None:
        """To the past's now, as of the commit to which it was brought."""
        keys = list(zip(past.entities.tolist(), past.vantages.tolist(), strict=True))
        if commit != self._rev:
            with self.store.read() as connection:
                self._read(connection, keys, past.now, self._resumed(past))
            self._rev = commit
        names = (self.dataset, past.entities, past.vantages)
        lack = tail(past, self.limits)
        for width in WIDTHS:
            start = known.opens(self.dataset, width, past.now)
            if start is not None:
                held = self._sums[width] = _from(self._sums[width], start)
                more = wider(chosen(lack, lack.at >= start), width)
                self.parts[width] = Part(*names, _in_order(_until(_put(held, more, add=True), past.now), keys))
        self._turns = known.since(self._turns, known.turns_open(past.now))
        self.turns = Part(*names, self._turns.chosen(self._turns.at <= past.now))

    def _resumed(self, past: Past) -> int:
        """The earliest sample that was some entity's last and is not any more: its hold is in buckets only now."""
        before, self._last = self._last, past.heads["at"].copy()
        ended = before[self._last[: len(before)] != before]
        return int(np.min(ended, initial=_FOREVER, where=ended != NAT))

    def _read(self, connection: Connection, keys: list[Key], now: int, resumed: int) -> None:
        anew = self._rev < 0 or ledger.recomputed_after(connection, self._rev)
        anew = anew or ledger.dropped_after(connection, self._rev)
        first = 0 if anew else ledger.first_changed(connection, self.dataset, self._rev)
        if first is None:
            return
        for width in WIDTHS:
            start = known.opens(self.dataset, width, now)
            if start is None:
                continue
            since = start if anew else max(start, (min(first, resumed) - self._margin) // width * width)
            rev = -1 if anew else self._rev
            fresh = ledger.read_rollups(connection, self.dataset, width, keys, since, _FOREVER, rev)
            self._sums[width] = _put(joined([]) if anew else self._sums[width], fresh)
        opening = known.turns_open(now)
        since = opening if anew else max(opening, first - 1)
        fresh_turns = Turns(*ledger.read_turns(connection, self.dataset, keys, since, opening=anew))
        self._turns = fresh_turns if anew else _in_turn(self._turns.chosen(self._turns.at <= since), fresh_turns)


def _in_order(sums: Sums, keys: list[Key]) -> Sums:
    """By time and name, also where a name came later than those after it: sums of floats hang on their order."""
    if all(one < other for one, other in pairwise(keys)):
        return sums
    rank = np.empty(len(keys), dtype=np.intp)
    rank[sorted(range(len(keys)), key=keys.__getitem__)] = np.arange(len(keys))
    return chosen(sums, np.lexsort((rank[sums.entity], sums.at)))


def _in_turn(held: Turns, fresh: Turns) -> Turns:
    if not len(fresh.at):
        return held
    both = Turns(*(np.concatenate([getattr(t, n) for t in (held, fresh)]) for n in ("entity", "at", "code")))
    return both.chosen(np.lexsort((both.at, both.entity)))


def _from(sums: Sums, start: int) -> Sums:
    first = int(np.searchsorted(sums.at, start))
    return chosen(sums, slice(first, None)) if first else sums


def _until(sums: Sums, now: int) -> Sums:
    """Without the buckets that begin after now, which samples ahead of it made."""
    end = int(np.searchsorted(sums.at, now))
    return chosen(sums, slice(end)) if end < len(sums) else sums


def _put(held: Sums, fresh: Sums, *, add: bool = False) -> Sums:
    """`held` with the fresh buckets in the place of its own, or added to them; both by (at, entity)."""
    if not len(fresh):
        return held
    fresh = chosen(fresh, np.lexsort((fresh.entity, fresh.at)))
    # What came is of the last minutes: only what is held of the same time is looked at.
    first = int(np.searchsorted(held.at, fresh.at[0]))
    end = int(np.searchsorted(held.at, fresh.at[-1], side="right"))
    near = _mixed(chosen(held, slice(first, end)), fresh, add=add)
    parts = (chosen(held, slice(first)), near, chosen(held, slice(end, None)))
    return Sums(*(np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS))


def _mixed(held: Sums, fresh: Sums, *, add: bool) -> Sums:
    columns = [np.concatenate([getattr(held, name), getattr(fresh, name)]) for name in _COLUMNS]
    order = np.lexsort((columns[0], columns[1]))  # stable: the fresh one comes after the held one
    entity, at, *sums = (column[order] for column in columns)
    same = (entity[1:] == entity[:-1]) & (at[1:] == at[:-1])
    twice = np.flatnonzero(same) + 1
    if add:
        for column in sums:
            column[twice] += column[twice - 1]
    kept = np.concatenate([~same, [True]])
    kept &= (sums[0] != 0) | (sums[1] != 0)  # nothing is left where what lies ahead was taken back
    return Sums(*(column[kept] for column in (entity, at, *sums)))
