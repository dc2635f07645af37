"""Maintenance from config to boards: exact whatever the order, and made anew when config or a place changes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from coc.boards.pasts import Pasts
from coc.domain.datasets import Dataset
from coc.ingest.basis import Basis
from coc.ingest.recompute import settle_states
from coc.metrics.past import availability
from coc.settings.models import Settings
from coc.settings.network import Network, Window
from coc.store import Store, bulk, open_store
from coc.store.state_tables import state_stale
from tests.boards.test_pasts import NOW, stretches
from tests.ingest.test_states import SETTINGS, put
from tests.metrics import cities
from tests.metrics.maintenance_oracle import known_outside

pytestmark = pytest.mark.postgres_slow

AP = Dataset.AP_SAMPLES
Spans = list[tuple[datetime, datetime]]


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = open_store(database_url)
    yield opened
    opened.close()


def place(store: Store, **site_of: str) -> None:
    """Access points stand at sites."""
    with store.commit("titik") as tx:
        rows = [{"source_id": ap, "site": site} for ap, site in site_of.items()]
        sites = [{"source_id": site, "area": f"15.71.0{n}"} for n, site in enumerate(sorted(set(site_of.values())))]
        for dataset, its in ((Dataset.ACCESS_POINTS, rows), (Dataset.SITES, sites)):
            frame = cities.frame(dataset, its).drop(columns="source")
            bulk.upsert(tx, dataset, frame, source="titik", row_hash=0)


def announced(*windows: tuple[str, datetime, datetime]) -> Settings:
    made = tuple(Window.model_validate({"scope": s, "from": start, "to": end}) for s, start, end in windows)
    return SETTINGS.model_copy(update={"network": Network(maintenance=made)})


def told(store: Store, how: Settings, now: datetime) -> dict[str, list[float]]:
    basis = Basis.of(how, "live")
    past, _ = Pasts(store, AP, basis.limits, basis.holds).refresh(pd.Timestamp(now), store.commit_number())
    windows = [availability(past, None, hours, basis.limits).set_index("entity") for hours in (24, 720)]
    return {
        ap: [float(found.loc[ap, c]) for found in windows for c in ("up_seconds", "down_seconds")]
        for ap in windows[0].index
    }


def expected(samples: list[dict[str, Any]], now: datetime, closed: dict[str, Spans]) -> dict[str, Any]:
    found = {}
    for ap in sorted({s["ap"] for s in samples if s["at"] <= now}):
        its = [s for s in samples if s["ap"] == ap]
        known = [k for hours in (24, 720) for k in known_outside(its, now, hours, 300, closed.get(ap, []))]
        found[ap] = pytest.approx(known, abs=1e-6)
    return found


def waiting(store: Store) -> list[str]:
    with store.read() as connection:
        return sorted(connection.execute(sa.select(state_stale.c.entity)).scalars())


def test_in_any_order_maintenance_is_left_out_to_the_second(store: Store) -> None:
    chance = random.Random(7)
    samples = [s for ap in ("A", "B", "C") for s in stretches(chance, ap)]
    chance.shuffle(samples)
    hours = [(720.3, 719.9), (24.1, 23.95), (2.2, 1.9), (0.1, -0.4)]
    spans = [(NOW - timedelta(hours=a, seconds=13), NOW - timedelta(hours=b)) for a, b in hours]
    how = announced(*(("site:S", *span) for span in spans), ("ap:C", *spans[1]))
    place(store, A="S", B="T", C="T")
    for first in range(0, len(samples), 60):
        put(store, samples[first : first + 60], how=how)
    assert told(store, how, NOW) == expected(samples, NOW, {"A": spans, "C": spans[1:2]})
    later = NOW + timedelta(minutes=26)
    assert told(store, how, later) == expected(samples, later, {"A": spans, "C": spans[1:2]})


def test_a_changed_config_makes_anew_what_it_touches_and_nothing_else(store: Store) -> None:
    samples = [s for ap in ("A", "B") for s in stretches(random.Random(3), ap)]
    place(store, A="S", B="T")
    put(store, samples)
    span = (NOW - timedelta(hours=26), NOW - timedelta(hours=23.1))
    how = announced(("site:S", *span))
    late = {"ap": "B", "at": NOW - timedelta(minutes=2), "up": True}
    put(store, [late], how=how)  # a batch notices first
    assert waiting(store) == ["A"]
    samples.append(late)
    assert settle_states(store, how, "live") == 1
    assert told(store, how, NOW) == expected(samples, NOW, {"A": [span]})
    assert settle_states(store, how, "live") == 0
    place(store, A="T", B="S")  # the points change places
    assert settle_states(store, how, "live") == 2
    assert told(store, how, NOW) == expected(samples, NOW, {"B": [span]})
    assert settle_states(store, SETTINGS, "live") == 1
    assert told(store, SETTINGS, NOW) == expected(samples, NOW, {})


def test_what_is_announced_for_tonight_computes_nothing_anew(store: Store) -> None:
    start = datetime(2026, 3, 2, tzinfo=UTC)
    place(store, A="S")
    put(store, [{"ap": "A", "at": start + timedelta(minutes=m), "up": True} for m in range(30)])
    how = announced(("area:15.71", start + timedelta(minutes=40), start + timedelta(minutes=50)))
    assert settle_states(store, how, "live") == 0
    put(store, [{"ap": "A", "at": start + timedelta(minutes=m), "up": m < 45} for m in range(30, 61)], how=how)
    assert told(store, how, start + timedelta(minutes=60))["A"][:2] == [40 * 60, 10 * 60]
