"""The control store: API tokens and the audit log. Never letters, never in a realm's store; its own migrations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa

from coc.clock import system_now
from coc.store import columns as codec
from coc.store import schema
from coc.store.engine import Database, StoreError

metadata = sa.MetaData()

_tokens = sa.Table(
    "api_tokens",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("units", sa.Text, nullable=False),  # JSON list
    sa.Column("expires", sa.Text),  # ISO date, the last day on which it is good
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("revoked", sa.BigInteger),
    sa.UniqueConstraint("sha256", name="uq_api_tokens_sha256"),
)

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
class Token:
    """An API token, by the hash of its secret. `units` empty: all. `revoked` null: not revoked."""

    name: str
    sha256: str
    role: str
    units: tuple[str, ...]
    expires: date | None
    created: datetime
    revoked: datetime | None


@dataclass(frozen=True, slots=True)
class AuditRow:
    at: datetime
    who: str
    lens: str
    action: str
    what: str
    from_where: str
    outcome: str


class Control(Database):
    """Opened with its schema brought up to date. Times are the system's, never the realm's."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        schema.upgrade(self, "control")

    def add_token(
        self, name: str, sha256: str, role: str, units: Sequence[str] = (), expires: date | None = None
    ) -> Token:
        """Store a token's hash. Raises StoreError when the name is taken, be it by a revoked token."""
        token = Token(name, sha256.lower(), role, tuple(units), expires, system_now(), None)
        row = {
            "name": name,
            "sha256": token.sha256,
            "role": role,
            "units": orjson.dumps(list(units)).decode(),
            "expires": None if expires is None else expires.isoformat(),
            "created": codec.micros(token.created),
        }
        try:
            with self.write() as connection:
                connection.execute(sa.insert(_tokens).values(row))
        except sa.exc.IntegrityError as error:
            raise StoreError(f"a token named `{name}` exists already: choose another name") from error
        return token

    def tokens(self) -> list[Token]:
        """All tokens by name, revoked and expired ones too."""
        with self.read() as connection:
            return [_token(r) for r in connection.execute(sa.select(_tokens).order_by(_tokens.c.name))]

    def revoke(self, name: str) -> bool:
        """End a token now; False when there is none of this name that is still good."""
        statement = sa.update(_tokens).where(_tokens.c.name == name, _tokens.c.revoked.is_(None))
        with self.write() as connection:
            return connection.execute(statement.values(revoked=codec.micros(system_now()))).rowcount > 0

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


def _token(row: Any) -> Token:
    created = codec.at_micros(row.created)
    expires = None if row.expires is None else date.fromisoformat(row.expires)
    units = tuple(orjson.loads(row.units))
    return Token(row.name, row.sha256, row.role, units, expires, created, codec.instant(row.revoked))


def _audit_row(row: Any) -> AuditRow:
    return AuditRow(codec.at_micros(row.at), row.who, row.lens, row.action, row.what, row.from_where, row.outcome)
