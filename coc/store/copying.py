"""Rows from one database of ours into another of the same schema: SQLite to PostgreSQL, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from coc.store import bulk, partitions
from coc.store.schema import VERSION_TABLES, Which

_ROWS: Final = 5_000
_STREAMED: Final = {"stream_results": True, "yield_per": _ROWS}
# Another database's own lists, and what SQLite keeps for itself.
_FOREIGN: Final = ("sqlite_", "alembic_")


def table_names(connection: Connection, which: Which) -> list[str]:
    """Our tables in this database, the version table aside; of a partitioned one only the whole.

    A store and the control store may share a database: what the other's tables are is known by its metadata.
    """
    from coc.store.control import metadata as control
    from coc.store.tables import metadata as store

    mine, other = (store, control) if which == "store" else (control, store)
    found = set(sa.inspect(connection).get_table_names()) - {*VERSION_TABLES.values(), *other.tables}
    if connection.dialect.name == "postgresql":
        found -= set(connection.exec_driver_sql(_PARTITIONS).scalars())
        return sorted(found & set(mine.tables))  # others may keep tables of their own there
    return sorted(name for name in found if not name.startswith(_FOREIGN))


_PARTITIONS: Final = "SELECT relname FROM pg_class WHERE relispartition"


def copy_rows(source: Connection, target: Connection, which: Which, on_progress: Callable[[str, int], object]) -> None:
    """All rows of every table of `source` into the same, empty tables of `target`."""
    for name in table_names(source, which):
        columns = [c["name"] for c in sa.inspect(source).get_columns(name)]
        listed = ", ".join(f'"{c}"' for c in columns)
        cut = columns.index("at") if partitions.is_cut(target, name) else None
        result = source.execute(sa.text(f'SELECT {listed} FROM "{name}"'), execution_options=_STREAMED)
        for chunk in result.partitions(_ROWS):
            rows = [tuple(row) for row in chunk]
            if cut is not None:
                partitions.ensure(target, name, np.array([row[cut] for row in rows]))
            _put(target, name, listed, rows)
            on_progress(name, len(chunk))
        if target.dialect.name == "postgresql":
            _count_on(target, name)


def _put(target: Connection, name: str, listed: str, rows: list[tuple[Any, ...]]) -> None:
    if target.dialect.name != "postgresql":
        marks = ", ".join("?" * len(rows[0]))
        bulk.executemany(target, f'INSERT INTO "{name}" ({listed}) VALUES ({marks})', rows)
        return
    driver: Any = target.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f'COPY "{name}" ({listed}) FROM STDIN') as copy:
        for row in rows:
            copy.write_row(row)


def _count_on(target: Connection, name: str) -> None:
    """Numbers that PostgreSQL gives by itself go on after those that were copied."""
    for (column,) in target.exec_driver_sql(_COUNTED, (name,)).all():
        target.exec_driver_sql(
            f"SELECT setval(pg_get_serial_sequence('\"{name}\"', '{column}'), "
            f'greatest((SELECT coalesce(max("{column}"), 0) FROM "{name}"), 1))'
        )


_COUNTED: Final = (
    "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND table_schema = current_schema() "
    "AND (column_default LIKE 'nextval%%' OR is_identity = 'YES')"
)
