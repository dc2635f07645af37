"""Of several processes one builds the boards; the others show the same, and one commit is one epoch."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from coc.boards import Builder, built_elsewhere
from coc.boards import builder as building
from coc.clock import FrozenClock
from coc.store import BOARDS, Candidate, Lease, Store, open_store
from coc.store.tables import leases
from tests.boards.test_builder import NOW, SETTINGS, Rows, pull, tables
from tests.e2e.city import MadeCity, make


class Clock:
    """Moved by hand; the same for all processes."""

    speed = 1.0

    def __init__(self) -> None:
        self.at = NOW

    def now(self):
        return self.at


@pytest.fixture
def processes(database_url: str) -> Callable[[], tuple[Store, Builder, Candidate]]:
    """Each call is one more process on the database."""
    clock = Clock()

    def process() -> tuple[Store, Builder, Candidate]:
        store = open_store(database_url)
        role = Candidate(Lease(store, BOARDS))
        role.lease.step()
        builder = Builder(store, SETTINGS, "live", clock, role)
        builder.clock = clock
        return store, builder, role

    return process


def _rows(store: Store, count: int) -> None:
    """The first letters of a city, with their dispositions."""
    city = make(7, NOW, letters=60)
    pull(store, Rows(tables(MadeCity(city.now, city.units, city.letters[:count], city.dispositions[: count * 2]))))


def _shown(builder: Builder) -> dict:
    assert builder.snapshot is not None
    return {k: (b.digest, b.epoch) for k, b in builder.snapshot.boards.items()}


def test_three_processes_show_one_epoch_for_one_commit(processes) -> None:
    (store, first, _), (_, second, _), (_, third, _) = processes(), processes(), processes()
    _rows(store, 30)
    for builder in (first, second, third):
        builder.refresh()
    assert [b.snapshot.epoch for b in (first, second, third)] == [1, 1, 1]
    _rows(store, 60)
    assert second.refresh() is None  # not its turn
    assert first.refresh() is not None
    for builder in (second, third):
        assert builder.refresh() is not None
    assert _shown(first) == _shown(second) == _shown(third)
    assert store.epoch() == 2


@pytest.mark.postgres_slow
def test_what_time_alone_changes_moves_one_epoch_however_many_look(processes) -> None:
    (store, first, _), (_, second, _) = processes(), processes()
    _rows(store, 60)
    first.refresh()
    second.refresh()
    first.clock.at += timedelta(hours=3)
    assert second.refresh() is None
    first.refresh()
    second.refresh()
    assert store.epoch() == 2
    assert _shown(first) == _shown(second)


@pytest.mark.postgres_slow
def test_boards_that_nobody_builds_are_built_by_who_waits_long_enough(processes, monkeypatch) -> None:
    (store, first, _), (_, second, _) = processes(), processes()
    _rows(store, 30)
    first.refresh()
    second.refresh()
    _rows(store, 60)
    assert second.refresh() is None
    monkeypatch.setattr(building, "PATIENCE_SECONDS", 0.0)
    assert second.refresh() is not None
    assert store.boards_commit() == store.commit_number()


@pytest.mark.postgres_slow
def test_a_builder_that_was_paused_takes_the_newer_boards_instead_of_saving_its_own(processes) -> None:
    (store, paused, role), (others, other, other_role) = processes(), processes()
    _rows(store, 30)
    paused.refresh()
    real = paused._rebuild

    def slept(*args, **how) -> None:
        """While it computes, another process takes over, sees more rows and builds."""
        role.lease.token, held = None, role.lease.token
        with others.write() as connection:
            connection.execute(leases.update().values(holder=None))
        assert other_role.lease.step()
        _rows(others, 60)
        other.refresh()
        role.lease.token = held
        real(*args, **how)

    paused._rebuild = slept
    paused.refresh(force=True)
    assert store.epoch() == 2
    assert _shown(paused) == _shown(other)


@pytest.mark.postgres_slow
def test_boards_of_an_older_commit_never_replace_those_of_a_later_one(processes) -> None:
    store, builder, _ = processes()
    _rows(store, 60)
    builder.refresh()
    assert store.save_boards(0, []) is None


@pytest.mark.postgres_slow
def test_a_pull_by_hand_leaves_the_boards_to_the_process_that_serves(processes) -> None:
    store, builder, role = processes()
    _rows(store, 60)
    assert not built_elsewhere(store, 0.3)  # it has not built yet
    builder.refresh()
    assert built_elsewhere(store, 5)
    role.lease.release()
    assert not built_elsewhere(store, 5)


@pytest.mark.postgres_slow
def test_the_ages_that_a_follower_shows_are_of_this_moment(processes) -> None:
    (store, first, _), (_, second, _) = processes(), processes()
    _rows(store, 60)
    first.refresh()
    second.refresh()
    row = second.snapshot.boards["feeds", "all"].frames["feeds"].iloc[0]
    assert row["state"] == "fresh"
    assert row["last_good"] == NOW
    assert list(first.snapshot.boards["feeds", "all"].frames["feeds"].columns) == list(row.index)


@pytest.mark.postgres_slow
def test_a_store_of_one_process_needs_no_role(database_url: str) -> None:
    store = open_store(database_url)
    _rows(store, 60)
    builder = Builder(store, SETTINGS, "live", FrozenClock(NOW))
    assert builder.refresh() is not None
