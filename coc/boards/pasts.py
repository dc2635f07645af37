"""What boards know of sampled entities, held in memory: heads, the buckets windows need, the samples at their edges.

Brought up to date by what changed and by how far the clock went: it grows with a city's points, not with their samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import pandas as pd
from sqlalchemy.engine import Connection

from coc.domain.datasets import Dataset
from coc.domain.instants import DAY, HOUR, NAT, SECOND, Micros
from coc.domain.limits import ApLimits
from coc.ingest import closed
from coc.metrics.buckets import FIVE_MINUTES, Sums, chosen, joined, replaced
from coc.metrics.closures import NO_CLOSURES
from coc.metrics.heads import NO_ROWS, Rows, merged_rows, no_heads, same_heads
from coc.metrics.past import WINDOWS_HOURS, Past, Stretch, rewound
from coc.store import Store, ledger
from coc.store.ledger import Key

_CLOSED_BACK: Final = (max(WINDOWS_HOURS) + 24) * HOUR  # as far as a window and a sample's hold reach
_FOREVER: Final = int(np.iinfo("int64").max) - DAY


@dataclass(slots=True)
class _Held:
    """What is held of a span [start, end)."""

    width: int
    start: int = 0
    end: int = 0
    sums: Sums = field(default_factory=lambda: joined([]))
    rows: Rows = NO_ROWS


class Pasts:
    """Keeps one dataset's `Past`, of every vantage. `holds`: microseconds by source."""

    def __init__(self, store: Store, dataset: Dataset, limits: ApLimits, holds: Mapping[str, int]) -> None:
        self.store, self.dataset, self.limits, self.holds = store, dataset, limits, holds
        self._keys: list[Key] = []  # a key never changes its position
        self._heads, self._since = no_heads(0), np.zeros(0, dtype="int64")
        # As far as a sample holds and a spell is short, to either side: beyond that nothing reaches an edge.
        self.margin = max([*holds.values(), holds[""]]) + round(limits.min_down_seconds * SECOND)
        fives = dict.fromkeys((("five", hours) for hours in WINDOWS_HOURS), FIVE_MINUTES)
        hours_ = dict.fromkeys((("hour", hours) for hours in WINDOWS_HOURS), HOUR)
        self._buckets = {name: _Held(width) for name, width in (fives | hours_ | {("day", 0): DAY}).items()}
        self._edges = [_Held(0) for _ in WINDOWS_HOURS]
        self._closed, self._closed_until = NO_CLOSURES, 0
        self._rev = -1

    def refresh(self, now: pd.Timestamp, commit: int) -> tuple[Past, bool]:
        """The past at `now` as of the store's last commit, and whether what it is made of changed since the last."""
        moment = now.value // 1000
        with self.store.read() as connection:
            newer = commit != self._rev and ledger.sampled_after(connection, self.dataset, self._rev)
            after = self._rev if newer else None
            changed = after is not None and self._read_heads(connection)
            if after is not None and ledger.dropped_after(connection, after):
                self._buckets = {name: _Held(held.width) for name, held in self._buckets.items()}
            changed |= self._read_buckets(connection, moment, after)
            changed |= self._read_edges(connection, moment, after)
            if after is not None or not self._closed_until > moment:
                self._closed_until = moment // DAY * DAY + DAY
                mine = closed.written(connection, self.dataset, self._keys)
                self._closed = mine.between(moment - _CLOSED_BACK, self._closed_until)
            self._rev = commit
            names, vantages = (pd.Index([key[i] for key in self._keys], dtype="str") for i in (0, 1))
            past = Past(moment, names, vantages, self._heads, self._since, self._by_width(), self._edge_rows())
            return self._until_now(connection, replace(past, closed=self._closed)), changed

    def _read_heads(self, connection: Connection) -> bool:
        keys, heads, since = ledger.present(connection, self.dataset)
        known = set(self._keys)
        self._keys += sorted(key for key in keys if key not in known)
        place = {key: i for i, key in enumerate(self._keys)}
        rows = np.array([place[key] for key in keys], dtype=np.intp)
        were, was = self._heads, self._since
        self._heads, self._since = no_heads(len(self._keys)), np.full(len(self._keys), NAT)
        self._heads[rows], self._since[rows] = heads, since
        return len(were) != len(self._heads) or not (same_heads(were, self._heads) & (was == self._since)).all()

    def _read_buckets(self, connection: Connection, now: int, after: int | None) -> bool:
        cuts = {hours: Stretch.of(now, hours) for hours in WINDOWS_HOURS}
        first, *_, longest = WINDOWS_HOURS
        wanted = {("day", 0): (cuts[longest].day, _FOREVER)}
        for hours, cut in cuts.items():
            opens = _hour(cut.opens)
            wanted["five", hours] = (opens, opens + HOUR)
            # Each window's own hours to its first whole day; those of the shortest go on to now, for its last.
            wanted["hour", hours] = (opens, _FOREVER if hours == first else cut.day)
        changed = False
        for name, (start, end) in wanted.items():
            held = self._buckets[name]
            whole = not (held.start <= start < held.end and end == held.end)
            if whole or after is not None:
                rev = -1 if whole or after is None else after
                fresh = ledger.read_rollups(connection, self.dataset, held.width, self._keys, start, end, rev)
                held.sums = fresh if whole else replaced(held.sums, fresh, held.width)
                changed |= len(fresh) > 0
            held.sums = chosen(held.sums, held.sums.at >= start)
            held.start, held.end = start, end
        return changed

    def _read_edges(self, connection: Connection, now: int, after: int | None) -> bool:
        changed = False
        for held, hours in zip(self._edges, WINDOWS_HOURS, strict=True):
            opens = Stretch.of(now, hours).opens
            start = opens // FIVE_MINUTES * FIVE_MINUTES - self.margin
            end = start + FIVE_MINUTES + 2 * self.margin
            goes_on = held.start <= start <= held.end <= end
            spans = [(held.end if goes_on else start, end, -1)]
            if goes_on and after is not None:
                spans.append((start, held.end, after))
            for first, last, rev in spans:
                if first < last:
                    fresh = ledger.samples_between(connection, self.dataset, self._keys, first, last, self.holds, rev)
                    held.rows = merged_rows(held.rows if goes_on else NO_ROWS, fresh)
                    changed |= rev >= 0 and len(fresh.taken) > 0
            held.rows = held.rows.chosen(held.rows.taken >= start)
            held.start, held.end = start, end
        return changed

    def _by_width(self) -> dict[int, Sums]:
        return {
            width: joined([h.sums for h in self._buckets.values() if h.width == width], width)
            for width in (FIVE_MINUTES, HOUR, DAY)
        }

    def _edge_rows(self) -> Rows:
        rows = NO_ROWS
        for held in self._edges:
            rows = merged_rows(rows, held.rows)
        return rows

    def _until_now(self, connection: Connection, past: Past) -> Past:
        """Samples may lie ahead of now: what they made is taken back."""
        ahead = np.flatnonzero(past.sampled & (past.heads["at"] > past.now))
        if not ahead.size:
            return past
        keys, floor = [self._keys[i] for i in ahead], ledger.floor(connection)
        some = ledger.heads_before(connection, self.dataset, keys, np.full(len(keys), past.now + 1), floor)
        start: Micros = np.where(some["at"] == NAT, floor, some["at"] + 1)
        rows = ledger.read_samples(connection, self.dataset, keys, start, np.full(len(keys), _FOREVER), self.holds)
        seeds = no_heads(len(self._keys))
        seeds[ahead] = some
        found = rewound(past, seeds, rows.named(ahead), self.limits)
        since = past.since.copy()
        since[ahead] = ledger.states_since(connection, self.dataset, keys, found.heads["at"][ahead])
        return replace(found, since=since)


def _hour(at: int) -> int:
    return at // HOUR * HOUR
