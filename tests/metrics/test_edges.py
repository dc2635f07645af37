"""DOMAIN's "Edges, decided", one sentence a test, with figures worked out by hand."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import pytest

from coc.domain.limits import Limits
from coc.metrics import City, compute
from tests.metrics import cities
from tests.metrics.cities import EVERYTHING, Row, wib

NOW = wib("2025-11-24T10:00")  # a Monday
MICRO = timedelta(microseconds=1)


def figure(city: City, kpi: str, window: Any = "30d", unit: str = "") -> tuple[float, str]:
    rows = compute(city, [kpi], [window])
    row = rows[rows["unit"] == unit].iloc[0]
    return row["value"], row["state"]


def given(*rows: Row, letters: list[Row] | None = None, now: datetime = NOW) -> City:
    return cities.city(now, letters, [{"issued_at": wib("2025-11-20T10:00")} | r for r in rows])


def value(city: City, kpi: str, window: Any = "30d", unit: str = "") -> float:
    return figure(city, kpi, window, unit)[0]


def test_a_window_opens_at_a_city_midnight_and_closes_now() -> None:
    opens = wib("2025-11-18T00:00")
    city = cities.city(
        NOW,
        [{"registered_at": t} for t in (opens, NOW)]
        + [{"registered_at": t, "medium": "paper"} for t in (opens - MICRO, NOW + MICRO)],
    )
    assert value(city, "correspondence.paperless_rate", "7d") == 1
    assert value(city, "correspondence.paperless_rate", "30d") == pytest.approx(2 / 3)
    assert value(city, "correspondence.registered_today") == 1


def test_a_row_from_the_near_future_is_in_no_window_but_open_it_is_backlog() -> None:
    soon = NOW + timedelta(minutes=50)
    city = given({"issued_at": soon}, {"issued_at": NOW, "completed_at": soon})
    assert value(city, "disposition.backlog") == 1
    assert figure(city, "disposition.followup_hours_p50")[1] == "no_data"


def test_due_now_is_due_soon_and_a_microsecond_later_overdue() -> None:
    city = given({"due_at": NOW}, {"due_at": NOW - MICRO})
    assert value(city, "disposition.due_soon") == 1
    assert value(city, "disposition.overdue") == 1


def test_due_soon_begins_at_a_fifth_of_the_span() -> None:
    issued = NOW - timedelta(hours=80)
    left = [timedelta(hours=20), timedelta(hours=20) + MICRO]
    city = given(*({"issued_at": issued, "due_at": NOW + t} for t in left))
    assert value(city, "disposition.due_soon") == 1


def test_a_due_before_the_issue_is_overdue_and_never_due_soon() -> None:
    city = given({"due_at": wib("2025-11-19T00:00")}, {"issued_at": NOW + timedelta(minutes=30), "due_at": NOW})
    assert value(city, "disposition.overdue") == 1
    assert value(city, "disposition.due_soon") == 0


def test_a_disposition_whose_letter_has_not_arrived_counts_without_a_due() -> None:
    city = given({"to_unit": "DINKES"}, now=wib("2026-02-02T10:00"))
    assert value(city, "disposition.backlog", unit="DINKES") == 1
    assert value(city, "disposition.overdue") == 0
    assert figure(city, "disposition.on_time_rate", "90d") == (pytest.approx(math.nan, nan_ok=True), "no_data")


def test_a_disposition_of_a_deleted_letter_counts_nowhere() -> None:
    letter = {"source_id": "L", "registered_at": NOW, "deleted": True}
    city = given({"letter_id": "L"}, {"letter_id": "L", "source": "other"}, letters=[letter])
    assert value(city, "disposition.backlog") == 1  # the other source's letter of that name has not arrived


def test_cancelled_and_read_only_instructions_are_nobodys_backlog() -> None:
    city = given({"cancelled_at": NOW}, {"instruction": "ARSIPKAN"}, {"cancelled_at": NOW, "completed_at": NOW})
    assert value(city, "disposition.backlog") == 0
    assert figure(city, "disposition.followup_hours_p85")[1] == "no_data"


def test_an_open_overdue_disposition_counts_against_the_rate_and_one_not_yet_due_not_at_all() -> None:
    due = wib("2025-11-21T10:00")
    city = given(
        {"due_at": due, "completed_at": due},
        {"due_at": due, "completed_at": due + MICRO},
        {"due_at": due},
        {"due_at": NOW + MICRO, "completed_at": NOW},
    )
    assert value(city, "disposition.on_time_rate") == pytest.approx(1 / 3)


def test_a_unit_has_its_own_calendar_for_follow_up() -> None:
    done = {"issued_at": wib("2025-11-21T16:00"), "completed_at": wib("2025-11-22T09:00")}  # Friday to Saturday
    city = given(done | {"to_unit": "DISDIK"}, done | {"to_unit": "DINKES"})
    assert value(city, "disposition.followup_hours_p50", unit="DISDIK") == 0.5
    assert value(city, "disposition.followup_hours_p50", unit="DINKES") == 1.5
    assert value(city, "disposition.followup_hours_p50") == 1.0  # interpolated between the two
    assert value(city, "disposition.followup_hours_p95") == pytest.approx(1.45)


def test_a_letter_waits_until_it_waited_more_than_eight_working_hours() -> None:
    thursday_evening, now = wib("2025-11-20T16:00"), wib("2025-11-24T08:00")  # Friday's 7.5 h and Monday's first 0.5
    waited_8 = cities.city(now, [{"registered_at": thursday_evening}])
    waited_more = cities.city(now, [{"registered_at": thursday_evening - MICRO}])
    assert value(waited_8, "correspondence.undispositioned") == 0
    assert value(waited_more, "correspondence.undispositioned") == 1


def test_a_cancelled_disposition_leaves_its_letter_waiting_and_another_sources_does_not_help() -> None:
    letters = [{"source_id": n, "registered_at": wib("2025-11-10T08:00")} for n in "ABCD"] + [
        {"source_id": "E", "registered_at": wib("2025-11-10T08:00"), "kind": "memo"},
        {"source_id": "F", "registered_at": wib("2025-11-10T08:00"), "completed_at": NOW},
    ]
    city = given(
        {"letter_id": "A"},
        {"letter_id": "B", "cancelled_at": NOW},
        {"letter_id": "C", "source": "t"},
        {"letter_id": "D", "instruction": "ARSIPKAN"},
        letters=letters,
    )
    assert value(city, "correspondence.undispositioned") == 2
    assert value(city, "correspondence.undispositioned", unit="DISDIK") == 2


def test_exempt_categories_are_configuration() -> None:
    letters: list[Row] = [
        {"registered_at": NOW, "category": c, "medium": m}
        for c, m in (("finance", "paper"), ("unknown", "electronic"), ("general", "paper"))
    ]
    assert value(cities.city(NOW, letters), "correspondence.paperless_rate") == 0.5
    none = Limits.model_validate({"paper_exempt": []})
    assert value(cities.city(NOW, letters, limits=none), "correspondence.paperless_rate") == pytest.approx(1 / 3)


def test_a_unit_off_the_list_counts_for_the_city_alone() -> None:
    city = given({"to_unit": "LAMA"})
    assert value(city, "disposition.backlog") == 1
    assert "LAMA" not in set(compute(city)["unit"])


def test_what_no_source_records_is_not_a_zero() -> None:
    city = cities.city(
        NOW, provided=EVERYTHING - {"dispositions.completed_at", "letters.completed_at", "ap_samples.clients"}
    )
    for kpi in ("disposition.backlog", "disposition.on_time_rate", "correspondence.undispositioned", "wifi.clients"):
        found, state = figure(city, kpi)
        assert math.isnan(found)
        assert state == "not_recorded"
    assert figure(city, "disposition.backlog", unit="KOSONG")[1] == "not_recorded"
    assert figure(city, "correspondence.registered_today") == (0, "ok")


def test_a_city_without_an_e_office_records_no_letters() -> None:
    city = cities.city(NOW, provided=frozenset({"ap_samples.up", "ap_samples.at", "ap_samples.ap"}))
    rows = compute(city)
    recorded = set(rows.loc[rows["state"] != "not_recorded", "id"])
    assert recorded == {"wifi.up", "wifi.down", "wifi.no_data", "wifi.availability_24h", "wifi.availability_30d"}


def test_naming_optional_columns_alone_leaves_the_required_ones_recorded() -> None:
    city = cities.city(NOW, provided=frozenset({"dispositions.completed_at", "letters.completed_at"}))
    assert figure(city, "disposition.backlog") == (0, "ok")
    assert figure(city, "correspondence.paperless_rate")[1] == "no_data"


def test_degraded_needs_latency_or_loss() -> None:
    bare = EVERYTHING - {"ap_samples.latency_ms", "ap_samples.loss"}
    assert figure(cities.city(NOW, provided=bare), "wifi.degraded")[1] == "not_recorded"
    assert figure(cities.city(NOW, provided=bare | {"ap_samples.loss"}), "wifi.degraded") == (0, "ok")


def test_without_urgency_or_due_dates_nothing_is_known_to_be_overdue() -> None:
    city = cities.city(
        NOW, provided=frozenset(c for c in EVERYTHING if c.startswith("dispositions.")) - {"dispositions.due_at"}
    )
    assert figure(city, "disposition.overdue")[1] == "not_recorded"
    assert figure(city, "disposition.backlog") == (0, "ok")


def test_two_sources_may_use_the_same_ids() -> None:
    letters = [
        {"source_id": "A", "source": s, "registered_at": wib("2025-11-10T08:00"), "unit": u}
        for s, u in (("s", "DISDIK"), ("t", "DINKES"))
    ]
    city = given({"letter_id": "A", "source": "t"}, letters=letters)
    assert value(city, "correspondence.undispositioned") == 1
    assert value(city, "correspondence.undispositioned", unit="DISDIK") == 1
