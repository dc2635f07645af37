"""What is remembered of alerts: states, what fired, acknowledgements and mutes; written by one leader at a time.

The lease of who builds the boards lives in the realm's store. Its token is copied here: every transaction of a leader
compares its own with the highest one seen, and raises that (decision 121).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from coc.clock import system_now
from coc.store import columns as codec
from coc.store.boards import _put
from coc.store.control.metadata import metadata
from coc.store.engine import Database
from coc.store.lease import LostLeaseError

_NUMBER: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")

states = sa.Table(
    "alert_states",
    metadata,
    sa.Column("realm", sa.Text, primary_key=True),
    sa.Column("rule", sa.Text, primary_key=True),
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),  # JSON
)
history = sa.Table(
    "alert_history",
    metadata,
    sa.Column("id", _NUMBER, primary_key=True),
    sa.Column("realm", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("since", sa.BigInteger, nullable=False),  # business time, as `fired` and `ended` are
    sa.Column("fired", sa.BigInteger, nullable=False),
    sa.Column("ended", sa.BigInteger),
    sa.Column("facts", sa.Text, nullable=False),  # JSON
    sa.Column("acknowledged", sa.BigInteger),
    sa.Column("acknowledged_role", sa.Text),
    sa.Column("acknowledged_by", sa.Text),
    sa.UniqueConstraint("realm", "rule", "scope", "since", name="uq_alert_history"),
    sa.Index("ix_alert_history_ended", "realm", "ended"),
)
mutes = sa.Table(
    "alert_mutes",
    metadata,
    sa.Column("id", _NUMBER, primary_key=True),
    sa.Column("realm", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("scope", sa.Text),  # null: the whole rule
    sa.Column("made", sa.BigInteger, nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
)
fences = sa.Table(
    "alert_fences",
    metadata,
    sa.Column("realm", sa.Text, primary_key=True),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("taken", sa.BigInteger, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Fence:
    """A reign: the token of its lease, and when that was taken (system time, microseconds)."""

    token: int
    taken: int

    def outruns(self, token: int, taken: int) -> bool:
        """Whether it is at least as new as another. A restored store counts its tokens anew, but later in time."""
        return self.token > token or self.taken > taken or (self.token, self.taken) == (token, taken)


@dataclass(frozen=True, slots=True)
class Incident:
    """One alert that fired. `facts`: name, kind, severity, value and the like. `ended` None: it goes on."""

    id: int
    rule: str
    scope: str
    since: datetime
    fired: datetime
    ended: datetime | None
    facts: Mapping[str, Any]
    acknowledged: datetime | None
    acknowledged_role: str | None


@dataclass(frozen=True, slots=True)
class Mute:
    """`scope` None: the whole rule. `until`: system time."""

    id: int
    rule: str
    scope: str | None
    until: datetime
    role: str

    def covers(self, rule: str, scope: str) -> bool:
        return self.rule == rule and self.scope in (None, scope)


class AlertWrites:
    """An open transaction of the leader's."""

    def __init__(self, connection: Connection, realm: str) -> None:
        self.connection, self.realm = connection, realm

    def put_state(self, rule: str, scope: str, state: Mapping[str, Any]) -> None:
        row = {"realm": self.realm, "rule": rule, "scope": scope, "state": orjson.dumps(state).decode()}
        _put(self.connection, states, ["realm", "rule", "scope"], row)

    def drop_state(self, rule: str, scope: str) -> None:
        mine = [states.c.realm == self.realm, states.c.rule == rule, states.c.scope == scope]
        self.connection.execute(sa.delete(states).where(*mine))

    def record(
        self, rule: str, scope: str, since: datetime, fired: datetime, ended: datetime | None, facts: Mapping[str, Any]
    ) -> None:
        """Write down what fired, or how it stands by now; what was acknowledged stays so."""
        row = {
            "realm": self.realm,
            "rule": rule,
            "scope": scope,
            "since": codec.micros(since),
            "fired": codec.micros(fired),
            "ended": None if ended is None else codec.micros(ended),
            "facts": orjson.dumps(facts).decode(),
        }
        _put(self.connection, history, ["realm", "rule", "scope", "since"], row)

    def end(self, rule: str, scope: str, since: datetime, at: datetime) -> None:
        """Of a rule that is no more: what it said of itself stays."""
        mine = [history.c.realm == self.realm, history.c.rule == rule, history.c.scope == scope]
        mine += [history.c.since == codec.micros(since), history.c.ended.is_(None)]
        self.connection.execute(sa.update(history).where(*mine).values(ended=codec.micros(at)))


class AlertStore(Database):
    @contextmanager
    def alert_writes(self, realm: str, fence: Fence | None) -> Iterator[AlertWrites]:
        """A transaction that only the newest leader can make. Raises LostLeaseError for an older one.

        `fence` None: nobody else could be leading.
        """
        with self.write() as connection:
            held = connection.execute(sa.select(fences).where(fences.c.realm == realm)).first()
            if held is not None and fence is not None and not fence.outruns(held.token, held.taken):
                raise LostLeaseError("another process watches the alerts by now")
            _mark(connection, realm, held, fence)
            yield AlertWrites(connection, realm)

    def alert_version(self, realm: str) -> int:
        """Changes with every write; 0 before the first."""
        with self.read() as connection:
            return int(connection.execute(sa.select(fences.c.version).where(fences.c.realm == realm)).scalar() or 0)

    def alert_states(self, realm: str) -> dict[tuple[str, str], dict[str, Any]]:
        with self.read() as connection:
            rows = connection.execute(sa.select(states).where(states.c.realm == realm))
            return {(r.rule, r.scope): orjson.loads(r.state) for r in rows}

    def incidents(self, realm: str, last: int = 200, *, going_on: bool | None = None) -> list[Incident]:
        """What fired, the latest first. `going_on`: only what still does, or only what is over."""
        statement = sa.select(history).where(history.c.realm == realm)
        if going_on is not None:
            statement = statement.where(history.c.ended.is_(None) if going_on else history.c.ended.is_not(None))
        statement = statement.order_by(history.c.fired.desc(), history.c.id.desc()).limit(last)
        with self.read() as connection:
            return [_incident(r) for r in connection.execute(statement)]

    def incident(self, realm: str, number: int) -> Incident | None:
        mine = [history.c.realm == realm, history.c.id == number]
        with self.read() as connection:
            row = connection.execute(sa.select(history).where(*mine)).first()
        return None if row is None else _incident(row)

    def acknowledge(self, realm: str, number: int, role: str, who: str, *, undo: bool = False) -> bool:
        """Say that somebody knows of it, or take that back; False where it is over, or that is already so."""
        given = {"acknowledged": codec.micros(system_now()), "acknowledged_role": role, "acknowledged_by": who}
        row = dict.fromkeys(given) if undo else given
        is_so = history.c.acknowledged.is_not(None) if undo else history.c.acknowledged.is_(None)
        mine = [history.c.realm == realm, history.c.id == number, history.c.ended.is_(None), is_so]
        with self.write() as connection:
            changed = connection.execute(sa.update(history).where(*mine).values(row)).rowcount > 0
            if changed:
                self._moved(connection, realm)
        return changed

    def mute(self, realm: str, rule: str, scope: str | None, until: datetime, role: str, who: str) -> Mute:
        """Say nothing of a rule, or of one scope of it, until a system time."""
        made = codec.micros(system_now())
        row = {"realm": realm, "rule": rule, "scope": scope, "until": codec.micros(until), "role": role, "who": who}
        with self.write() as connection:
            number = connection.execute(sa.insert(mutes).values(row | {"made": made})).inserted_primary_key
            self._moved(connection, realm)
        assert number is not None
        return Mute(int(number[0]), rule, scope, until, role)

    def unmute(self, realm: str, number: int) -> bool:
        """End a mute now; False where it has ended."""
        now = codec.micros(system_now())
        mine = [mutes.c.realm == realm, mutes.c.id == number, mutes.c.until > now]
        with self.write() as connection:
            changed = connection.execute(sa.update(mutes).where(*mine).values(until=now)).rowcount > 0
            if changed:
                self._moved(connection, realm)
        return changed

    def mutes(self, realm: str) -> list[Mute]:
        """Those that hold now, the one that ends first first."""
        held = [mutes.c.realm == realm, mutes.c.until > codec.micros(system_now())]
        with self.read() as connection:
            rows = connection.execute(sa.select(mutes).where(*held).order_by(mutes.c.until, mutes.c.id)).all()
        return [Mute(r.id, r.rule, r.scope, codec.at_micros(r.until), r.role) for r in rows]

    def _moved(self, connection: Connection, realm: str) -> None:
        held = connection.execute(sa.select(fences).where(fences.c.realm == realm)).first()
        _mark(connection, realm, held, None)


def _mark(connection: Connection, realm: str, held: Any, fence: Fence | None) -> None:
    """A new version; under the token of who writes, where that is a leader."""
    token, taken, version = (held.token, held.taken, held.version) if held is not None else (0, 0, 0)
    if fence is not None:
        token, taken = fence.token, fence.taken
    row = {"realm": realm, "token": token, "taken": taken, "version": version + 1}
    _put(connection, fences, ["realm"], row)


def _incident(row: Any) -> Incident:
    return Incident(
        row.id,
        row.rule,
        row.scope,
        codec.at_micros(row.since),
        codec.at_micros(row.fired),
        codec.instant(row.ended),
        orjson.loads(row.facts),
        codec.instant(row.acknowledged),
        row.acknowledged_role,
    )
