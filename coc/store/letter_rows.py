"""Letters and dispositions one by one, for who may see them: rows that are not deleted, in a stable order, in pages.

Who may see what is `coc.access.rows`' business; here it is a condition.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from coc.domain.datasets import COLUMNS, Dataset
from coc.store import columns as codec
from coc.store.engine import Database
from coc.store.letter_sight import (
    GIVEN,
    LETTERS,
    Sight,
    live_disposition,
    live_letter,
    of_units,
    seen_disposition,
    seen_letter,
)
from coc.store.rows import fetch
from coc.store.tables import TABLES


@dataclass(frozen=True, slots=True)
class Wanted:
    """`unit`: letters of it, or dispositions to it. `since`: registered or issued at or after. `ids`: source ids."""

    unit: str | None = None
    since: datetime | None = None
    ids: Collection[str] | None = None
    limit: int | None = None
    offset: int = 0


class LetterRows(Database):
    def seen_letters(self, sight: Sight, wanted: Wanted, hidden: Collection[str] = ()) -> pd.DataFrame:
        """Letters, the newest first: `source` and the canonical columns without `hidden`."""
        where = [live_letter(), seen_letter(sight)]
        if wanted.unit is not None:
            where.append(of_units(LETTERS.c.source, LETTERS.c.source_id, [wanted.unit]))
        return self._page(Dataset.LETTERS, LETTERS.c.registered_at, where, wanted, hidden)

    def seen_dispositions(self, sight: Sight, wanted: Wanted, hidden: Collection[str] = ()) -> pd.DataFrame:
        """Dispositions of such letters, the newest first: `source` and the canonical columns without `hidden`."""
        where = [live_disposition(), seen_disposition(sight)]
        if wanted.unit is not None:
            where.append(GIVEN.c.to_unit == wanted.unit)
        return self._page(Dataset.DISPOSITIONS, GIVEN.c.issued_at, where, wanted, hidden)

    def _page(
        self,
        dataset: Dataset,
        at: sa.ColumnElement[Any],
        where: list[sa.ColumnElement[bool]],
        wanted: Wanted,
        hidden: Collection[str],
    ) -> pd.DataFrame:
        table = TABLES[dataset]
        if wanted.since is not None:
            where.append(at >= codec.micros(wanted.since))
        if wanted.ids is not None:
            where.append(table.c.source_id.in_(list(wanted.ids)))
        chosen = [c for c in COLUMNS[dataset] if c.name not in hidden]
        order = (at.desc(), table.c.source, table.c.source_id)
        with self.read() as connection:
            return fetch(connection, dataset, *where, columns=chosen, order=order, page=(wanted.limit, wanted.offset))
