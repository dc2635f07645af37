"""What is known of each source: its runs, its failures in a row, how far it was read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from coc.domain.datasets import Dataset
from coc.store import bulk
from coc.store import columns as codec
from coc.store.boards import _put
from coc.store.engine import Database, Tx
from coc.store.tables import feeds, positions, runs, sample_heads

Notes = list[tuple[str, str]]
# The source put us off: no failure of it, and nothing good either. Its feed turns late by age.
PUT_OFF: Final = frozenset({"rate_limited", "incomplete"})
_MOST_KEPT: Final = 20  # runs of a source that could not be logged


@dataclass(frozen=True, slots=True)
class Run:
    """One pull. `started`: system time; `started_business`: the realm's clock at that moment."""

    source: str
    started: datetime
    started_business: datetime
    seconds: float
    whole: bool = False
    rows_in: int = 0
    stored: int = 0
    unchanged: int = 0
    quarantined: int = 0
    error_code: str | None = None
    error_detail: str | None = None


@dataclass(frozen=True, slots=True)
class FeedRecord:
    """A source as the store knows it. `failures`: runs that failed in a row, the first at `failing_since` (business
    time); `standing`: what waits for a person.
    """

    source: str
    last_run: Run | None = None
    failures: int = 0
    last_good: datetime | None = None
    last_good_business: datetime | None = None
    as_of: datetime | None = None
    newest: datetime | None = None
    reached: datetime | None = None  # back to when its history was read
    runs: int = 0
    notes: Notes = field(default_factory=list)
    standing: Mapping[str, str] = field(default_factory=dict)
    failing_since: datetime | None = None


@dataclass(slots=True)
class Position:
    """How far one dataset of one source was read. `seen`: columns that ever held a value."""

    watermark: datetime | None = None
    newest: datetime | None = None
    seen: frozenset[str] = frozenset()
    backfilled_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Good:
    """What a good run tells of its source."""

    at: datetime  # system time
    business: datetime
    as_of: datetime | None


def read_positions(connection: Connection, source: str) -> dict[Dataset, Position]:
    """By dataset, how far this source was read."""
    rows = connection.execute(sa.select(positions).where(positions.c.source == source))
    return {Dataset(r.dataset): _position(r) for r in rows}


def save_position(tx: Tx, source: str, dataset: Dataset, position: Position) -> None:
    _put(
        tx.connection,
        positions,
        ["source", "dataset"],
        {
            "source": source,
            "dataset": dataset.value,
            "watermark": _micros(position.watermark),
            "newest": _micros(position.newest),
            "seen": orjson.dumps(sorted(position.seen)).decode(),
            "backfilled_to": _micros(position.backfilled_to),
        },
    )


def save_heads(tx: Tx, source: str, dataset: Dataset, newest: Mapping[str, int]) -> None:
    """Renew the newest sample of each entity (microseconds); an older one never replaces a newer."""
    insert = (sqlite.insert if tx.sqlite else postgresql.insert)(sample_heads)
    upsert = insert.values({c.name: sa.bindparam(c.name) for c in sample_heads.c}).on_conflict_do_update(
        index_elements=["source", "dataset", "entity"],
        set_={"at": insert.excluded.at},
        where=insert.excluded.at > sample_heads.c.at,
    )
    sql, order = bulk.positional(upsert, tx.connection.dialect.name)
    its = {"source": source, "dataset": dataset.value}
    rows = [{**its, "entity": entity, "at": at} for entity, at in newest.items()]
    bulk.executemany(tx.connection, sql, [tuple(row[n] for n in order) for row in rows])


class Feeds(Database):
    """`_unlogged`: failed runs that could not be written down, by source, until they can; `_last`: as last read."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._unlogged: dict[str, list[Run]] = {}
        self._last: list[FeedRecord] = []

    def positions(self, source: str) -> dict[Dataset, Position]:
        with self.read() as connection:
            return read_positions(connection, source)

    def save_backfilled(self, source: str, datasets: Iterable[Dataset], reached: datetime) -> None:
        """Note how far back a source's history was read. A position that does not exist yet is not made."""
        mine = [positions.c.source == source, positions.c.dataset.in_([d.value for d in datasets])]
        with self.write() as connection:
            connection.execute(sa.update(positions).where(*mine).values(backfilled_to=codec.micros(reached)))

    def save_run(self, run: Run, good: Good | None, notes: Notes, standing: Mapping[str, str | None]) -> None:
        """Log a run, and those kept before it. A good one resets the failures; `standing` adds alerts, or ends them
        (None).
        """
        kept = self._unlogged.get(run.source, [])[:]
        with self.write() as connection:
            connection.execute(sa.insert(runs), [_run_row(r) for r in (*kept, run)])
            held = connection.execute(sa.select(feeds).where(feeds.c.source == run.source)).first()
            alerts: dict[str, str | None] = {**(orjson.loads(held.standing) if held else {}), **standing}
            failed = good is None and run.error_code not in PUT_OFF
            row: dict[str, Any] = {
                "source": run.source,
                "failures": 0 if good else (held.failures if held else 0) + len(kept) + int(failed),
                **_goodness(good, held),
                "notes": orjson.dumps(notes).decode(),
                "standing": orjson.dumps({k: v for k, v in alerts.items() if v is not None}).decode(),
            }
            _put(connection, feeds, ["source"], row)
        self._unlogged[run.source] = self._unlogged.get(run.source, [])[len(kept) :]

    def keep_run(self, run: Run) -> None:
        """A failed run that the store is in too much trouble to log: remembered, and logged with the next one."""
        self._unlogged[run.source] = [*self._unlogged.get(run.source, []), run][-_MOST_KEPT:]

    def feeds_at_hand(self) -> list[FeedRecord]:
        """All sources as last read, with the runs that could not be logged since. Touches no database."""
        known = {r.source: r for r in self._last}
        for source in self._unlogged:
            known.setdefault(source, FeedRecord(source))
        return [self._with_kept(known[source]) for source in sorted(known)]

    def _with_kept(self, record: FeedRecord) -> FeedRecord:
        kept = self._unlogged.get(record.source)
        if not kept:
            return record
        return replace(
            record,
            last_run=kept[-1],
            failures=record.failures + len(kept),
            failing_since=record.failing_since or kept[0].started_business,
            runs=record.runs + len(kept),
            notes=[],
        )

    def feeds(self) -> list[FeedRecord]:
        """All sources that ever ran, by name."""
        last = sa.select(runs.c.source, sa.func.max(runs.c.id).label("id"), sa.func.count().label("n"))
        newest = sa.select(
            positions.c.source,
            sa.func.max(positions.c.newest).label("newest"),
            sa.func.max(positions.c.backfilled_to).label("reached"),
        )
        with self.read() as connection:
            per = list(connection.execute(last.group_by(runs.c.source)))
            found = {r.id: r for r in connection.execute(sa.select(runs).where(runs.c.id.in_([p.id for p in per])))}
            latest = {r.source: (r.newest, r.reached) for r in connection.execute(newest.group_by(positions.c.source))}
            held = list(connection.execute(sa.select(feeds).order_by(feeds.c.source)))
            since = {r.source: _first_failed(connection, r.source, r.last_good) for r in held if r.failures}
        by_source: dict[str, tuple[Any, int]] = {p.source: (found[p.id], int(p.n)) for p in per}
        self._last = [
            _record(r, by_source.get(r.source, (None, 0)), latest.get(r.source, (None, None)), since.get(r.source))
            for r in held
        ]
        return self.feeds_at_hand()

    def runs(self, source: str | None = None, limit: int = 50) -> list[Run]:
        """The latest runs, newest first."""
        statement = sa.select(runs).order_by(runs.c.id.desc()).limit(limit)
        if source is not None:
            statement = statement.where(runs.c.source == source)
        with self.read() as connection:
            return [_run(r) for r in connection.execute(statement)]


def _first_failed(connection: Connection, source: str, last_good: int | None) -> int | None:
    """When the first run began that failed since the last good one: a good run is over before its time is noted."""
    begun = sa.select(sa.func.min(runs.c.started_business)).where(runs.c.source == source)
    failed = [runs.c.error_code.is_not(None), runs.c.error_code.not_in(PUT_OFF)]
    after = [] if last_good is None else [runs.c.started >= last_good]
    found: int | None = connection.execute(begun.where(*failed, *after)).scalar_one()
    return found


def _goodness(good: Good | None, held: Any) -> dict[str, int | None]:
    """When the source was last good: now, or as held."""
    was = {n: getattr(held, n, None) for n in ("last_good", "last_good_business", "as_of")}
    if good is None:
        return was
    now = {"last_good": codec.micros(good.at), "last_good_business": codec.micros(good.business)}
    return {**was, **now, **({"as_of": codec.micros(good.as_of)} if good.as_of else {})}


def _micros(at: datetime | None) -> int | None:
    return None if at is None else codec.micros(at)


def _position(row: Any) -> Position:
    return Position(
        watermark=codec.instant(row.watermark),
        newest=codec.instant(row.newest),
        seen=frozenset(orjson.loads(row.seen)),
        backfilled_to=codec.instant(row.backfilled_to),
    )


def _run_row(run: Run) -> dict[str, Any]:
    return {
        "source": run.source,
        "started": codec.micros(run.started),
        "started_business": codec.micros(run.started_business),
        "seconds": run.seconds,
        "whole": int(run.whole),
        "rows_in": run.rows_in,
        "stored": run.stored,
        "unchanged": run.unchanged,
        "quarantined": run.quarantined,
        "error_code": run.error_code,
        "error_detail": run.error_detail,
    }


def _run(row: Any) -> Run:
    started, business = codec.at_micros(row.started), codec.at_micros(row.started_business)
    return Run(
        row.source,
        started,
        business,
        row.seconds,
        bool(row.whole),
        row.rows_in,
        row.stored,
        row.unchanged,
        row.quarantined,
        row.error_code,
        row.error_detail,
    )


def _record(row: Any, ran: tuple[Any, int], held: tuple[int | None, int | None], failing: int | None) -> FeedRecord:
    last, count = ran
    return FeedRecord(
        source=row.source,
        last_run=None if last is None else _run(last),
        failures=row.failures,
        last_good=codec.instant(row.last_good),
        last_good_business=codec.instant(row.last_good_business),
        as_of=codec.instant(row.as_of),
        newest=codec.instant(held[0]),
        reached=codec.instant(held[1]),
        runs=count,
        notes=[(code, detail) for code, detail in orjson.loads(row.notes)],
        standing=orjson.loads(row.standing),
        failing_since=codec.instant(failing),
    )
