"""Bulk upsert by the database's own ON CONFLICT, the same rules on SQLite and PostgreSQL; lookups by many keys."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.engine import Connection

from coc.domain.datasets import KEYS, SAMPLES, Column, Dataset
from coc.domain.instants import to_micros
from coc.store import columns as codec
from coc.store import partitions, staged
from coc.store.engine import Tx
from coc.store.tables import TABLES, key_columns, stored_columns

Bulk = tuple[str, tuple[str, ...]]  # SQL, and what its placeholders take
CHUNK: Final = 5_000  # bound variables a statement; SQLite takes 32,766


def upsert(tx: Tx, dataset: Dataset, frame: pd.DataFrame, **extra: Any) -> int:
    """Insert or overwrite rows (canonical and derived columns, one source, a key once); how many changed something.

    `extra`: further columns (source, row_hash, derived_from), a scalar or an array each. An older updated_at never
    overwrites a newer, and a sample equal to the stored one changes nothing.
    """
    if frame.empty:
        return 0
    if dataset in SAMPLES and not tx.sqlite:
        partitions.ensure(tx.connection, dataset.value, to_micros(frame["at"]))
    names = (*(c.name for c in stored_columns(dataset)), *extra, "rev")
    given = {**extra, "rev": tx.rev}
    if _staged(tx, frame):
        rows = codec.to_rows(frame, stored_columns(dataset), given, names)
        changed = staged.write(tx.connection, TABLES[dataset], names, rows, _upsert_staged(dataset, names))
    else:
        sql, order = _upsert(dataset, names, tx.connection.dialect.name)
        changed = executemany(tx.connection, sql, codec.to_rows(frame, stored_columns(dataset), given, order))
    tx.touched = tx.touched or changed > 0
    return changed


def amend(tx: Tx, dataset: Dataset, source: str, frame: pd.DataFrame, columns: Sequence[Column], **extra: Any) -> None:
    """Overwrite `columns` and `extra` of known rows of one source, by their key, under this transaction's commit."""
    if frame.empty:
        return
    key = KEYS[dataset][0]
    given = {**extra, "rev": tx.rev, "source": source, key: frame[key].to_numpy(dtype=object)}
    names = (*(c.name for c in columns), *given)
    if _staged(tx, frame):
        rows = codec.to_rows(frame, columns, given, names)
        staged.write(tx.connection, TABLES[dataset], names, rows, _amend_staged(dataset, names))
    else:
        sql, order = _amend(dataset, names, tx.connection.dialect.name)
        executemany(tx.connection, sql, codec.to_rows(frame, columns, given, [n.removeprefix("its_") for n in order]))
    tx.touched = True


def _staged(tx: Tx, frame: pd.DataFrame) -> bool:
    return not tx.sqlite and len(frame) >= staged.FEW


def executemany(connection: Connection, sql: str, rows: Sequence[tuple[Any, ...]]) -> int:
    """The driver's own executemany with plain tuples; rows affected."""
    if not rows:
        return 0
    result = connection.exec_driver_sql(sql, list(rows))
    return max(result.rowcount, 0)


@lru_cache(maxsize=64)
def _upsert(dataset: Dataset, names: tuple[str, ...], backend: str) -> Bulk:
    insert = (sqlite.insert if backend == "sqlite" else postgresql.insert)(TABLES[dataset])
    return positional(_or_overwrite(dataset, names, insert.values({n: sa.bindparam(n) for n in names})), backend)


@lru_cache(maxsize=64)
def _upsert_staged(dataset: Dataset, names: tuple[str, ...]) -> str:
    stage = staged.stage_of(TABLES[dataset])
    insert = postgresql.insert(TABLES[dataset]).from_select(names, sa.select(*(stage.c[n] for n in names)))
    return staged.compiled(_or_overwrite(dataset, names, insert))


def _or_overwrite(dataset: Dataset, names: tuple[str, ...], insert: Any) -> Any:
    """`insert` that overwrites the row of the same key, where that changes something and is not older."""
    table, keys = TABLES[dataset], key_columns(dataset)
    excluded = insert.excluded
    written = [n for n in names if n not in keys]
    rule: sa.ColumnElement[bool] | None = None
    if dataset in SAMPLES:
        compared = [n for n in written if n not in ("rev", "source")]
        rule = sa.or_(*(excluded[n].is_distinct_from(table.c[n]) for n in compared))
    elif "updated_at" in names:
        held, came = table.c.updated_at, excluded.updated_at
        rule = sa.or_(held.is_(None), came.is_(None), came >= held)
    return insert.on_conflict_do_update(index_elements=list(keys), set_={n: excluded[n] for n in written}, where=rule)


@lru_cache(maxsize=64)
def _amend(dataset: Dataset, names: tuple[str, ...], backend: str) -> Bulk:
    # `its_`: a column's own name is taken by SQLAlchemy in an UPDATE.
    table, keys = TABLES[dataset], key_columns(dataset)
    values: dict[str, Any] = {n: sa.bindparam(f"its_{n}") for n in names if n not in keys}
    mine = [table.c[k] == sa.bindparam(f"its_{k}") for k in keys]
    return positional(sa.update(table).values(values).where(*mine), backend)


@lru_cache(maxsize=64)
def _amend_staged(dataset: Dataset, names: tuple[str, ...]) -> str:
    table, keys = TABLES[dataset], key_columns(dataset)
    stage = staged.stage_of(table)
    values = {n: stage.c[n] for n in names if n not in keys}
    return staged.compiled(sa.update(table).values(values).where(*(table.c[k] == stage.c[k] for k in keys)))


def positional(statement: Any, backend: str) -> Bulk:
    """SQL with positional placeholders, and the names of what they take in that order: for the driver's executemany."""
    dialect = sqlite.dialect() if backend == "sqlite" else psycopg.dialect(paramstyle="format")  # type: ignore[no-untyped-call]
    compiled = statement.compile(dialect=dialect)
    return str(compiled), tuple(compiled.positiontup)


def chunks(keys: Iterable[str]) -> Iterator[list[str]]:
    found = list(keys)
    for first in range(0, len(found), CHUNK):
        yield found[first : first + CHUNK]


def among(
    connection: Connection, column: sa.ColumnElement[Any], keys: Iterable[str]
) -> Iterator[sa.ColumnElement[bool]]:
    """Conditions that together take the rows whose `column` is among `keys`: one, where they are one bound value.

    An array on PostgreSQL, JSON on SQLite: a statement that binds each would be compiled anew for each number of them.
    """
    wanted = list(keys)
    if connection.dialect.name == "postgresql":
        yield column == sa.any_(sa.bindparam(None, wanted, postgresql.ARRAY(sa.Text)))
        return
    held = json.dumps(wanted)
    if "\\u0000" in held:  # where SQLite's JSON ends a text
        yield from (column.in_(chunk) for chunk in chunks(wanted))
        return
    yield column.in_(sa.select(sa.func.json_each(held).table_valued("value").c.value))


def held(
    connection: Connection, dataset: Dataset, source: str, keys: Iterable[str], columns: Sequence[Column], *more: str
) -> pd.DataFrame:
    """What is stored for these keys: `columns` (canonical dtypes), then the system columns `more` (row_hash, ...)."""
    table = TABLES[dataset]
    key = table.c[KEYS[dataset][0]]
    return where_in(connection, dataset, source, key, keys, columns, *more)


def where_in(
    connection: Connection,
    dataset: Dataset,
    source: str,
    column: sa.ColumnElement[Any],
    keys: Iterable[str],
    columns: Sequence[Column],
    *more: str,
) -> pd.DataFrame:
    """The rows of one source whose `column` is among `keys`."""
    table = TABLES[dataset]
    chosen = [*codec.select_list(table, columns), *(table.c[m] for m in more)]
    rows: list[Any] = []
    for these in among(connection, column, keys):
        statement = sa.select(*chosen).where(table.c.source == source, these)
        rows.extend(connection.execute(statement).cursor.fetchall())
    width = len(columns) + 1
    frame = codec.to_frame([r[:width] for r in rows] if more else rows, columns)
    for offset, name in enumerate(more):
        values = [r[width + offset] for r in rows]
        frame[name] = pd.Series(values, dtype="int64" if name in ("row_hash", "rev") else "str")
    return frame
