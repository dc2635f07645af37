"""Boards at rest: opaque payloads with their digest, and the realm's epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from coc.store import columns as codec
from coc.store.engine import Database
from coc.store.tables import boards, meta
from coc.store.trouble import BOARDS

_EPOCH = "epoch"
_MADE_FROM = "boards_commit"
_MADE_AT = "boards_at"


@dataclass(frozen=True, slots=True)
class BoardRow:
    """`epoch`: of the board's last change; ignored when saving."""

    name: str
    population: str
    epoch: int
    digest: str
    computed_at: datetime
    as_of: datetime | None
    payload: bytes


@dataclass(frozen=True, slots=True)
class BoardsHead:
    """The realm's epoch, and the commit and business time that the stored boards were last made from and at."""

    epoch: int
    commit: int
    at: datetime | None


def _put(connection: Connection, table: sa.Table, keys: list[str], row: dict[str, Any]) -> None:
    insert = (sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert)(table)
    written = {n: insert.excluded[n] for n in row if n not in keys}
    # The row as parameters: in the statement it would be part of what SQLAlchemy compares statements by.
    connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=written), row)


def _value(connection: Connection, name: str) -> int:
    return int(connection.execute(sa.select(meta.c.value).where(meta.c.name == name)).scalar() or 0)


class Boards(Database):
    def save_boards(self, commit_no: int, rows: Sequence[BoardRow], at: datetime | None = None) -> int | None:
        """Store the boards whose digest differs from the one held; the epoch afterwards: one more if any did.

        Two processes that built the same boards move the epoch once. Nothing is stored, and None given, where boards
        of a later commit are held: who was slow must not put an older picture over a newer. `at`: business time.
        """
        with self.health.watch(BOARDS), self.write() as connection:
            if commit_no < _value(connection, _MADE_FROM):
                return None
            held = {
                (r.name, r.population): r.digest
                for r in connection.execute(sa.select(boards.c.name, boards.c.population, boards.c.digest))
            }
            moved = [r for r in rows if held.get((r.name, r.population)) != r.digest]
            epoch = _value(connection, _EPOCH) + bool(moved)
            for row in moved:
                _put(connection, boards, ["name", "population"], _stored(row, epoch))
            if moved:
                _put(connection, meta, ["name"], {"name": _EPOCH, "value": epoch})
            _put(connection, meta, ["name"], {"name": _MADE_FROM, "value": commit_no})
            if at is not None:
                _put(connection, meta, ["name"], {"name": _MADE_AT, "value": codec.micros(at)})
            return epoch

    def load_boards(self, after_epoch: int = 0) -> list[BoardRow]:
        """The boards that changed after an epoch; by default all."""
        statement = sa.select(boards).where(boards.c.epoch > after_epoch).order_by(boards.c.name, boards.c.population)
        with self.read() as connection:
            return [_board(r) for r in connection.execute(statement)]

    def boards_head(self) -> BoardsHead:
        """What the stored boards were made from."""
        with self.read() as connection:
            held = {r.name: r.value for r in connection.execute(sa.select(meta))}
        return BoardsHead(held.get(_EPOCH, 0), held.get(_MADE_FROM, 0), codec.instant(held.get(_MADE_AT)))

    def epoch(self) -> int:
        """The realm's epoch; 0 before the first board."""
        return self.boards_head().epoch

    def boards_commit(self) -> int:
        """The commit number that the stored boards were made from: behind `commit_number()` means stale."""
        return self.boards_head().commit


def _stored(row: BoardRow, epoch: int) -> dict[str, Any]:
    return {
        "name": row.name,
        "population": row.population,
        "epoch": epoch,
        "digest": row.digest,
        "computed_at": codec.micros(row.computed_at),
        "as_of": None if row.as_of is None else codec.micros(row.as_of),
        "payload": row.payload,
    }


def _board(row: Any) -> BoardRow:
    computed = codec.at_micros(row.computed_at)
    return BoardRow(
        row.name, row.population, row.epoch, row.digest, computed, codec.instant(row.as_of), bytes(row.payload)
    )


def lift_epoch(connection: Connection, epoch: int) -> None:
    """Give the epoch to the realm and to all its boards: every screen paints anew, whatever it has seen."""
    connection.execute(sa.update(boards).values(epoch=epoch))
    _put(connection, meta, ["name"], {"name": _EPOCH, "value": epoch})
