"""What boards hold of access points is exact at any moment, and brought up to date by what changed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from coc.boards.known_held import KnownHeld
from coc.boards.pasts import Pasts
from coc.domain.datasets import Dataset
from coc.domain.limits import ApLimits
from coc.ingest.basis import Basis
from coc.metrics.buckets import WIDTHS
from coc.metrics.known import known_frame, turns_frame
from coc.metrics.past import Past, availability, availability_by_hour, past_of, present
from coc.store import Store, open_store
from tests.ingest.test_states import SETTINGS, put
from tests.metrics import cities
from tests.metrics.oracle import known_seconds, state_of

pytestmark = pytest.mark.postgres_slow

AP = Dataset.AP_SAMPLES
NOW = datetime.fromisoformat("2026-03-02T10:17:30+07:00")
LIMITS = ApLimits()
Sample = dict[str, Any]


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = open_store(database_url)
    yield opened
    opened.close()


@pytest.fixture
def pasts(store: Store) -> Pasts:
    basis = Basis.of(SETTINGS, "live")
    return Pasts(store, AP, basis.limits, basis.holds)


def stretches(chance: random.Random, ap: str) -> list[Sample]:
    """Samples about the windows' starts, at their hours, in between and up to half an hour after now."""
    rows: dict[datetime, Sample] = {}
    for hours in (720, 719.8, 697, 340, 168, 24, 23.2, 2, 0):
        at = NOW - timedelta(hours=hours, minutes=chance.uniform(0, 40))
        up = True
        for _ in range(chance.randint(0, 40)):
            at += timedelta(seconds=chance.choice([60, 60, 60, 60, 299, 300, 301, 700]))
            up = up if chance.random() < 0.7 else not up
            rows[at] = {
                "ap": ap,
                "at": at,
                "up": up,
                "latency_ms": chance.choice([None, 20.0, 700.0]),
                "clients": chance.choice([None, 1, 8]),
                "loss": None,
            }
    return list(rows.values())


def told(past: Past) -> dict[str, tuple[Any, ...]]:
    windows = [availability(past, None, hours, LIMITS).set_index("entity") for hours in (24, 168, 720)]
    found = present(past).set_index("entity")
    return {
        ap: (
            found.loc[ap, "state"],
            *(frame.loc[ap, n] for frame in windows for n in ("up_seconds", "down_seconds")),
        )
        for ap in found.index
    }


def expected(samples: list[Sample], now: datetime) -> dict[str, tuple[Any, ...]]:
    found = {}
    for ap in sorted({s["ap"] for s in samples if s["at"] <= now}):
        its = [s for s in samples if s["ap"] == ap]
        known = [k for hours in (24, 168, 720) for k in known_seconds(its, now, hours, 300)]
        found[ap] = (state_of(its, now, 300), *(pytest.approx(k, abs=1e-6) for k in known))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_states_and_windows_are_what_a_walk_through_all_samples_finds(store: Store, pasts: Pasts, seed: int) -> None:
    chance = random.Random(seed)
    samples = [s for ap in ("A", "B", "C") for s in stretches(chance, ap)]
    chance.shuffle(samples)
    seen: list[Sample] = []
    moments = iter(NOW + timedelta(minutes=m) for m in (0, 0.1, 1, 4, 5, 43, 60, 125))
    for first in range(0, len(samples), len(samples) // 7 or 1):
        seen += samples[first : first + (len(samples) // 7 or 1)]
        put(store, samples[first : first + (len(samples) // 7 or 1)])
        now = next(moments)
        past, changed = pasts.refresh(pd.Timestamp(now), store.commit_number())
        assert changed
        assert told(past) == expected(seen, now)
        hours = availability_by_hour(past, None, 24, LIMITS)
        frame = pd.DataFrame(seen)
        whole = availability_by_hour(
            past_of(frame.assign(clients=frame["clients"].astype("float64")), now, LIMITS), None, 24
        )
        pd.testing.assert_frame_equal(hours, whole)


def test_the_clock_alone_moves_the_windows(store: Store, pasts: Pasts) -> None:
    rows = [{"ap": "A", "at": NOW - timedelta(minutes=m), "up": m % 11 > 6} for m in range(0, 45 * 60)]
    put(store, rows)
    for minutes in (0, 3, 20, 61, 60 * 25):
        now = NOW + timedelta(minutes=minutes)
        past, _ = pasts.refresh(pd.Timestamp(now), store.commit_number())
        its = [r | {"latency_ms": None, "loss": None} for r in rows]
        assert told(past) == expected(its, now)


def test_a_state_says_since_when_whatever_lies_ahead(store: Store, pasts: Pasts) -> None:
    down = [{"ap": "A", "at": NOW + timedelta(minutes=m), "up": m < -5} for m in range(-20, 10)]
    put(store, down)
    past, _ = pasts.refresh(pd.Timestamp(NOW - timedelta(minutes=8)), store.commit_number())
    row = present(past).iloc[0]
    assert (row["state"], row["since"], row["at"]) == (
        "up",
        NOW - timedelta(minutes=20),
        NOW - timedelta(minutes=8),
    )
    past, _ = pasts.refresh(pd.Timestamp(NOW), store.commit_number())
    row = present(past).iloc[0]
    assert (row["state"], row["since"]) == ("down", NOW - timedelta(minutes=3))
    nothing_yet, _ = pasts.refresh(pd.Timestamp(NOW - timedelta(minutes=21)), store.commit_number())
    assert present(nothing_yet).empty
    assert not np.any(availability(nothing_yet, None, 24, LIMITS)["coverage"])


def test_what_is_held_of_known_time_is_what_all_samples_make(store: Store, pasts: Pasts) -> None:
    chance, held = random.Random(5), KnownHeld(store, AP, LIMITS, pasts.margin)
    samples = [s for ap in ("A", "B") for s in stretches(chance, ap)]
    chance.shuffle(samples)
    size = len(samples) // 5 + 1
    for n, minutes in enumerate((0, 4, 61, 62, 60 * 30)):
        put(store, samples[n * size : (n + 1) * size])
        now = NOW + timedelta(minutes=minutes)
        past, _ = pasts.refresh(pd.Timestamp(now), store.commit_number())
        held.refresh(past, store.commit_number())
        whole = cities.city(now, ap_samples=samples[: (n + 1) * size])
        seen = [known_frame([held.parts[width]]) for width in WIDTHS]
        for name, found in zip(("known_minutes", "known_hours", "known_days"), seen, strict=True):
            pd.testing.assert_frame_equal(texts(found), texts(getattr(whole, name)))
        pd.testing.assert_frame_equal(texts(turns_frame([held.turns])), texts(whole.turns))


def test_the_hold_of_a_sample_is_held_however_long_after_it_the_next_one_came(store: Store, pasts: Pasts) -> None:
    """Stored buckets end with the last sample: what it held for is in them only once there is a later one."""
    held = KnownHeld(store, AP, LIMITS, pasts.margin)
    common = {"ap": "A", "up": True, "clients": 3, "latency_ms": 20.0, "loss": 0.0, "source": "wifi", "hold": 300.0}
    samples = [{**common, "at": NOW - timedelta(minutes=ago)} for ago in (40, 0)]
    for n in (1, 2):
        put(store, samples[n - 1 : n])
        past, _ = pasts.refresh(pd.Timestamp(NOW), store.commit_number())
        held.refresh(past, store.commit_number())
    whole = cities.city(NOW, ap_samples=samples)
    pd.testing.assert_frame_equal(texts(known_frame([held.parts[WIDTHS[0]]])), texts(whole.known_minutes))


def texts(frame: pd.DataFrame) -> pd.DataFrame:
    """In one order, whatever the position of each entity."""
    frame = frame.astype({c: "str" for c in frame if frame[c].dtype == "category"})
    return frame.sort_values(["entity", "at"]).reset_index(drop=True)
