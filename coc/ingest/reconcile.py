"""The full reconcile: what the source no longer lists was deleted, unless that would be too much to believe."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from coc.domain.datasets import COLUMNS, KEYS, SAMPLES, Dataset
from coc.ingest import derivation
from coc.ingest.context import Surroundings
from coc.store import Tx, bulk
from coc.store import columns as codec
from coc.store.quarantine import absent
from coc.store.tables import TABLES

MOST_SHARE: Final = 0.02
MOST_ROWS: Final = 100
_OWN_TIME: Final = {Dataset.LETTERS: "registered_at", Dataset.DISPOSITIONS: "issued_at"}
_UNHASHED: Final = 0  # a row that comes back must differ from what is stored, or it would stay deleted


class MassDeletionError(Exception):
    """Too many rows are missing at once; `detail`: how many of how many."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


def reconcile(
    tx: Tx,
    around: Surroundings,
    source: str,
    dataset: Dataset,
    ids: AbstractSet[str],
    listed_at: datetime | None,
    retention_days: int | None,
    *,
    allow_deletions: bool,
) -> int:
    """Delete this source's rows that are not in `ids`; how many. Refused ones that are not leave the quarantine too.

    Never judged: rows older than the source keeps them, rows changed after the list was made, units (they end by
    valid_to) and samples. Raises MassDeletionError, with nothing deleted, above 2 % or 100 rows unless allowed.
    """
    if dataset in SAMPLES or dataset is Dataset.UNITS:
        return 0
    table = TABLES[dataset]
    key = KEYS[dataset][0]
    alive = [table.c.source == source, *([table.c.deleted == 0] if "deleted" in table.c else [])]
    judged = list(alive)
    if retention_days is not None and dataset in _OWN_TIME:
        oldest = codec.micros(around.clock.now() - timedelta(days=retention_days))
        judged.append(table.c[_OWN_TIME[dataset]] >= oldest)
    if listed_at is not None and "updated_at" in table.c:
        changed = table.c.updated_at
        judged.append(sa.or_(changed.is_(None), changed <= codec.micros(listed_at)))
    held = [r[0] for r in tx.connection.execute(sa.select(table.c[key]).where(*judged))]
    gone = sorted(k for k in held if k not in ids)
    if gone:
        total = int(tx.connection.execute(sa.select(sa.func.count()).select_from(table).where(*alive)).scalar_one())
        if not allow_deletions and (len(gone) > MOST_ROWS or len(gone) > MOST_SHARE * total):
            raise MassDeletionError(f"{len(gone)} of {total} {dataset.value}")
        _delete(tx, around, source, dataset, gone)
    if ids:  # a refused row that is gone from its source needs no mending any more
        absent(tx, source, dataset, ids, listed_at)
    return len(gone)


def _delete(tx: Tx, around: Surroundings, source: str, dataset: Dataset, gone: list[str]) -> None:
    table = TABLES[dataset]
    key = table.c[KEYS[dataset][0]]
    for these in bulk.among(tx.connection, key, gone):
        mine = [table.c.source == source, these]
        if "deleted" in table.c:
            marked = sa.update(table).where(*mine).values(deleted=1, rev=tx.rev, row_hash=_UNHASHED)
            tx.connection.execute(marked)
        else:
            tx.connection.execute(sa.delete(table).where(*mine))
    tx.touched = True
    if dataset is Dataset.LETTERS:
        letters = bulk.held(tx.connection, dataset, source, gone, COLUMNS[dataset])
        limits = around.settings.limits
        derivation.follow_letters(tx, source, letters, around.calendars, limits, around.digest)
