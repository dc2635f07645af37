"""Two workers on one database, one of them paused: another takes over, and who wakes up stores nothing."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from coc.boards import Builder
from coc.clock import FrozenClock
from coc.domain.datasets import Dataset
from coc.settings.load import open_config
from coc.store import Store, open_store
from coc.store.tables import boards, commits
from tests.cli.feed import NOW, Feed, city_rows, serving
from tests.cli.terminal import Terminal, wait_until

pytestmark = pytest.mark.postgres_slow

CLOCK = {"COC_CLOCK": NOW}


@pytest.fixture
def feed() -> Iterator[Feed]:
    with serving(Feed(city_rows())) as feed:
        yield feed


@pytest.fixture
def city(tmp_path: Path, feed: Feed, database_url: str) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    terminal.write(
        f"store: {{url: '{database_url}', control_url: 'sqlite:///control.db'}}\nconnectors:\n"
        f"  sipadek: {{type: sipadek, url: '{feed.url}', auth: {{bearer: '${{FEED_TOKEN}}'}}, every_seconds: 1}}\n"
    )
    yield terminal
    for process in terminal.started:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.communicate()


def _worker(city: Terminal, name: str, *, slow: Path | None = None) -> subprocess.Popen[str]:
    """A worker that writes what it says into a file; with `slow` it takes half a second inside each write of rows."""
    module = ["coc.cli"] if slow is None else ["tests.leader.slow_coc", str(slow), "0.5"]
    with (city.folder / name).open("w") as says:
        process = subprocess.Popen(
            [sys.executable, "-m", *module, "worker", "--config", str(city.config)],
            cwd=Path(__file__).parents[2],
            env=city.environment(CLOCK),
            stdout=says,
            stderr=says,
            text=True,
        )
    city.started.append(process)
    return process


def _said(city: Terminal, name: str) -> str:
    said = (city.folder / name).read_text()
    assert "Traceback" not in said, said
    return said


def _end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    process.wait(20)


def _whole(store: Store) -> bool:
    return len(store.export(Dataset.LETTERS)) == 28 and len(store.export(Dataset.DISPOSITIONS)) == 20


def _nothing_twice(city: Terminal, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows are the source's, each commit and epoch came once, and the boards are those made from nothing."""
    assert _whole(store)
    assert len(store.quarantined()) == 2
    with store.read() as connection:
        numbers = [r[0] for r in connection.execute(sa.select(commits.c.number).order_by(commits.c.number))]
        used = {r[0] for d in (Dataset.LETTERS, Dataset.DISPOSITIONS) for r in connection.exec_driver_sql(
            f"SELECT DISTINCT rev FROM {d.value}")}  # fmt: skip
        epochs = {r[0] for r in connection.execute(sa.select(boards.c.epoch))}
    assert numbers == list(range(1, len(numbers) + 1))
    assert used <= set(numbers)
    assert max(epochs) == store.epoch() <= len(numbers) + 2  # a feed's first good pull is an epoch without a commit
    from coc.cli.frame import connector_blocks

    monkeypatch.setenv("FEED_TOKEN", city.environment()["FEED_TOKEN"])
    settings = open_config(city.config, connector_blocks(), kpi_ids=[]).settings
    clock = FrozenClock(datetime.fromisoformat(NOW))
    held = {(b.name, b.population): b.digest for b in store.load_boards() if b.name != "feeds"}
    builder = Builder(store, settings, "live", clock)
    builder.refresh(force=True)
    assert builder.snapshot is not None
    assert held == {k: b.digest for k, b in builder.snapshot.boards.items() if k[0] != "feeds"}


def _paused_while_it_commits(
    city: Terminal, database_url: str, monkeypatch: pytest.MonkeyPatch, pause_seconds: float
) -> None:
    marker = city.folder / "marker"
    paused = _worker(city, "paused", slow=marker)
    wait_until(marker.exists)
    paused.send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    other = _worker(city, "other")
    store = open_store(database_url)
    wait_until(lambda: (leader := store.leader("pulls")) is not None and leader.token == 2)
    wait_until(lambda: _whole(store))
    time.sleep(max(0.0, stopped + pause_seconds - time.monotonic()))
    if paused.poll() is None:  # PostgreSQL: its connection was ended, not the process
        paused.send_signal(signal.SIGCONT)
        wait_until(lambda: "another process has taken over" in _said(city, "paused"))
        time.sleep(1.5)
        _end(paused)
    wait_until(lambda: store.boards_commit() == store.commit_number())
    _end(other)
    said = _said(city, "other")
    assert said.count("taking over") == 1, said
    silent = re.search(r"taking over the pulls from .*silent for (\d+\.\d) s", said)
    assert silent is None or float(silent[1]) < 5
    _nothing_twice(city, store, monkeypatch)
    store.close()


def test_a_worker_that_is_stopped_while_it_commits_is_followed_and_doubles_nothing(
    city: Terminal, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _paused_while_it_commits(city, database_url, monkeypatch, 5)


@pytest.mark.slow
def test_half_a_minute_of_pause_is_no_different(
    city: Terminal, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _paused_while_it_commits(city, database_url, monkeypatch, 30)


@pytest.mark.slow
def test_a_worker_that_is_stopped_between_commits_wakes_up_to_stand_by(
    city: Terminal, feed: Feed, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _worker(city, "first")
    store = open_store(database_url)
    wait_until(lambda: _whole(store))
    feed.mode = "hang"
    asked = len(feed.asked)
    wait_until(lambda: len(feed.asked) > asked)  # it waits for an answer
    first.send_signal(signal.SIGSTOP)
    feed.mode = "good"
    second = _worker(city, "second")
    wait_until(lambda: (leader := store.leader("pulls")) is not None and leader.holder.pid == second.pid)
    feed.rows["letters"][0] |= {"completed_at": NOW, "updated_at": NOW}
    wait_until(lambda: store.export(Dataset.LETTERS)["completed_at"].notna().sum() == 1)
    first.send_signal(signal.SIGCONT)
    feed.release.set()  # its answer comes now
    wait_until(lambda: "another process has taken over the pulls" in _said(city, "first"))
    time.sleep(1.0)
    assert first.poll() is None
    _end(first)
    wait_until(lambda: store.boards_commit() == store.commit_number())
    _end(second)
    assert _said(city, "second").count("taking over") == 1
    _nothing_twice(city, store, monkeypatch)
    store.close()


@pytest.mark.slow
def test_a_leader_that_is_killed_is_followed_within_five_seconds(city: Terminal, database_url: str) -> None:
    first = _worker(city, "first")
    store = open_store(database_url)
    wait_until(lambda: _whole(store))
    _worker(city, "second")
    wait_until(lambda: "standing by" in _said(city, "second"))
    first.kill()
    first.wait()
    killed = time.monotonic()
    wait_until(lambda: (leader := store.leader("pulls")) is not None and leader.token == 2)
    assert time.monotonic() - killed < 5
    assert "taking over the pulls from" in _said(city, "second")
    store.close()
