"""Letters and dispositions one by one, for who may see them: rows that are not deleted, in a stable order, in pages.

Who may see what is `coc.access.rows`' business; here it is a condition.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa

from coc.domain.datasets import COLUMNS, Dataset
from coc.store import columns as codec
from coc.store.engine import Database
from coc.store.rows import fetch
from coc.store.tables import TABLES

_LETTERS, _GIVEN = TABLES[Dataset.LETTERS], TABLES[Dataset.DISPOSITIONS]
_UNCLASSED: Final = "biasa"  # what a letter is whose source names no class


@dataclass(frozen=True, slots=True)
class Sight:
    """What one may see: letters of these classes, and of these units (None: of all).

    A letter is of a unit when its own unit or the to_unit of one of its dispositions, neither deleted nor cancelled,
    is. `unknown`: also dispositions whose letter has not arrived, of which nobody knows the class.
    """

    classes: Collection[str]
    units: Collection[str] | None = None
    unknown: bool = False


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
        table = _LETTERS
        where = [table.c.deleted == 0, _of_class(table.c.security, sight)]
        if sight.units is not None:
            where.append(_of_units(table.c.source, table.c.source_id, sight.units))
        if wanted.unit is not None:
            where.append(_of_units(table.c.source, table.c.source_id, [wanted.unit]))
        return self._page(Dataset.LETTERS, table.c.registered_at, where, wanted, hidden)

    def seen_dispositions(self, sight: Sight, wanted: Wanted, hidden: Collection[str] = ()) -> pd.DataFrame:
        """Dispositions of such letters, the newest first: `source` and the canonical columns without `hidden`."""
        table = _GIVEN
        arrived = table.c.letter_registered_at.is_not(None)
        known = sa.and_(arrived, _of_class(table.c.letter_security, sight))
        mine: sa.ColumnElement[bool] = sa.or_(known, ~arrived) if sight.unknown else known
        where = [table.c.deleted == 0, sa.func.coalesce(table.c.letter_deleted, 0) == 0, mine]
        if sight.units is not None:
            where.append(_of_units(table.c.source, table.c.letter_id, sight.units))
        if wanted.unit is not None:
            where.append(table.c.to_unit == wanted.unit)
        return self._page(Dataset.DISPOSITIONS, table.c.issued_at, where, wanted, hidden)

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


def _of_class(security: sa.ColumnElement[Any], sight: Sight) -> sa.ColumnElement[bool]:
    return sa.func.coalesce(security, _UNCLASSED).in_(list(sight.classes))


def _of_units(
    source: sa.ColumnElement[Any], letter_id: sa.ColumnElement[Any], units: Collection[str]
) -> sa.ColumnElement[bool]:
    """Whether the letter is of one of the units."""
    letters, given, codes = _LETTERS.alias("its_letter"), _GIVEN.alias("its_dispositions"), list(units)
    by_unit = sa.exists().where(
        letters.c.source == source, letters.c.source_id == letter_id, letters.c.deleted == 0, letters.c.unit.in_(codes)
    )
    by_disposition = sa.exists().where(
        given.c.source == source,
        given.c.letter_id == letter_id,
        given.c.deleted == 0,
        given.c.cancelled_at.is_(None),
        given.c.to_unit.in_(codes),
    )
    return sa.or_(by_unit, by_disposition)
