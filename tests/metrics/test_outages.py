from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pandas as pd

from coc.metrics import City
from coc.metrics.outages import affected, outages, present_causes
from tests.metrics import cities
from tests.metrics.histories import NOW, ago, heard, network, points, windows

UP = "+" * 60


def with_windows(city: City, declared: pd.DataFrame) -> City:
    return cities.known_of(replace(city, windows=declared))


def told(city: City) -> list[tuple[Any, ...]]:
    """kind, cause, entity, points, minutes since the start, minutes since the end."""
    found = outages(city)
    since = [[None if pd.isna(at) else (NOW - at).total_seconds() / 60 for at in found[c]] for c in ("start", "end")]
    return list(zip(found["kind"], found["cause"], found["entity"], found["points"], *since, strict=True))


def test_a_point_that_falls_alone_is_its_own_event() -> None:
    city = network({"A": UP + "-" * 20 + "+" * 10, "B": UP + "+" * 30, "C": UP + "+" * 30}, {"S": "ABC"})
    assert told(city) == [("ap", "fault", "A", 1, 27, 8)]  # after 3 failures; until 2 successes
    assert outages(city)[["site", "area", "name"]].to_numpy().tolist() == [["S", "15.71.01", "A"]]
    assert present_causes(city).empty


def test_all_points_of_a_site_that_fall_together_are_one_event() -> None:
    falls = {"A": UP + "-" * 30, "B": UP + "+" + "-" * 29, "C": UP + "++" + "-" * 28}
    city = network(falls, {"S": "ABC"})
    assert told(city) == [("site", "upstream", "S", 3, 27, None)]
    assert sorted(affected(city)["ap"]) == ["A", "B", "C"]
    assert present_causes(city).to_dict() == dict.fromkeys("ABC", "upstream")
    apart = network(falls | {"C": UP + "+++++" + "-" * 25}, {"S": "ABC"})  # four minutes after the first
    assert [event[0] for event in told(apart)] == ["ap", "ap", "ap"]


def test_of_many_points_four_fifths_make_the_site() -> None:
    four = dict.fromkeys("ABCD", UP + "-" * 10) | {"E": UP + "+" * 10}
    assert told(network(four, {"S": "ABCDE"}))[0][:4] == ("site", "upstream", "S", 4)
    three = four | {"D": UP + "+" * 10}
    assert [event[0] for event in told(network(three, {"S": "ABCDE"}))] == ["ap"] * 3
    two = {"A": UP + "-" * 10, "B": UP + "+" * 10}
    assert told(network(two, {"S": "AB"}))[0][0] == "ap"


def test_a_point_that_was_down_before_does_not_hide_that_the_rest_fell() -> None:
    city = network({"A": "+" + "-" * 89, "B": UP + "-" * 30, "C": UP + "-" * 30}, {"S": "ABC"})
    assert [event[:4] for event in told(city)] == [("ap", "fault", "A", 1), ("site", "upstream", "S", 2)]


def test_points_that_come_back_one_by_one_raise_no_new_events_until_one_stays_behind() -> None:
    back = {"A": UP + "-" * 20 + "+" * 10, "B": UP + "-" * 30, "C": UP + "-" * 25 + "+" * 5}
    assert told(network(back, {"S": "ABC"})) == [("site", "upstream", "S", 3, 27, None)]
    behind = {name: text + "+" * 20 for name, text in back.items()} | {"B": UP + "-" * 50}
    assert told(network(behind, {"S": "ABC"})) == [
        ("site", "upstream", "S", 3, 47, 23),
        ("ap", "fault", "B", 1, 23, None),
    ]


def test_a_point_that_flaps_is_one_event() -> None:
    city = network({"A": UP + "---++" * 8, "B": UP + "+" * 40}, {"S": "AB"})
    assert told(city) == [("ap", "fault", "A", 1, 37, 0)]
    assert outages(city)["spells"].tolist() == [8]
    calm = network({"A": "+---" + "+" * 30 + "---" + "+" * 9}, {"S": "A"})
    assert len(told(calm)) == 2  # half an hour later it is another one


def test_a_link_that_falls_takes_its_sites_points_with_it() -> None:
    city = network(
        {"A": UP + "-" * 30, "B": UP + "+" * 30, "C": UP + "-" * 30},
        {"S": "AB", "T": "C"},
        links=[{"source_id": "L", "name": "Serat", "site": "S"}],
        link_samples=heard("L", UP + "+" + "-" * 29, of="link"),
    )
    assert sorted(told(city)) == [("ap", "fault", "C", 1, 27, None), ("link", "upstream", "L", 1, 26, None)]
    assert present_causes(city).to_dict() == {"A": "upstream", "C": "fault"}


def test_a_source_that_falls_silent_is_one_event_and_no_point_is_down() -> None:
    city = network(dict.fromkeys("ABC", UP + " " * 30), {"S": "ABC"})
    assert told(city) == [("source", "source", "s", 3, 25, None)]  # as long as the last sample holds, nobody knew
    assert present_causes(city).to_dict() == dict.fromkeys("ABC", "source")
    again = network(dict.fromkeys("ABC", UP + " " * 20 + "+" * 10), {"S": "ABC"})
    assert told(again) == [("source", "source", "s", 3, 25, 9)]
    assert present_causes(again).empty


def test_of_a_silent_source_another_sources_points_are_not_taken_along() -> None:
    samples = heard("A", UP + " " * 30) + heard("B", UP + " " * 30) + heard("C", UP + "-" * 30, source="lain")
    city = cities.city(NOW, access_points=points("S", "A", "B", "C"), ap_samples=samples)
    assert sorted(event[:4] for event in told(city)) == [("ap", "fault", "C", 1), ("source", "source", "s", 2)]
    assert present_causes(city).to_dict() == {"A": "source", "B": "source", "C": "fault"}


def test_a_point_of_which_alone_nothing_is_heard_is_silent_not_down() -> None:
    city = network({"A": UP + " " * 30, "B": UP + "+" * 30}, {"S": "AB"})
    assert told(city) == [("ap", "fault", "A", 1, 25, None)]
    assert outages(city)["silent"].tolist() == [True]


def test_what_was_silent_yesterday_is_still_told_and_a_new_point_is_not_silent_before_its_first_sample() -> None:
    rows = [{"ap": "A", "at": NOW - timedelta(minutes=m), "up": True} for m in range(0, 60 * 60) if not 2000 < m < 2300]
    rows += [{"ap": "B", "at": NOW - timedelta(minutes=m), "up": True} for m in range(0, 60 * 60)]
    rows += [{"ap": "C", "at": NOW - timedelta(minutes=m), "up": True} for m in range(0, 60 * 30)]
    city = cities.city(NOW, access_points=points("S", "A", "B", "C"), ap_samples=rows)
    assert told(city) == [("ap", "fault", "A", 1, 2295, 2000)]


def test_three_sites_of_one_kecamatan_that_fall_together_had_a_power_cut() -> None:
    samples = {"A": UP + "-" * 30, "B": UP + "-" * 30, "C": UP + "+" + "-" * 29, "D": UP + " " * 30, "E": UP + "+" * 30}
    sites = {"S": "AB", "T": "C", "U": "D", "V": "E"}
    city = network(samples, sites, area="15.71.01.1001")
    # What answers no more and what is not heard of may both be without power.
    assert {event[:4] for event in told(city)} == {
        ("site", "power", "S", 2),
        ("ap", "power", "C", 1),
        ("ap", "power", "D", 1),
    }
    assert set(present_causes(city)) == {"power"}
    two = network(samples | {"C": UP + "+" * 30}, sites)
    assert "power" not in {event[1] for event in told(two)}


def test_a_declared_power_cut_names_its_reason() -> None:
    city = network({"A": UP + "-" * 30, "B": UP + "+" * 30}, {"S": "AB"})
    city = with_windows(city, windows(("power", "area:15.71", ago(32), ago(0))))
    assert told(city) == [("ap", "power", "A", 1, 27, None)]
    assert outages(city)["reason"].tolist() == ["pekerjaan"]


def test_maintenance_has_what_falls_in_it_until_its_end() -> None:
    city = network({"A": UP + "-" * 30, "B": UP + "-" * 30}, {"S": "AB"})
    during = with_windows(city, windows(("maintenance", "site:S", ago(40), ago(-5))))
    assert told(during) == [("site", "maintenance", "S", 2, 27, None)]
    assert present_causes(during).to_dict() == dict.fromkeys("AB", "maintenance")
    over = with_windows(city, windows(("maintenance", "site:S", ago(40), ago(10))))
    assert told(over) == [("site", "maintenance", "S", 2, 27, 10), ("site", "upstream", "S", 2, 10, None)]
    one = with_windows(city, windows(("maintenance", "ap:A", ago(40), ago(-5))))
    assert {event[:3] for event in told(one)} == {("ap", "maintenance", "A"), ("ap", "fault", "B")}


def test_an_application_is_an_event_of_its_own() -> None:
    city = cities.city(
        NOW,
        services=[{"source_id": "ppdb", "name": "PPDB"}],
        service_samples=heard("ppdb", UP + "-" * 30, of="service") + heard("ppdb", "-" * 90, of="service", vantage="S"),
    )
    assert told(city) == [("service", "fault", "ppdb", 0, 27, None)]


def test_a_city_without_a_network_has_no_outages() -> None:
    city = cities.city(NOW)
    assert outages(city).empty
    assert present_causes(city).empty
    assert affected(city).empty
