"""Where audit lines wait while the control store is away: a file beside it, for its owner's eyes alone."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import orjson
from sqlalchemy.engine import URL, make_url

from coc.store import columns as codec
from coc.store.control.chain import TEXTS, AuditLine

log = logging.getLogger("coc.audit")
MOST_BYTES: Final = 32_000_000  # some hundred thousand lines: a store that is away for weeks
_SLICE: Final = 1_000


class SpillFullError(OSError):
    """More lines wait than the file may hold."""


class Spill:
    """Lines in a file, oldest first. Any number of processes may put and take: they queue on the file's lock."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def waiting(self) -> bool:
        """Whether anything waits. Looks at the file's size only."""
        try:
            return self.path.stat().st_size > 0
        except OSError:
            return False

    def put(self, lines: Sequence[AuditLine]) -> None:
        """Write lines down, on the disk when this returns. Raises OSError where that is impossible."""
        with self._locked() as handle:
            if os.fstat(handle).st_size > MOST_BYTES:
                raise SpillFullError(f"{self.path} holds as many lines as it may")
            os.lseek(handle, 0, os.SEEK_END)
            _write(handle, b"".join(_dumped(line) for line in lines))
            os.fsync(handle)

    def put_if_it_can(self, lines: Sequence[AuditLine]) -> str:
        """As `put`; what it raises is given in words, "" where the lines are safe."""
        try:
            self.put(lines)
        except OSError as error:
            return error.strerror or str(error)
        return ""

    def take(self, into: Callable[[list[AuditLine]], object]) -> int:
        """Hand the lines to `into`, a slice at a time, marked as late; how many. What it raises leaves them here.

        A line that was handed over just before a crash is handed over again: `into` leaves out what it has.
        """
        if not self.waiting:
            return 0
        with self._locked() as handle:
            lines = list(_loaded(_read(handle)))
            for first in range(0, len(lines), _SLICE):
                into(lines[first : first + _SLICE])
            os.ftruncate(handle, 0)
            os.fsync(handle)
        return len(lines)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield handle
        finally:
            os.close(handle)


def spill_of(control_url: str | URL) -> Spill:
    """The file of a control store: beside an SQLite file, else in `var`."""
    url = make_url(control_url)
    own = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    beside = Path(str(url.database)) if own else Path("var/control")
    return Spill(beside.with_name(f"{beside.name}.audit-waiting"))


def _dumped(line: AuditLine) -> bytes:
    plain = line.plain()
    return orjson.dumps({"at": codec.micros(line.at)} | {name: getattr(plain, name) for name in TEXTS}) + b"\n"


def _loaded(raw: bytes) -> Iterator[AuditLine]:
    for number, line in enumerate(raw.splitlines(), 1):
        try:
            found = orjson.loads(line)
            texts = {name: str(found[name]) for name in TEXTS}
            yield AuditLine(at=codec.at_micros(int(found["at"])), late=True, **texts)
        except (ValueError, KeyError, TypeError, OverflowError):
            # A power cut within a write: half a line is none, and must not keep the others waiting.
            log.warning("line %d of the audit lines that waited cannot be read; it was left out", number)


def _write(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]


def _read(handle: int) -> bytes:
    os.lseek(handle, 0, os.SEEK_SET)
    return b"".join(iter(lambda: os.read(handle, 1 << 20), b""))
