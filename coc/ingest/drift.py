"""FEED's drift rule: a field that held values and is now absent from every row is a broken source, not empty fields.

While a field is missed, batches wait: only the whole run tells whether it is absent from every row of it, and a run
that drifts must overwrite nothing. As soon as the field shows up, what waited goes on.
"""

from __future__ import annotations

from typing import Final

import pandas as pd
from sqlalchemy.engine import Connection

from coc.domain.datasets import COLUMNS, KEYS, Dataset
from coc.store import Position, bulk
from data_connectors.base import Batch

ENOUGH: Final = 20  # known rows that hold a value there: fewer may be chance


class Watch:
    """One dataset in one run. `missed`: fields that once held values and that no row of this run has brought."""

    def __init__(self, dataset: Dataset, position: Position, *, strict: bool) -> None:
        self.dataset = dataset
        nullable = {c.name for c in COLUMNS[dataset] if not c.required and not c.content} - {"deleted"}
        self.missed: set[str] = nullable & set(position.seen) if strict else set()
        self.waiting: list[Batch] = []
        self._strict = strict

    def ready(self, batch: Batch) -> list[Batch]:
        """The batches that may be stored now: none while a field is missed, else all that waited and this one."""
        self.waiting.append(batch)
        if len(batch.frame):
            self.missed -= set(batch.frame.columns)
        return [] if self.missed else self.release()

    def release(self) -> list[Batch]:
        found, self.waiting = self.waiting, []
        return found

    def drifted(self, connection: Connection, source: str, *, full: bool) -> list[str]:
        """The fields whose absence is drift, at the end of the run. Empty on a first run and in small ones."""
        rows = [b.frame for b in self.waiting if len(b.frame)]
        if not self.missed or not rows:
            return []
        if full:
            return sorted(self.missed)
        key = KEYS[self.dataset][0]
        keys = pd.concat([f[key] for f in rows if key in f.columns] or [pd.Series([], dtype="object")])
        wanted = {k for k in keys if isinstance(k, str)}
        columns = [c for c in COLUMNS[self.dataset] if c.name in self.missed]
        held = bulk.held(connection, self.dataset, source, sorted(wanted), columns)
        return sorted(name for name in self.missed if int(held[name].notna().sum()) >= ENOUGH)

    def kept(self, batch: Batch) -> frozenset[str]:
        """Columns whose stored values stay for known rows: contents left out, and what is missed but no drift."""
        if not self._strict:
            return frozenset()
        contents = {c.name for c in COLUMNS[self.dataset] if c.content and c.name not in batch.frame.columns}
        return frozenset(contents | self.missed)
