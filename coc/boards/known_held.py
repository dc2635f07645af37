"""Changes of state and known time of what one dataset samples, held in memory: a refresh costs what changed.

A thousand access points are 288,000 buckets of five minutes a day. So what later commits changed is read from the
first sample that they changed on, and only what is new is put in its place.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from sqlalchemy.engine import Connection

from coc.domain.datasets import Dataset
from coc.domain.instants import Micros
from coc.domain.limits import ApLimits
from coc.metrics import known
from coc.metrics.buckets import WIDTHS, Sums, chosen, joined, wider
from coc.metrics.known import NO_TURNS, Part, Turns
from coc.metrics.past import Past, tail
from coc.store import Store, ledger
from coc.store.ledger import Key

_FOREVER: Final = int(np.iinfo("int64").max)
_ENTITIES: Final = 1 << 24  # more than a city has


class KnownHeld:
    """`parts[width]` and `turns` as of the last refresh; positions are those of `Past`."""

    def __init__(self, store: Store, dataset: Dataset, limits: ApLimits, margin: int) -> None:
        self.store, self.dataset, self.limits = store, dataset, limits
        # As far before a changed sample as it can change what is known: a hold, and a spell that was short.
        self._margin = margin
        self._sums: dict[int, Sums] = {}
        self._turns, self._keys = NO_TURNS, 0
        self._rev = -1
        self.parts: dict[int, Part] = {}
        self.turns = Part(dataset, known.NO_NAMES, known.NO_NAMES, NO_TURNS)

    def refresh(self, past: Past, commit: int) -> None:
        """To the past's now, as of the commit to which it was brought."""
        keys = list(zip(past.entities.tolist(), past.vantages.tolist(), strict=True))
        if commit != self._rev:
            with self.store.read() as connection:
                self._read(connection, keys, past.now)
            self._rev = commit
        names = (self.dataset, past.entities, past.vantages)
        lack = tail(past, self.limits)
        for width in WIDTHS:
            start = known.opens(self.dataset, width, past.now)
            if start is not None:
                held = self._sums[width] = _from(self._sums[width], start)
                more = wider(chosen(lack, lack.at >= start), width)
                self.parts[width] = Part(*names, _until(_added(held, more, width), past.now))
        self._turns = known.since(self._turns, known.turns_open(past.now))
        self.turns = Part(*names, self._turns.chosen(self._turns.at <= past.now))

    def _read(self, connection: Connection, keys: list[Key], now: int) -> None:
        anew = self._rev < 0 or ledger.recomputed_after(connection, self._rev)
        anew = anew or ledger.dropped_after(connection, self._rev)
        first = 0 if anew else ledger.first_changed(connection, self.dataset, self._rev)
        if first is None:
            return
        for width in WIDTHS:
            start = known.opens(self.dataset, width, now)
            if start is None:
                continue
            since = start if anew else max(start, (first - self._margin) // width * width)
            rev = -1 if anew else self._rev
            fresh = ledger.read_rollups(connection, self.dataset, width, keys, since, _FOREVER, rev)
            self._sums[width] = _put(joined([]) if anew else self._sums[width], fresh, width)
        opening = known.turns_open(now)
        since = opening if anew else max(opening, first - 1)
        fresh_turns = Turns(*ledger.read_turns(connection, self.dataset, keys, since, opening=anew))
        self._turns = fresh_turns if anew else _in_turn(self._turns.chosen(self._turns.at <= since), fresh_turns)


def _in_turn(held: Turns, fresh: Turns) -> Turns:
    if not len(fresh.at):
        return held
    both = Turns(*(np.concatenate([getattr(t, n) for t in (held, fresh)]) for n in ("entity", "at", "code")))
    return both.chosen(np.lexsort((both.at, both.entity)))


def _key(sums: Sums, width: int) -> Micros:
    """By which they are sorted here: the bucket, then the entity."""
    return sums.at // width * _ENTITIES + sums.entity


def _from(sums: Sums, start: int) -> Sums:
    first = int(np.searchsorted(sums.at, start))
    return chosen(sums, slice(first, None)) if first else sums


def _until(sums: Sums, now: int) -> Sums:
    """Without the buckets that begin after now, which samples ahead of it made."""
    end = int(np.searchsorted(sums.at, now))
    return chosen(sums, slice(end)) if end < len(sums) else sums


def _put(held: Sums, fresh: Sums, width: int, *, add: bool = False) -> Sums:
    """`held` with the fresh buckets in the place of its own, or added to them."""
    if not len(fresh):
        return held
    fresh = chosen(fresh, np.argsort(_key(fresh, width), kind="stable"))
    keys, mine = _key(held, width), _key(fresh, width)
    place = np.searchsorted(keys, mine)
    same = place < len(keys)
    same[same] = keys[place[same]] == mine[same]
    columns = []
    for name in ("entity", "at", "up", "down", "clients"):
        was, new = getattr(held, name), getattr(fresh, name)
        now = was.copy()
        if name in ("up", "down", "clients") and add:
            now[place[same]] += new[same]
        else:
            now[place[same]] = new[same]
        columns.append(np.insert(now, place[~same], new[~same]))
    return Sums(*columns)


def _added(held: Sums, more: Sums, width: int) -> Sums:
    found = _put(held, more, width, add=True)
    nothing = (found.up == 0) & (found.down == 0)
    return chosen(found, ~nothing) if nothing.any() else found
