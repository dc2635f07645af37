"""The frames behind /wifi against a walk through the samples, minute by minute."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coc.metrics import wifi_frames, wifi_people, wifi_strips, wifi_use
from coc.metrics.city import City
from coc.metrics.wifi_areas import placed
from tests.metrics import cities
from tests.metrics.cities import wib

NOW = wib("2026-03-02T10:17:30")
STATES = ("up", "degraded", "down", "no_data")
Rows = list[dict[str, Any]]


def every(minutes: int, ap: str, since: datetime, until: datetime = NOW, hold: float = 900.0, **values: Any) -> Rows:
    """Samples of one kind from `since` on, the last one before `until`."""
    rows, at = [], since
    while at < until:
        rows.append({"ap": ap, "at": at, "hold": hold, **values})
        at += timedelta(minutes=minutes)
    return rows


def wifi(samples: Rows, sites: Rows | None = None, points: Rows | None = None) -> City:
    names = list(dict.fromkeys(s["ap"] for s in samples))
    listed = points or [{"source_id": n, "site": f"S-{n}", "name": n} for n in names]
    places = sites or [{"source_id": f"S-{n}", "name": f"Site {n}", "capacity": 10} for n in names]
    return cities.city(NOW, sites=places, access_points=listed, ap_samples=samples)


@st.composite
def networks(draw: st.DrawFn) -> City:
    """Up to five points of some sites; each with stretches of a state or of silence."""
    sites = [
        {
            "source_id": f"S{i}",
            "name": f"S{i}",
            "area": draw(st.sampled_from(["15.71.01", "Kota Baru", "entah", None])),
            "site_kind": draw(st.sampled_from(["park", "school", None])),
            "capacity": draw(st.sampled_from([None, 0, 20])),
        }
        for i in range(2)
    ]
    points = [
        {"source_id": f"P{i}", "name": f"P{i}", "site": draw(st.sampled_from(["S0", "S1", "S2", None]))}
        for i in range(draw(st.integers(1, 4)))
    ]
    rows: Rows = []
    for point in points:
        at = NOW - timedelta(hours=26)
        for _ in range(draw(st.integers(1, 5))):
            end = at + timedelta(minutes=draw(st.integers(5, 600)))
            up = draw(st.sampled_from([True, False, None]))
            latency = draw(st.sampled_from([20.0, 900.0]))
            people = draw(st.sampled_from([None, 0, 7, 33]))
            if up is not None:
                more = {"latency_ms": latency, "clients": people, "hold": 2700.0}
                rows += every(15, point["source_id"], at, min(end, NOW), up=up, **more)
            at = end
    return cities.city(NOW, sites=sites, access_points=points, ap_samples=rows)


@settings(max_examples=12)
@given(networks())
def test_all_frames_agree_on_the_points_and_never_know_more_than_was_measured(city: City) -> None:
    points, strips, now = wifi_frames.points(city), wifi_strips.strips(city), pd.Timestamp(city.now)
    assert points["ap"].is_unique
    for frame in (wifi_frames.areas(city), wifi_frames.kinds(city)):
        assert frame["points"].sum() == len(points)
        assert (frame[list(STATES)].sum(axis=1) == frame["points"]).all()
        for state in STATES:
            assert frame[state].sum() == (points["state"] == state).sum()
        assert frame["clients"].sum() == points["clients"].fillna(0).sum()
        known = points.drop_duplicates("site")
        assert frame["capacity"].sum() == known.loc[known["site"] != "", "capacity"].fillna(0).sum()
    for frame, names in ((points, ("24h", "7d", "30d")), (wifi_frames.areas(city), ("24h", "30d"))):
        for window in names:
            up, coverage = frame[f"up_{window}"], frame[f"coverage_{window}"]
            assert up.dropna().between(0, 1).all()
            assert coverage.dropna().between(0, 1 + 1e-9).all()
            assert (up.isna() == ~(coverage > 0)).all()  # nothing known is no share, never 0 % or 100 %
    for window, up, coverage in wifi_frames.windows(city).itertuples(index=False):
        weights = points[f"coverage_{window}"].to_numpy()
        assert coverage == pytest.approx(weights.mean())
        if weights.sum():
            assert up == pytest.approx(np.nansum(points[f"up_{window}"] * weights) / weights.sum())
        else:
            assert np.isnan(up)
    assert (strips["start"] < strips["end"]).all()
    assert (strips["start"] >= now - timedelta(hours=24)).all()
    assert (strips["end"] <= now).all()
    for ap, state in points[["ap", "state"]].itertuples(index=False):
        mine = strips[(strips["ap"] == ap) & (strips["end"] == now) & (strips["state"] != "no_data")]
        if state in ("up", "degraded", "down"):  # a strip says at its end what the point is now
            assert mine["state"].tolist() == ([] if state == "up" else [state])


def test_a_strip_holds_the_gap_the_slow_hour_and_the_down_one() -> None:
    start = NOW - timedelta(hours=12)
    hour = timedelta(hours=1)
    rows = [
        *every(5, "A", start, start + hour, up=True, latency_ms=20.0),
        *every(5, "A", start + hour, start + 2 * hour, up=True, latency_ms=900.0),
        *every(5, "A", start + 3 * hour, start + 4 * hour, up=False),
        *every(5, "A", start + 4 * hour, NOW, up=True, latency_ms=20.0),
    ]
    found = wifi_strips.strips(wifi(rows))
    lengths = ((found["end"] - found["start"]).dt.total_seconds() / 3600).round(1)
    told = list(zip(found["state"], lengths, strict=True))
    assert told[0] == ("no_data", pytest.approx(12.0, abs=0.1))  # before its first sample nothing is known
    assert ("degraded", pytest.approx(1.9, abs=0.2)) in told[1:]
    assert ("no_data", pytest.approx(0.8, abs=0.2)) in told[1:]  # less what the last sample still holds
    assert ("down", pytest.approx(0.9, abs=0.2)) in told[1:]
    assert [state for state, _ in told].count("down") == 1


def test_a_point_that_was_never_heard_of_is_one_gap() -> None:
    city = cities.city(NOW, access_points=[{"source_id": "A", "name": "A"}])
    ((ap, start, end, state),) = wifi_strips.strips(city).itertuples(index=False)
    assert (ap, state, end - start) == ("A", "no_data", timedelta(hours=24))
    point = wifi_frames.points(city).iloc[0]
    assert (point["state"], point["site"], point["area"]) == ("no_data", "", "")
    assert pd.isna(point["clients"])


def test_the_peak_is_at_the_citys_hour_not_at_that_of_utc() -> None:
    rows = every(5, "A", NOW - timedelta(days=3), up=True, clients=4)
    for row in rows:
        if row["at"].hour == 9:  # WIB
            row["clients"] = 40
    hours = wifi_use.hours(wifi(rows))
    assert hours["hour"].tolist() == list(range(24))
    assert int(hours["clients"].idxmax()) == 9
    assert hours["clients"][9] == pytest.approx(40, rel=0.1)
    assert hours["clients"][14] == pytest.approx(4)
    assert (hours["most"] >= hours["clients"] - 1e-9).all()


def test_an_hour_that_nobody_measured_is_no_hour_without_people() -> None:
    rows = every(5, "A", NOW - timedelta(hours=5), up=True, clients=4)
    hours = wifi_use.hours(wifi(rows))
    assert hours["clients"].notna().sum() == 5  # the running one is not over
    assert set(hours["clients"].dropna().round(6)) == {4.0}


def test_hours_over_the_capacity_are_those_whose_mean_was() -> None:
    start = NOW - timedelta(hours=10)
    rows = every(5, "A", start, up=True, clients=8) + every(5, "B", start, up=True, clients=1)
    for row in rows:
        if row["ap"] == "A" and row["at"].hour in (5, 6):
            row["clients"] = 14
    sites = [{"source_id": "S", "name": "S", "capacity": 10}, {"source_id": "T", "name": "T"}]
    points = [{"source_id": "A", "site": "S"}, {"source_id": "B", "site": "S"}]
    (site,) = wifi_use.sites(wifi(rows, sites, points)).to_dict("records")
    assert (site["site"], site["over"], site["known"], site["clients"]) == ("S", 2, 10, 9)
    assert site["peak"] == pytest.approx(15, rel=0.05)
    assert site["at"].tz_convert("Asia/Jakarta").hour in (5, 6)


def test_clients_a_day_are_client_hours_in_a_day_of_known_time() -> None:
    rows = every(60, "A", NOW - timedelta(days=12), up=True, clients=3, hold=3600.0)
    rows += every(60, "B", NOW - timedelta(days=2), up=True, clients=3, hold=3600.0)
    found = wifi_people.clients_a_day(wifi(rows))
    assert found[0] == pytest.approx(72)
    assert np.isnan(found[1])  # of two days in thirty nobody can say how it is used


def test_only_a_present_sample_tells_a_rate_and_one_direction_is_not_enough() -> None:
    both = {"rx_bps": 1e6, "tx_bps": 2e6}
    rows = every(5, "A", NOW - timedelta(hours=1), up=True, clients=3, **both)
    rows += every(5, "B", NOW - timedelta(hours=1), up=True, clients=3, tx_bps=2e6)
    rows += every(5, "C", NOW - timedelta(hours=9), NOW - timedelta(hours=8), up=True, clients=3, **both)
    points = wifi_frames.points(wifi(rows)).set_index("ap")
    assert points.loc["A", "bps"] == 3e6
    assert points.loc[["B", "C"], "bps"].isna().all()


@pytest.mark.parametrize(
    ("written", "area"),
    [
        ("15.71.07", "Kota Baru"),
        ("15.71.01.1002", "Telanaipura"),  # a kelurahan lies in its kecamatan
        ("kecamatan kota baru", "Kota Baru"),
        ("Buluran Kenali", "Telanaipura"),
        ("Kec. Lain", "Kec. Lain"),
        (None, ""),
    ],
)
def test_an_area_is_found_however_it_is_written(written: str | None, area: str) -> None:
    _, names = placed(pd.Series([written], dtype="str"))
    assert names.tolist() == [area]
