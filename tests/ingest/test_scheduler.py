"""The schedule: at once, apart from each other, history behind, and an end that does not wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest

from coc.clock import FrozenClock
from coc.domain.datasets import Dataset
from coc.ingest import Scheduler
from coc.ingest import scheduler as scheduler_of
from coc.settings.models import ConnectorBlock, Settings
from coc.store import LostLeaseError, Store, open_store
from data_connectors.base import Batch, FetchError, Window
from tests.ingest.kit import NOW, Fake, batch, letter, sample

pytestmark = pytest.mark.postgres_slow

SAMPLES = Dataset.AP_SAMPLES


def _until(true: Callable[[], object], seconds: float = 8.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


class Stuck(Fake):
    """Hangs until it is let go, as a source that never answers."""

    go = threading.Event()

    def pull(self, window: Window) -> Iterator[Batch]:
        self.windows.append(window)
        self.go.wait(20)
        return iter(())


class Late(Fake):
    """Its first run hangs, and brings a letter when it is let go; the later ones are well."""

    def __init__(self) -> None:
        super().__init__()
        self.go, self.ended = threading.Event(), 0

    def pull(self, window: Window) -> Iterator[Batch]:
        self.windows.append(window)
        first = len(self.windows) == 1
        self.go.wait(20)
        self.ended += 1
        yield batch(Dataset.LETTERS, [letter("stale" if first else "fresh")])


class Past(Fake):
    """One sample an hour, for any window it is asked for."""

    history = True

    def pull(self, window: Window) -> Iterator[Batch]:
        self.windows.append(window)
        at, rows = window.since[SAMPLES], []
        while at <= window.now:
            rows.append(sample("ap-1", (NOW - at).total_seconds() / 60))
            at += timedelta(hours=1)
        yield batch(SAMPLES, rows)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = open_store(database_url)
    yield opened
    opened.close()


def _scheduler(store: Store, connectors: dict[str, Fake], **block: object) -> Scheduler:
    blocks = {name: ConnectorBlock(type="sipadek", **block) for name in connectors}  # type: ignore[arg-type]
    return Scheduler(store, Settings(connectors=blocks), "live", FrozenClock(NOW), connectors=connectors)


def test_a_source_that_hangs_delays_no_other_and_not_the_end(store: Store) -> None:
    Stuck.go.clear()
    stuck, well = Stuck(), Fake([batch(Dataset.LETTERS, [letter(1)])])
    scheduler = _scheduler(store, {"stuck": stuck, "well": well}, every_seconds=1)
    scheduler.start()
    try:
        _until(lambda: stuck.windows and len(well.windows) >= 2)
        assert [f.source for f in store.feeds()] == ["well"]
        assert len(stuck.windows) == 1
    finally:
        begun = time.monotonic()
        scheduler.shutdown(wait_seconds=0.3)
        assert time.monotonic() - begun < 20  # it hangs until it is let go
        Stuck.go.set()


def test_a_source_that_hangs_is_given_up_told_and_asked_anew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler_of, "_HUNG_AFTER", 0.1)
    monkeypatch.setattr(scheduler_of, "_WATCH", 0.1)
    stuck = Late()
    scheduler = _scheduler(store, {"stuck": stuck}, every_seconds=1, deadline_seconds=0.3)
    scheduler.start()
    try:
        _until(lambda: store.feeds() and store.feeds()[0].failures >= 1)
        run = store.feeds()[0].last_run
        assert run is not None
        assert run.error_code == "hung"
        _until(lambda: len(stuck.windows) >= 2)  # the next run is not behind the one that hangs
        stuck.go.set()
        _until(lambda: store.feeds()[0].failures == 0)
        _until(lambda: stuck.ended >= 2)
        time.sleep(0.3)
        # What the run that was given up brought when it woke is not stored.
        assert list(store.letters(NOW - timedelta(days=30))["source_id"]) == ["L-fresh"]
    finally:
        scheduler.shutdown(wait_seconds=0.3)


def test_a_connector_whose_thread_ends_is_a_failed_run_and_runs_again(store: Store) -> None:
    class Dying(Fake):
        def pull(self, window: Window) -> Iterator[Batch]:
            self.windows.append(window)
            raise SystemExit(3)

    dying = Dying()
    scheduler = _scheduler(store, {"dying": dying}, every_seconds=1)
    scheduler.start()
    try:
        _until(lambda: len(dying.windows) >= 2 and store.feeds()[0].failures >= 2)
        run = store.feeds()[0].last_run
        assert run is not None
        assert (run.error_code, run.error_detail) == ("internal", "SystemExit")
    finally:
        scheduler.shutdown(wait_seconds=0.3)


def test_a_run_behind_a_lost_lease_stores_and_tells_nothing(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    def lost(_connection: object) -> None:
        raise LostLeaseError("another process leads")

    well = Fake([batch(Dataset.LETTERS, [letter(1)])])
    blocks = {"well": ConnectorBlock(type="sipadek")}
    scheduler = Scheduler(
        store, Settings(connectors=blocks), "live", FrozenClock(NOW), connectors={"well": well}, fence=lost
    )
    scheduler.start()
    try:
        _until(lambda: well.windows)
        time.sleep(0.3)
    finally:
        scheduler.shutdown(wait_seconds=0.5)
    assert store.commit_number() == 0
    assert store.feeds() == []
    assert caplog.records == []


def test_a_connector_runs_at_once_and_says_when_it_runs_next(store: Store) -> None:
    told: list[int] = []
    well = Fake([batch(Dataset.LETTERS, [letter(1)])])
    scheduler = _scheduler(store, {"well": well}, every_seconds=600)
    scheduler._on_commit = lambda: told.append(store.commit_number())
    scheduler.start()
    try:
        _until(lambda: told)
        assert told[-1] == 1
        _until(lambda: scheduler.next_run("well") is not None)
        at = scheduler.next_run("well")
        assert at is not None
        assert timedelta(minutes=8) < at - NOW < timedelta(minutes=12)
        assert scheduler.next_run("unheard") is None
        scheduler.pull_now("well")
        _until(lambda: len(well.windows) == 2)
    finally:
        scheduler.shutdown()


def test_a_source_that_asks_to_wait_is_left_alone_that_long(store: Store) -> None:
    busy = Fake([FetchError("rate_limited", "503", retry_after=3600.0)])
    scheduler = _scheduler(store, {"busy": busy}, every_seconds=30)
    scheduler.start()
    try:
        _until(lambda: (at := scheduler.next_run("busy")) is not None and at - NOW > timedelta(minutes=50))
    finally:
        scheduler.shutdown()


def test_a_disabled_connector_and_one_of_another_realm_are_not_run(store: Store) -> None:
    blocks = {
        "off": ConnectorBlock(type="sipadek", enabled=False),
        "demo": ConnectorBlock(type="sipadek", realm="demo"),
        "on": ConnectorBlock(type="sipadek"),
    }
    connectors = {name: Fake() for name in blocks}
    scheduler = Scheduler(store, Settings(connectors=blocks), "live", FrozenClock(NOW), connectors=connectors)
    scheduler.start()
    try:
        _until(lambda: connectors["on"].windows)
        assert set(scheduler.next_runs()) <= {"on"}
    finally:
        scheduler.shutdown()
    assert not connectors["off"].windows
    assert not connectors["demo"].windows


def test_a_samples_source_gives_its_last_hour_first_and_its_past_in_pieces(store: Store) -> None:
    past = Past(datasets={SAMPLES})
    scheduler = _scheduler(store, {"wifi": past}, every_seconds=600, backfill_days=1)
    oldest = NOW - timedelta(days=1)

    def reached() -> datetime | None:
        return store.positions("wifi")[SAMPLES].backfilled_to if store.positions("wifi") else None

    scheduler.start()
    try:
        _until(lambda: reached() == oldest, 15)
    finally:
        scheduler.shutdown()
    assert past.windows[0].since == {SAMPLES: NOW - timedelta(hours=1)}
    pieces = [(w.since[SAMPLES], w.now) for w in past.windows[1:]]
    assert all(start < end for start, end in pieces)
    assert [end for _, end in pieces] == [NOW - timedelta(hours=1), *[start for start, _ in pieces[:-1]]]
    assert len(store.samples(SAMPLES, oldest)) == 25
    assert store.feeds()[0].runs == 1  # pieces of history are no runs of the feed
    assert store.feeds()[0].as_of == NOW


def test_a_full_pull_by_hand_has_read_the_whole_history(store: Store) -> None:
    from coc.ingest import pull_connector
    from coc.ingest.history import History, first_since

    wifi = Fake([batch(SAMPLES, [sample("ap-1", 5)])], datasets={SAMPLES})
    block = ConnectorBlock(type="prometheus")
    settings, clock = Settings(connectors={"wifi": block}), FrozenClock(NOW)
    pull_connector(store, "wifi", block, wifi, settings, clock, full=True)
    wifi.history = True  # type: ignore[attr-defined]
    assert History(store, "wifi", block, wifi, settings, clock).done
    assert first_since(store, "wifi", wifi, clock) is None
