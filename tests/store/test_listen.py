"""Commits are heard on PostgreSQL: soon, from any process, without a question, and again after the server was away."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from coc.live.boards_loop import BoardsLoop
from coc.store import Run, Store
from tests.databases import Postgres
from tests.ingest.kit import NOW

# Another process: opens the store, says so, and at each line it reads commits and tells when, by the machine's clock.
OTHER = """
import sys, time
from coc.store import Run, Store
from tests.ingest.kit import NOW
store = Store(sys.argv[1])
store.epoch()
print("ready", flush=True)
for _ in sys.stdin:
    store.save_run(Run("src", NOW, NOW, 1.0), None, [], {})
    print(time.monotonic(), flush=True)
"""


@pytest.fixture
def store(postgres: Postgres) -> Iterator[Store]:
    opened = Store(postgres.create(migrated=True))
    yield opened
    opened.close()


def _url(store: Store) -> str:
    return store.engine.url.render_as_string(hide_password=False)


def _until(true: Callable[[], object], seconds: float = 10) -> float:
    """When it came true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)
    return time.monotonic()


def _statements(store: Store) -> list[str]:
    """What is asked of the database from here on."""
    asked: list[str] = []
    sa.event.listen(store.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    return asked


def test_the_boards_hear_of_each_commit_of_another_process_and_ask_nothing_meanwhile(store: Store) -> None:
    refreshed: list[float] = []
    builder: Any = SimpleNamespace(snapshot=None, refresh=lambda _runs: refreshed.append(time.monotonic()))
    measures = SimpleNamespace(refreshes=SimpleNamespace(time=threading.Lock), failures=None)
    known = SimpleNamespace(refresh=lambda: None)
    services: Any = SimpleNamespace(
        store=store, snapshot=None, measures=measures, tokens=known, sessions=known, ready=False
    )
    loop = BoardsLoop(services, builder, told=lambda: None)
    other = subprocess.Popen(
        [sys.executable, "-c", OTHER, _url(store)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdin is not None
    assert other.stdout is not None
    assert other.stdout.readline() == "ready\n"
    loop.start()
    took = []
    for _ in range(3):
        _until(lambda: time.monotonic() - refreshed[-1] > 0.5)  # what comes close together shares a refresh
        asked = _statements(store)
        seen = len(refreshed)
        other.stdin.write("\n")
        other.stdin.flush()
        committed = float(other.stdout.readline())
        _until(lambda seen=seen: len(refreshed) > seen)
        took.append(refreshed[-1] - committed)
        assert asked == []
    loop.stop()
    other.communicate()
    assert max(took) < 10  # without a question asked, it can only have been heard


def test_a_thousand_questions_whether_anything_changed_cost_no_query(store: Store) -> None:
    store.changed_since()
    _until(lambda: not store.changed_since())
    asked = _statements(store)
    assert not any(store.changed_since() for _ in range(1000))
    assert asked == []


def test_a_transaction_that_was_rolled_back_is_not_heard(store: Store) -> None:
    store.version()
    other = Store(_url(store))

    def broken() -> None:
        with other.write():
            raise ZeroDivisionError

    before = store.version()
    with pytest.raises(ZeroDivisionError):
        broken()
    time.sleep(0.1)
    assert store.version() == before
    with other.write():
        pass
    _until(lambda: store.version() != before)
    other.close()


def test_a_listener_that_was_cut_off_asks_until_it_hears_again_and_misses_nothing(
    store: Store, postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    assert store.changed_since()
    _until(lambda: not store.changed_since())
    ear = store._ear()
    with caplog.at_level("INFO", "coc.store"):
        postgres.stop()
        _until(lambda: ear.heard is None)
        with pytest.raises(sa.exc.OperationalError):
            store.changed_since()
        postgres.start()
        other = Store(_url(store))
        other.save_run(Run("src", NOW, NOW, 1.0), None, [], {})
        assert store.changed_since()
        _until(lambda: ear.heard is not None)
    _until(lambda: not store.changed_since())
    other.save_run(Run("src", NOW, NOW, 1.0), None, [], {})
    _until(store.changed_since)
    assert sum("asked for" in r.getMessage() for r in caplog.records) == 1
    other.close()


def test_a_closed_store_leaves_no_connection_and_no_thread_behind(store: Store, postgres: Postgres) -> None:
    store.version()
    thread = store._ear()._thread
    store.close()
    assert not thread.is_alive()
    held = sa.text("SELECT count(*) FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()")
    watching = Store(postgres.url("postgres"))
    name = store.engine.url.database

    def open_ones() -> int:
        with watching.read() as connection:
            return int(connection.execute(held, {"name": name}).scalar_one())

    _until(lambda: open_ones() == 0)
    watching.close()
