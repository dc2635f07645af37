"""API tokens, by the hash of their secret."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson
import sqlalchemy as sa

from coc.clock import system_now
from coc.store import columns as codec
from coc.store.control.metadata import metadata
from coc.store.engine import Database, StoreError

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
    sa.Column("owner", sa.Text),  # an account; null: made at the machine
    sa.UniqueConstraint("sha256", name="uq_api_tokens_sha256"),
)


@dataclass(frozen=True, slots=True)
class Token:
    """An API token, by the hash of its secret. `units` empty: all. `revoked` null: not revoked.

    `owner`: the account that it is of, whose rights it has as they are when it is used; None: made at the machine.
    """

    name: str
    sha256: str
    role: str
    units: tuple[str, ...]
    expires: date | None
    created: datetime
    revoked: datetime | None
    owner: str | None = None


class Tokens(Database):
    def add_token(
        self,
        name: str,
        sha256: str,
        role: str,
        units: Sequence[str] = (),
        expires: date | None = None,
        owner: str | None = None,
    ) -> Token:
        """Store a token's hash. Raises StoreError when the name is taken, be it by a revoked token."""
        token = Token(name, sha256.lower(), role, tuple(units), expires, system_now(), None, owner)
        row = {
            "name": name,
            "sha256": token.sha256,
            "role": role,
            "units": orjson.dumps(list(units)).decode(),
            "expires": None if expires is None else expires.isoformat(),
            "created": codec.micros(token.created),
            "owner": owner,
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


def _token(row: Any) -> Token:
    created = codec.at_micros(row.created)
    expires = None if row.expires is None else date.fromisoformat(row.expires)
    units = tuple(orjson.loads(row.units))
    return Token(row.name, row.sha256, row.role, units, expires, created, codec.instant(row.revoked), row.owner)
