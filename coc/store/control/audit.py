"""The audit log: one line for each thing that somebody did or was refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from coc.clock import system_now
from coc.store import columns as codec
from coc.store.control.metadata import metadata
from coc.store.engine import Database

_audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("lens", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("from_where", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Index("ix_audit_at", "at"),
)


@dataclass(frozen=True, slots=True)
class AuditRow:
    at: datetime
    who: str
    lens: str
    action: str
    what: str
    from_where: str
    outcome: str


class AuditLog(Database):
    def audit(
        self, who: str, lens: str, action: str, what: str = "", from_where: str = "", outcome: str = "ok"
    ) -> None:
        """Append one line: a write, an export, a read of letter rows, a hand-over of the realm."""
        row = {"who": who, "lens": lens, "action": action, "what": what, "from_where": from_where, "outcome": outcome}
        with self.write() as connection:
            connection.execute(sa.insert(_audit).values(at=codec.micros(system_now()), **row))

    def audit_rows(self, limit: int = 100) -> list[AuditRow]:
        """The latest lines, newest first."""
        statement = sa.select(_audit).order_by(_audit.c.id.desc()).limit(limit)
        with self.read() as connection:
            return [_audit_row(r) for r in connection.execute(statement)]

    def prune(self, audit_years: int) -> int:
        """Delete audit lines older than their retention; how many."""
        oldest = codec.micros(system_now() - timedelta(days=365.25 * audit_years))
        with self.write() as connection:
            return connection.execute(sa.delete(_audit).where(_audit.c.at < oldest)).rowcount


def _audit_row(row: Any) -> AuditRow:
    return AuditRow(codec.at_micros(row.at), row.who, row.lens, row.action, row.what, row.from_where, row.outcome)
