"""Reads for boards: the last days and all open items, or just what changed after a commit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from coc.domain.datasets import KEYS, SAMPLES, Column, Dataset
from coc.store import bulk
from coc.store import columns as codec
from coc.store.engine import Database
from coc.store.tables import TABLES, commits, sample_heads, stored_columns

_PIECE: Final = 20_000


def fetch(
    connection: Connection,
    dataset: Dataset,
    *where: sa.ColumnElement[bool],
    columns: Sequence[Column] | None = None,
    order: Sequence[sa.ColumnElement[Any]] = (),
    page: tuple[int | None, int] = (None, 0),
) -> pd.DataFrame:
    """`source`, canonical and derived columns of the rows that match, in canonical dtypes. `page`: limit, offset."""
    table = TABLES[dataset]
    chosen = stored_columns(dataset) if columns is None else columns
    limit, offset = page
    statement = sa.select(*codec.select_list(table, chosen)).where(*where).order_by(*order)
    statement = statement.limit(limit).offset(offset or None)
    # Straight from the driver's cursor: SQLAlchemy's Row objects would double the time of a large read. In pieces: the
    # tuples of a day of samples, all at once, would be most of the process's memory.
    cursor: Any = connection.execute(statement).cursor
    words: dict[str | None, str | None] = {}
    frames = []
    while rows := cursor.fetchmany(_PIECE):
        frames.append(codec.to_frame(rows, chosen, words))
    frame = pd.concat(frames, ignore_index=True) if frames else codec.to_frame([], chosen)
    if "letter_deleted" in frame:
        frame["letter_deleted"] = frame["letter_deleted"].fillna(False)
    return frame


class Rows(Database):
    def commit_number(self) -> int:
        """The number of the last commit that changed a row; 0 before the first."""
        with self.read() as connection:
            return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(commits.c.number), 0))).scalar_one())

    def letters(
        self,
        since: datetime,
        after_rev: int | None = None,
        until: datetime | None = None,
        without: Collection[str] = (),
    ) -> pd.DataFrame:
        """Letters registered, completed or dispositioned since, or open; with `after_rev` every row changed after it.

        Deleted rows come only among the changed ones, so that a reader can drop them. `until`: none registered later.
        `without`: columns that are not read.
        """
        table, start = TABLES[Dataset.LETTERS], codec.micros(since)
        with self.read() as connection:
            if after_rev is not None:
                columns = _but(Dataset.LETTERS, without)
                return fetch(connection, Dataset.LETTERS, table.c.rev > after_rev, columns=columns)
            last = None if until is None else codec.micros(until)
            keys = _recent_letters(table, start, last).subquery("needed")
            mine = [table.c.source == keys.c.source, table.c.source_id == keys.c.source_id]
            where = [*mine, table.c.deleted == 0, *_by(table.c.registered_at, last)]
            return fetch(connection, Dataset.LETTERS, *where, columns=_but(Dataset.LETTERS, without))

    def registered(self, since: datetime, until: datetime, without: Collection[str] = ()) -> pd.DataFrame:
        """Letters registered in [since, until] that are not deleted."""
        table = TABLES[Dataset.LETTERS]
        there = table.c.registered_at.between(codec.micros(since), codec.micros(until))
        with self.read() as connection:
            columns = _but(Dataset.LETTERS, without)
            return fetch(connection, Dataset.LETTERS, there, table.c.deleted == 0, columns=columns)

    def dispositions(
        self,
        since: datetime,
        after_rev: int | None = None,
        until: datetime | None = None,
        without: Collection[str] = (),
    ) -> pd.DataFrame:
        """Dispositions with a time (issued, completed, cancelled, due) since, those that are open, and their siblings.

        All of an incoming letter that was open since are needed to know whether it was dispositioned; all of a letter
        that has a recent one, to know which was the first. With `after_rev` every row changed after it, deleted ones
        too. `until`: none issued later. `without`: columns that are not read.
        """
        table = TABLES[Dataset.DISPOSITIONS]
        with self.read() as connection:
            if after_rev is not None:
                columns = _but(Dataset.DISPOSITIONS, without)
                return fetch(connection, Dataset.DISPOSITIONS, table.c.rev > after_rev, columns=columns)
            # Joined, not `IN`: SQLite would scan all of ten years for that.
            last = None if until is None else codec.micros(until)
            keys = _needed(table, codec.micros(since), last).subquery("needed")
            mine = [table.c.source == keys.c.source, table.c.source_id == keys.c.source_id]
            where = [*mine, table.c.deleted == 0, *_by(table.c.issued_at, last)]
            return fetch(connection, Dataset.DISPOSITIONS, *where, columns=_but(Dataset.DISPOSITIONS, without))

    def begun(self, but_for: Iterable[str] = ()) -> dict[Dataset, datetime]:
        """When the first letter was registered and the first disposition issued, where there is any.

        `but_for`: security classes that do not count, nor dispositions whose letter has not arrived.
        """
        letters, given, secret = TABLES[Dataset.LETTERS], TABLES[Dataset.DISPOSITIONS], list(but_for)
        own = sa.or_(letters.c.security.is_(None), letters.c.security.not_in(secret))
        of = sa.or_(given.c.letter_security.is_(None), given.c.letter_security.not_in(secret))
        alive = [sa.func.coalesce(given.c.letter_deleted, 0) == 0]
        known = [*alive, of, given.c.letter_registered_at.is_not(None)] if secret else alive
        firsts = (
            (Dataset.LETTERS, letters, letters.c.registered_at, [own] if secret else []),
            (
                Dataset.DISPOSITIONS,
                given,
                given.c.issued_at,
                [*known, sa.func.coalesce(given.c.letter_deleted, 0) == 0],
            ),
        )
        found: dict[Dataset, datetime] = {}
        with self.read() as connection:
            for dataset, table, at, where in firsts:
                statement = sa.select(at).where(table.c.deleted == 0, at.is_not(None), *where).order_by(at).limit(1)
                first = codec.instant(connection.execute(statement).scalar())
                if first is not None:
                    found[dataset] = first
        return found

    def count_between(self, dataset: Dataset, since: datetime, until: datetime) -> int:
        """How many letters were registered, or dispositions issued, in [since, until]."""
        table = TABLES[dataset]
        at = table.c.registered_at if dataset is Dataset.LETTERS else table.c.issued_at
        counted = sa.select(sa.func.count()).where(at.between(codec.micros(since), codec.micros(until)))
        with self.read() as connection:
            return int(connection.execute(counted).scalar_one())

    def of_letters(
        self, dataset: Dataset, letters: Mapping[str, Iterable[str]], without: Collection[str] = ()
    ) -> pd.DataFrame:
        """The letters with these ids (by source), or the dispositions of them; none that is deleted.

        `without`: columns that are not read.
        """
        table, columns = TABLES[dataset], _but(dataset, without)
        key = table.c.source_id if dataset is Dataset.LETTERS else table.c.letter_id
        alive = table.c.deleted == 0
        with self.read() as connection:
            parts = [
                fetch(connection, dataset, table.c.source == source, these, alive, columns=columns)
                for source, ids in letters.items()
                for these in bulk.among(connection, key, ids)
            ]
        return pd.concat(parts, ignore_index=True) if parts else codec.to_frame([], columns)

    def samples(self, dataset: Dataset, since: datetime, after_rev: int | None = None) -> pd.DataFrame:
        """Samples at or after `since`; `after_rev`: only those that changed after it."""
        table = TABLES[dataset]
        if after_rev is None:
            where = [table.c.at >= codec.micros(since)]
        else:  # `+ 0` keeps the planner off the index on `at`: a day of samples, where few have changed
            where = [table.c.rev > after_rev, table.c.at + 0 >= codec.micros(since)]
        with self.read() as connection:
            return fetch(connection, dataset, *where)

    def table(self, dataset: Dataset, sources: Iterable[str] | None = None) -> pd.DataFrame:
        """A whole small table, ordered by key, of all sources or the named ones.

        A unit that two sources supply comes once, with the newer updated_at: units are keyed by their code alone.
        """
        table = TABLES[dataset]
        where = [] if sources is None else [table.c.source.in_(list(sources))]
        with self.read() as connection:
            frame = fetch(connection, dataset, *where)
        if dataset is Dataset.UNITS:
            frame = frame.sort_values(["updated_at", "source"], na_position="first").drop_duplicates(
                "code", keep="last"
            )
        return frame.sort_values([*KEYS[dataset], "source"]).reset_index(drop=True)

    def marks(self, datasets: Iterable[Dataset]) -> dict[Dataset, tuple[int, int]]:
        """Of small tables the last commit that changed a row, and how many rows there are: what a change moves."""
        tables = {dataset: TABLES[dataset] for dataset in datasets}
        parts = [
            sa.select(sa.func.coalesce(sa.func.max(table.c.rev), 0), sa.func.count()).select_from(table)
            for table in tables.values()
        ]
        with self.read() as connection:
            return {d: (r[0], r[1]) for d, r in zip(tables, (connection.execute(p).one() for p in parts), strict=True)}

    def sampled(self) -> pd.DataFrame:
        """Which source brings the samples of what: dataset, entity, source; who brought the newest one comes last."""
        c = sample_heads.c
        chosen = sa.select(c.dataset, c.entity, c.source).order_by(c.at, c.source)
        with self.read() as connection:
            rows: Any = connection.execute(chosen).cursor
            return pd.DataFrame(rows.fetchall(), columns=["dataset", "entity", "source"], dtype="str")

    def known_samples(self, source: str, datasets: Iterable[Dataset]) -> dict[str, datetime]:
        """The newest `at` held of each entity that this source samples."""
        heads = sample_heads
        statement = sa.select(heads.c.entity, sa.func.max(heads.c.at)).where(
            heads.c.source == source, heads.c.dataset.in_([d.value for d in datasets])
        )
        with self.read() as connection:
            rows: list[Any] = list(connection.execute(statement.group_by(heads.c.entity)))
        return {entity: at for entity, raw in rows if (at := codec.instant(raw)) is not None}

    def export(self, dataset: Dataset) -> pd.DataFrame:
        """All rows that are not deleted, as `coc export` gives them."""
        table = TABLES[dataset]
        where = [table.c.deleted == 0] if "deleted" in table.c and dataset not in SAMPLES else []
        with self.read() as connection:
            return fetch(connection, dataset, *where)


def _but(dataset: Dataset, without: Collection[str]) -> list[Column]:
    return [c for c in stored_columns(dataset) if c.name not in without]


def _by(at: sa.ColumnElement[Any], last: int | None) -> list[sa.ColumnElement[bool]]:
    return [] if last is None else [at <= last]


def _recent_letters(table: sa.Table, start: int, last: int | None) -> sa.CompoundSelect[Any]:
    """Keys of the letters that a board needs; a union of plain selects, as each then uses its own index."""
    key = sa.select(table.c.source, table.c.source_id)
    given = TABLES[Dataset.DISPOSITIONS]
    until = _by(table.c.registered_at, last)
    dispositioned = [given.c.issued_at >= start, *_by(given.c.issued_at, last)]
    return sa.union(
        key.where(table.c.registered_at >= start, *until),
        key.where(table.c.completed_at >= start, *until),
        key.where(table.c.completed_at.is_(None), *until),
        sa.select(given.c.source, given.c.letter_id).where(*dispositioned),
    )


def _needed(table: sa.Table, start: int, last: int | None) -> sa.CompoundSelect[Any]:
    """Keys of the dispositions that a board needs. A union of plain selects, as each then uses its own index."""
    key = sa.select(table.c.source, table.c.source_id)
    letters = TABLES[Dataset.LETTERS]
    incoming = [letters.c.kind == "incoming", letters.c.deleted == 0, *_by(letters.c.registered_at, last)]
    letter = sa.select(letters.c.source, letters.c.source_id)
    recent = table.alias("recent")
    of_recent = [recent.c.issued_at >= start, recent.c.deleted == 0, *_by(recent.c.issued_at, last)]
    siblings = sa.select(recent.c.source, recent.c.letter_id).where(*of_recent)
    open_ = [table.c.completed_at.is_(None), table.c.cancelled_at.is_(None), table.c.needs_follow_up == 1]
    of_letter = sa.tuple_(table.c.source, table.c.letter_id)
    until = _by(table.c.issued_at, last)
    return sa.union(
        key.where(table.c.issued_at >= start, *until),
        key.where(table.c.completed_at >= start, *until),
        key.where(table.c.cancelled_at >= start, *until),
        key.where(table.c.due >= start, *until),
        key.where(*open_, *until),
        key.where(of_letter.in_(letter.where(letters.c.completed_at.is_(None), *incoming))),
        key.where(of_letter.in_(letter.where(letters.c.completed_at >= start, *incoming))),
        key.where(of_letter.in_(siblings)),
    )
