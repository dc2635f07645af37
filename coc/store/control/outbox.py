"""Messages that wait to be sent, written in the transaction that decided on them, under a key that makes each one once.

A message is taken (its next try put off), sent, and then marked: a kill before the mark leaves it waiting, so that it
is sent again under the same key, and never lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import orjson
import sqlalchemy as sa

from coc.clock import system_now
from coc.store import columns as codec
from coc.store.control.alerts import AlertStore, AlertWrites, Fence, history, mutes
from coc.store.control.metadata import metadata

MOST_ATTEMPTS: Final = 10  # over some four hours
_FIRST_PAUSE: Final = timedelta(seconds=30)
_LONGEST_PAUSE: Final = timedelta(hours=1)
_NUMBER: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Posted = Literal["waiting", "sent", "dead"]

outbox = sa.Table(
    "alert_outbox",
    metadata,
    sa.Column("id", _NUMBER, primary_key=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("realm", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("facts", sa.Text, nullable=False),  # JSON: what the message says, never a letter's
    sa.Column("made", sa.BigInteger, nullable=False),  # system time, as all times of delivery
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_try", sa.BigInteger, nullable=False),
    sa.Column("settled", sa.BigInteger),
    sa.Column("error", sa.Text),
    sa.UniqueConstraint("key", name="uq_alert_outbox_key"),
    sa.Index("ix_alert_outbox_due", "realm", "state", "next_try"),
)


@dataclass(frozen=True, slots=True)
class Posting:
    """A message of the outbox. `settled`: when it was sent or given up. `error`: why the last try failed, as a code."""

    id: int
    key: str
    channel: str
    facts: Mapping[str, Any]
    made: datetime
    state: Posted
    attempts: int
    next_try: datetime
    settled: datetime | None
    error: str | None


def pause(attempts: int) -> timedelta:
    """How long after the n-th failure the next try is."""
    doubled: int = 1 << min(max(attempts - 1, 0), 20)
    return min(_FIRST_PAUSE * doubled, _LONGEST_PAUSE)


def put(writes: AlertWrites, key: str, channel: str, facts: Mapping[str, Any]) -> bool:
    """Queue a message in the transaction in hand; False where the like was queued before."""
    there = sa.select(1).where(outbox.c.key == key)
    if writes.connection.execute(there).first() is not None:
        return False
    now = codec.micros(system_now())
    row = {"key": key, "realm": writes.realm, "channel": channel, "facts": orjson.dumps(facts).decode(), "made": now}
    rest = {"state": "waiting", "attempts": 0, "next_try": now}
    writes.connection.execute(sa.insert(outbox).values(row | rest))
    return True


class Outbox(AlertStore):
    def take(self, realm: str, fence: Fence | None, now: datetime) -> Posting | None:
        """The oldest message that is due, its next try put off for as long as a failure would; None without one."""
        due = [outbox.c.realm == realm, outbox.c.state == "waiting", outbox.c.next_try <= codec.micros(now)]
        oldest = sa.select(outbox).where(*due).order_by(outbox.c.id).limit(1)
        with self.read() as connection:
            if connection.execute(oldest).first() is None:
                return None
        with self.alert_writes(realm, fence) as writes:
            row = writes.connection.execute(oldest).first()
            if row is None:
                return None
            tries = row.attempts + 1
            later = codec.micros(now + pause(tries))
            change = sa.update(outbox).where(outbox.c.id == row.id).values(attempts=tries, next_try=later)
            writes.connection.execute(change)
        return _message(row, attempts=tries, next_try=codec.at_micros(later))

    def sent(self, realm: str, fence: Fence | None, number: int) -> None:
        self._settle(realm, fence, number, {"state": "sent", "error": None})

    def failed(self, realm: str, fence: Fence | None, message: Posting, error: str, *, for_good: bool) -> bool:
        """Note why; whether it is given up: for good, or after `MOST_ATTEMPTS`."""
        dead = for_good or message.attempts >= MOST_ATTEMPTS
        if dead:
            self._settle(realm, fence, message.id, {"state": "dead", "error": error})
        else:
            with self.alert_writes(realm, fence) as writes:
                writes.connection.execute(sa.update(outbox).where(outbox.c.id == message.id).values(error=error))
        return dead

    def try_again(self, realm: str, number: int) -> bool:
        """Have a message that was given up sent again, from its first try; False where it was not."""
        mine = [outbox.c.realm == realm, outbox.c.id == number, outbox.c.state == "dead"]
        row = {"state": "waiting", "attempts": 0, "next_try": codec.micros(system_now()), "settled": None}
        with self.write() as connection:
            changed = connection.execute(sa.update(outbox).where(*mine).values(row)).rowcount > 0
            if changed:
                self._moved(connection, realm)
        return changed

    def outbox(self, realm: str, last: int = 100) -> list[Posting]:
        """The newest messages, the latest first."""
        statement = sa.select(outbox).where(outbox.c.realm == realm).order_by(outbox.c.id.desc()).limit(last)
        with self.read() as connection:
            return [_message(r) for r in connection.execute(statement)]

    def prune_alerts(self, realm: str, days: int, now: datetime) -> int:
        """Forget what was over, sent or unmuted for more than `days`; how much that was. `now`: business time."""
        over = codec.micros(now - timedelta(days=days))
        sent = codec.micros(system_now() - timedelta(days=days))
        with self.write() as connection:
            gone = (
                sa.delete(history).where(history.c.realm == realm, history.c.ended < over),
                sa.delete(outbox).where(outbox.c.realm == realm, outbox.c.settled < sent),
                sa.delete(mutes).where(mutes.c.realm == realm, mutes.c.until < sent),
            )
            return sum(connection.execute(statement).rowcount for statement in gone)

    def _settle(self, realm: str, fence: Fence | None, number: int, row: Mapping[str, Any]) -> None:
        with self.alert_writes(realm, fence) as writes:
            change = sa.update(outbox).where(outbox.c.id == number).values(**row, settled=codec.micros(system_now()))
            writes.connection.execute(change)


def _message(row: Any, **newer: Any) -> Posting:
    found = {
        "id": row.id,
        "key": row.key,
        "channel": row.channel,
        "facts": orjson.loads(row.facts),
        "made": codec.at_micros(row.made),
        "state": row.state,
        "attempts": row.attempts,
        "next_try": codec.at_micros(row.next_try),
        "settled": codec.instant(row.settled),
        "error": row.error,
    }
    return Posting(**(found | newer))
