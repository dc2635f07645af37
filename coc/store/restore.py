"""A backup back into a store: checked before it takes the old one's place, which is kept beside it and can be put back.

SQLite: the restored file is made whole under another name and takes the store's name in one step. PostgreSQL: all in
one transaction, the old tables moved into a schema of their own. Nothing is changed unless everything is.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from coc.clock import system_now
from coc.store import plans, schema
from coc.store import restore_postgres as postgres
from coc.store.backup import (
    BackupError,
    Manifest,
    Part,
    Progress,
    beside,
    describe,
    differences,
    sqlite_url,
    sync_folder,
    unpack,
)
from coc.store.boards import lift_epoch
from coc.store.engine import Database
from coc.store.idle import require_idle
from coc.store.schema import Which

STAMP: Final = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Restored:
    """`kept`: what the old store is called now, None where there was none. `rows`: by table."""

    which: Which
    address: str
    kept: str | None
    schema: str
    commit: int
    epoch: int
    rows: dict[str, int]


def require_fitting(file: Path, manifest: Manifest, realm: str) -> None:
    """Raises BackupError for another realm's backup, or one of a schema that this program does not know."""
    if manifest.realm != realm:
        raise BackupError(f"{file} is a backup of the {manifest.realm} realm, not of the {realm} realm")
    for which, part in manifest.parts.items():
        if part.schema not in schema.known_revisions(which):
            raise BackupError(
                f"{file} was written by a newer version of this program ({manifest.product}, schema {part.schema}): "
                "install that version, or a later one"
            )


def holds_rows(database: Database, which: Which) -> bool:
    """Whether there is anything that a restore would take away. A file that cannot be read holds something."""
    if database.sqlite:
        path = Path(str(database.engine.url.database))
        if not path.exists() or path.stat().st_size == 0:
            return False
    try:
        if schema.schema_state(database, which).current is None:
            return False
        kept = ("commits", "runs") if which == "store" else ("api_tokens", "audit")
        with database.read() as connection:
            return any(connection.exec_driver_sql(f"SELECT 1 FROM {name} LIMIT 1").first() for name in kept)
    except sa.exc.DatabaseError:
        if database.sqlite:
            return True
        raise


def restore(
    file: Path,
    part: Part,
    which: Which,
    url: str,
    *,
    replace: bool = False,
    on_progress: Progress = lambda _step, _n: None,
) -> Restored:
    """Put one database of the backup in the place of the one at `url`. An older schema is brought up to date.

    Raises BackupError where the file is damaged, the store in use, or not empty without `replace`.
    """
    database = Database(url)
    try:
        held = holds_rows(database, which)
        if held and not replace:
            raise BackupError(
                f"{database.address} holds data already: with --replace the backup takes its place, and it is kept"
            )
        require_idle(database)
        if database.sqlite:
            return _into_file(file, part, which, database, on_progress, keep=held)
        with tempfile.TemporaryDirectory(prefix="coc-restore-") as folder:
            unpacked = _unpacked(file, part, which, Path(folder) / part.file, on_progress)
            kept, epoch = postgres.restore(database, unpacked, part, which, new_epoch(part), on_progress)
            plans.renew(database)
            return _restored(which, database, kept, part, epoch)
    finally:
        database.close()


def new_epoch(part: Part) -> int:
    """An epoch that no screen can have seen: counted in seconds, while epochs come less than one a second."""
    return max(part.epoch + 1, int(system_now().timestamp()))


def _unpacked(file: Path, part: Part, which: Which, into: Path, on_progress: Progress) -> Path:
    """The database out of the archive, each table compared with what the manifest says."""
    unpack(file, part, into)
    wrong = differences(part.tables, describe(into, which, on_progress).tables)
    if wrong:
        raise BackupError(f"{file} is damaged: {'; '.join(wrong)}")
    return into


def _restored(which: Which, database: Database, kept: str | None, part: Part, epoch: int) -> Restored:
    rows = {name: state.rows for name, state in part.tables.items()}
    at = schema.schema_state(database, which).current or ""
    return Restored(which, database.address, kept, at, part.commit, epoch, rows)


def _into_file(
    file: Path, part: Part, which: Which, database: Database, on_progress: Progress, *, keep: bool
) -> Restored:
    path = Path(str(database.engine.url.database))
    with beside(path) as folder:
        fresh = _unpacked(file, part, which, folder / part.file, on_progress)
        epoch = _ready(fresh, which, new_epoch(part))
        database.close()
        kept = exchange(path, fresh, keep=keep)
    return _restored(which, database, None if kept is None else str(kept), part, epoch)


def _ready(fresh: Path, which: Which, epoch: int) -> int:
    """Bring the file to this program's schema and to an epoch of its own; all of it in the file, none in a log."""
    database = Database(sqlite_url(fresh))
    try:
        schema.upgrade(database, which)
        if which == "store":
            with database.write() as connection:
                lift_epoch(connection, epoch)
    finally:
        database.close()
    handle = os.open(fresh, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return epoch if which == "store" else 0


def exchange(path: Path, fresh: Path, *, keep: bool = True) -> Path | None:
    """Give `fresh` the name `path`; what had it is kept under a name that says when. That name, None without an old."""
    kept = _kept_name(path, system_now()) if keep and path.exists() else None
    for suffix in ("-wal", "-shm"):
        # A log that stayed would be played into the new file.
        with suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{kept or fresh}{suffix}")
    if kept is not None:
        try:
            os.link(path, kept)
        except FileExistsError:
            raise  # another one took the name: nothing that is kept is ever overwritten
        except OSError:  # a disk that knows no links
            path.rename(kept)
    fresh.replace(path)
    sync_folder(path.parent)
    return kept


def _kept_name(path: Path, at: datetime) -> Path:
    """A name that says when, and that nothing has yet."""
    names = (f"{path.stem}.before-{at:{STAMP}}{more}{path.suffix}" for more in chain([""], (f"-{n}" for n in count(2))))
    return next(kept for name in names if not (kept := path.with_name(name)).exists())


def is_kept_of(path: Path, file: Path) -> bool:
    """Whether a file is named and lies as a restore keeps what `path` was."""
    return file.parent.resolve() == path.parent.resolve() and file.name.startswith(f"{path.stem}.before-")


def undo(url: str, kept: str, which: Which = "store") -> Restored:
    """Put back what a restore kept; what is there now is kept in its turn. Raises BackupError where there is none."""
    database = Database(url)
    try:
        require_idle(database)
        if not database.sqlite:
            old, epoch = postgres.undo(database, kept, which, int(system_now().timestamp()))
            return Restored(which, database.address, old, "", 0, epoch, {})
        path = Path(str(database.engine.url.database))
        file = Path(kept)
        if not file.is_file() or not is_kept_of(path, file):
            raise BackupError(f"{kept}: a store that was replaced is kept beside {path}; there is none of this name")
        database.close()
        epoch = _ready(file, which, int(system_now().timestamp()))
        old_file = exchange(path, file)
        return Restored(which, database.address, None if old_file is None else str(old_file), "", 0, epoch, {})
    finally:
        database.close()
