"""The audit log: one line for each thing that somebody did or was refused; lines are added, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from coc.clock import system_now
from coc.store import columns as codec
from coc.store.control.chain import GENESIS, TEXTS, AuditLine, AuditRow, hash_of
from coc.store.control.metadata import metadata
from coc.store.control.spill import Spill, spill_of
from coc.store.engine import Database

_NUMBER: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", _NUMBER, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("lens", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("from_where", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("realm", sa.Text, nullable=False, server_default=""),
    sa.Column("late", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("prev", sa.Text, nullable=False, server_default=""),
    sa.Column("hash", sa.Text, nullable=False, server_default=""),
    sa.Index("ix_audit_at", "at"),
    sa.Index("ux_audit_prev", "prev", unique=True),  # the chain cannot fork
)
# Where a prune ended: the chain goes on from there. Lines up to the last anchor, and no others, can be deleted.
anchors = sa.Table(
    "audit_anchors",
    metadata,
    sa.Column("id", _NUMBER, primary_key=True, autoincrement=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("lines", sa.BigInteger, nullable=False),
    sa.Column("pruned", sa.BigInteger, nullable=False),
)
PRUNED: Final = "audit.prune"
_STREAMED: Final = {"stream_results": True, "yield_per": 5_000}


@dataclass(frozen=True, slots=True)
class Anchor:
    """The last line that a prune took: its number, its time, its hash; `lines`: how many went with it."""

    id: int
    at: datetime
    hash: str
    lines: int
    pruned: datetime

    @property
    def what(self) -> str:
        """As the prune's own line names it: an anchor without such a line was not made by a prune."""
        return f"{self.lines} lines up to line {self.id} ({self.hash})"


@dataclass(frozen=True, slots=True)
class AuditChoice:
    """Which lines; what is None does not narrow. `who` is a part of the name, `action` the name or its first parts.

    `realms`: of these realms only; `good` False: only what was refused or failed; `before`: numbers below this.
    """

    since: datetime | None = None
    who: str | None = None
    action: str | None = None
    good: bool | None = None
    realms: tuple[str, ...] | None = None
    before: int | None = None

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        found: list[sa.ColumnElement[bool]] = []
        if self.since is not None:
            found.append(audit.c.at >= codec.micros(self.since))
        if self.who is not None:
            found.append(audit.c.who.icontains(self.who, autoescape=True))
        if self.action is not None:
            whole, parts = self.action.rstrip("."), self.action.rstrip(".") + "."
            found.append(sa.or_(audit.c.action == whole, audit.c.action.startswith(parts, autoescape=True)))
        if self.good is not None:
            found.append((audit.c.outcome == "ok") if self.good else (audit.c.outcome != "ok"))
        if self.realms is not None:
            found.append(audit.c.realm.in_(self.realms))
        if self.before is not None:
            found.append(audit.c.id < self.before)
        return found


EVERYTHING: Final = AuditChoice()


class AuditLog(Database):
    def audit(
        self,
        who: str,
        lens: str,
        action: str,
        what: str = "",
        from_where: str = "",
        outcome: str = "ok",
        *,
        realm: str = "",
    ) -> None:
        """Append one line: a write, an export, a read of letter rows, a hand-over of the realm."""
        self.audit_all([AuditLine(system_now(), realm, who, lens, action, what, from_where, outcome)])

    def audit_all(self, lines: Sequence[AuditLine], *, once: bool = False) -> int:
        """Append lines in one transaction, in their order; how many. `once`: leave out those that are there already."""
        with self.write() as connection:
            wanted = [line for line in lines if not _is_there(connection, line.plain())] if once else lines
            append(connection, wanted)
        return len(wanted)

    @property
    def spill(self) -> Spill:
        """Where lines wait while this store is away."""
        return spill_of(self.engine.url)

    def audit_in_order(self, lines: Sequence[AuditLine]) -> None:
        """Append what waits in the spill, each line once, then these. What it raises leaves the spill as it is."""
        self.spill.take(partial(self.audit_all, once=True))
        if lines:
            self.audit_all(lines)

    def audit_rows(self, limit: int = 100, choice: AuditChoice = EVERYTHING) -> list[AuditRow]:
        """The latest lines, newest first."""
        statement = sa.select(audit).where(*choice.conditions()).order_by(audit.c.id.desc()).limit(limit)
        with self.read() as connection:
            return [_row(r) for r in connection.execute(statement)]

    def audit_after(self, number: int | None, most: int) -> list[AuditRow]:
        """The lines after a number (None: from the first), oldest first."""
        later = [] if number is None else [audit.c.id > number]
        with self.read() as connection:
            return [
                _row(r) for r in connection.execute(sa.select(audit).where(*later).order_by(audit.c.id).limit(most))
            ]

    def audit_anchor(self) -> Anchor | None:
        """Where the last prune ended; None where there was none."""
        with self.read() as connection:
            return last_anchor(connection)

    def prune(self, audit_years: int) -> int:
        """Delete lines older than their retention, from the oldest up to the first to keep; how many."""
        oldest = codec.micros(system_now() - timedelta(days=365.25 * audit_years))
        with self.write() as connection:
            kept = sa.select(sa.func.min(audit.c.id)).where(audit.c.at >= oldest).scalar_subquery()
            gone = audit.c.id < sa.func.coalesce(kept, sa.select(sa.func.max(audit.c.id) + 1).scalar_subquery())
            last = connection.execute(sa.select(audit).where(gone).order_by(audit.c.id.desc()).limit(1)).first()
            if last is None:
                return 0
            count = connection.execute(sa.select(sa.func.count()).select_from(audit).where(gone)).scalar_one()
            anchor = Anchor(last.id, codec.at_micros(last.at), last.hash, int(count), system_now())
            row = {"id": anchor.id, "at": last.at, "hash": anchor.hash, "lines": anchor.lines}
            connection.execute(sa.insert(anchors).values(**row, pruned=codec.micros(anchor.pruned)))
            append(connection, [AuditLine(anchor.pruned, "", "retention", "", PRUNED, anchor.what)])
            connection.execute(sa.delete(audit).where(audit.c.id <= anchor.id))
            return anchor.lines


def append(connection: Connection, lines: Sequence[AuditLine]) -> None:
    """Append lines within a write transaction of the caller's: then they are there exactly when its other rows are.

    Write transactions come one after another, over all processes (`Database.write`): the last line is the last.
    """
    if not lines:
        return
    newest = connection.execute(sa.select(audit.c.id, audit.c.hash).order_by(audit.c.id.desc()).limit(1)).first()
    anchor = last_anchor(connection) if newest is None else None
    number, prev = (newest.id, newest.hash) if newest else (anchor.id, anchor.hash) if anchor else (0, GENESIS)
    rows = []
    for line in (line.plain() for line in lines):
        number += 1
        own = hash_of(number, line, prev)
        texts = {name: getattr(line, name) for name in TEXTS}
        rows.append(
            {"id": number, "at": codec.micros(line.at), "late": int(line.late), "prev": prev, "hash": own} | texts
        )
        prev = own
    connection.execute(sa.insert(audit), rows)


def every_row(connection: Connection) -> Iterator[AuditRow]:
    """All lines, oldest first, a few at a time in memory."""
    result = connection.execute(sa.select(audit).order_by(audit.c.id), execution_options=_STREAMED)
    return map(_row, result)


def last_anchor(connection: Connection) -> Anchor | None:
    row = connection.execute(sa.select(anchors).order_by(anchors.c.id.desc()).limit(1)).first()
    if row is None:
        return None
    return Anchor(row.id, codec.at_micros(row.at), row.hash, row.lines, codec.at_micros(row.pruned))


def _is_there(connection: Connection, line: AuditLine) -> bool:
    same = [audit.c[name] == getattr(line, name) for name in TEXTS]
    return connection.execute(sa.select(1).where(audit.c.at == codec.micros(line.at), *same)).first() is not None


def _row(row: Any) -> AuditRow:
    texts = {name: getattr(row, name) for name in TEXTS}
    at, late = codec.at_micros(row.at), bool(row.late)
    return AuditRow(id=row.id, at=at, late=late, prev=row.prev, hash=row.hash, **texts)
