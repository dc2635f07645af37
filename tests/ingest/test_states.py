"""States and rollups in the store are a function of the samples held, however they came, on both databases."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coc.domain.datasets import COLUMNS, DTYPES, Dataset
from coc.domain.instants import SECOND
from coc.domain.limits import ApLimits, Limits
from coc.ingest.basis import Basis
from coc.ingest.recompute import settle_states
from coc.ingest.states import store_samples
from coc.metrics.buckets import WIDTHS, in_buckets, wider
from coc.metrics.heads import HEAD, advance, no_heads
from coc.metrics.states import STATES, track
from coc.settings.models import ConnectorBlock, Retention, Settings
from coc.store import Store, open_store
from coc.store.state_tables import ROLLUPS, state_changes, state_heads, state_marks, state_stale

AP, SERVICE = Dataset.AP_SAMPLES, Dataset.SERVICE_SAMPLES
START = datetime(2026, 2, 28, 22, 40, tzinfo=UTC)  # so that hours, days and a month end among the samples
HOLD = {"fast": 300.0, "slow": 900.0}
SETTINGS = Settings(
    connectors={
        "fast": ConnectorBlock(type="prometheus", every_seconds=60),
        "slow": ConnectorBlock(type="prometheus", every_seconds=300),
    }
)
Sample = dict[str, Any]
_numbers = itertools.count()


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = open_store(database_url)
    yield opened
    opened.close()


def put(
    store: Store,
    samples: list[Sample],
    source: str = "fast",
    dataset: Dataset = AP,
    how: Settings = SETTINGS,
    *,
    dry_run: bool = False,
) -> int:
    frame = pd.DataFrame(
        {c.name: pd.Series([s.get(c.name) for s in samples], dtype=DTYPES[c.kind]) for c in COLUMNS[dataset]}
    )
    with store.commit(source, dry_run=dry_run) as tx:
        return store_samples(tx, Basis.of(how, "live"), source, dataset, frame)


def sample(ap: str, minutes: float, up: bool = True, **more: Any) -> Sample:
    return {"ap": ap, "at": START + timedelta(minutes=minutes), "up": up} | more


def held(store: Store, *names: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of these entities, commit numbers aside."""
    found = {}
    with store.read() as connection:
        for table in (state_heads, state_marks, state_changes, *ROLLUPS.values()):
            columns = [c for c in table.c if c.name not in ("rev", "dataset", "vantage")]
            rows = connection.execute(sa.select(*columns).where(table.c.entity.in_(names)))
            found[table.name] = sorted(tuple(r) for r in rows)
    return found


def made(samples: list[Sample], limits: ApLimits | None = None) -> dict[str, list[tuple[Any, ...]]]:
    """What the engine makes of all these samples (with `source`) at once, as the tables hold it."""
    frame = pd.DataFrame(samples)
    frame["hold"] = frame["source"].map(HOLD) if "hold" not in frame else frame["hold"]
    frame = frame.assign(**{n: frame[n].astype("float64") for n in ("clients", "latency_ms", "loss") if n in frame})
    t = track(frame, frame["at"].max())
    course = advance(no_heads(len(t.entities)), t, limits or ApLimits())

    def named(entity: Any, *columns: Any) -> list[tuple[Any, ...]]:
        return sorted(
            zip(t.entities[entity], *(c.tolist() if hasattr(c, "tolist") else c for c in columns), strict=True)
        )

    def fields(heads: Any) -> list[Any]:
        blank = {"spell": np.iinfo("int64").min}
        found = []
        for name in HEAD.names:
            values = heads[name].tolist()
            found.append([None if v != v or v == blank.get(name) else v for v in values])
        return found

    entity, at, code = course.turns()
    marked, hour, marks = course.marks()
    who, ends = course.ends()
    tables = {
        "state_heads": named(who, *fields(ends)),
        "state_marks": named(marked, hour, *fields(marks)),
        "state_changes": named(entity, at, [STATES[c] for c in code]),
    }
    five = in_buckets(course.pieces())
    for width in WIDTHS:
        sums = wider(five, width)
        tables[ROLLUPS[width].name] = named(sums.entity, sums.at, sums.up, sums.down, sums.clients)
    return tables


@st.composite
def journeys(draw: st.DrawFn) -> tuple[list[Sample], list[list[int]]]:
    """Samples of two points in order, and the batches in which they come: repeats and corrections among them."""
    gaps = st.sampled_from([20, 60, 60, 60, 60, 100, 299, 300, 301, 900, 4000])
    n = draw(st.integers(1, 50))
    names = draw(st.sampled_from(["A", "AB"]))
    at, samples = START, []
    steady = draw(st.booleans())
    for _ in range(n):
        at += timedelta(seconds=60 if steady else draw(gaps))
        samples.append(
            {
                "ap": draw(st.sampled_from(names)),
                "at": at,
                "up": draw(st.sampled_from([True, True, False])),
                "clients": draw(st.sampled_from([None, 0, 7])),
                "latency_ms": draw(st.sampled_from([None, 20.0, 501.0, 900.0])),
                "loss": draw(st.sampled_from([None, 0.0, 0.3])),
                "source": draw(st.sampled_from(["fast", "slow"])) if draw(st.booleans()) else "fast",
            }
        )
    order = draw(
        st.one_of(
            st.permutations(range(n)),
            st.just(list(range(n))),
            st.just(sorted(range(n), key=lambda i: (-(i // 9), i))),  # newest piece first, as a backfill
        )
    )
    order += draw(st.lists(st.integers(0, n - 1), max_size=8))
    size = draw(st.sampled_from([4, 9, 9, 100]))
    return samples, [order[i : i + size] for i in range(0, len(order), size)]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(journeys(), st.data())
def test_any_split_and_order_gives_the_same_tables(
    store: Store, journey: tuple[list[Sample], list[list[int]]], data: st.DataObject
) -> None:
    samples, batches = journey
    prefix = f"{next(_numbers)}-"
    final: dict[tuple[str, datetime], Sample] = {}
    for batch in batches:
        for source in ("fast", "slow"):
            part = []
            for i in dict.fromkeys(batch):
                if samples[i]["source"] != source:
                    continue
                row = samples[i] | {"ap": prefix + samples[i]["ap"]}
                key = (row["ap"], row["at"])
                if key in final and data.draw(st.booleans()):
                    row["up"] = not row["up"]  # the source mends what it said
                part.append(row)
                final[key] = row
            if part:
                put(store, part, source)
    assert held(store, f"{prefix}A", f"{prefix}B") == made(list(final.values()))


def test_a_repeat_moves_nothing_and_a_correction_moves_one_commit(store: Store) -> None:
    rows = [sample("A", m, clients=3) for m in range(90)]
    assert put(store, rows) == 90
    before, commit = held(store, "A"), store.commit_number()
    assert put(store, rows) == 0
    assert put(store, rows[40:50]) == 0
    assert (held(store, "A"), store.commit_number()) == (before, commit)
    assert put(store, [rows[40] | {"clients": 4}]) == 1
    assert store.commit_number() == commit + 1
    assert held(store, "A") != before


def test_a_commit_that_is_rolled_back_leaves_neither_samples_nor_rollups(store: Store) -> None:
    put(store, [sample("A", m) for m in range(9)])
    before = held(store, "A")
    put(store, [sample("A", m, up=False) for m in range(5, 99)], dry_run=True)
    assert held(store, "A") == before


def test_services_are_kept_apart_by_where_they_are_seen_from(store: Store) -> None:
    rows = [{"service": "ppdb", "at": START + timedelta(minutes=m), "up": True} for m in range(6)]
    put(store, rows, dataset=SERVICE)
    put(store, [r | {"up": False, "vantage": "smp-1"} for r in rows], dataset=SERVICE)
    put(store, [{"service": "ppdb", "at": START - timedelta(minutes=1), "up": False}], dataset=SERVICE)
    with store.read() as connection:
        chosen = sa.select(state_heads.c.vantage, state_heads.c.up).order_by(state_heads.c.vantage)
        assert connection.execute(chosen).all() == [("", 1), ("smp-1", 0)]
        changes = sa.select(state_changes.c.vantage, state_changes.c.state).order_by(state_changes.c.vantage)
        assert [tuple(r) for r in connection.execute(changes.order_by(state_changes.c.at))] == [
            ("", "down"),
            ("", "up"),
            ("smp-1", "down"),
        ]


def _mixed(n: int = 200) -> list[Sample]:
    return [sample("A", m, up=m % 17 > 4, latency_ms=20.0 + m % 40, source="fast") for m in range(n)]


@pytest.mark.parametrize(
    ("limits", "every"),
    [
        (ApLimits(failures=5), 60),
        (ApLimits(min_down_seconds=100), 60),
        (ApLimits(degraded={"latency_ms": 40}), 60),
        (ApLimits(), 20 * 60),
    ],
)
def test_a_changed_limit_or_polling_interval_computes_anew(store: Store, limits: ApLimits, every: int) -> None:
    rows = [s for s in _mixed() if s["at"].minute % 20]  # with gaps that a longer hold fills
    put(store, rows)
    changed = Settings(
        connectors={"fast": ConnectorBlock(type="prometheus", every_seconds=every)}, limits=Limits(ap=limits)
    )
    # A batch under the new config notices first, and waits with its entity.
    late = sample("A", 300, source="fast")
    put(store, [late], how=changed)
    assert settle_states(store, changed, "live") == 1
    hold = max(300.0, 3.0 * every)
    assert held(store, "A") == made([r | {"hold": hold} for r in [*rows, late]], limits)
    assert settle_states(store, changed, "live") == 0


def test_what_an_older_store_holds_is_computed_at_start(store: Store) -> None:
    rows = _mixed()
    put(store, rows)
    with store.write() as connection:  # as migration 0004 leaves a store that held samples
        for table in (state_heads, state_marks, state_changes, *ROLLUPS.values()):
            connection.execute(sa.delete(table))
        connection.execute(sa.insert(state_stale).values(dataset=AP.value, entity="A"))
    put(store, [sample("A", 400, source="fast")])
    assert held(store, "A")["state_heads"] == []
    assert settle_states(store, SETTINGS, "live") == 1
    assert held(store, "A") == made([*rows, sample("A", 400, source="fast")])


def test_pruned_samples_leave_hours_and_days_and_late_ones_move_nothing(store: Store) -> None:
    days = [*range(0, 60 * 24 * 3, 7)]
    rows = [sample("A", m, up=m % 70 > 21, source="fast") for m in days]
    put(store, rows)
    before = held(store, "A")
    now = START + timedelta(days=37, hours=5)  # the floor is midnight 35 to 36 days before
    gone = store.prune(Retention(), now)
    assert gone["ap_samples"] > 0
    floor = int((now - timedelta(days=35)).timestamp()) // 86400 * 86400 * SECOND
    after = held(store, "A")
    assert after["rollups_hour"] == before["rollups_hour"]
    assert after["rollups_5min"] == [r for r in before["rollups_5min"] if r[1] >= floor]
    assert after["state_marks"] == [r for r in before["state_marks"] if r[1] >= floor]
    put(store, [sample("A", 3.5), sample("A", 500.5)])
    assert held(store, "A") == after
    # What is still held can be corrected and computed anew.
    mended = [r | {"up": not r["up"]} for r in rows[-40:-20]]
    put(store, mended)
    fresh = made([*rows[:-40], *mended, *rows[-20:]])
    now_held = held(store, "A")
    assert now_held["state_changes"] == fresh["state_changes"]
    assert now_held["rollups_day"] == fresh["rollups_day"]
    with store.write() as connection:
        connection.execute(sa.insert(state_stale).values(dataset=AP.value, entity="A"))
    settle_states(store, SETTINGS, "live")
    assert held(store, "A") == now_held


def test_the_last_state_outlives_its_retention(store: Store) -> None:
    put(store, [sample("A", m, up=m < 5) for m in range(10)])
    store.prune(Retention(), START + timedelta(days=6 * 366))
    assert [r[2] for r in held(store, "A")["state_changes"]] == ["down"]
    assert held(store, "A")["rollups_day"] == []


def test_a_database_downgrades_and_upgrades_with_its_samples(new_database: Callable[[], str]) -> None:
    from alembic import command

    from coc.store.schema import _config

    store = open_store(new_database())
    put(store, rows := _mixed())
    config = _config("store")
    with store.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0003")
    store.upgrade()
    assert settle_states(store, SETTINGS, "live") == 1
    assert held(store, "A") == made(rows)
    store.close()
