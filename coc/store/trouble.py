"""What ails a database, told apart by the driver's own codes, and for how long: one table for pulls, pages and probes.

An error of ours (a bad statement, a broken constraint) is no trouble of the store and has no cause here.
"""

from __future__ import annotations

import errno
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

import sqlalchemy as sa

from coc.clock import system_now

log = logging.getLogger(__name__)


class Cause(StrEnum):
    """Stable codes: in the run log, in the stream's event, at /readyz and in /metrics."""

    FULL = "store_full"
    READ_ONLY = "store_read_only"
    CORRUPT = "store_corrupt"
    AWAY = "store_away"
    BUSY = "store_busy"


SENTENCES: Final[dict[Cause, str]] = {
    Cause.FULL: "the disk of the store is full: nothing can be stored",
    Cause.READ_ONLY: "the store is read-only: nothing can be stored",
    Cause.CORRUPT: "the store is damaged: restore a backup with `coc db restore FILE --replace`",
    Cause.AWAY: "the store cannot be reached",
    Cause.BUSY: "the store is locked by another program",
}

# SQLite's extended codes first, then their low byte. A quota or RLIMIT ends as a failed write, a full tmpfs as a
# shared-memory file that cannot grow: for whoever must act, the disk is full.
_SQLITE: Final[dict[int, Cause]] = {
    sqlite3.SQLITE_IOERR_WRITE: Cause.FULL,
    sqlite3.SQLITE_IOERR_SHMSIZE: Cause.FULL,
    sqlite3.SQLITE_IOERR_TRUNCATE: Cause.FULL,
    sqlite3.SQLITE_IOERR_READ: Cause.CORRUPT,
    sqlite3.SQLITE_IOERR_SHORT_READ: Cause.CORRUPT,
    sqlite3.SQLITE_FULL: Cause.FULL,
    sqlite3.SQLITE_READONLY: Cause.READ_ONLY,
    sqlite3.SQLITE_PERM: Cause.READ_ONLY,
    sqlite3.SQLITE_AUTH: Cause.READ_ONLY,
    sqlite3.SQLITE_CORRUPT: Cause.CORRUPT,
    sqlite3.SQLITE_NOTADB: Cause.CORRUPT,
    sqlite3.SQLITE_BUSY: Cause.BUSY,
    sqlite3.SQLITE_LOCKED: Cause.BUSY,
    sqlite3.SQLITE_CANTOPEN: Cause.AWAY,
    sqlite3.SQLITE_IOERR: Cause.AWAY,
}
# SQLSTATE, then its class.
_POSTGRES: Final[dict[str, Cause]] = {
    "53100": Cause.FULL,
    "53": Cause.BUSY,
    "25006": Cause.READ_ONLY,
    "42501": Cause.READ_ONLY,
    "55P03": Cause.BUSY,
    "57014": Cause.BUSY,
    "40P01": Cause.BUSY,
    "40001": Cause.BUSY,
    "XX001": Cause.CORRUPT,
    "XX002": Cause.CORRUPT,
    "08": Cause.AWAY,
    "28": Cause.AWAY,
    "3D000": Cause.AWAY,
    "57P": Cause.AWAY,
    "58": Cause.AWAY,
}
_SYSTEM: Final[dict[int, Cause]] = {
    errno.ENOSPC: Cause.FULL,
    errno.EDQUOT: Cause.FULL,
    errno.EFBIG: Cause.FULL,
    errno.EROFS: Cause.READ_ONLY,
    errno.EACCES: Cause.READ_ONLY,
    errno.EPERM: Cause.READ_ONLY,
    errno.EIO: Cause.CORRUPT,
}


def cause_of(error: BaseException | None) -> Cause | None:
    """What ails the store that raised this; None where the error is not of that kind. Follows `from`."""
    seen = 0
    while error is not None and seen < 10:
        found = _own_cause(error)
        if found is not None:
            return found
        error, seen = error.__cause__, seen + 1
    return None


def _own_cause(error: BaseException) -> Cause | None:
    if isinstance(error, sa.exc.TimeoutError):  # every connection of the pool is taken
        return Cause.BUSY
    if isinstance(error, sa.exc.DBAPIError):
        found = None if error.orig is None else _of_driver(error.orig)
        return Cause.AWAY if found is None and error.connection_invalidated else found
    return _of_driver(error)


def _of_driver(error: BaseException) -> Cause | None:
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        return None if code is None else _SQLITE.get(code, _SQLITE.get(code & 0xFF))
    if type(error).__module__.split(".")[0] == "psycopg":
        return _of_postgres(error)
    return _SYSTEM.get(error.errno or 0) if isinstance(error, OSError) else None


def _of_postgres(error: BaseException) -> Cause | None:
    state = getattr(error, "sqlstate", None)
    if state is None:
        # Without a code the server never answered: refused, gone, or silent beyond the timeout.
        return Cause.AWAY if type(error).__name__ in ("OperationalError", "ConnectionTimeout") else None
    return next((_POSTGRES[state[:n]] for n in (5, 3, 2) if state[:n] in _POSTGRES), None)


@contextmanager
def trouble_passed_over() -> Iterator[None]:
    """What a store's trouble interrupts is left off in silence (its health has told it); any other error passes."""
    try:
        yield
    except Exception as error:
        if cause_of(error) is None:
            raise


_silent: ContextVar[bool] = ContextVar("silent", default=False)


@contextmanager
def untold() -> Iterator[None]:
    """Within it no health logs anything: whoever tries again and again tells it once, in its own words."""
    token = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(token)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A store's trouble. `since`: system time of the first failure; `ticks`: the same, monotonic."""

    cause: Cause
    since: datetime
    ticks: float

    def age(self) -> float:
        """Seconds since the first failure, whatever was done to the machine's clock."""
        return time.monotonic() - self.ticks


_BUSY_SECONDS: Final = 10.0  # a lock that is waited out is no trouble
_DAMAGE_SECONDS: Final = 30.0  # one page that can be read says nothing of the one that could not
_FORGET_SECONDS: Final = 90.0  # who failed to write and did not try again says nothing any more
_WORST: Final = (Cause.CORRUPT, Cause.AWAY, Cause.READ_ONLY, Cause.FULL, Cause.BUSY)
READING: Final = "read"
BOARDS: Final = "boards"


@dataclass(slots=True)
class _Failing:
    trouble: Trouble
    again: float  # monotonic, of the latest failure


class Health:
    """How one database does, as its users find it. Thread-safe; costs a look at an empty dict while all is well.

    Each user (reading, writing, one source's commits) ends the trouble that it found itself: a small write that fits
    on a full disk must not hide that a larger one does not. What any success disproves is ended for all: a database
    that answers is not away, one that takes a write is neither read-only nor locked.
    """

    def __init__(self, name: str, ticks: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self._ticks = ticks
        self._failing: dict[str, _Failing] = {}
        self._lock = threading.Lock()
        self._told: Trouble | None = None

    @contextmanager
    def watch(self, who: str) -> Iterator[None]:
        """Around a use of the database: its failure or success is noted."""
        try:
            yield
        except Exception as error:
            self.failed(who, error)
            raise
        self.well(who)

    def failed(self, who: str, error: BaseException) -> None:
        """Note a failure, unless it is none of the store's."""
        cause = cause_of(error)
        if cause is None:
            return
        now = self._ticks()
        with self._lock:
            held = self._failing.get(who)
            if held is None or held.trouble.cause is not cause:
                first = held.trouble if held else Trouble(cause, system_now(), now)
                self._failing[who] = _Failing(Trouble(cause, first.since, first.ticks), now)
            else:
                held.again = now
        self._tell()

    def well(self, who: str) -> None:
        if not self._failing:
            return
        disproved = {Cause.AWAY} if who == READING else {Cause.AWAY, Cause.READ_ONLY, Cause.BUSY}
        with self._lock:
            held = self._failing.get(who)
            if held is None or held.trouble.cause is not Cause.CORRUPT or self._ticks() - held.again > _DAMAGE_SECONDS:
                self._failing.pop(who, None)
            for other in [w for w, f in self._failing.items() if f.trouble.cause in disproved]:
                del self._failing[other]
        self._tell()

    @property
    def trouble(self) -> Trouble | None:
        """The worst that stands now, since its first failure."""
        if not self._failing:
            return None
        now = self._ticks()
        with self._lock:
            for who in [w for w, f in self._failing.items() if w != READING and now - f.again > _FORGET_SECONDS]:
                del self._failing[who]
            standing = [f.trouble for f in self._failing.values() if _stands(f.trouble, now)]
        return min(standing, key=lambda t: (_WORST.index(t.cause), t.ticks), default=None)

    def _tell(self) -> None:
        """Log once when it begins or turns into another, once when it ends."""
        found, told = self.trouble, self._told
        if (found and found.cause) == (told and told.cause) or _silent.get():
            return
        self._told = found
        if found is not None:
            log.error("%s: %s (%s); tried again until it goes", self.name, SENTENCES[found.cause], found.cause)
        elif told is not None:
            log.warning("%s: well again after %.0f s (%s)", self.name, self._ticks() - told.ticks, told.cause)


def _stands(trouble: Trouble, now: float) -> bool:
    return trouble.cause is not Cause.BUSY or now - trouble.ticks >= _BUSY_SECONDS
