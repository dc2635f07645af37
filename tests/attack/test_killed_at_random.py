"""SIGKILL at random moments, again and again: afterwards the store is what the source says, no more and no less."""

from __future__ import annotations

import hashlib
import json
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from coc.boards import Builder, codec
from coc.clock import FrozenClock
from coc.domain.datasets import Dataset
from coc.store import Store, open_store
from coc.store.state_tables import ROLLUPS, state_changes, state_heads, state_marks
from coc.store.tables import TABLES, boards, commits
from tests.attack.truth import Truth
from tests.attack.zygote import NAME, POINTS, settings_of
from tests.e2e import sources
from tests.e2e.city import make

BEGIN = datetime.fromisoformat("2026-03-02T10:00:00+07:00")
TIMES = ("registered_at", "issued_at", "due_at", "completed_at", "cancelled_at", "updated_at")
FIELDS = {
    Dataset.LETTERS: ("kind", "type", "category", "urgency", "unit", "medium", "registered_at", "completed_at"),
    Dataset.DISPOSITIONS: ("letter_id", "from_office", "to_unit", "channel", "issued_at", "due_at", "completed_at"),
}


class Pullers:
    """The process that gives birth to pullers."""

    def __init__(self, errors: Path) -> None:
        self.errors = errors
        with errors.open("w") as says:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.attack.zygote"],
                cwd=Path(__file__).parents[2],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=says,
                text=True,
            )

    def pull(self, **order: Any) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        assert answer["status"] in (0, -signal.SIGKILL), self.errors.read_text()[-2000:]
        return answer


@pytest.fixture
def pullers(tmp_path: Path) -> Iterator[Pullers]:
    made = Pullers(tmp_path / "errors")
    yield made
    made.process.kill()
    made.process.communicate()


@pytest.fixture
def truth(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Truth:
    """A large city for the slow attack, a small one for the quick one; in both many pages, many commits."""
    large = request.node.get_closest_marker("slow") is not None
    monkeypatch.setattr(sources, "PAGE", 23 if large else 11)
    return Truth(make(11, BEGIN, letters=150 if large else 60), 5)


class Served(sources.Sources):
    """The feed, and all samples at once."""

    truth: Truth

    def answer(self, path: str, query: dict[str, str], auth: str | None) -> tuple[int, dict[str, Any]]:
        if path == "/points":
            return 200, {"items": self.truth.points()}
        return super().answer(path, query, auth)


@pytest.fixture
def feed(truth: Truth) -> Iterator[str]:
    served = Served(truth.city, sources.Series())
    served.truth = truth
    yield served.url
    served.close()


def _no_trace_of_a_half(store: Store) -> None:
    """Every row belongs to a commit that is there, every epoch has its boards, whole, and made from known commits."""
    with store.read() as connection:
        last = connection.execute(sa.select(sa.func.coalesce(sa.func.max(commits.c.number), 0))).scalar_one()
        for dataset in (Dataset.UNITS, *FIELDS):
            newest = connection.exec_driver_sql(f"SELECT coalesce(max(rev), 0) FROM {dataset.value}").scalar_one()
            assert newest <= last
        held = list(connection.execute(sa.select(boards)))
    head = store.boards_head()
    assert head.commit <= last
    assert head.epoch == max((b.epoch for b in held), default=0)
    for board in held:
        if board.name != "feeds":  # its ages are stored beside what is hashed
            raw = codec.dump_frames(codec.load_frames(board.payload))
            assert hashlib.blake2b(raw, digest_size=16).hexdigest() == board.digest


def _micros(text: Any) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


def _of_source(truth: Truth, dataset: Dataset) -> dict[str, tuple[Any, ...]]:
    broken = truth.broken()
    return {
        row["id"]: tuple(_micros(row.get(f)) if f in TIMES else row.get(f) for f in FIELDS[dataset])
        for row in truth.rows(dataset.value)
        if row["id"] not in broken and not row.get("deleted")
    }


def _of_store(store: Store, dataset: Dataset) -> dict[str, tuple[Any, ...]]:
    found = {}
    for row in store.export(dataset).to_dict("records"):
        values = (None if row[f] is None or row[f] != row[f] else row[f] for f in FIELDS[dataset])
        found[row["source_id"]] = tuple(v.to_pydatetime() if hasattr(v, "to_pydatetime") else v for v in values)
    return found


def _of_points(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Samples and all that is made of them, commit numbers aside."""
    found = {}
    with store.read() as connection:
        for table in (TABLES[Dataset.AP_SAMPLES], state_heads, state_marks, state_changes, *ROLLUPS.values()):
            columns = [c for c in table.c if c.name != "rev"]
            found[table.name] = sorted(map(tuple, connection.execute(sa.select(*columns))), key=repr)
    return found


def _attack(pullers: Pullers, truth: Truth, feed: str, new_database: Callable[[], str], kills: int) -> None:
    url = new_database()
    rng = random.Random(kills)
    order = {"url": url, "feed": feed, "allow": False}
    whole = pullers.pull(**order, now=truth.city.now.isoformat(), full=False, seconds=None)["seconds"]
    store, killed, rounds = open_store(url), 0, 0
    while killed < kills:
        rounds += 1
        assert rounds < 4 * kills, "the pulls are over before they are killed"
        truth.turn()
        seconds = rng.uniform(0.0, 0.7 * whole)
        answer = pullers.pull(**order, now=truth.city.now.isoformat(), full=rng.random() < 0.1, seconds=seconds)
        if answer["status"] == 0:
            whole = answer["seconds"]
        killed += answer["status"] != 0
        if rounds % 5 == 0:
            _no_trace_of_a_half(store)
    # Without reading all: nothing that a killed pull left out may be passed over by the next.
    now = truth.city.now.isoformat()
    assert pullers.pull(**order, now=now, full=False, seconds=None)["status"] == 0
    for dataset in FIELDS:
        held, expected = _of_store(store, dataset), _of_source(truth, dataset)
        assert {key: held.get(key) for key in expected} == expected
        assert held.keys() - expected.keys() <= truth.vanished
    last = pullers.pull(**order | {"allow": True}, now=now, full=True, seconds=None)
    assert last["status"] == 0
    _no_trace_of_a_half(store)
    for dataset in FIELDS:
        assert _of_store(store, dataset) == _of_source(truth, dataset)
    assert {q.source_id for q in store.quarantined()} >= truth.broken()
    commit, epoch = store.commit_number(), store.epoch()
    again = pullers.pull(**order, now=truth.city.now.isoformat(), full=True, seconds=None)
    assert again["status"] == 0
    assert (store.commit_number(), store.epoch()) == (commit, epoch)  # nothing was left to store
    fresh = open_store(new_database())
    once = pullers.pull(**order | {"url": fresh.engine.url.render_as_string(hide_password=False)},
                        now=truth.city.now.isoformat(), full=True, seconds=None)  # fmt: skip
    assert once["status"] == 0
    assert _of_points(store) == _of_points(fresh)
    fresh.close()
    held = {(b.name, b.population): b.digest for b in store.load_boards() if b.name != "feeds"}
    builder = Builder(store, settings_of(feed), "live", FrozenClock(truth.city.now))
    builder.refresh(force=True)
    assert builder.snapshot is not None
    assert held == {k: b.digest for k, b in builder.snapshot.boards.items() if k[0] != "feeds"}
    assert [f.source for f in store.feeds()] == [POINTS, NAME]
    store.close()


@pytest.mark.postgres_slow
def test_eight_kills_lose_nothing_and_double_nothing(
    pullers: Pullers, truth: Truth, feed: str, new_database: Callable[[], str]
) -> None:
    _attack(pullers, truth, feed, new_database, 8)


@pytest.mark.slow
def test_two_hundred_kills_lose_nothing_and_double_nothing(
    pullers: Pullers, truth: Truth, feed: str, new_database: Callable[[], str]
) -> None:
    _attack(pullers, truth, feed, new_database, 200)
