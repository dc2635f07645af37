"""Rows that failed validation: one per source row however often it was tried, gone when it comes in good.

A row that a person dropped stays known: it leaves the open list and its counts, and the source may send the very same
row again as often as it likes. It is open again as soon as its content or the reason changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from coc.domain.datasets import Dataset
from coc.store import columns as codec
from coc.store.bulk import among, chunks
from coc.store.engine import Database, Tx
from coc.store.tables import quarantine

_MOST_EVENTS: Final = 50  # of a row's history; the oldest go first


@dataclass(frozen=True, slots=True)
class Rejected:
    """One row that failed: `reason` is a stable code, `fields` the mapped fields that may be kept.

    `origin`: the row as the source had it (JSON values), where the connector can map it anew.
    """

    source_id: str
    reason: str
    field: str
    value: str | None
    fields: dict[str, Any]
    origin: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that became of a row. `what`: refused, retried, reopened, dropped or restored."""

    at: datetime
    what: str
    detail: str = ""
    who: str = ""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """`dropped_at` null: open, it waits for somebody."""

    id: int
    source: str
    dataset: str
    source_id: str
    reason: str
    field: str
    value: str | None
    fields: dict[str, Any]
    first_seen: datetime
    last_seen: datetime
    attempts: int
    origin: dict[str, Any] | None = None
    history: tuple[Event, ...] = ()
    dropped_at: datetime | None = None
    dropped_by: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one source with one reason."""

    source: str
    reason: str
    rows: int
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rows are meant; what is None does not narrow. `dropped`: only those, or (None) all."""

    ids: tuple[int, ...] | None = None
    source: str | None = None
    reason: str | None = None
    dataset: str | None = None
    dropped: bool | None = False

    def where(self) -> list[sa.ColumnElement[bool]]:
        named = {"source": self.source, "reason": self.reason, "dataset": self.dataset}
        found = [quarantine.c[name] == value for name, value in named.items() if value is not None]
        if self.dropped is not None:
            found.append(quarantine.c.dropped_at.is_not(None) if self.dropped else quarantine.c.dropped_at.is_(None))
        return found


@dataclass(slots=True)
class _Held:
    """What is known of a row that fails once more."""

    reason: str
    field: str
    digest: str | None
    dropped: tuple[int | None, str | None, str | None]
    history: list[list[Any]]


def reject(
    tx: Tx, source: str, dataset: Dataset, rows: Sequence[Rejected], now: datetime, *, counted: bool = True
) -> None:
    """Put rows into quarantine, or count one more attempt of those that are there (not if `counted` is false)."""
    if not rows:
        return
    once = {r.source_id: r for r in rows}  # PostgreSQL refuses to touch one row twice in a statement
    known = _held(tx.connection, source, dataset, once)
    at = codec.micros(now)
    values = [_values(source, dataset, row, known.get(row.source_id), at) for row in once.values()]
    insert = (sqlite.insert if tx.sqlite else postgresql.insert)(quarantine)
    kept = {"source", "dataset", "source_id", "first_seen", "attempts"}
    statement = insert.on_conflict_do_update(
        index_elements=["source", "dataset", "source_id"],
        set_={
            **{name: insert.excluded[name] for name in values[0] if name not in kept},
            "attempts": quarantine.c.attempts + int(counted),
        },
    )
    tx.connection.execute(statement, values)


def _values(source: str, dataset: Dataset, row: Rejected, known: _Held | None, at: int) -> dict[str, Any]:
    digest = _digest(row)
    dropped: tuple[int | None, str | None, str | None] = (None, None, None)
    history = known.history if known else []
    same_reason = known is not None and (known.reason, known.field) == (row.reason, row.field)
    if known is not None and known.dropped[0] is not None:
        if same_reason and known.digest == digest:
            dropped = known.dropped
        else:
            history.append([at, "reopened", "the row changed" if same_reason else "the reason changed", ""])
    if not same_reason:
        history.append([at, "refused", f"{row.reason} {row.field}".strip(), ""])
    return {
        "source": source,
        "dataset": dataset.value,
        "source_id": row.source_id,
        "reason": row.reason,
        "field": row.field,
        "value": row.value,
        "fields": orjson.dumps(row.fields, default=str).decode(),
        "first_seen": at,
        "last_seen": at,
        "attempts": 1,
        "origin": None if row.origin is None else orjson.dumps(row.origin, default=str).decode(),
        "digest": digest,
        "history": orjson.dumps(history[-_MOST_EVENTS:]).decode(),
        **dict(zip(("dropped_at", "dropped_by", "note"), dropped, strict=True)),
    }


def _digest(row: Rejected) -> str:
    """Of what the source sent; of the offending value where nothing else is known."""
    content = (row.origin or {}).get("cells") or row.fields or row.value
    raw = orjson.dumps(content, default=str, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(raw, digest_size=16).hexdigest()


def _held(connection: Connection, source: str, dataset: Dataset, ids: Iterable[str]) -> dict[str, _Held]:
    q = quarantine.c
    wanted = (q.source_id, q.reason, q.field, q.digest, q.dropped_at, q.dropped_by, q.note, q.history)
    found: dict[str, _Held] = {}
    for chunk in chunks(ids):
        mine = [q.source == source, q.dataset == dataset.value, q.source_id.in_(chunk)]
        for r in connection.execute(sa.select(*wanted).where(*mine)):
            dropped = (r.dropped_at, r.dropped_by, r.note)
            found[r.source_id] = _Held(r.reason, r.field, r.digest, dropped, orjson.loads(r.history))
    return found


def acquit(tx: Tx, source: str, dataset: Dataset, source_ids: Iterable[str]) -> None:
    """Take rows that came in good out of quarantine."""
    held = _ids(tx.connection, source, dataset)  # most often none, and a lookup of every good row would not be free
    _forget(tx, source, dataset, held.intersection(source_ids) if held else ())


def absent(tx: Tx, source: str, dataset: Dataset, listed: Iterable[str], listed_at: datetime | None) -> int:
    """Take rows out that the source no longer has: they are not in its list, and came before it was made."""
    q = quarantine.c
    # Rows that have no id of their own (`content:...`, `item-...`, `file:7`) are in no list.
    named = [sa.not_(q.source_id.contains(":")), sa.not_(q.source_id.startswith("item-"))]
    if listed_at is not None:
        named.append(q.last_seen <= codec.micros(listed_at))
    return _forget(tx, source, dataset, _ids(tx.connection, source, dataset, *named).difference(listed))


def forget(tx: Tx, ids: Iterable[int]) -> None:
    """Take rows out by their number: they came in under another id."""
    for chunk in chunks(sorted(str(i) for i in ids)):
        tx.connection.execute(sa.delete(quarantine).where(quarantine.c.id.in_([int(i) for i in chunk])))


def _ids(connection: Connection, source: str, dataset: Dataset, *where: sa.ColumnElement[bool]) -> set[str]:
    mine = [quarantine.c.source == source, quarantine.c.dataset == dataset.value, *where]
    return {r[0] for r in connection.execute(sa.select(quarantine.c.source_id).where(*mine))}


def _place(source_id: str, origin: str | None) -> tuple[str, int]:
    """The file and the row; 0 where none is known. A row that could not be read has them for a name."""
    if origin:
        held = orjson.loads(origin)
        return str(held["name"]), int(held["row"])
    file, _, row = source_id.rpartition(":")
    return (file, int(row)) if file and row.isdigit() else ("", 0)


def _forget(tx: Tx, source: str, dataset: Dataset, source_ids: Iterable[str]) -> int:
    mine = [quarantine.c.source == source, quarantine.c.dataset == dataset.value]
    gone = 0
    for these in among(tx.connection, quarantine.c.source_id, sorted(source_ids)):
        gone += tx.connection.execute(sa.delete(quarantine).where(*mine, these)).rowcount
    return gone


class Quarantine(Database):
    def quarantined(self, choice: Choice | None = None, limit: int | None = None) -> list[Quarantined]:
        """Rows in quarantine, newest first; the open ones where nothing is chosen."""
        choice = choice or Choice()
        with self.read() as connection:
            return [_row(r) for r in _chosen(connection, choice, limit)]

    def quarantined_row(self, row_id: int) -> Quarantined | None:
        with self.read() as connection:
            found = connection.execute(sa.select(quarantine).where(quarantine.c.id == row_id)).first()
        return None if found is None else _row(found)

    def quarantine_groups(self, choice: Choice | None = None) -> list[Group]:
        """How many rows by source and reason, the most first."""
        q, n = quarantine.c, sa.func.count().label("n")
        seen = (sa.func.min(q.first_seen).label("first"), sa.func.max(q.last_seen).label("last"))
        statement = sa.select(q.source, q.reason, n, *seen).where(*(choice or Choice()).where())
        statement = statement.group_by(q.source, q.reason).order_by(n.desc(), q.source, q.reason)
        with self.read() as connection:
            return [
                Group(r.source, r.reason, int(r.n), codec.at_micros(r.first), codec.at_micros(r.last))
                for r in connection.execute(statement)
            ]

    def quarantine_counts(self) -> dict[str, list[tuple[str, str, int]]]:
        """Open rows by source: (reason, field, rows), the most first. Never a value."""
        q, n = quarantine.c, sa.func.count().label("n")
        statement = sa.select(q.source, q.reason, q.field, n).where(q.dropped_at.is_(None))
        statement = statement.group_by(q.source, q.reason, q.field).order_by(n.desc(), q.reason, q.field)
        found: dict[str, list[tuple[str, str, int]]] = {}
        with self.read() as connection:
            for r in connection.execute(statement):
                found.setdefault(r.source, []).append((r.reason, r.field, int(r.n)))
        return found

    def quarantine_places(self, sources: Iterable[str]) -> dict[str, list[tuple[str, str, str, int]]]:
        """Where open rows of files stand: by source (reason, field, file, row), in order of the rows. Never a value."""
        q, names = quarantine.c, sorted(sources)
        if not names:
            return {}
        statement = sa.select(q.source, q.reason, q.field, q.source_id, q.origin)
        statement = statement.where(q.dropped_at.is_(None), q.source.in_(names))
        found: dict[str, list[tuple[str, str, str, int]]] = {}
        with self.read() as connection:
            for r in connection.execute(statement):
                file, row = _place(r.source_id, r.origin)
                if row:
                    found.setdefault(r.source, []).append((r.reason, r.field, file, row))
        return {source: sorted(places, key=lambda place: place[2:]) for source, places in found.items()}

    def drop_quarantined(self, ids: Iterable[int], note: str, who: str, at: datetime) -> int:
        """Put open rows aside with a note; how many."""
        marks = {"dropped_at": codec.micros(at), "dropped_by": who, "note": note}
        return self._mark(ids, marks, Event(at, "dropped", note, who), dropped=False)

    def restore_quarantined(self, ids: Iterable[int], who: str, at: datetime) -> int:
        """Make dropped rows open again; how many."""
        marks = {"dropped_at": None, "dropped_by": None, "note": None}
        return self._mark(ids, marks, Event(at, "restored", "", who), dropped=True)

    def tell_quarantined(self, ids: Iterable[int], event: Event) -> None:
        """Add to the history of open rows."""
        self._mark(ids, {}, event, dropped=False)

    def _mark(self, ids: Iterable[int], marks: dict[str, Any], event: Event, *, dropped: bool) -> int:
        told = [codec.micros(event.at), event.what, event.detail, event.who]
        statement = (
            sa.update(quarantine)
            .where(quarantine.c.id == sa.bindparam("its_id"))
            .values({name: sa.bindparam(f"new_{name}") for name in (*marks, "history")})
        )
        with self.write() as connection:
            held = _chosen(connection, Choice(ids=tuple(ids), dropped=dropped))
            rows = [
                {"its_id": r.id, "new_history": _more(r.history, told), **{f"new_{k}": v for k, v in marks.items()}}
                for r in held
            ]
            if rows:
                connection.execute(statement, rows)
        return len(rows)


def _more(history: str, told: list[Any]) -> str:
    return orjson.dumps([*orjson.loads(history), told][-_MOST_EVENTS:]).decode()


def _chosen(connection: Connection, choice: Choice, limit: int | None = None) -> list[Any]:
    statement = sa.select(quarantine).where(*choice.where()).order_by(quarantine.c.id.desc()).limit(limit)
    if choice.ids is None:
        return list(connection.execute(statement))
    found: list[Any] = []
    for chunk in chunks(str(i) for i in choice.ids):
        found += connection.execute(statement.where(quarantine.c.id.in_([int(i) for i in chunk])))
    return sorted(found, key=lambda r: -r.id)[:limit]


def _row(row: Any) -> Quarantined:
    return Quarantined(
        id=row.id,
        source=row.source,
        dataset=row.dataset,
        source_id=row.source_id,
        reason=row.reason,
        field=row.field,
        value=row.value,
        fields=orjson.loads(row.fields),
        first_seen=codec.at_micros(row.first_seen),
        last_seen=codec.at_micros(row.last_seen),
        attempts=row.attempts,
        origin=None if row.origin is None else orjson.loads(row.origin),
        history=tuple(Event(codec.at_micros(at), what, detail, who) for at, what, detail, who in _past(row)),
        dropped_at=codec.instant(row.dropped_at),
        dropped_by=row.dropped_by,
        note=row.note,
    )


def _past(row: Any) -> list[Any]:
    found: list[Any] = orjson.loads(row.history)
    return found
