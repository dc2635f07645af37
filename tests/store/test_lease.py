"""Who leads: one at a time, told by a token that every commit checks, whatever a clock says."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from coc.store import PULLS, Candidate, Lease, LostLeaseError, Store, open_store
from coc.store import lease as leasing
from coc.store.tables import meta


@pytest.fixture
def two(database_url: str) -> Iterator[tuple[Store, Store]]:
    """Two processes' views of one database."""
    stores = open_store(database_url), open_store(database_url)
    yield stores
    for store in stores:
        store.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leasing, "SILENT_SECONDS", 0.3)
    monkeypatch.setattr(leasing, "POLL_SECONDS", 0.05)


def _count(store: Store, name: str) -> None:
    """Something to commit."""
    with store.write() as connection:
        connection.execute(sa.insert(meta).values(name=name, value=1))


def _names(store: Store) -> set[str]:
    with store.read() as connection:
        return set(connection.execute(sa.select(meta.c.name)).scalars())


def test_one_takes_a_free_lease_and_the_other_stands_by(two: tuple[Store, Store]) -> None:
    first, second = (Lease(store, PULLS) for store in two)
    assert first.step()
    assert not second.step()
    assert [first.step(), second.step()] == [True, False]
    leader = two[1].leader(PULLS)
    assert leader is not None
    assert (leader.token, leader.holder and leader.holder.pid) == (1, os.getpid())


def test_a_lease_that_is_given_back_is_taken_at_once(two: tuple[Store, Store]) -> None:
    first, second = (Lease(store, PULLS) for store in two)
    first.step()
    second.step()
    first.release()
    assert second.step()
    assert second.token == 2
    assert not first.step()


@pytest.mark.usefixtures("quick")
def test_a_silent_leader_is_followed_and_stores_nothing_when_it_wakes(
    two: tuple[Store, Store], caplog: pytest.LogCaptureFixture
) -> None:
    paused, awake = (Lease(store, PULLS) for store in two)
    paused.step()
    fence = paused.fence()
    with two[0].fenced(fence):
        _count(two[0], "before")
    with caplog.at_level(logging.INFO, "coc.leader"):
        until = time.monotonic() + 5
        while not awake.step():
            assert time.monotonic() < until
            time.sleep(0.05)
    assert [r.getMessage().split(",")[0] for r in caplog.records] == [
        f"taking over the pulls from process {os.getpid()}"
    ]
    with pytest.raises(LostLeaseError), two[0].fenced(fence):
        _count(two[0], "after")
    with two[1].fenced(awake.fence()):
        _count(two[1], "by the new leader")
    assert _names(two[1]) == {"before", "by the new leader"}
    assert not paused.step()


@pytest.mark.usefixtures("quick")
def test_a_leader_that_beats_is_left_alone_even_while_it_writes_for_long(two: tuple[Store, Store]) -> None:
    leader, other = (Lease(store, PULLS) for store in two)
    leader.step()
    with two[0].write() as connection:
        connection.execute(sa.insert(meta).values(name="long", value=1))
        for _ in range(12):
            assert leader.step()
            assert not other.step()
            time.sleep(0.05)
    assert other.token is None


def test_a_reign_that_ended_does_not_revive_when_the_same_process_leads_again(two: tuple[Store, Store]) -> None:
    mine, other = (Lease(store, PULLS) for store in two)
    mine.step()
    old = mine.fence()
    mine.release()
    other.step()
    other.release()
    mine.step()
    with pytest.raises(LostLeaseError), two[0].fenced(old):
        _count(two[0], "by a run of the first reign")
    with two[0].fenced(mine.fence()):
        _count(two[0], "by the third")
    assert _names(two[0]) == {"by the third"}


def test_a_leader_that_is_dead_need_not_be_waited_for(two: tuple[Store, Store]) -> None:
    first, second = (Lease(store, PULLS) for store in two)
    first.step()
    leases = leasing.leases
    gone = leasing.orjson.dumps({"host": leasing.socket.gethostname(), "pid": 2**22 + 7, "born": 1.0}).decode()
    with two[0].write() as connection:
        connection.execute(sa.update(leases).values(holder=gone))
    assert second.step()


def test_no_fence_is_in_the_way_of_a_pull_by_hand(two: tuple[Store, Store]) -> None:
    Lease(two[0], PULLS).step()
    with two[1].commit("src") as tx:
        tx.touched = True
    assert two[0].commit_number() == 1


@pytest.mark.usefixtures("quick")
def test_a_candidate_tells_when_it_gains_and_loses(two: tuple[Store, Store]) -> None:
    told: list[str] = []
    mine = Candidate(Lease(two[0], PULLS), gained=lambda: told.append("gained"), lost=lambda: told.append("lost"))
    mine.start()
    assert told == ["gained"]
    with two[1].write() as connection:
        connection.execute(sa.update(leasing.leases).values(token=7, holder=None))
    until = time.monotonic() + 5
    while told != ["gained", "lost", "gained"]:  # it was free again
        assert time.monotonic() < until, told
        time.sleep(0.02)
    mine.stop()
    leader = two[1].leader(PULLS)
    assert leader is not None
    assert leader.holder is None


def test_a_beat_that_was_half_written_is_not_heard(tmp_path: Path) -> None:
    file = tmp_path / "beat"
    assert leasing._read_beat(file) == (0, 0)
    leasing._write_beat(file, 3, 9)
    assert leasing._read_beat(file) == (3, 9)
    file.write_bytes(b"\x01")
    assert leasing._read_beat(file) == (0, 0)
