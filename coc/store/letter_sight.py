"""What one may see of letters and dispositions, as conditions of SQL; whose sight it is, `coc.access.rows` says."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from coc.domain.datasets import Dataset
from coc.store.tables import TABLES

LETTERS, GIVEN = TABLES[Dataset.LETTERS], TABLES[Dataset.DISPOSITIONS]
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


def live_letter() -> sa.ColumnElement[bool]:
    return LETTERS.c.deleted == 0


def live_disposition(table: Any = GIVEN) -> sa.ColumnElement[bool]:
    """Neither deleted nor of a deleted letter."""
    return sa.and_(table.c.deleted == 0, sa.func.coalesce(table.c.letter_deleted, 0) == 0)


def seen_letter(sight: Sight) -> sa.ColumnElement[bool]:
    """Of letters that are not deleted."""
    of_class = _of_class(LETTERS.c.security, sight)
    if sight.units is None:
        return of_class
    mine = LETTERS.c.unit.in_(list(sight.units))  # before what costs a look-up
    return sa.and_(of_class, sa.or_(mine, of_units(LETTERS.c.source, LETTERS.c.source_id, sight.units)))


def seen_disposition(sight: Sight) -> sa.ColumnElement[bool]:
    """Of dispositions that are not deleted: one goes with its letter."""
    arrived = GIVEN.c.letter_registered_at.is_not(None)
    known = sa.and_(arrived, _of_class(GIVEN.c.letter_security, sight))
    mine = sa.or_(known, ~arrived) if sight.unknown else known
    if sight.units is None:
        return mine
    own = sa.and_(GIVEN.c.cancelled_at.is_(None), GIVEN.c.to_unit.in_(list(sight.units)))  # before what costs a look-up
    return sa.and_(mine, sa.or_(own, of_units(GIVEN.c.source, GIVEN.c.letter_id, sight.units)))


def of_units(
    source: sa.ColumnElement[Any], letter_id: sa.ColumnElement[Any], units: Collection[str]
) -> sa.ColumnElement[bool]:
    """Whether the letter is of one of the units."""
    letters, given, codes = LETTERS.alias("its_letter"), GIVEN.alias("its_dispositions"), list(units)
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


def _of_class(security: sa.ColumnElement[Any], sight: Sight) -> sa.ColumnElement[bool]:
    return sa.func.coalesce(security, _UNCLASSED).in_(list(sight.classes))
