from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coc.domain.datasets import Dataset
from coc.metrics import City, compute, points
from tests.metrics import cities
from tests.metrics.histories import NOW, ago, heard, network, windows
from tests.metrics.maintenance_oracle import known_outside
from tests.metrics.strategies import samples

Spans = list[tuple[datetime, datetime]]


@st.composite
def spans(draw: st.DrawFn) -> Spans:
    """Windows of a day, to the second: before, across and after now, some of them over each other."""
    found = []
    for _ in range(draw(st.integers(0, 3))):
        start = NOW - timedelta(seconds=draw(st.integers(-600, 90_000)))
        found.append((start, start + timedelta(seconds=draw(st.sampled_from([1, 59, 300, 4_000, 40_000])))))
    return found


def rate(city: City, kpi: str) -> float:
    rows = compute(city, ids=[kpi], windows=("30d",))
    return float(rows.loc[rows["unit"] == "", "value"].iloc[0])


@settings(max_examples=30, deadline=None)
@given(samples(NOW, "ap", "A"), samples(NOW, "ap", "B"), spans(), st.sampled_from([300.0, 900.0]))
def test_maintenance_is_in_neither_up_nor_down(one: Any, two: Any, closed: Spans, hold: float) -> None:
    rows = [s | {"hold": hold} for s in one + two]
    declared = windows(*(("maintenance", "site:S", *span) for span in closed))
    city = cities.city(
        NOW,
        sites=[{"source_id": "S"}],
        access_points=[{"source_id": "A", "site": "S"}, {"source_id": "B"}],
        ap_samples=rows,
        windows=declared,
    )
    for hours in (24, 30 * 24):
        told = points.known(city, Dataset.AP_SAMPLES, hours)
        for name, point, its in (("A", one, closed), ("B", two, [])):
            up, down = known_outside(point, NOW, hours, hold, its)
            assert told.loc[name, ["up_seconds", "down_seconds"]].tolist() == pytest.approx([up, down], abs=1e-6)
    a, b = (known_outside(point, NOW, 24, hold, its) for point, its in ((one, closed), (two, [])))
    known = a[0] + a[1] + b[0] + b[1]
    expected = (a[0] + b[0]) / known if known else np.nan
    assert rate(city, "wifi.availability_24h") == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_a_window_reaches_as_far_as_its_scope() -> None:
    samples = dict.fromkeys("ABC", "+" * 60)
    for scope, inside in (("ap:A", "A"), ("site:S", "AB"), ("area:15.71", "ABC"), ("area:15.71.01.1001", "")):
        city = network(samples, {"S": "AB", "T": "C"}, windows=windows(("maintenance", scope, ago(30), ago(20))))
        seconds = points.known(city, Dataset.AP_SAMPLES, 24)["up_seconds"]
        assert {name for name in "ABC" if seconds[name] == 59 * 60 - 600} == set(inside)


def test_of_an_application_the_window_of_a_vantage_is_left_out_there_alone() -> None:
    rows = heard("ppdb", "-" * 61, of="service") + heard("ppdb", "-" * 61, of="service", vantage="S")
    city = cities.city(
        NOW,
        sites=[{"source_id": "S"}],
        services=[{"source_id": "ppdb"}],
        service_samples=rows,
        windows=windows(("maintenance", "site:S", ago(60), ago(30)), ("maintenance", "service:ppdb", ago(10), ago(0))),
    )
    found = points.vantage_known(city, 24).set_index("vantage")["down_seconds"]
    assert found.to_dict() == {"": 3000, "S": 1200}


def test_a_power_cut_is_down_time() -> None:
    city = network({"A": "+" * 30 + "-" * 31}, {"S": "A"}, windows=windows(("power", "site:S", ago(60), ago(0))))
    assert points.known(city, Dataset.AP_SAMPLES, 24).loc["A", "down_seconds"] == 1800


def test_a_point_that_was_in_maintenance_all_day_has_no_availability() -> None:
    city = network({"A": "-" * 61}, {"S": "A"}, windows=windows(("maintenance", "ap:A", ago(90), ago(-10))))
    assert np.isnan(rate(city, "wifi.availability_24h"))
