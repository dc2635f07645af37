from __future__ import annotations

from datetime import date, timedelta

import pytest

from coc.metrics import compute, series
from coc.metrics.city import City
from tests.metrics import cities
from tests.metrics.cities import wib

NOW = wib("2026-01-02T10:00")  # the Friday after New Year's Day


def test_the_flow_counts_each_letter_on_its_days_and_names_holidays() -> None:
    letters = [
        {"source_id": "A", "registered_at": wib("2025-12-31T09:00"), "completed_at": wib("2026-01-02T09:00")},
        {"source_id": "B", "registered_at": wib("2026-01-01T23:59"), "unit": "DINKES"},
        {"source_id": "C", "registered_at": NOW + timedelta(minutes=5)},
    ]
    given = [
        {"letter_id": "A", "issued_at": wib("2025-12-31T10:00"), "cancelled_at": NOW},
        {"letter_id": "A", "issued_at": wib("2026-01-02T08:00")},
        {"letter_id": "A", "issued_at": wib("2026-01-02T09:00")},
        {"letter_id": "A", "issued_at": wib("2025-12-30T09:00"), "deleted": True},
    ]
    city = cities.city(NOW, letters, given)
    flow = series.flow(city, days=3).set_index("day")
    assert flow.index.tolist() == [date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 2)]
    assert flow["registered"].tolist() == [1, 1, 0]
    assert flow["dispositioned"].tolist() == [0, 0, 1]
    assert flow["completed"].tolist() == [0, 0, 1]
    assert flow["working"].tolist() == [True, False, True]
    assert flow["partial"].tolist() == [False, False, True]
    assert flow["note"].tolist() == ["", "Tahun Baru Masehi", ""]
    assert series.flow(city, days=3, unit="DINKES")["registered"].tolist() == [0, 1, 0]


def test_the_backlog_is_the_same_by_unit_by_age_and_in_the_tile() -> None:
    days = ["2026-01-02T09:00", "2025-12-31T09:00", "2025-12-30T09:00", "2025-12-29T09:00", "2025-12-22T09:00"]
    given = [
        {"issued_at": wib(d), "to_unit": u, "due_at": wib("2025-12-31T12:00")}
        for d in days
        for u in ("DISDIK", "DINKES")
    ][:-1]
    city = cities.city(NOW, [], given)
    units = series.backlog_by_unit(city)
    assert units["unit"].tolist() == ["DISDIK", "DINKES"]
    assert units["name"].tolist() == ["Dinas DISDIK", "Dinas DINKES"]
    assert units["backlog"].tolist() == [5, 4]
    ages = series.backlog_by_age(city)
    # Working days after the issue: 0, 1 (New Year is off), 2, 3 and, five-day with the Christmas leave, 6.
    assert dict(zip(ages["bucket"], ages["backlog"], strict=True)) == {"0-1": 4, "2-3": 4, "4-5": 0, "gt5": 1}
    assert ages["overdue"].sum() == units["overdue"].sum() == 9
    tile = compute(city, ["disposition.backlog"], ["7d"])
    assert tile["value"].iloc[0] == ages["backlog"].sum() == units["backlog"].sum()
    assert series.backlog_by_age(city, unit="DINKES")["backlog"].sum() == 4


def test_channels_leave_out_what_was_cancelled_and_know_when_they_do_not_know_the_device() -> None:
    given = [
        {"issued_at": NOW, "channel": "voice", "device": "phone"},
        {"issued_at": NOW, "channel": "voice", "device": "phone"},
        {"issued_at": NOW, "channel": "text"},
        {"issued_at": NOW, "channel": "text", "cancelled_at": NOW},
        {"issued_at": wib("2025-12-04T00:00") - timedelta(microseconds=1), "channel": "e_signature"},
    ]
    found = series.channels(cities.city(NOW, [], given), "30d")
    assert found.to_dict("records") == [
        {"channel": "voice", "device": "phone", "count": 2},
        {"channel": "text", "device": "unknown", "count": 1},
    ]


def network() -> City:
    ticks = [NOW - timedelta(minutes=i) for i in range(31)]
    return cities.city(
        NOW,
        sites=[{"source_id": "S", "name": "Taman Remaja", "area": "15.71.01"}],
        access_points=[{"source_id": "A", "site": "S", "name": "Gerbang"}, {"source_id": "Z"}],
        ap_samples=[{"ap": "A", "at": t, "clients": 3} for t in ticks],
        services=[{"source_id": "ppdb", "name": "PPDB", "owner_unit": "DISDIK"}],
        service_samples=[
            {"service": "ppdb", "at": t, "latency_ms": float(i), "up": i != 30} for i, t in enumerate(ticks)
        ],
    )


def test_points_carry_their_site_and_one_never_heard_of_has_no_data() -> None:
    points = series.points(network()).set_index("ap")
    assert points.loc["A", ["name", "site_name", "area", "state"]].tolist() == [
        "Gerbang",
        "Taman Remaja",
        "15.71.01",
        "up",
    ]
    assert points.loc["Z", "state"] == "no_data"
    assert points["flapping"].tolist() == [False, False]


def test_latency_is_of_answers_only() -> None:
    found = series.app_latency(network())
    assert found["at"].tolist() == [wib("2026-01-02T09:30"), wib("2026-01-02T09:45"), wib("2026-01-02T10:00")]
    assert found["p50"].tolist() == [22.5, 8.0, 0.0]  # 16..29 answered, 30 did not
    assert found["up_share"].tolist() == [pytest.approx(14 / 15), 1.0, 1.0]
    assert set(found["name"]) == {"PPDB"}


def test_services_tell_their_state_and_how_much_of_the_day_is_known() -> None:
    row = series.services(network()).iloc[0]
    assert row["state"] == "up"
    assert row["availability_24h"] == 1  # one failed minute is no down time
    assert row["coverage"] == pytest.approx(1800 / 86400)


def test_every_frame_opens_on_an_empty_city() -> None:
    empty = cities.city(NOW)
    for make in (series.flow, series.backlog_by_unit, series.backlog_by_age, series.channels, series.trend,
                 series.wifi_by_hour, series.wifi_availability, series.app_latency, series.points,
                 series.services):  # fmt: skip
        frame = make(empty)
        full = make(network())
        assert list(frame.columns) == list(full.columns)
    assert series.trend(empty)["value"].isna().all()
    assert series.flow(empty)["registered"].sum() == 0


def test_a_trend_of_one_subject_has_its_ids_alone() -> None:
    ids = set(series.trend(cities.city(NOW), "disposition.")["id"])
    assert ids
    assert all(i.startswith("disposition.") for i in ids)
