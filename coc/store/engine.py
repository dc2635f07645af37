"""Engines: SQLite in WAL mode or PostgreSQL; one write transaction at a time, which takes the next commit number."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url

BUSY_SECONDS: Final = 30
_PG_LOCK: Final = 0x636F63  # "coc": writers queue here, so commit numbers become visible in their order


class StoreError(Exception):
    """The database cannot be used; the message says what to do."""


def make_engine(url: str | URL) -> Engine:
    """An engine whose errors never carry row values. The folder of an SQLite file is made when it is missing.

    Raises StoreError for an address that is no database URL.
    """
    try:
        address = make_url(url)
    except sa.exc.ArgumentError as error:
        raise StoreError("not a database URL: write e.g. sqlite:///var/coc.db or postgresql+psycopg://...") from error
    if address.get_backend_name() != "sqlite":
        return sa.create_engine(address, hide_parameters=True, pool_pre_ping=True)
    if address.database not in (None, "", ":memory:"):
        Path(str(address.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        address, hide_parameters=True, pool_size=10, max_overflow=20, connect_args={"timeout": BUSY_SECONDS}
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own implicit BEGIN would start deferred and fail later with "database is locked".
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        f"busy_timeout={BUSY_SECONDS * 1000}",
        "synchronous=NORMAL",
        "cache_size=-32000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("coc_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


class Tx:
    """An open write transaction. `rev` is the commit number its rows carry; it becomes real when `touched`."""

    def __init__(self, connection: Connection, rev: int) -> None:
        self.connection = connection
        self.rev = rev
        self.touched = False

    @property
    def sqlite(self) -> bool:
        return self.connection.dialect.name == "sqlite"


class Database:
    """A database and its transactions. Thread-safe: writers of one process queue on a lock."""

    def __init__(self, url: str | URL) -> None:
        self.engine = make_engine(url)
        self._writing = threading.RLock()

    @property
    def address(self) -> str:
        """The URL without its password."""
        return self.engine.url.render_as_string(hide_password=True)

    @property
    def sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent snapshot."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction without a commit number (runs, boards, quarantine)."""
        with self._writing, self.engine.connect() as plain:
            connection = plain.execution_options(coc_write=True)
            with connection.begin():
                if not self.sqlite:
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_PG_LOCK)))
                yield connection

    def close(self) -> None:
        self.engine.dispose()
