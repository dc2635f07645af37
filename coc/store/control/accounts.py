"""Accounts, their open sessions, failed sign-ins and switches, in the control store. Times are the system's.

A session is kept by the SHA-256 of its secret: who reads this store can open none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import orjson
import sqlalchemy as sa

from coc.clock import system_now
from coc.store import columns as codec
from coc.store.control.metadata import metadata
from coc.store.engine import Database, StoreError

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),  # case-folded
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("units", sa.Text, nullable=False),  # JSON list
    sa.Column("until", sa.Text),  # ISO date, an acting head's last day
    sa.Column("clearance", sa.Text),
    sa.Column("password", sa.Text),  # argon2; null: signs in elsewhere
    sa.Column("issuer", sa.Text),
    sa.Column("subject", sa.Text),
    sa.Column("language", sa.Text),
    sa.Column("theme", sa.Text),
    sa.Column("default_unit", sa.Text),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("renewed", sa.BigInteger, nullable=False),  # sessions opened before are over
    sa.Column("disabled", sa.BigInteger),
    sa.UniqueConstraint("issuer", "subject", name="uq_accounts_issuer_subject"),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("realm", sa.Text, nullable=False),
    sa.Column("via", sa.Text, nullable=False),  # password | oidc
    sa.Column("agent", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("opened", sa.BigInteger, nullable=False),
    sa.Column("seen", sa.BigInteger, nullable=False),
    sa.Column("expires", sa.BigInteger, nullable=False),
    sa.Column("hint", sa.Text),  # what the identity provider wants back at sign-out
    sa.Column("closed", sa.BigInteger),
    sa.Index("ix_sessions_account", "account"),
)

failures = sa.Table(
    "sign_in_failures",
    metadata,
    sa.Column("what", sa.Text, primary_key=True),  # account:NAME | address:PLACE
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.Column("locked_until", sa.BigInteger),
)

switches = sa.Table(
    "switches",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("on", sa.Integer, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)

_KEPT: Final = timedelta(days=1)  # what is over; the audit log holds who signed in when
_CHANGEABLE = frozenset(
    {"role", "units", "until", "clearance", "password", "issuer", "subject", "language", "theme", "default_unit"}
)
# What a session opened before must not outlive: another password, other rights, another person at the provider.
_RENEWING = frozenset({"role", "units", "until", "clearance", "password", "issuer", "subject"})


@dataclass(frozen=True, slots=True)
class Account:
    """`password`: an argon2 hash, None where one signs in elsewhere. `until`: the last day of an acting head."""

    name: str
    role: str
    units: tuple[str, ...] = ()
    until: date | None = None
    clearance: str | None = None
    password: str | None = None
    issuer: str | None = None
    subject: str | None = None
    language: str | None = None
    theme: str | None = None
    default_unit: str | None = None
    created: datetime | None = None
    renewed: datetime | None = None
    disabled: datetime | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """`via`: password or oidc. `hint`: the provider's own token, wanted back at its sign-out."""

    digest: str
    account: str
    realm: str
    via: str
    agent: str
    address: str
    opened: datetime
    seen: datetime
    expires: datetime
    hint: str | None = None
    closed: datetime | None = None


@dataclass(frozen=True, slots=True)
class Failures:
    count: int
    last: datetime
    locked_until: datetime | None


class Accounts(Database):
    """The part of the control store that says who may sign in."""

    def add_account(self, account: Account) -> Account:
        """Store a new account. Raises StoreError when the name, or the provider's subject, is taken."""
        now = codec.micros(system_now())
        row = _as_row(account) | {"name": account.name, "created": now, "renewed": now, "disabled": None}
        try:
            with self.write() as connection:
                connection.execute(sa.insert(accounts).values(row))
        except sa.exc.IntegrityError as error:
            raise StoreError(f"an account named `{account.name}`, or of that provider's subject, exists") from error
        return _account(row)

    def accounts(self) -> list[Account]:
        """All by name, disabled ones too."""
        with self.read() as connection:
            return [_account(r._mapping) for r in connection.execute(sa.select(accounts).order_by(accounts.c.name))]

    def change_account(self, name: str, **to: Any) -> bool:
        """Set fields of an account; a change of rights or password ends its sessions. False when there is none."""
        unknown = set(to) - _CHANGEABLE
        if unknown:
            raise ValueError(f"not to be changed: {', '.join(sorted(unknown))}")
        values = _encoded(to)
        if _RENEWING & set(to):
            values["renewed"] = codec.micros(system_now())
        with self.write() as connection:
            changed = connection.execute(sa.update(accounts).where(accounts.c.name == name).values(values))
            if "renewed" in values:
                _forget_hints(connection, name)
            return changed.rowcount > 0

    def disable_account(self, name: str, *, disabled: bool = True) -> bool:
        """Shut an account (its sessions end with it), or open it again. False when there is none, or it is so."""
        now = codec.micros(system_now())
        is_so = accounts.c.disabled.is_not(None) if disabled else accounts.c.disabled.is_(None)
        values = {"disabled": now if disabled else None, "renewed": now}
        with self.write() as connection:
            changed = connection.execute(sa.update(accounts).where(accounts.c.name == name, ~is_so).values(values))
            _forget_hints(connection, name)
            return changed.rowcount > 0

    def open_session(self, session: Session) -> None:
        """Keep a new session; of those that are over, keep no provider's token, and after a day nothing."""
        row = {c.name: getattr(session, c.name) for c in sessions.columns}
        times = {k: codec.micros(row[k]) for k in ("opened", "seen", "expires")}
        now = codec.micros(system_now())
        with self.write() as connection:
            over = sessions.c.hint.is_not(None), sessions.c.expires <= now
            connection.execute(sa.update(sessions).where(*over).values(hint=None))
            _forget(connection, codec.micros(system_now() - _KEPT))
            connection.execute(sa.insert(sessions).values(row | times | {"closed": None}))

    def open_sessions(self) -> list[Session]:
        """Those that are neither closed nor over, the latest seen first."""
        now = codec.micros(system_now())
        statement = sa.select(sessions).where(sessions.c.closed.is_(None), sessions.c.expires > now)
        with self.read() as connection:
            return [_session(r._mapping) for r in connection.execute(statement.order_by(sessions.c.seen.desc()))]

    def seen_session(self, digest: str, address: str, expires: datetime) -> None:
        """A session was used: it lives on."""
        values = {"seen": codec.micros(system_now()), "address": address, "expires": codec.micros(expires)}
        with self.write() as connection:
            connection.execute(sa.update(sessions).where(sessions.c.digest == digest).values(values))

    def close_sessions(self, account: str, digests: Sequence[str] | None = None, but: str = "") -> int:
        """End an account's sessions: the named ones, or all (`but` one); how many were open."""
        mine = [sessions.c.account == account, sessions.c.closed.is_(None), sessions.c.digest != but]
        if digests is not None:
            mine.append(sessions.c.digest.in_(list(digests)))
        with self.write() as connection:
            return connection.execute(
                sa.update(sessions).where(*mine).values(closed=codec.micros(system_now()), hint=None)
            ).rowcount

    def prune_sessions(self, before: datetime) -> int:
        """Forget sessions that ended before, and failures as old; how many."""
        with self.write() as connection:
            return _forget(connection, codec.micros(before))

    def failures_of(self, whats: Sequence[str]) -> dict[str, Failures]:
        with self.read() as connection:
            rows = connection.execute(sa.select(failures).where(failures.c.what.in_(list(whats))))
            return {
                r.what: Failures(r._mapping["count"], codec.at_micros(r.last), codec.instant(r.locked_until))
                for r in rows
            }

    def keep_failures(self, what: str, found: Failures) -> None:
        row = {
            "count": found.count,
            "last": codec.micros(found.last),
            "locked_until": None if found.locked_until is None else codec.micros(found.locked_until),
        }
        with self.write() as connection:
            known = connection.execute(sa.update(failures).where(failures.c.what == what).values(row)).rowcount
            if not known:
                connection.execute(sa.insert(failures).values(row | {"what": what}))

    def forget_failures(self, what: str) -> None:
        with self.write() as connection:
            connection.execute(sa.delete(failures).where(failures.c.what == what))

    def switches(self) -> dict[str, bool]:
        """Switches by name; one that was never set is not among them."""
        with self.read() as connection:
            return {r.name: bool(r.on) for r in connection.execute(sa.select(switches))}

    def set_switch(self, name: str, *, on: bool, who: str) -> None:
        row = {"on": int(on), "who": who, "at": codec.micros(system_now())}
        with self.write() as connection:
            known = connection.execute(sa.update(switches).where(switches.c.name == name).values(row)).rowcount
            if not known:
                connection.execute(sa.insert(switches).values(row | {"name": name}))


def _forget(connection: sa.Connection, old: int) -> int:
    gone = sa.or_(sessions.c.expires < old, sessions.c.closed < old)
    connection.execute(sa.delete(failures).where(failures.c.last < old))
    return connection.execute(sa.delete(sessions).where(gone)).rowcount


def _forget_hints(connection: sa.Connection, name: str) -> None:
    """An account's sessions are over with its rights: the provider's token is not kept for them."""
    mine = sessions.c.account == name, sessions.c.hint.is_not(None)
    connection.execute(sa.update(sessions).where(*mine).values(hint=None))


def _as_row(account: Account) -> dict[str, Any]:
    return _encoded({name: getattr(account, name) for name in _CHANGEABLE})


def _encoded(values: dict[str, Any]) -> dict[str, Any]:
    row = dict(values)
    if "units" in row:
        row["units"] = orjson.dumps(list(row["units"])).decode()
    if isinstance(row.get("until"), date):
        row["until"] = row["until"].isoformat()
    return row


def _account(row: Any) -> Account:
    fields = {name: row[name] for name in _CHANGEABLE}
    return Account(
        name=row["name"],
        **fields
        | {
            "units": tuple(orjson.loads(row["units"])),
            "until": None if row["until"] is None else date.fromisoformat(row["until"]),
        },
        created=codec.at_micros(row["created"]),
        renewed=codec.at_micros(row["renewed"]),
        disabled=codec.instant(row["disabled"]),
    )


def _session(row: Any) -> Session:
    times = {name: codec.instant(row[name]) for name in ("opened", "seen", "expires", "closed")}
    return Session(**{**row, **times})
