"""The state of a feed: the first rule that holds (DOMAIN, State)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from coc.clock import Clock, FrozenClock, RunningClock
from coc.domain.calendar_spec import CalendarSettings
from coc.domain.datasets import Dataset
from coc.domain.worktime import build_calendars
from coc.ingest.feeds import feeds_of, state_of
from coc.settings.models import ConnectorBlock, Settings
from coc.store import FeedRecord
from data_connectors.prometheus import Prometheus
from tests.databases import NewDatabase
from tests.ingest.kit import NOW, REFUSED, batch, city, letter, sample

CALENDARS = build_calendars(CalendarSettings(), "Asia/Jakarta")
MAIL = frozenset({Dataset.LETTERS, Dataset.DISPOSITIONS})
WIFI = frozenset({Dataset.AP_SAMPLES})
SITES = frozenset({Dataset.SITES})


def _state(datasets: frozenset[Dataset], clock: Clock | None = None, block: Any = None, **record: Any) -> str:
    good = {"last_good_business": NOW, "newest": NOW} | record
    chosen = ConnectorBlock(type="sipadek", **(block or {}))
    return state_of(chosen, datasets, FeedRecord("src", **good), clock or FrozenClock(NOW), CALENDARS)


def test_the_first_rule_that_holds_names_the_state() -> None:
    assert _state(MAIL, block={"enabled": False}, failures=9) == "disabled"
    assert _state(MAIL, last_good_business=None, failures=9) == "never"
    assert _state(MAIL, failures=2, newest=NOW - timedelta(days=9)) == "failing"
    assert _state(MAIL, failures=1) == "fresh"


@pytest.mark.parametrize(
    ("newest", "state"),
    [
        ("2026-02-27T10:00:00+07:00", "fresh"),  # to Monday 10:00 exactly 4 working hours: it is Ramadan
        ("2026-02-27T09:59:00+07:00", "frozen"),
        ("2026-03-02T09:00:00+07:00", "fresh"),
    ],
)
def test_letters_stand_still_after_four_working_hours_and_not_over_a_weekend(newest: str, state: str) -> None:
    assert _state(MAIL, newest=datetime.fromisoformat(newest)) == state


def test_samples_stand_still_after_ten_minutes_and_a_list_of_sites_never_does() -> None:
    assert _state(WIFI, newest=NOW - timedelta(minutes=10)) == "fresh"
    assert _state(WIFI, newest=NOW - timedelta(minutes=10, seconds=1)) == "frozen"
    assert _state(SITES, newest=None) == "fresh"


def test_config_may_say_when_a_feed_stands_still() -> None:
    block = {"frozen_after": "1 h"}
    assert _state(MAIL, block=block, newest=NOW - timedelta(minutes=61)) == "frozen"
    assert _state(WIFI, block=block, newest=NOW - timedelta(minutes=59)) == "fresh"


def test_a_feed_is_late_after_three_intervals_or_a_minute() -> None:
    def later(seconds: float) -> FrozenClock:
        return FrozenClock(NOW + timedelta(seconds=seconds))

    assert _state(SITES, later(60), {"every_seconds": 5}) == "fresh"
    assert _state(SITES, later(61), {"every_seconds": 5}) == "late"
    assert _state(SITES, later(180), {"every_seconds": 60}) == "fresh"
    assert _state(SITES, later(181), {"every_seconds": 60}) == "late"


def test_our_own_pause_makes_a_feed_late_and_not_frozen() -> None:
    assert _state(WIFI, FrozenClock(NOW + timedelta(hours=1))) == "late"


def test_a_hurried_clock_does_not_make_a_feed_late() -> None:
    import time

    hurried = RunningClock(NOW + timedelta(seconds=600), 60.0, time.monotonic())  # ten seconds of life
    assert _state(SITES, hurried, {"every_seconds": 60}) == "fresh"


def test_two_failed_runs_after_a_good_one_are_failing_and_a_good_one_ends_it(new_database: NewDatabase) -> None:
    src = city(new_database)
    clock = FrozenClock(NOW)

    def state() -> str:
        return state_of(src.block, MAIL, src.store.feeds()[0], clock, CALENDARS)

    src.pull(batch(Dataset.LETTERS, [letter(1, updated_at=NOW.isoformat())]))
    seen = [state()]
    for gives in (REFUSED, REFUSED, batch(Dataset.LETTERS, [])):
        src.pull(gives)
        seen.append(state())
    assert seen == ["fresh", "fresh", "failing", "fresh"]


def test_a_source_whose_measurements_stand_still_is_frozen_though_it_answers(new_database: NewDatabase) -> None:
    wifi = city(new_database, "prometheus")
    wifi.source.datasets = {Dataset.AP_SAMPLES}
    for minutes in (0, 5, 11):
        wifi.now = NOW + timedelta(minutes=minutes)
        wifi.pull(batch(Dataset.AP_SAMPLES, [sample("ap-1", 0)]))
    record = wifi.store.feeds()[0]
    assert state_of(wifi.block, WIFI, record, FrozenClock(wifi.now), CALENDARS) == "frozen"
    assert record.as_of == NOW


def _history(**record: Any) -> Any:
    block = Prometheus.Block(type="prometheus", url="http://127.0.0.1:9", queries={"up": "up"}, backfill_days=30)
    held = {"wifi": FeedRecord("wifi", **({"last_good": NOW} | record))}
    settings = Settings(connectors={"wifi": block})
    return feeds_of(held, {}, settings, "live", FrozenClock(NOW), CALENDARS, {}, led=False)[0].history


def test_the_past_is_told_in_days_from_the_first_good_pull_until_it_is_whole() -> None:
    assert _history(last_good=None) is None
    assert _history() == (0, 30)
    assert _history(reached=NOW - timedelta(days=12, hours=20)) == (12, 30)
    assert _history(reached=NOW - timedelta(days=30)) is None
