"""Whether anybody else has a database open: a store is not exchanged beneath a running process."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from coc.store.backup import BackupError
from coc.store.engine import Database

_WAIT: Final = 1.0  # seconds: whoever is just ending may end


def require_idle(database: Database) -> None:
    """Raises BackupError where another process uses the database."""
    busy = _file_in_use(database) if database.sqlite else _server_in_use(database)
    if busy:
        raise BackupError(
            f"{database.address} is in use ({busy}): stop `coc serve` and `coc worker` first, then restore, then start "
            "them again"
        )


def _file_in_use(database: Database) -> str | None:
    path = Path(str(database.engine.url.database))
    if not path.exists():
        return None
    database.engine.dispose()  # our own connections are none of the others
    connection = sqlite3.connect(path, timeout=_WAIT)
    try:
        # Whoever has a file in WAL mode open holds a shared lock on it, also while it does nothing.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.OperationalError as error:
        return str(error) if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY else None
    except sqlite3.DatabaseError:
        return None  # a damaged file is what a restore is for
    finally:
        connection.close()
    return None


def _server_in_use(database: Database) -> str | None:
    with database.read() as connection:
        found = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND application_name LIKE 'coc%%'"
        ).scalar_one()
    return f"{found} connections" if found else None
