"""Boards by what screens are told: epochs that move only with content, figures only once a first fill is done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from coc.boards import ALL, PUBLIC, Builder, Snapshot
from coc.clock import FrozenClock
from coc.domain.datasets import COLUMNS, Dataset
from coc.ingest import pull_connector
from coc.settings.models import Settings
from coc.store import Store, open_store
from data_connectors.base import Batch, FetchError, Reachability, Window
from data_connectors.prometheus import Prometheus
from data_connectors.sipadek import Sipadek
from tests.e2e.city import MadeCity, make
from tests.e2e.oracle import Oracle

pytestmark = pytest.mark.postgres_slow

NOW = datetime.fromisoformat("2026-03-02T10:00:00+07:00")
BLOCK = Sipadek.Block(type="sipadek", url="http://127.0.0.1:9/coc/v1")
SETTINGS = Settings(connectors={"lain": BLOCK})


class Rows:
    """A connector of ready rows; fails after its first batch where `broken`."""

    kind = "sipadek"
    datasets = frozenset({Dataset.UNITS, Dataset.LETTERS, Dataset.DISPOSITIONS})

    def __init__(self, tables: dict[Dataset, list[dict[str, Any]]], *, broken: bool = False) -> None:
        self.tables, self.broken = tables, broken

    def check(self) -> Reachability:
        return Reachability(ok=True, said="here")

    def provides(self) -> frozenset[str]:
        return frozenset(f"{d.value}.{c.name}" for d in self.datasets for c in COLUMNS[d])

    def pull(self, window: Window) -> Iterator[Batch]:
        for dataset, rows in self.tables.items():
            frame = pd.DataFrame(rows, dtype="object").rename(columns={"id": "source_id"})
            yield Batch(dataset, frame.drop(columns="subject", errors="ignore"), ordered=True, source_now=window.now)
            if self.broken and dataset is Dataset.LETTERS:
                raise FetchError("broken", "cut off")


@dataclass
class Hand:
    """A clock that stands until a test moves it."""

    at: datetime
    speed: float = 0.0

    def now(self) -> datetime:
        return self.at


def tables(city: MadeCity) -> dict[Dataset, list[dict[str, Any]]]:
    return {Dataset.UNITS: city.units, Dataset.LETTERS: city.letters, Dataset.DISPOSITIONS: city.dispositions}


def pull(store: Store, rows: Rows) -> Any:
    return pull_connector(store, "lain", BLOCK, rows, SETTINGS, FrozenClock(NOW))


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = open_store(database_url)
    yield opened
    opened.close()


def value(snapshot: Snapshot | None, kpi: str, population: str = ALL, unit: str = "") -> Any:
    assert snapshot is not None
    kpis = snapshot.boards[kpi.split(".")[0], population].kpis
    row = kpis[(kpis["id"] == kpi) & (kpis["unit"] == unit) & (kpis["window"] == "30d")].iloc[0]
    return None if pd.isna(row["value"]) else row["value"]


def built(store: Store, at: datetime = NOW) -> Builder:
    builder = Builder(store, SETTINGS, "live", FrozenClock(at))
    builder.refresh()
    return builder


def test_half_of_a_first_fill_is_not_shown_as_the_city(store: Store) -> None:
    city = make(3, NOW, letters=60)
    assert pull(store, Rows(tables(city), broken=True)).error_code == "broken"
    builder = built(store)
    assert value(builder.snapshot, "disposition.backlog") is None
    assert value(builder.snapshot, "correspondence.registered_today") is None
    assert builder.snapshot is not None
    assert builder.snapshot.boards["correspondence", ALL].frames["flow"].empty

    assert pull(store, Rows(tables(city))).error_code is None
    assert value(builder.refresh(), "disposition.backlog") > 0


def test_a_source_that_fails_later_leaves_the_numbers_as_they_are(store: Store) -> None:
    city = make(3, NOW, letters=60)
    pull(store, Rows(tables(city)))
    builder = built(store)
    before = value(builder.snapshot, "disposition.backlog")
    pull(store, Rows(tables(city), broken=True))
    pull(store, Rows(tables(city), broken=True))
    builder.refresh()
    assert value(builder.snapshot, "disposition.backlog") == before
    assert builder.snapshot is not None
    feeds = builder.snapshot.boards["feeds", ALL].frames["feeds"]
    assert feeds["state"].tolist() == ["failing"]


def test_a_pull_that_brings_nothing_moves_no_epoch_and_a_new_letter_does(store: Store) -> None:
    city = make(4, NOW, letters=60)
    pull(store, Rows(tables(city)))
    builder = built(store)
    assert builder.snapshot is not None
    epoch = builder.snapshot.epoch
    pull(store, Rows(tables(city)))
    assert builder.refresh() is None
    assert builder.snapshot.epoch == epoch
    row = city.letters[0] | {"id": "L-NEW", "registered_at": NOW.isoformat(), "updated_at": NOW.isoformat()}
    city.letters.append(row | {"completed_at": None, "deleted": False})
    pull(store, Rows(tables(city)))
    told = builder.refresh()
    assert told is not None
    assert told.epoch == epoch + 1
    assert told.epochs["correspondence"] == told.epoch
    assert told.epochs["wifi"] < told.epoch


def test_a_restart_shows_the_last_picture_under_the_same_epoch(store: Store) -> None:
    pull(store, Rows(tables(make(5, NOW, letters=60))))
    first = built(store).snapshot
    again = built(store).snapshot
    assert first is not None
    assert again is not None
    assert again.epoch == first.epoch
    assert value(again, "disposition.backlog") == value(first, "disposition.backlog")


def test_what_time_alone_changes_is_computed_a_minute_later(store: Store) -> None:
    city = make(6, NOW, letters=10)
    due = (NOW + timedelta(seconds=90)).isoformat()
    row = city.dispositions[0] | {"id": "D-DUE", "due_at": due, "completed_at": None, "cancelled_at": None}
    row |= {"instruction": "LAKSANAKAN", "deleted": False, "letter_id": "NEVER", "to_unit": "DISDIK"}
    city.dispositions.append(row)
    pull(store, Rows(tables(city)))
    now = value(built(store).snapshot, "disposition.overdue")
    later = value(built(store, NOW + timedelta(minutes=2)).snapshot, "disposition.overdue")
    assert later == now + 1


def test_what_time_alone_changes_is_computed_although_others_commit_all_the_time(store: Store) -> None:
    """Letters that come every half minute must not keep silent points on the wall as if they were up."""
    block = Prometheus.Block(type="prometheus", url="http://127.0.0.1:9", queries={"up": "probe_success"})
    settings = Settings(connectors={"wifi": block, "lain": BLOCK})
    sample = {"ap": "ap-1", "at": NOW.isoformat(), "up": True}
    pull_connector(store, "wifi", block, Samples({Dataset.AP_SAMPLES: [sample]}), settings, FrozenClock(NOW))
    city, clock = make(6, NOW, letters=10), Hand(NOW)
    builder = Builder(store, settings, "live", clock)
    builder.refresh()
    assert value(builder.snapshot, "wifi.up") == 1
    for i in range(8):
        clock.at += timedelta(seconds=50)
        at = clock.at.isoformat()
        city.letters.append(city.letters[0] | {"id": f"L-NEW-{i}", "registered_at": at, "updated_at": at})
        pull_connector(store, "lain", BLOCK, Rows(tables(city)), settings, clock)
        builder.refresh()
    assert value(builder.snapshot, "wifi.up") == 0
    assert value(builder.snapshot, "wifi.no_data") == 1


def test_boards_after_many_deltas_are_those_computed_from_nothing(store: Store) -> None:
    full = make(7, NOW, letters=120)
    builder = Builder(store, SETTINGS, "live", FrozenClock(NOW))
    for end in range(10, 121, 10):
        part = MadeCity(full.now, full.units, full.letters[:end], full.dispositions[: end * 2])
        pull(store, Rows(tables(part)))
        builder.refresh()
    fresh = built(store).snapshot
    assert builder.snapshot is not None
    assert fresh is not None
    assert {k: b.digest for k, b in builder.snapshot.boards.items()} == {k: b.digest for k, b in fresh.boards.items()}


@pytest.mark.parametrize("moved", ["dispositioned at last", "opened again"])
def test_what_a_change_brings_back_from_last_year_is_counted_at_once(store: Store, moved: str) -> None:
    city = make(9, NOW, letters=20)
    old, now = (NOW - timedelta(days=300)).isoformat(), NOW.isoformat()
    times = {"registered_at": old, "completed_at": old, "updated_at": old}
    letter = city.letters[0] | {"id": "L-OLD", "kind": "incoming", "deleted": False} | times
    times = {"issued_at": old, "completed_at": old, "updated_at": old, "due_at": None, "cancelled_at": None}
    given = city.dispositions[0] | {"id": "D-OLD", "letter_id": "L-OLD", "deleted": False} | times
    city.letters.append(letter)
    if moved == "opened again":
        city.dispositions.append(given)
    pull(store, Rows(tables(city)))
    builder = built(store)
    if moved == "dispositioned at last":
        city.dispositions.append(given | {"id": "D-NEW", "issued_at": now, "completed_at": None, "updated_at": now})
    else:
        city.letters[-1] = letter | {"completed_at": None, "updated_at": now}
    pull(store, Rows(tables(city)))
    builder.refresh()
    fresh = Builder(store, SETTINGS, "live", FrozenClock(NOW))
    fresh.refresh(force=True)
    assert builder.snapshot is not None
    assert fresh.snapshot is not None
    assert {k: b.digest for k, b in builder.snapshot.boards.items()} == {
        k: b.digest for k, b in fresh.snapshot.boards.items()
    }


class Samples(Rows):
    kind = "prometheus"
    datasets = frozenset({Dataset.AP_SAMPLES})


def _samples(store: Store, at: datetime, rows: list[tuple[str, float, bool]]) -> Builder:
    """Pull samples (access point, hours before `at`, up) and build the boards as of `at`."""
    block = Prometheus.Block(type="prometheus", url="http://127.0.0.1:9", queries={"up": "probe_success"})
    settings = Settings(connectors={"wifi": block})
    made = [{"ap": ap, "at": (at - timedelta(hours=ago)).isoformat(), "up": up} for ap, ago, up in rows]
    tables = {Dataset.AP_SAMPLES: made}
    report = pull_connector(store, "wifi", block, Samples(tables), settings, FrozenClock(at))
    assert report.stored == len(rows)
    builder = Builder(store, settings, "live", FrozenClock(at))
    builder.refresh()
    return builder


def test_a_point_silent_for_a_week_is_still_counted_as_without_data(store: Store) -> None:
    builder = _samples(store, NOW, [("ap-1", 0.01, True), ("ap-2", 24 * 7, True)])
    assert value(builder.snapshot, "wifi.no_data") == 1
    assert value(builder.snapshot, "wifi.up") == 1


def test_a_point_that_alternates_for_two_days_keeps_the_state_it_began_with(store: Store) -> None:
    minutes = [(i / 60, i % 2 == 0) for i in range(48 * 60)]
    builder = _samples(store, NOW, [("ap-1", ago, up) for ago, up in minutes])
    # 48 h ago it was down in its first sample; since then never 2 successes in a row.
    assert value(builder.snapshot, "wifi.down") == 1


def test_secret_letters_are_outside_every_public_figure(store: Store) -> None:
    city = make(8, NOW, letters=200)
    for letter in city.letters:
        letter["security"] = "rahasia" if letter["security"] == "rahasia" else "biasa"
    secret = {r["id"] for r in city.letters if r["security"] == "rahasia"}
    pull(store, Rows(tables(city)))
    builder = built(store)
    open_city = MadeCity(
        city.now,
        city.units,
        [r for r in city.letters if r["id"] not in secret],
        [r for r in city.dispositions if r["letter_id"] not in secret and not r["letter_id"].startswith("NEVER")],
    )
    oracle = Oracle(open_city.units, open_city.letters, open_city.dispositions, NOW)
    for kpi in ("disposition.backlog", "correspondence.paperless_rate", "disposition.on_time_rate"):
        assert value(builder.snapshot, kpi, PUBLIC) == pytest.approx(oracle.value(kpi, None, "30d"))
        assert value(builder.snapshot, kpi, ALL) != value(builder.snapshot, kpi, PUBLIC)
