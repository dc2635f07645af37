"""What /aplikasi tells of applications and links: days with their coverage, response times, places, reasons."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coc.domain.instants import DAY, micros_of, to_index
from coc.metrics import City, apps_frames, apps_incidents
from tests.metrics import cities
from tests.metrics.cities import wib

NOW = wib("2026-03-02T10:17:30")


def minutes(first: int, last: int, **row: object) -> list[dict[str, object]]:
    """A sample a minute, from `first` to `last` minutes ago."""
    return [{"at": NOW - timedelta(minutes=m), "up": True, "latency_ms": 40.0} | row for m in range(last, first)]


@pytest.fixture
def city() -> City:
    """PPDB was down from 9.03 to 9.43 WIB with HTTP 503 and is down again; the uplink was cut for half an hour."""
    down = {"up": False, "status": 503, "reason": "status", "latency_ms": 90.0}
    return cities.city(
        NOW,
        services=[
            {"source_id": "ppdb", "name": "PPDB", "owner_unit": "DISDIK", "certificate_until": NOW + timedelta(days=9)},
            {"source_id": "lama", "name": "Lama"},
        ],
        service_samples=[
            *minutes(600, 75, service="ppdb"),
            *minutes(75, 35, service="ppdb", **down),
            *minutes(35, 12, service="ppdb", latency_ms=80.0),
            *minutes(12, 0, service="ppdb", up=False, reason="dns", latency_ms=None),
            *minutes(600, 0, service="ppdb", vantage="S1", latency_ms=200.0),
        ],
        sites=[{"source_id": "S1", "name": "SMPN 1", "status": "active"}],
        links=[{"source_id": "uplink", "name": "Internet", "unit": "DISDIK", "provider": "ISP"}],
        link_samples=[
            *minutes(600, 90, link="uplink"),
            *minutes(90, 60, link="uplink", up=False),
            *minutes(60, 0, link="uplink"),
        ],
    )


def of(frame: pd.DataFrame, service: str) -> Any:
    return frame[frame["service"] == service].iloc[0]


def test_applications_and_links_are_told_alike(city: City) -> None:
    found = apps_frames.listed(city)
    ppdb, lama, uplink = (of(found, name) for name in ("ppdb", "lama", "uplink"))
    assert (ppdb["kind"], ppdb["state"], ppdb["unit"], ppdb["p50"]) == ("app", "down", "DISDIK", 40.0)
    assert ppdb["certificate_until"] == NOW + timedelta(days=9)
    assert ppdb["up_share_24h"] == pytest.approx(1 - (40 + 11) / 599)
    assert ppdb["coverage_24h"] == pytest.approx(599 / 1440)
    assert (uplink["kind"], uplink["state"], uplink["provider"]) == ("link", "up", "ISP")
    assert (lama["state"], lama["coverage_30d"]) == ("no_data", 0)
    assert all(pd.isna(lama[c]) for c in ("up_share_24h", "p50", "p95", "certificate_until"))


def test_a_day_has_its_share_and_what_of_it_is_known(city: City) -> None:
    found = apps_frames.days(city)
    today, before = found[found["service"] == "ppdb"].iloc[[-1, -2]].to_dict("records")
    assert today["day"] == "2026-03-02"
    assert today["up_share"] == pytest.approx(1 - 51 / 599)
    assert today["coverage"] == pytest.approx(599 / 617.5)
    assert (before["coverage"], pd.isna(before["up_share"])) == (0, True)
    assert len(found) == 3 * apps_frames.DAYS


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(-30, 130), st.integers(0, 60), st.integers(0, 60)), max_size=40)
)
def test_days_hold_all_time_of_their_hours_and_no_other(rows: list[tuple[int, int, int, int]]) -> None:
    """Hours before the first day and after the last count nowhere; shares and coverage stay within 0 and 1."""
    start = micros_of(wib("2026-03-01T00:00:00"))
    edges = start + DAY * np.arange(5)
    rows = list({(who, hour): (who, hour, up, down) for who, hour, up, down in rows}.values())
    frame = pd.DataFrame(rows, columns=["who", "hour", "up", "down"])
    hours = pd.DataFrame(
        {
            "entity": pd.Series([f"e{w}" for w in frame["who"]], dtype="category"),
            "at": to_index(start + frame["hour"].to_numpy(dtype="int64") * 3_600_000_000),
            "up_seconds": frame["up"] * 30.0,
            "down_seconds": frame["down"] * 30.0,
        }
    )
    up, coverage = apps_frames.by_day(hours, pd.Index(["e0", "e1"]), edges, int(edges[-1]))
    for n, name in enumerate(("e0", "e1")):
        for day in range(4):
            mine = frame[(frame["who"] == int(name[1])) & (frame["hour"] // 24 == day)]
            known = (mine["up"] + mine["down"]).sum() * 30
            assert coverage[n, day] == pytest.approx(known / 86_400)
            assert np.isnan(up[n, day]) if known == 0 else 0 <= up[n, day] <= 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 60_000)), max_size=60))
def test_quantiles_are_numpys(rows: list[tuple[int, float]]) -> None:
    group = np.array([g for g, _ in rows], dtype=np.intp)
    values = np.array([v for _, v in rows], dtype="float64")
    p50, p95 = apps_frames.quantiles(group, values, 5, (0.5, 0.95))
    for n in range(5):
        mine = values[group == n]
        wanted = np.quantile(mine, [0.5, 0.95]) if len(mine) else [np.nan, np.nan]
        np.testing.assert_allclose([p50[n], p95[n]], wanted, atol=0.001)


def test_each_place_has_its_own_picture_of_an_application(city: City) -> None:
    found = apps_frames.vantages(city)
    room, school = found[found["service"] == "ppdb"].to_dict("records")
    assert (room["place"], room["state"]) == ("", "down")
    assert (school["place"], school["state"], school["up_share"]) == ("SMPN 1", "up", 1.0)


def test_response_times_over_the_day_leave_gaps_where_nothing_answered(city: City) -> None:
    found = apps_frames.latency(city.service_samples, city.now)
    room = found[found["vantage"] == ""].set_index("at")
    assert room.loc[wib("2026-03-02T08:30:00"), "p50"] == 40.0
    assert pd.isna(room.loc[wib("2026-03-02T10:00:00")]["p50"]) == (
        room.loc[wib("2026-03-02T10:00:00"), "up_share"] == 0
    )
    assert set(found["vantage"]) == {"", "S1"}


def test_an_outage_says_when_how_long_and_why(city: City) -> None:
    now, *earlier = apps_incidents.incidents(city).to_dict("records")
    assert (now["service"], now["reason"], pd.isna(now["end"])) == ("ppdb", "dns", True)
    of_link, of_app = sorted(earlier, key=lambda row: row["kind"], reverse=True)
    assert (of_app["service"], of_app["status"], of_app["reason"], of_app["unit"]) == ("ppdb", 503, "status", "DISDIK")
    # The third failure brings it down, the second success up again.
    assert of_app["end"] - of_app["start"] == timedelta(minutes=39)
    assert (of_link["service"], of_link["kind"], pd.isna(of_link["reason"])) == ("uplink", "link", True)


def test_a_reason_is_that_of_the_first_turn_within_the_outage() -> None:
    at = [NOW - timedelta(hours=h) for h in (9, 5, 4, 1)]
    events = pd.DataFrame({"kind": ["app", "app", "link"], "service": ["a", "b", "a"], "start": [at[1], at[0], at[1]]})
    events["end"] = pd.to_datetime([at[3], None, None], utc=True)
    reasons = pd.DataFrame({"service": ["a"] * 4, "at": at, "reason": ["dns", "tls", "timeout", "content"]})
    reasons["status"] = pd.array([None, None, 504, None], dtype="Int64")
    for column in ("start", "end"):
        events[column] = pd.to_datetime(events[column], utc=True).dt.as_unit("us")
    found = apps_incidents.with_reasons(events, reasons.sample(frac=1, random_state=1))
    assert found["reason"].fillna("-").tolist() == ["tls", "-", "-"]
