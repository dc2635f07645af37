"""However the rows came, in whatever pieces and order, the boards are those that are computed from nothing."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from coc.boards import Builder
from coc.domain.datasets import Dataset
from coc.ingest import pull_connector, settle
from coc.settings.models import Settings
from coc.store import Store, open_store
from data_connectors.prometheus import Prometheus
from data_connectors.sipadek import Sipadek
from tests.attack.truth import Truth
from tests.boards.test_builder import Rows, Samples
from tests.e2e.city import MadeCity, make

BEGIN = datetime.fromisoformat("2026-03-02T10:00:00+07:00")
SOURCES: dict[str, Any] = {
    "lain": Sipadek.Block(type="sipadek", url="http://127.0.0.1:9/coc/v1"),
    "wifi": Prometheus.Block(type="prometheus", url="http://127.0.0.1:9", queries={"up": "probe_success"}),
}
SETTINGS = Settings(connectors=SOURCES)


class Clock:
    speed = 1.0

    def __init__(self, city: MadeCity) -> None:
        self.city = city

    def now(self) -> datetime:
        return self.city.now


class World:
    """A changing truth, pulled piece by piece into one store whose boards are kept up to date."""

    def __init__(self, url: str, seed: int) -> None:
        self.rng = random.Random(seed)
        self.truth = Truth(make(seed, BEGIN, letters=40), seed)
        self.clock = Clock(self.truth.city)
        self.store = open_store(url)
        self.builder = Builder(self.store, SETTINGS, "live", self.clock)
        self.samples: list[dict[str, Any]] = []

    def delta(self) -> None:
        """A turn of the truth; some of the rows that changed, and some samples, late ones too."""
        self.truth.turn()
        city = self.truth.city
        if self.rng.random() < 0.1:
            city.now += timedelta(hours=self.rng.randint(3, 30))  # another day
        part = self.rng.choice([1.0, 0.5])
        pull(self.store, SETTINGS, self.clock, "lain", {
            Dataset.UNITS: city.units,
            Dataset.LETTERS: [r for r in city.letters if self.rng.random() < part],
            Dataset.DISPOSITIONS: [r for r in city.dispositions if self.rng.random() < part],
        })  # fmt: skip
        fresh = [self._sample() for _ in range(self.rng.randint(0, 20))]
        self.samples += fresh
        pull(self.store, SETTINGS, self.clock, "wifi", {Dataset.AP_SAMPLES: fresh})
        self.builder.refresh()

    def _sample(self) -> dict[str, Any]:
        ago = self.rng.choice([0, 1, 2, 3, 5, 9, 60, 600, 1500])
        at = self.truth.city.now - timedelta(minutes=ago, seconds=self.rng.choice([0, 0, 30]))
        return {
            "ap": f"ap-{self.rng.randint(1, 3)}",
            "at": at.isoformat(),
            "up": self.rng.random() < 0.7,
            "clients": self.rng.randint(0, 9),
            "latency_ms": self.rng.choice([20.0, 800.0]),
        }

    def close(self) -> None:
        self.store.close()


def pull(store: Store, of: Settings, clock: Clock, name: str, tables: dict[Dataset, list[dict[str, Any]]]) -> None:
    made = (Rows if name == "lain" else Samples)(tables)
    report = pull_connector(store, name, of.connectors[name], made, of, clock)
    assert report.error is None, report.error


def shown(builder: Builder) -> dict[tuple[str, str], dict[str, pd.DataFrame]]:
    assert builder.snapshot is not None
    return {
        key: {"kpis": board.kpis, **board.frames} for key, board in builder.snapshot.boards.items() if key[0] != "feeds"
    }


def same(found: Builder, expected: Builder) -> None:
    for key, frames in shown(expected).items():
        for name, frame in frames.items():
            held = shown(found)[key][name]
            pd.testing.assert_frame_equal(held, frame, obj=f"{key} {name}", check_exact=False, rtol=1e-9)


def _from_nothing(world: World, of: Settings = SETTINGS) -> Builder:
    """Boards of the same store, by a process that has seen nothing before."""
    builder = Builder(world.store, of, "live", world.clock)
    builder.refresh(force=True)
    return builder


def _follow(world: World, deltas: int) -> None:
    for _ in range(deltas):
        world.delta()
    world.builder.refresh(force=True)
    same(world.builder, _from_nothing(world))


# A shrunk example would be nicer to read, and cost minutes: the seed tells all.
@pytest.mark.postgres_slow
@settings(
    max_examples=3,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 10_000), deltas=st.integers(1, 5))
def test_boards_after_any_deltas_are_the_boards_from_nothing(
    new_database: Callable[[], str], seed: int, deltas: int
) -> None:
    world = World(new_database(), seed)
    _follow(world, deltas)
    world.close()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_boards_after_two_hundred_deltas_are_the_boards_from_nothing(database_url: str, seed: int) -> None:
    world = World(database_url, seed)
    _follow(world, 200)
    world.close()


@pytest.mark.postgres_slow
@pytest.mark.parametrize(
    "changed",
    [
        {"limits": {"urgency": {"biasa": "1 working_d", "segera": "2 h"}}},
        {"limits": {"ap": {"failures": 1, "successes": 1, "degraded": {"latency_ms": 10}, "min_down_seconds": 0}}},
        {"calendar": {"holidays": {"country": "ID", "extra": ["2026-02-24", "2026-02-25", "2026-03-02"]}}},
        {"calendar": {"default": "six_day"}},
    ],
    ids=["a limit", "a limit of access points", "a holiday", "the calendar"],
)
def test_a_changed_limit_or_holiday_recomputes_what_it_must(
    new_database: Callable[[], str], changed: dict[str, Any]
) -> None:
    world = World(new_database(), 3)
    for _ in range(2):
        world.delta()
    before = shown(world.builder)
    other = Settings(connectors=SOURCES, **changed)
    settle(world.store, other, "live")
    expected = World(new_database(), 99)
    expected.clock, city = world.clock, world.truth.city
    held = {d: _rows(world.store, d) for d in (Dataset.LETTERS, Dataset.DISPOSITIONS, Dataset.AP_SAMPLES)}
    pull(expected.store, other, world.clock, "lain", {
        Dataset.UNITS: city.units, Dataset.LETTERS: held[Dataset.LETTERS],
        Dataset.DISPOSITIONS: held[Dataset.DISPOSITIONS],
    })  # fmt: skip
    pull(expected.store, other, world.clock, "wifi", {Dataset.AP_SAMPLES: held[Dataset.AP_SAMPLES]})
    now_other, anew = _from_nothing(world, other), _from_nothing(expected, other)
    same(now_other, anew)
    assert any(not before[k][n].equals(f) for k, frames in shown(now_other).items() for n, f in frames.items())
    world.close()
    expected.close()


def _rows(store: Store, dataset: Dataset) -> list[dict[str, Any]]:
    """What the store holds, deleted rows too, as a source would write it."""
    read = {Dataset.LETTERS: store.letters, Dataset.DISPOSITIONS: store.dispositions}.get(dataset)
    frame = (read(BEGIN, after_rev=0) if read else store.export(dataset)).drop(columns="source")
    times = frame.select_dtypes("datetimetz").columns
    texts = {name: frame[name].map(lambda at: None if pd.isna(at) else at.isoformat()) for name in times}
    return [
        {k: None if v is pd.NA or v != v else v for k, v in row.items()}
        for row in frame.assign(**texts).astype("object").to_dict("records")
    ]
