"""What is known of services from elsewhere than the COC's room, and of links."""

from __future__ import annotations

from datetime import timedelta

import pytest

from coc.domain.datasets import Dataset
from coc.metrics import City, points
from tests.metrics import cities
from tests.metrics.cities import wib

NOW = wib("2026-03-02T10:17:30")
LINKS = Dataset.LINK_SAMPLES


def minutes(count: int, **row: object) -> list[dict[str, object]]:
    return [{"at": NOW - timedelta(minutes=m), "up": True} | row for m in range(count)]


@pytest.fixture
def city() -> City:
    return cities.city(
        NOW,
        services=[{"source_id": "ppdb"}],
        service_samples=[
            *minutes(60, service="ppdb"),
            *minutes(60, service="ppdb", vantage="SMPN-1", up=False),
            *minutes(10, service="asing", vantage="SMPN-1"),
        ],
        links=[{"source_id": "uplink", "name": "Internet", "provider": "ISP"}, {"source_id": "FO-1"}],
        link_samples=[*minutes(60, link="uplink", loss=0.5), *minutes(5, link="unlisted")],
    )


def test_a_service_has_a_state_from_each_vantage(city: City) -> None:
    found = points.vantage_states(city).set_index(["service", "vantage"])["state"].to_dict()
    assert found == {("ppdb", ""): "up", ("ppdb", "SMPN-1"): "down", ("asing", "SMPN-1"): "up"}
    assert points.states(city, Dataset.SERVICE_SAMPLES)["state"].to_dict() == {"ppdb": "up", "asing": "no_data"}


@pytest.mark.parametrize("hours", [24, 168, 720])
def test_known_time_is_told_by_vantage(city: City, hours: int) -> None:
    known = points.vantage_known(city, hours).set_index(["service", "vantage"])
    assert known.loc[("ppdb", ""), ["up_seconds", "down_seconds"]].tolist() == [59 * 60, 0]
    assert known.loc[("ppdb", "SMPN-1"), ["up_seconds", "down_seconds"]].tolist() == [0, 59 * 60]


def test_links_are_those_listed_and_those_that_samples_name(city: City) -> None:
    states = points.states(city, LINKS)["state"].to_dict()
    assert states == {"uplink": "degraded", "FO-1": "no_data", "unlisted": "up"}
    assert points.links(city)["provider"].to_dict()["uplink"] == "ISP"
    assert points.known(city, LINKS, 24)["up_seconds"].to_dict() == {"uplink": 3540, "FO-1": 0, "unlisted": 240}


def test_turns_and_known_time_name_what_they_are_of(city: City) -> None:
    turns = city.turns[city.turns["dataset"] == "service_samples"]
    assert dict(zip(zip(turns["entity"], turns["vantage"], strict=True), turns["state"], strict=True)) == {
        ("ppdb", ""): "up",
        ("ppdb", "SMPN-1"): "down",
        ("asing", "SMPN-1"): "up",
    }
    for frame in (city.known_minutes, city.known_hours):
        mine = frame[(frame["dataset"] == "link_samples") & (frame["entity"] == "uplink")]
        assert mine["up_seconds"].sum() == 3540
    assert set(city.known_days["dataset"]) <= {"ap_samples"}


def test_the_state_that_a_window_of_turns_opens_with_is_told() -> None:
    old = [{"ap": "A", "at": NOW - timedelta(days=40), "up": False}, {"ap": "A", "at": NOW, "up": False}]
    turns = cities.city(NOW, ap_samples=old).turns
    assert turns["state"].tolist() == ["down"]
    assert turns["at"].iloc[0] == wib("2026-01-30T10:00")
