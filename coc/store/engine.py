"""Engines: SQLite in WAL mode or PostgreSQL; one write transaction at a time, which takes the next commit number."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url

from coc.store import postgres
from coc.store.errors import StoreError as StoreError
from coc.store.trouble import READING, Health

BUSY_SECONDS: Final = 30
PG_LOCK: Final = 0x636F63  # "coc": writers queue here, so commit numbers become visible in their order


def make_engine(url: str | URL, application: str = "coc") -> Engine:
    """An engine whose errors never carry row values. The folder of an SQLite file is made when it is missing.

    `application`: how a server calls our connections.

    Raises StoreError for an address that is no database URL.
    """
    try:
        address = make_url(url)
    except sa.exc.ArgumentError as error:
        raise StoreError("not a database URL: write e.g. sqlite:///var/coc.db or postgresql+psycopg://...") from error
    if address.get_backend_name() == "postgresql":
        return postgres.make_engine(address, application)
    if address.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise StoreError(
            f"`{address.drivername}` is no database we use: write sqlite:///... or {postgres.DRIVER}://..."
        )
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
        self.application = f"coc {uuid.uuid4().hex[:12]}"
        self.engine = make_engine(url, self.application)
        self._reading = self.engine if self.sqlite else self.engine.execution_options(**postgres.READING)
        self._writing = threading.RLock()
        self.health = Health(self.address)

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
        with self.health.watch(READING), self._reading.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self, patience: float | None = None) -> Iterator[Connection]:
        """A write transaction without a commit number (runs, boards, quarantine).

        `patience`: seconds to wait for other writers; OperationalError when they pass.
        """
        with self.health.watch("write"), self._write(patience) as connection:
            yield connection

    @contextmanager
    def _write(self, patience: float | None) -> Iterator[Connection]:
        if not self._writing.acquire(timeout=-1 if patience is None else patience):
            raise sa.exc.OperationalError("write", None, TimeoutError("another thread is writing"))
        try:
            with self.engine.connect() as plain:
                connection = plain.execution_options(coc_write=True)
                if self.sqlite:
                    waits = BUSY_SECONDS if patience is None else patience
                    connection.connection.cursor().execute(f"PRAGMA busy_timeout = {round(waits * 1000)}")
                with connection.begin():
                    if not self.sqlite:
                        _queue(connection, patience)
                    self._admit(connection)
                    yield connection
        finally:
            self._writing.release()

    def _admit(self, connection: Connection) -> None:
        """What a write transaction must pass before it may change anything; a hook."""

    @contextmanager
    def beating(self) -> Iterator[Connection]:
        """A small write of its own that queues behind no other writer: of a sign of life, never of data."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    def end_writer(self, application: str) -> bool:
        """On PostgreSQL: end the connection of `application` that holds the writers' lock; whether there was one."""
        statement = sa.text(
            "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
            "WHERE l.locktype = 'advisory' AND l.granted AND l.objid = :lock AND a.application_name = :application "
            "AND a.datname = current_database()"
        )
        with self.engine.connect() as connection:
            return bool(connection.execute(statement, {"lock": PG_LOCK, "application": application}).all())

    def close(self) -> None:
        self.engine.dispose()


def _queue(connection: Connection, patience: float | None) -> None:
    """Wait for the other writers of a PostgreSQL database, and have the listeners told at the commit."""
    if patience is not None:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(patience * 1000)}")
    told = sa.func.pg_notify(postgres.CHANNEL, "")  # with the commit, and never without it
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(PG_LOCK), told))
