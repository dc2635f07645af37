"""The PostgreSQL side of a restore: old tables into a schema of their own, new ones filled and compared, one commit."""

from __future__ import annotations

from itertools import chain, count
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from coc.clock import system_now
from coc.store import schema
from coc.store.backup import BackupError, Part, Progress, differences, sqlite_url, table_states
from coc.store.boards import lift_epoch
from coc.store.copying import copy_rows, table_names
from coc.store.engine import Database
from coc.store.schema import VERSION_TABLES, Which


def restore(
    database: Database, unpacked: Path, part: Part, which: Which, epoch: int, on_progress: Progress
) -> tuple[str | None, int]:
    """Fill the database from the SQLite file; the schema that keeps the old tables (None: there were none), the epoch.

    One transaction: a failure leaves everything as it was.
    """
    source = Database(sqlite_url(unpacked))
    try:
        with source.read() as rows, database.write() as connection:
            kept = _moved_away(connection, which)
            schema.upgrade_on(connection, which, part.schema)
            copy_rows(rows, connection, which, on_progress)
            found = table_states(connection, which, on_progress)
            wrong = differences(part.tables, {n: s for n, s in found.items() if n in part.tables or s.rows})
            if wrong:
                raise BackupError(f"the restored tables are not what was backed up: {'; '.join(wrong)}")
            schema.upgrade_on(connection, which)
            if which == "store":
                lift_epoch(connection, epoch)
            return kept, epoch if which == "store" else 0
    finally:
        source.close()


def undo(database: Database, kept: str, which: Which, epoch: int) -> tuple[str | None, int]:
    """Move the tables of the schema `kept` back; what is there now is kept in its turn."""
    with database.write() as connection:
        inside = sa.inspect(connection).get_table_names(schema=kept) if kept.startswith(_prefix(which)) else []
        if not inside:
            raise BackupError(f"{kept}: there is no schema of this name that keeps a store")
        here = _here(connection)
        old = _moved_away(connection, which)
        for name in inside:
            connection.exec_driver_sql(f'ALTER TABLE "{kept}"."{name}" SET SCHEMA "{here}"')
        connection.exec_driver_sql(f'DROP SCHEMA "{kept}"')
        if which == "store":
            lift_epoch(connection, epoch)
        return old, epoch if which == "store" else 0


def _moved_away(connection: Connection, which: Which) -> str | None:
    names = table_names(connection, which)
    if not names:
        return None
    held = any(connection.exec_driver_sql(f'SELECT 1 FROM "{name}" LIMIT 1').first() for name in names)
    kept = _kept_name(connection, which)
    connection.exec_driver_sql(f'CREATE SCHEMA "{kept}"')
    for name in (*names, *_partitions(connection, names), VERSION_TABLES[which]):
        connection.exec_driver_sql(f'ALTER TABLE IF EXISTS "{name}" SET SCHEMA "{kept}"')
    if not held:
        connection.exec_driver_sql(f'DROP SCHEMA "{kept}" CASCADE')
        return None
    return kept


def _prefix(which: Which) -> str:
    return f"coc_{which}_before_"


def _kept_name(connection: Connection, which: Which) -> str:
    """A schema's name that says when, and that nothing has yet."""
    base, there = f"{_prefix(which)}{system_now():%Y%m%dt%H%M%Sz}", sa.inspect(connection).get_schema_names()
    return next(name for name in chain([base], (f"{base}_{n}" for n in count(2))) if name not in there)


def _partitions(connection: Connection, names: list[str]) -> list[str]:
    found = connection.execute(
        sa.text(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p "
            "ON p.oid = i.inhparent WHERE p.relname = ANY(:names) AND p.relnamespace = current_schema()::regnamespace"
        ),
        {"names": names},
    )
    return [str(name) for name in found.scalars()]


def _here(connection: Connection) -> str:
    return str(connection.exec_driver_sql("SELECT current_schema()").scalar_one())
