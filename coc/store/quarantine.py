"""Rows that failed validation: one per source row however often it was tried, gone when it comes in good."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from coc.domain.datasets import Dataset
from coc.store import columns as codec
from coc.store.bulk import chunks
from coc.store.engine import Database, Tx
from coc.store.tables import quarantine


@dataclass(frozen=True, slots=True)
class Rejected:
    """One row that failed: `reason` is a stable code, `fields` the mapped fields that may be kept."""

    source_id: str
    reason: str
    field: str
    value: str | None
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Quarantined:
    id: int
    source: str
    dataset: str
    source_id: str
    reason: str
    field: str
    value: str | None
    fields: dict[str, Any]
    first_seen: datetime
    last_seen: datetime
    attempts: int


def reject(
    tx: Tx, source: str, dataset: Dataset, rows: Sequence[Rejected], now: datetime, *, counted: bool = True
) -> None:
    """Put rows into quarantine, or count one more attempt of those that are there (not if `counted` is false)."""
    if not rows:
        return
    insert = (sqlite.insert if tx.sqlite else postgresql.insert)(quarantine)
    renewed = {n: insert.excluded[n] for n in ("reason", "field", "value", "fields", "last_seen")}
    statement = insert.on_conflict_do_update(
        index_elements=["source", "dataset", "source_id"],
        set_={**renewed, "attempts": quarantine.c.attempts + int(counted)},
    )
    at = codec.micros(now)
    once = {r.source_id: r for r in rows}  # PostgreSQL refuses to touch one row twice in a statement
    tx.connection.execute(
        statement,
        [
            {
                "source": source,
                "dataset": dataset.value,
                "source_id": r.source_id,
                "reason": r.reason,
                "field": r.field,
                "value": r.value,
                "fields": orjson.dumps(r.fields, default=str).decode(),
                "first_seen": at,
                "last_seen": at,
                "attempts": 1,
            }
            for r in once.values()
        ],
    )


def acquit(tx: Tx, source: str, dataset: Dataset, source_ids: Iterable[str]) -> None:
    """Take rows that came in good out of quarantine."""
    mine = [quarantine.c.source == source, quarantine.c.dataset == dataset.value]
    if tx.connection.execute(sa.select(quarantine.c.id).where(*mine).limit(1)).first() is None:
        return  # the usual case, and a lookup of every good row would not be free
    held = {r[0] for r in tx.connection.execute(sa.select(quarantine.c.source_id).where(*mine))}
    for chunk in chunks(sorted(held.intersection(source_ids))):
        tx.connection.execute(sa.delete(quarantine).where(*mine, quarantine.c.source_id.in_(chunk)))


class Quarantine(Database):
    def quarantined(
        self, source: str | None = None, dataset: Dataset | None = None, limit: int | None = None
    ) -> list[Quarantined]:
        """Rows in quarantine, newest first."""
        statement = sa.select(quarantine).order_by(quarantine.c.id.desc()).limit(limit)
        if source is not None:
            statement = statement.where(quarantine.c.source == source)
        if dataset is not None:
            statement = statement.where(quarantine.c.dataset == dataset.value)
        with self.read() as connection:
            return [_row(r) for r in connection.execute(statement)]

    def quarantined_row(self, row_id: int) -> Quarantined | None:
        with self.read() as connection:
            found = connection.execute(sa.select(quarantine).where(quarantine.c.id == row_id)).first()
        return None if found is None else _row(found)

    def drop_quarantined(self, ids: Iterable[int]) -> int:
        """Forget rows; how many there were."""
        with self.write() as connection:
            return connection.execute(sa.delete(quarantine).where(quarantine.c.id.in_(list(ids)))).rowcount

    def quarantine_counts(self) -> dict[str, int]:
        """Rows in quarantine by source."""
        statement = sa.select(quarantine.c.source, sa.func.count()).group_by(quarantine.c.source)
        with self.read() as connection:
            return {source: int(n) for source, n in connection.execute(statement)}


def _row(row: Any) -> Quarantined:
    return Quarantined(
        id=row.id,
        source=row.source,
        dataset=row.dataset,
        source_id=row.source_id,
        reason=row.reason,
        field=row.field,
        value=row.value,
        fields=orjson.loads(row.fields),
        first_seen=codec.at_micros(row.first_seen),
        last_seen=codec.at_micros(row.last_seen),
        attempts=row.attempts,
    )
