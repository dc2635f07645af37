"""A backup: one file that holds a realm's store and the control store as of one commit, whatever database they were in.

The file is a zip of SQLite databases and a manifest. SQLite copies itself (`VACUUM INTO`, one snapshot, no writer
waits); PostgreSQL is read in one REPEATABLE READ snapshot into a fresh SQLite store of the same schema. The manifest
says for each table how many rows it has and what their digest is, so that whatever was restored can be compared.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Self

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import URL

from coc.clock import system_now
from coc.store import schema
from coc.store.copying import copy_rows, table_names
from coc.store.engine import Database, StoreError
from coc.store.schema import Which

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
SUFFIX: Final = ".coc-backup"
_BLOCK: Final = 1 << 20
Progress = Callable[[str, int], object]  # the table or step, and the rows or bytes since the last call


class BackupError(StoreError):
    """A backup cannot be made, or a file is none; the message says why."""


@dataclass(frozen=True, slots=True)
class TableState:
    """`digest`: of all its rows, in no order."""

    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Part:
    """One database of the archive: `file` in it, its schema, its commit and epoch (0 for the control store)."""

    file: str
    sha256: str
    bytes: int
    schema: str
    commit: int
    epoch: int
    tables: dict[str, TableState]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself. `made`: system time, UTC, ISO."""

    format: int
    product: str
    realm: str
    made: str
    parts: dict[Which, Part]

    @classmethod
    def parsed(cls, raw: bytes) -> Self:
        """Raises BackupError for what is no manifest, or one of a later format."""
        try:
            found = orjson.loads(raw)
            if int(found["format"]) > FORMAT:
                said = f"it was written by a newer version of this program (format {found['format']})"
                raise BackupError(said)
            parts = {
                which: Part(**{**part, "tables": {n: TableState(**t) for n, t in part["tables"].items()}})
                for which, part in found["parts"].items()
            }
            return cls(found["format"], found["product"], found["realm"], found["made"], parts)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BackupError("its manifest cannot be read") from error


def default_name(realm: str, at: datetime) -> str:
    return f"coc-{realm}-{at:%Y%m%dT%H%M%SZ}{SUFFIX}"


def back_up(
    databases: dict[Which, Database], realm: str, target: Path, on_progress: Progress = lambda _step, _n: None
) -> tuple[Path, Manifest]:
    """Write a backup of the databases into `target`, a new file or a folder. Pulls and pages go on meanwhile.

    The file appears under its name only when it is whole and on the disk. Raises BackupError when the file exists
    already or a database's schema is not this program's.
    """
    made = system_now()
    if target.is_dir():
        target /= default_name(realm, made)
    if target.exists():
        raise BackupError(f"{target} exists already, and a backup never overwrites: give another name")
    target.parent.mkdir(parents=True, exist_ok=True)
    with beside(target) as folder:
        parts: dict[Which, Part] = {}
        for which, database in databases.items():
            file = folder / f"{which}.db"
            _copy(database, which, file, on_progress)
            parts[which] = describe(file, which, on_progress)
        manifest = Manifest(FORMAT, version("coc-dashboard"), realm, made.isoformat(), parts)
        packed = folder / "packed"
        _pack(folder, packed, manifest, on_progress)
        packed.chmod(0o600)
        _name(packed, target)
        sync_folder(target.parent)
    return target, manifest


def _name(packed: Path, target: Path) -> None:
    try:
        os.link(packed, target)  # a name that was taken meanwhile stays whose it is
    except FileExistsError:
        raise BackupError(f"{target} exists already, and a backup never overwrites: give another name") from None
    except OSError:  # a stick or a share that knows no links
        packed.rename(target)


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """A folder on the target's own disk, for one's own eyes, gone at the end with all that is in it."""
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy(database: Database, which: Which, file: Path, on_progress: Progress) -> None:
    """The database as of one moment, in a fresh SQLite file."""
    state = schema.require_known(database, which)
    if state.current is None:
        raise BackupError(f"{database.address} holds nothing yet: there is nothing to back up")
    if database.sqlite:
        vacuum_into(database, file)
        on_progress(f"{which} copied", 0)
        return
    copy = Database(sqlite_url(file))
    try:
        schema.upgrade(copy, which, state.current)
        with database.engine.connect() as plain:
            source = plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with source.begin(), copy.write() as into:
                copy_rows(source, into, which, on_progress)
    finally:
        copy.close()


def sqlite_url(file: Path) -> URL:
    """The address of an SQLite file, whatever characters its path has."""
    return URL.create("sqlite", database=str(file))


def vacuum_into(database: Database, file: Path) -> None:
    """A whole and compact copy of an SQLite database as of one moment; no writer waits for it."""
    connection = database.engine.raw_connection()
    try:
        connection.cursor().execute("VACUUM INTO ?", (str(file),))
    finally:
        connection.close()


def describe(file: Path, which: Which, on_progress: Progress = lambda _step, _n: None) -> Part:
    """What an SQLite file of ours holds. Raises BackupError where SQLite finds it damaged."""
    database = Database(sqlite_url(file))
    try:
        with database.read() as connection:
            found = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one())
            if found != "ok":
                raise BackupError(f"the database is damaged: {found}")
            tables = table_states(connection, which, on_progress)
            commit, epoch = _marks(connection) if which == "store" else (0, 0)
        current = schema.schema_state(database, which).current or ""
    except sa.exc.DatabaseError as error:
        raise BackupError(f"the database is damaged: {error.orig}") from error
    finally:
        database.close()  # the last to close folds the log into the file: now it is what its digest says
    return Part(file.name, _sha256(file), file.stat().st_size, current, commit, epoch, tables)


def _marks(connection: sa.Connection) -> tuple[int, int]:
    commit = connection.exec_driver_sql("SELECT coalesce(max(number), 0) FROM commits").scalar_one()
    epoch = connection.exec_driver_sql("SELECT value FROM meta WHERE name = 'epoch'").scalar()
    return int(commit), int(epoch or 0)


def table_states(
    connection: sa.Connection, which: Which, on_progress: Progress = lambda _step, _n: None
) -> dict[str, TableState]:
    """Rows and digest of every table, the same for the same rows on SQLite and PostgreSQL."""
    return {name: table_state(connection, name, on_progress) for name in table_names(connection, which)}


def table_state(connection: sa.Connection, name: str, on_progress: Progress = lambda _step, _n: None) -> TableState:
    columns = sorted(c["name"] for c in sa.inspect(connection).get_columns(name))
    listed = ", ".join(f'"{c}"' for c in columns)
    rows, total = 0, 0
    result = connection.execute(sa.text(f'SELECT {listed} FROM "{name}"'), execution_options=_STREAMED)
    for chunk in result.partitions(_ROWS):
        rows += len(chunk)
        total += sum(_row_number(tuple(row)) for row in chunk)
        on_progress(f"{name} checked", len(chunk))
    return TableState(rows, f"{total % _MODULUS:032x}")


_ROWS: Final = 5_000
_STREAMED: Final = {"stream_results": True, "yield_per": _ROWS}
_MODULUS: Final = 1 << 128


def _row_number(row: tuple[Any, ...]) -> int:
    # A sum needs no order: two databases sort text differently.
    said = orjson.dumps(row, default=_hex)
    return int.from_bytes(hashlib.blake2b(said, digest_size=16).digest())


def _hex(value: object) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    raise TypeError(type(value).__name__)


def _pack(folder: Path, packed: Path, manifest: Manifest, on_progress: Progress) -> None:
    with packed.open("xb") as raw:
        with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr(MANIFEST, orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2))
            for part in manifest.parts.values():
                with (folder / part.file).open("rb") as source, archive.open(part.file, "w", force_zip64=True) as into:
                    for block in _blocks(source):
                        into.write(block)
                        on_progress("packed", 0)
        raw.flush()
        os.fsync(raw.fileno())


def read_manifest(file: Path) -> Manifest:
    """What a backup file says of itself. Raises BackupError for a file that is none, or is cut off."""
    if not file.is_file():
        raise BackupError(f"{file}: there is no such file")
    try:
        with zipfile.ZipFile(file) as archive:
            return Manifest.parsed(archive.read(MANIFEST))
    except BackupError as error:
        raise BackupError(f"{file} cannot be restored: {error}") from error
    except (zipfile.BadZipFile, zlib.error, KeyError, OSError, EOFError) as error:
        raise BackupError(f"{file} is no whole backup: it is cut off, damaged, or something else") from error


def unpack(file: Path, part: Part, into: Path) -> None:
    """Take one database out of the archive, and check that it is what was put in. Raises BackupError."""
    try:
        with zipfile.ZipFile(file) as archive, archive.open(part.file) as source, into.open("xb") as target:
            for block in _blocks(source):
                target.write(block)
            target.flush()
            os.fsync(target.fileno())
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise BackupError(f"{file} is damaged: {part.file} in it cannot be read to its end") from error
    if _sha256(into) != part.sha256:
        raise BackupError(f"{file} is damaged: {part.file} in it is not what was backed up")


def differences(wanted: dict[str, TableState], found: dict[str, TableState]) -> list[str]:
    """In words, how two states differ; empty where they are equal."""
    said = []
    for name in sorted({*wanted, *found}):
        one, other = wanted.get(name), found.get(name)
        if one is None or other is None:
            said.append(f"{name}: {'not in the backup' if one is None else 'missing'}")
        elif one.rows != other.rows:
            said.append(f"{name}: {other.rows} rows instead of {one.rows}")
        elif one.digest != other.digest:
            said.append(f"{name}: {one.rows} rows, but not the same")
    return said


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as source:
        for block in _blocks(source):
            digest.update(block)
    return digest.hexdigest()


def _blocks(source: Any) -> Iterable[bytes]:
    return iter(lambda: source.read(_BLOCK), b"")


def sync_folder(folder: Path) -> None:
    """A new name in a folder is on the disk only when the folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
