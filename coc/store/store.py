"""A realm's store: one object that reads and writes everything the realm keeps."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from coc.clock import system_now
from coc.store import columns as codec
from coc.store import schema
from coc.store.boards import Boards
from coc.store.engine import Tx
from coc.store.feeds import Feeds
from coc.store.kept import Kept
from coc.store.lease import Leases
from coc.store.letter_items import LetterItems
from coc.store.letter_rows import LetterRows
from coc.store.points import Points
from coc.store.quarantine import Quarantine
from coc.store.retention import Retention
from coc.store.rows import Rows
from coc.store.tables import commits, meta, runs
from coc.store.trouble import READING

if TYPE_CHECKING:
    from coc.store.listen import Listener


class Store(Leases, Rows, LetterRows, LetterItems, Boards, Kept, Points, Feeds, Quarantine, Retention):
    """One realm's database, by URL. Call `upgrade` once before use (`open_store` does). Thread-safe."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._watch: Any = None
        self._listener: Listener | None = None
        self._watching = threading.Lock()
        self._seen: int | None = None

    def upgrade(self) -> schema.SchemaState:
        """Bring the schema up to date; the state before. Raises SchemaError when a newer program wrote it."""
        return schema.upgrade(self)

    def schema_state(self) -> schema.SchemaState:
        return schema.schema_state(self)

    @contextmanager
    def commit(self, source: str, *, dry_run: bool = False) -> Iterator[Tx]:
        """One transaction whose changed rows carry the next commit number; no change, no number.

        With `dry_run` everything is rolled back at the end.
        """
        with self.health.watch(f"commit {source}"), self.write() as connection:
            last = connection.execute(sa.select(sa.func.coalesce(sa.func.max(commits.c.number), 0))).scalar_one()
            tx = Tx(connection, int(last) + 1)
            yield tx
            if dry_run:
                connection.rollback()
            elif tx.touched:
                row = {"number": tx.rev, "at": codec.micros(system_now()), "source": source}
                connection.execute(sa.insert(commits).values(row))

    def version(self) -> int:
        """A number that differs after any other connection, of any process, has committed. Costs microseconds."""
        if self.sqlite:
            with self.health.watch(READING), self._watching:
                # One connection of its own, outside any transaction: a snapshot would never see the change.
                self._watch = self._watch or self.engine.raw_connection()
                return int(self._watch.cursor().execute("PRAGMA data_version").fetchone()[0])
        heard = self._ear().heard
        return self._asked() if heard is None else heard

    def _ear(self) -> Listener:
        with self._watching:
            if self._listener is None:
                from coc.store.listen import Listener  # psycopg is there by now, and only now must it be

                self._listener = Listener(self.engine)
            return self._listener

    def _asked(self) -> int:
        last = sa.select(sa.func.coalesce(sa.func.max(commits.c.number), 0)).scalar_subquery()
        ran = sa.select(sa.func.coalesce(sa.func.max(runs.c.id), 0)).scalar_subquery()
        epochs = sa.select(sa.func.coalesce(sa.func.sum(meta.c.value), 0)).scalar_subquery()
        with self.read() as connection:
            return hash(tuple(connection.execute(sa.select(last, ran, epochs)).one()))

    def changed_since(self) -> bool:
        """Whether anything was committed since the last call (True at the first)."""
        version = self.version()
        changed, self._seen = version != self._seen, version
        return changed

    def close(self) -> None:
        with self._watching:
            if self._watch is not None:
                self._watch.close()
                self._watch = None
            if self._listener is not None:
                self._listener.stop()
                self._listener = None
        super().close()


def open_store(url: str) -> Store:
    """A realm's store with its schema brought up to date. Raises StoreError with a sentence that helps."""
    store = Store(url)
    try:
        store.upgrade()
    except BaseException:
        store.close()
        raise
    return store
