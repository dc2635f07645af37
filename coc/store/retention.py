"""What is kept for how long, and what there is."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from coc.domain.datasets import SAMPLES, Dataset
from coc.domain.instants import DAY, HOUR
from coc.settings.models import Retention as RetentionSettings
from coc.store import columns as codec
from coc.store import ledger, partitions, schema
from coc.store.engine import Database
from coc.store.state_tables import ENTITY, ROLLUPS, state_changes, state_heads, state_marks
from coc.store.tables import TABLES, commits, feeds, kept_values, quarantine, runs

_LOG_DAYS: Final = 90  # runs and commits
_DROP_MILLISECONDS: Final = 2_000
_LOCKED: Final = "55P03"  # lock_not_available
_SLICE: Final = 20_000  # rows a transaction: a large prune must not hold up the pulls
_ENTITIES: Final = 50  # of which a day goes in one transaction


class Retention(Database):
    def prune(self, retention: RetentionSettings, now: datetime) -> dict[str, int]:
        """Delete what is older than its retention at `now` (business time); rows deleted by table.

        Letters and dispositions go by their own time and their last change, so that a row still moving is kept.
        """
        letters = codec.micros(now - timedelta(days=365.25 * retention.letters_years))
        # Whole days of UTC: what a day's states and rollups are made of goes together.
        samples = codec.micros(now - timedelta(days=retention.samples_days)) // DAY * DAY
        with self.write() as connection:
            ledger.raise_floor(connection, samples)
        log = codec.micros(now - timedelta(days=_LOG_DAYS))
        done: dict[str, int] = {}
        for dataset in SAMPLES:
            table = TABLES[dataset]
            done[dataset.value] = self._drop_months(table, samples) + self._delete(table, [table.c.at < samples])
        for dataset, own in ((Dataset.DISPOSITIONS, "issued_at"), (Dataset.LETTERS, "registered_at")):
            table = TABLES[dataset]
            changed = sa.func.coalesce(table.c.updated_at, table.c[own])
            done[dataset.value] = self._delete(table, [table.c[own] < letters, changed < letters])
        done |= self._prune_states(samples, codec.micros(now - timedelta(days=365.25 * retention.rollups_years)))
        published = (now - timedelta(days=365.25 * retention.letters_years)).date().isoformat()
        done["kept_values"] = self._delete(kept_values, [kept_values.c.day < published])
        old = codec.micros(now - timedelta(days=retention.quarantine_days))
        put_aside = quarantine.c.dropped_at
        touched = sa.or_(put_aside.is_(None), put_aside < old)  # what was dropped is known as long as it keeps coming
        done["quarantine"] = self._delete(quarantine, [quarantine.c.last_seen < old, touched])
        done["runs"] = self._delete(runs, [runs.c.started_business < log, runs.c.id.not_in(_last_runs())])
        newest = sa.select(sa.func.max(commits.c.number)).scalar_subquery()
        done["commits"] = self._delete(commits, [commits.c.at < log, commits.c.number < newest])
        return done

    def _prune_states(self, samples: int, rollups: int) -> dict[str, int]:
        """5-minute buckets and marks go with the samples; hours, days and changes after years, but each one's last."""
        kept = [(state_marks, "hour", samples), (state_changes, "at", rollups)]
        kept += [(table, "at", samples if width < HOUR else rollups) for width, table in ROLLUPS.items()]
        with self.read() as connection:
            known = connection.execute(sa.select(*(state_heads.c[n].label(f"its_{n}") for n in ENTITY)))
            entities = [dict(row) for row in known.mappings()]
        done = {table.name: 0 for table, _, _ in kept}
        for table, by, before in kept:
            where = [*(table.c[n] == sa.bindparam(f"its_{n}") for n in ENTITY), table.c[by] < before]
            if table is state_changes:
                later = table.alias()
                same = [later.c[n] == table.c[n] for n in ENTITY]
                where.append(sa.exists().where(*same, later.c.at > table.c.at, later.c.at < before))
            for first in range(0, len(entities), _ENTITIES):
                some = entities[first : first + _ENTITIES]
                with self.write() as connection:
                    done[table.name] += connection.execute(sa.delete(table).where(*where), some).rowcount
        return done

    def _drop_months(self, table: sa.Table, before: int) -> int:
        """On PostgreSQL: drop the months that end by `before`, one a transaction; how many rows that were."""
        if self.sqlite:
            return 0
        total = 0
        try:
            while True:
                with self.write() as connection:
                    # A drop waits for whoever reads, and lets nobody read meanwhile: never for long.
                    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_DROP_MILLISECONDS}")
                    past = [p for p in partitions.held(connection, table.name) if p.end <= before]
                    if not past:
                        return total
                    total += partitions.drop(connection, past[0])
        except sa.exc.OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCKED:
                raise
            return total  # its rows are deleted as others are; the next prune drops what is left

    def _delete(self, table: sa.Table, where: list[sa.ColumnElement[bool]]) -> int:
        keys = list(table.primary_key.columns)
        some = sa.select(*keys).where(*where).limit(_SLICE)
        mine = sa.tuple_(*keys).in_(some) if len(keys) > 1 else keys[0].in_(some)
        total = 0
        while True:
            with self.write() as connection:
                gone = connection.execute(sa.delete(table).where(mine)).rowcount
            total += gone
            if gone < _SLICE:
                return total

    def status(self) -> dict[str, Any]:
        """What `coc db status` prints: address, schema, commit, rows by table, bytes on disk, partitions of samples."""
        state = schema.require_known(self)
        found: dict[str, Any] = {
            "url": self.address,
            "schema": state.current,
            "schema_wanted": state.head,
            "up_to_date": state.up_to_date,
            "bytes": self._bytes(),
        }
        if state.current is None:
            return found
        with self.read() as connection:
            counts = {
                name: int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())
                for name, table in [*((d.value, t) for d, t in TABLES.items()), ("quarantine", quarantine)]
            }
            last = connection.execute(sa.select(commits).order_by(commits.c.number.desc()).limit(1)).first()
            sources = connection.execute(sa.select(sa.func.count()).select_from(feeds)).scalar_one()
            if not self.sqlite:
                found["partitions"] = {d.value: partitions.status(connection, d.value) for d in sorted(SAMPLES)}
        committed = None if last is None else codec.instant(last.at)
        return {
            **found,
            "commit": 0 if last is None else int(last.number),
            "last_commit": None if committed is None else committed.isoformat(),
            "feeds": int(sources),
            "rows": counts,
        }

    def _bytes(self) -> int | None:
        """Of the SQLite files (the database and its log), or of the database on its server; None in memory."""
        if not self.sqlite:
            with self.read() as connection:
                return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())
        if not self.engine.url.database:
            return None
        path = Path(self.engine.url.database)
        return sum(p.stat().st_size for p in (path, Path(f"{path}-wal")) if p.exists())


def _last_runs() -> sa.Select[Any]:
    return sa.select(sa.func.max(runs.c.id)).group_by(runs.c.source)
