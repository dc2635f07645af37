"""Bulk upsert by the database's own ON CONFLICT, one statement for SQLite and PostgreSQL, and lookups by many keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.engine import Connection

from coc.domain.datasets import KEYS, SAMPLES, Column, Dataset
from coc.store import columns as codec
from coc.store.engine import Tx
from coc.store.tables import TABLES, key_columns, stored_columns

Bulk = tuple[str, tuple[str, ...]]  # SQL, and what its placeholders take
CHUNK: Final = 5_000  # bound variables a statement; SQLite takes 32,766


def upsert(tx: Tx, dataset: Dataset, frame: pd.DataFrame, **extra: Any) -> int:
    """Insert or overwrite rows (canonical and derived columns, one source); how many changed something.

    `extra`: further columns (source, row_hash, derived_from), a scalar or an array each. An older updated_at never
    overwrites a newer, and a sample equal to the stored one changes nothing.
    """
    if frame.empty:
        return 0
    names = (*(c.name for c in stored_columns(dataset)), *extra, "rev")
    sql, order = _statement(dataset, names, tx.connection.dialect.name)
    rows = codec.to_rows(frame, stored_columns(dataset), {**extra, "rev": tx.rev}, order)
    changed = executemany(tx.connection, sql, rows)
    tx.touched = tx.touched or changed > 0
    return changed


def executemany(connection: Connection, sql: str, rows: Sequence[tuple[Any, ...]]) -> int:
    """The driver's own executemany with plain tuples; rows affected."""
    if not rows:
        return 0
    result = connection.exec_driver_sql(sql, list(rows))
    return max(result.rowcount, 0)


@lru_cache(maxsize=64)
def _statement(dataset: Dataset, names: tuple[str, ...], backend: str) -> Bulk:
    table, keys = TABLES[dataset], key_columns(dataset)
    insert = (sqlite.insert if backend == "sqlite" else postgresql.insert)(table)
    excluded = insert.excluded
    written = [n for n in names if n not in keys]
    rule: sa.ColumnElement[bool] | None = None
    if dataset in SAMPLES:
        compared = [n for n in written if n not in ("rev", "source")]
        rule = sa.or_(*(excluded[n].is_distinct_from(table.c[n]) for n in compared))
    elif "updated_at" in names:
        held, came = table.c.updated_at, excluded.updated_at
        rule = sa.or_(held.is_(None), came.is_(None), came >= held)
    statement = insert.values({n: sa.bindparam(n) for n in names}).on_conflict_do_update(
        index_elements=list(keys), set_={n: excluded[n] for n in written}, where=rule
    )
    return positional(statement, backend)


@lru_cache(maxsize=64)
def update_by_key(dataset: Dataset, names: tuple[str, ...], backend: str) -> Bulk:
    """UPDATE of the columns `names`; binds their values as `new_<name>`, and `its_source`, `its_key`."""
    table, key = TABLES[dataset], KEYS[dataset][0]
    statement = (
        sa.update(table)
        .values({n: sa.bindparam(f"new_{n}") for n in names})
        .where(table.c.source == sa.bindparam("its_source"), table.c[key] == sa.bindparam("its_key"))
    )
    return positional(statement, backend)


def positional(statement: Any, backend: str) -> Bulk:
    """SQL with positional placeholders, and the names of what they take in that order: for the driver's executemany."""
    dialect = sqlite.dialect() if backend == "sqlite" else psycopg.dialect(paramstyle="format")  # type: ignore[no-untyped-call]
    compiled = statement.compile(dialect=dialect)
    return str(compiled), tuple(compiled.positiontup)


def chunks(keys: Iterable[str]) -> Iterator[list[str]]:
    found = list(keys)
    for first in range(0, len(found), CHUNK):
        yield found[first : first + CHUNK]


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
    for chunk in chunks(keys):
        statement = sa.select(*chosen).where(table.c.source == source, column.in_(chunk))
        rows.extend(connection.execute(statement).cursor.fetchall())
    width = len(columns) + 1
    frame = codec.to_frame([r[:width] for r in rows] if more else rows, columns)
    for offset, name in enumerate(more):
        values = [r[width + offset] for r in rows]
        frame[name] = pd.Series(values, dtype="int64" if name in ("row_hash", "rev") else "str")
    return frame
