"""Opening a store that may not be there yet: after a power cut the database often boots slower than we do."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import sqlalchemy as sa

from coc.store.engine import Database, StoreError
from coc.store.errors import RefusedError
from coc.store.trouble import SENTENCES, Cause, cause_of, untold

log = logging.getLogger("coc.store")
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 5.0
_CHECKED_BYTES: Final = 256 * 1024 * 1024  # a larger file would keep the wall dark while it is read through
T = TypeVar("T")


class DamagedError(StoreError):
    """The store's file is damaged; the message says which, and the way out."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What keeps a store from being opened for now, and in words."""

    cause: Cause
    said: str


def try_to_open(opening: Callable[[], T]) -> T | Obstacle:
    """What `opening` gives, or what keeps it from it for now.

    Raises DamagedError or RefusedError where waiting would mend nothing, and whatever is no trouble of the store.
    """
    try:
        with untold():
            return opening()
    except (DamagedError, RefusedError):
        raise
    except Exception as error:
        cause = cause_of(error)
        if cause is None:
            raise
        if cause is Cause.CORRUPT:
            raise DamagedError(f"{error}. {WAY_OUT}") from error
        return Obstacle(cause, str(error) if isinstance(error, StoreError) else SENTENCES[cause])


def open_in_time(
    opening: Callable[[], T],
    wait: Callable[[float], bool],
    on_obstacle: Callable[[Obstacle], None] = lambda _obstacle: None,
) -> T | None:
    """What `opening` gives, tried until it does; None when `wait(seconds)` says that it is time to end.

    `on_obstacle` hears at each try what is in the way; the log hears it once. Raises as `try_to_open`.
    """
    pause, told = FIRST_PAUSE, None
    while isinstance(found := try_to_open(opening), Obstacle):
        on_obstacle(found)
        if found.cause is not told:
            log.error("%s (%s); waiting for it", found.said, found.cause)
            told = found.cause
        if wait(pause):
            return None
        pause = min(2 * pause, LONGEST_PAUSE)
    if told is not None:
        log.warning("the store can be opened now")
    return found


WAY_OUT: Final = (
    "Restore the last backup with `coc db restore FILE --replace` (the damaged file is kept); docs/operations.md says "
    "what else can be done"
)


def require_sound(database: Database) -> None:
    """Look through an SQLite file of moderate size. Raises DamagedError where it is damaged."""
    if not database.sqlite or not database.engine.url.database:
        return
    path = Path(database.engine.url.database)
    if not path.exists() or path.stat().st_size > _CHECKED_BYTES:
        return
    try:
        with database.read() as connection:
            found = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one())
    except sa.exc.DatabaseError as error:
        if cause_of(error) is not Cause.CORRUPT:
            raise
        found = str(error.orig)
    if found != "ok":
        raise DamagedError(f"{database.address} is damaged ({found.splitlines()[-1]}). {WAY_OUT}")
