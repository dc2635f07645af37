from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coc.metrics import City, compute, series
from tests.metrics import cities
from tests.metrics.cities import wib
from tests.metrics.oracle import known_seconds, state_of
from tests.metrics.strategies import samples

NOW = wib("2026-03-02T10:17:30")
Samples = list[dict[str, Any]]


def figures(city: City, prefix: str, unit: str = "") -> dict[str, float]:
    rows = compute(city, windows=("30d",))
    rows = rows[rows["id"].str.startswith(prefix) & (rows["unit"] == unit)]
    return dict(zip(rows["id"].str.removeprefix(prefix), rows["value"], strict=True))


def share(known: list[tuple[float, float]]) -> float:
    up, down = (sum(k[i] for k in known) for i in (0, 1))
    return up / (up + down) if up + down else np.nan


holds = st.sampled_from([300.0, 900.0])


@settings(max_examples=25)
@given(st.tuples(*(samples(NOW, "ap", name) for name in ("A", "B", "C", "gone"))), holds)
def test_wifi_is_what_a_walk_through_the_samples_finds(four: tuple[Samples, ...], hold: float) -> None:
    rows = [s | {"hold": hold, "clients": i % 5 or None} for point in four for i, s in enumerate(point)]
    city = cities.city(
        NOW,
        sites=[{"source_id": "old", "status": "retired"}, {"source_id": "park", "status": "planned"}],
        access_points=[
            {"source_id": "A", "site": "park"},
            {"source_id": "gone", "site": "old"},
            {"source_id": "D", "site": "nowhere"},
        ],
        ap_samples=rows,
    )
    counted = {name: [r | {"loss": None} for r in rows if r["ap"] == name] for name in ("A", "B", "C", "D")}
    counted = {name: point for name, point in counted.items() if point or name in "AD"}  # B, C: named by samples alone
    states = {name: state_of(point, NOW, hold) for name, point in counted.items()}
    found = figures(city, "wifi.")
    for state in ("up", "degraded", "down", "no_data"):
        assert found[state] == list(states.values()).count(state), state
    told = series.wifi_availability(city).set_index("hours")
    for name, hours in (("availability_24h", 24), ("availability_30d", 720)):
        known = [known_seconds(point, NOW, hours, hold) for point in counted.values()]
        assert found[name] == pytest.approx(share(known), abs=1e-9, nan_ok=True)
        assert told.loc[hours, "coverage"] == pytest.approx(sum(map(sum, known)) / (hours * 3600 * len(known)))
    present = [
        max((s for s in point if s["at"] <= NOW), key=lambda s: s["at"])
        for name, point in counted.items()
        if states[name] != "no_data"
    ]
    assert found["clients"] == sum(s["clients"] or 0 for s in present)
    assert series.points(city).set_index("ap")["state"].to_dict() == states


@settings(max_examples=12)
@given(st.tuples(*(samples(NOW, "service", name) for name in ("ppdb", "pajak", "asing"))), holds)
def test_applications_count_for_the_unit_that_owns_them(three: tuple[Samples, ...], hold: float) -> None:
    rows = [s | {"hold": hold} for point in three for s in point]
    from_a_school = [s | {"up": not s["up"], "vantage": "school"} for s in rows]
    city = cities.city(
        NOW,
        services=[{"source_id": "ppdb", "owner_unit": "DISDIK"}, {"source_id": "pajak"}],
        service_samples=rows + from_a_school,
    )
    owned = {"ppdb": "DISDIK", "pajak": "", "asing": ""}
    for unit in ("", "DISDIK", "DINKES"):
        counted = {
            n: [r | {"loss": None} for r in rows if r["service"] == n] for n, o in owned.items() if unit in ("", o)
        }
        counted = {n: point for n, point in counted.items() if point or n != "asing"}
        states = [state_of(point, NOW, hold) for point in counted.values()]
        found = figures(city, "apps.", unit)
        assert found["up"] == states.count("up")
        assert found["down"] == states.count("down")
        known = [known_seconds(point, NOW, 24, hold) for point in counted.values()]
        assert found["availability_24h"] == pytest.approx(share(known), abs=1e-9, nan_ok=True)


@settings(max_examples=10)
@given(samples(NOW, "ap", "A"), samples(NOW, "ap", "B"))
def test_the_hours_of_the_chart_hold_the_time_of_the_day(one: Samples, two: Samples) -> None:
    city = cities.city(NOW, ap_samples=one + two)
    hours = series.wifi_by_hour(city)
    assert len(hours) == 24
    assert hours["at"].iloc[-1] == wib("2026-03-02T10:00")
    points = len({s["ap"] for s in one + two})
    passed = np.array([3600.0] * 23 + [17.5 * 60])
    known = [known_seconds([s for s in one + two if s["ap"] == n], NOW, 23 + 17.5 / 60, 300) for n in "AB"]
    assert (hours["coverage"].fillna(0) * passed * points).sum() == pytest.approx(sum(map(sum, known)), abs=1e-3)
    up = (hours["coverage"].fillna(0) * passed * points * hours["up_share"].fillna(0)).sum()
    assert up == pytest.approx(sum(k[0] for k in known), abs=1e-3)


def test_duplicates_and_disorder_change_nothing() -> None:
    rows = [{"ap": "A", "at": NOW - timedelta(minutes=i), "up": i % 3 > 0, "clients": i} for i in range(40)]
    one, other = cities.city(NOW, ap_samples=rows), cities.city(NOW, ap_samples=rows[::-1] + rows[5:20])
    assert figures(one, "wifi.") == figures(other, "wifi.")
