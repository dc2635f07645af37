"""What ails a store, told by real errors of real databases; who notes it, and when it is over."""

from __future__ import annotations

import errno
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from coc.domain.datasets import Dataset
from coc.ingest.report import sentence
from coc.store import StoreError, open_store
from coc.store.engine import Database
from coc.store.patience import DamagedError, open_in_time, require_sound, try_to_open
from coc.store.trouble import SENTENCES, Cause, Health, cause_of
from data_connectors.base import FAILURES
from tests.databases import Postgres
from tests.ingest.kit import batch, city, letter


def _cause(use: Callable[[], object]) -> Cause | None:
    with pytest.raises((sa.exc.SQLAlchemyError, StoreError)) as caught:
        use()
    return cause_of(caught.value)


def _writes(database: Database, statement: str = "INSERT INTO meta (name, value) VALUES ('x', 1)") -> None:
    with database.write() as connection:
        connection.exec_driver_sql(statement)


def _reads(database: Database) -> None:
    with database.read() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM letters").scalar()


def test_a_full_disk(tmp_path: Path) -> None:
    made = city(tmp_path)

    def limited(connection: sqlite3.Connection, _record: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    made.store.engine.dispose()
    sa.event.listen(made.store.engine, "connect", limited)
    report = made.pull(batch(Dataset.LETTERS, [letter(i) for i in range(2000)]))
    assert (report.error_code, report.stored) == ("store_full", 0)
    assert made.store.health.trouble is not None
    assert made.store.health.trouble.cause is Cause.FULL
    assert made.store.positions("src") == {}  # the cursor has not moved
    sa.event.remove(made.store.engine, "connect", limited)
    made.store.engine.dispose()
    assert made.pull(batch(Dataset.LETTERS, [letter(i) for i in range(2000)])).stored == 2000
    assert made.store.health.trouble is None
    made.store.close()


def test_a_read_only_store(tmp_path: Path) -> None:
    city(tmp_path).store.close()
    database = Database(f"sqlite:///file:{tmp_path}/coc.db?mode=ro&uri=true")
    assert _cause(lambda: _writes(database)) is Cause.READ_ONLY
    _reads(database)
    assert database.health.trouble is not None  # that it can be read says nothing of writing
    database.close()


def test_a_file_that_is_damaged_in_its_middle_or_at_its_head(tmp_path: Path) -> None:
    made = city(tmp_path)
    made.pull(batch(Dataset.LETTERS, [letter(i) for i in range(500)]))
    made.store.close()
    path = tmp_path / "coc.db"
    whole = path.read_bytes()
    path.write_bytes(whole[:20_000] + b"\xa5" * (len(whole) - 40_000) + whole[-20_000:])
    store = Database(f"sqlite:///{path}")
    with pytest.raises(DamagedError, match="coc db restore"):
        require_sound(store)
    store.close()
    path.write_bytes(b"no database at all" * 500)
    assert _cause(lambda: open_store(f"sqlite:///{path}")) is Cause.CORRUPT
    with pytest.raises(DamagedError, match="coc db restore"):
        try_to_open(lambda: open_store(f"sqlite:///{path}"))


def test_a_locked_file_is_trouble_only_after_a_while(tmp_path: Path) -> None:
    made = city(tmp_path)
    ticks = [0.0]
    health = made.store.health = Health("test", lambda: ticks[0])
    other = sqlite3.connect(tmp_path / "coc.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    def hurried() -> None:
        with made.store.write(patience=0.01) as connection:
            connection.exec_driver_sql("DELETE FROM meta")

    assert _cause(hurried) is Cause.BUSY
    assert health.trouble is None
    ticks[0] = 11.0
    assert _cause(hurried) is Cause.BUSY
    assert health.trouble is not None
    other.execute("ROLLBACK")
    other.close()
    hurried()
    assert health.trouble is None
    made.store.close()


def test_a_postgresql_that_is_away_or_read_only(postgres: Postgres) -> None:
    url = postgres.create(migrated=True)
    store = open_store(url)
    _writes(store, "SELECT 1")
    postgres.stop()
    try:
        assert _cause(lambda: _reads(store)) is Cause.AWAY
        assert _cause(lambda: open_store(url)) is Cause.AWAY
        assert store.health.trouble is not None
        waited: list[float] = []

        def wait(seconds: float) -> bool:
            waited.append(seconds)
            postgres.start()
            return False

        opened = open_in_time(lambda: open_store(url), wait)
        assert opened is not None
        assert len(waited) == 1
        opened.close()
    finally:
        postgres.start()
    _reads(store)
    assert store.health.trouble is None
    with store.engine.connect() as connection:
        name = connection.exec_driver_sql("SELECT current_database()").scalar_one()
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        connection.commit()
    store.engine.dispose()
    assert _cause(lambda: _writes(store)) is Cause.READ_ONLY
    store.close()


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (OSError(errno.ENOSPC, "no space"), Cause.FULL),
        (OSError(errno.EROFS, "read-only"), Cause.READ_ONLY),
        (sa.exc.TimeoutError("pool"), Cause.BUSY),
        (ValueError("ours"), None),
        (sa.exc.IntegrityError("x", None, sqlite3.IntegrityError("unique")), None),
    ],
)
def test_what_is_no_error_of_a_database_has_a_cause_only_where_it_has_one(
    error: Exception, cause: Cause | None
) -> None:
    assert cause_of(error) is cause


def test_a_small_write_does_not_end_the_trouble_of_a_large_one() -> None:
    health, full = Health("test"), OSError(errno.ENOSPC, "full")
    health.failed("commit a", full)
    health.well("write")
    assert health.trouble is not None
    health.well("commit a")
    assert health.trouble is None


def test_a_page_that_can_be_read_does_not_end_the_damage_of_another() -> None:
    ticks = [0.0]
    health = Health("test", lambda: ticks[0])
    health.failed("read", OSError(errno.EIO, "bad sector"))
    health.well("read")
    assert health.trouble is not None
    ticks[0] = 31.0
    health.well("read")
    assert health.trouble is None


def test_trouble_is_logged_once_when_it_begins_and_once_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    health = Health("the store")
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            health.failed("write", OSError(errno.ENOSPC, "full"))
        health.well("write")
        health.well("write")
    said = [r.getMessage() for r in caplog.records]
    assert len(said) == 2
    assert "store_full" in said[0]
    assert "well again" in said[1]


def test_runs_that_cannot_be_logged_are_remembered_and_logged_later(tmp_path: Path) -> None:
    made = city(tmp_path)
    assert made.pull(batch(Dataset.LETTERS, [letter(1)])).error_code is None
    path = tmp_path / "coc.db"
    made.store.close()
    away = tmp_path / "away"
    for suffix in ("", "-wal", "-shm"):
        if Path(f"{path}{suffix}").exists():
            Path(f"{path}{suffix}").rename(f"{away}{suffix}")
    path.mkdir()  # nothing can be opened there
    for _ in range(2):
        assert made.pull(batch(Dataset.LETTERS, [letter(2)])).error_code == "store_away"
    record = made.store.feeds_at_hand()[0]
    assert record.failures == 2
    assert record.last_run is not None
    assert record.last_run.error_code == "store_away"
    path.rmdir()
    away.rename(path)
    assert made.pull(batch(Dataset.LETTERS, [letter(2)])).stored == 1
    assert [r.error_code for r in made.store.runs()] == [None, "store_away", "store_away", None]
    assert made.store.feeds()[0].failures == 0
    made.store.close()


def test_the_run_log_and_the_health_say_the_same() -> None:
    assert {c.value: sentence(c, None, "src") for c in Cause} == {c.value: SENTENCES[c] for c in Cause}
    assert {c.value for c in Cause} <= FAILURES.keys()
