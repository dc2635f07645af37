"""Hearing of commits: a connection that listens on PostgreSQL's channel, in a thread of its own.

While it is connected, asking whether anything changed reads a number in memory. It comes back by itself after the
server was away; until then `heard` is None, and whoever wants to know must ask the database.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from coc.store.postgres import CHANNEL

log = logging.getLogger("coc.store")

_STOP_SECONDS: Final = 1.0  # how long a stop may go unseen
_FIRST_SECONDS: Final = 1.0  # to wait for the first connection
_RETRY_SECONDS: Final = (0.2, 0.5, 1.0, 2.0)  # between tries to connect; the last one stays


class Listener:
    """`heard`: a number that grows with every commit that is heard of, also of our own process; None while deaf."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._count = 0
        self._listening = False
        self._stopping, self._tried = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
        self._thread.start()
        self._tried.wait(_FIRST_SECONDS)

    @property
    def heard(self) -> int | None:
        return self._count if self._listening else None

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(2 * _STOP_SECONDS)

    def _run(self) -> None:
        tries = 0
        while not self._stopping.is_set():
            try:
                with _listening(self._engine) as connection:
                    tries = 0
                    # What was committed before this moment was never heard: whoever asks next must look again.
                    self._count += 1
                    self._listening = True
                    self._tried.set()
                    self._hear(connection)
            except (psycopg.Error, sa.exc.SQLAlchemyError, OSError) as error:
                if self._listening:
                    log.info(
                        "commits of other processes are asked for until they are heard again: %s", type(error).__name__
                    )
            finally:
                self._listening = False
                self._tried.set()
            self._stopping.wait(_RETRY_SECONDS[min(tries, len(_RETRY_SECONDS) - 1)])
            tries += 1

    def _hear(self, connection: psycopg.Connection[Any]) -> None:
        while not self._stopping.is_set():
            for _ in connection.notifies(timeout=_STOP_SECONDS):
                self._count += 1
                if self._stopping.is_set():
                    return


@contextmanager
def _listening(engine: Engine) -> Iterator[psycopg.Connection[Any]]:
    """A connection of its own, outside the pool and outside any transaction."""
    borrowed = engine.raw_connection()
    borrowed.detach()  # the pool may make another; to close it ends it
    try:
        connection: psycopg.Connection[Any] = borrowed.dbapi_connection  # type: ignore[assignment]
        connection.rollback()
        connection.autocommit = True
        connection.execute(f"LISTEN {CHANNEL}")
        yield connection
    except psycopg.Error:
        borrowed.invalidate()  # a connection that broke cannot be reset
        raise
    finally:
        if borrowed.is_valid:
            borrowed.close()
