"""DOMAIN's "Edges, decided" of the KPIs of flow, first dispositions and habit, with figures worked out by hand."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import pytest

from coc.domain.calendar_spec import CalendarSettings
from coc.domain.limits import Limits
from coc.metrics import WINDOWS, City, compute
from tests.metrics import cities
from tests.metrics.cities import EVERYTHING, Row, wib

NOW = wib("2025-11-24T10:00")  # a Monday
TODAY = wib("2025-11-24T00:00")
TEN_DAYS = wib("2025-11-10T00:00")  # the midnight of the earliest of the 10 working days before it
MICRO = timedelta(microseconds=1)


def figure(city: City, kpi: str, window: Any = "30d", unit: str = "") -> tuple[float | None, str]:
    rows = compute(city, [kpi], [window])
    row = rows[rows["unit"] == unit].iloc[0]
    return None if math.isnan(row["value"]) else row["value"], row["state"]


def given(*rows: Row, letters: list[Row] | None = None, now: datetime = NOW) -> City:
    return cities.city(now, letters, [{"issued_at": wib("2025-09-01T10:00")} | r for r in rows])


def test_letters_of_complete_days_are_divided_by_the_working_days_among_them() -> None:
    opens = wib("2025-11-18T00:00")
    city = cities.city(NOW, [{"registered_at": t} for t in (opens, opens - MICRO, TODAY - MICRO, TODAY, NOW)])
    assert figure(city, "correspondence.registered_per_working_day", "7d") == (2 / 4, "ok")  # Tue-Fri of 18-23 Nov
    assert figure(city, "correspondence.registered_per_working_day", "7d", "DINKES") == (0, "ok")


def test_a_week_of_leave_has_no_letters_per_working_day() -> None:
    calendar = CalendarSettings.model_validate({"holidays": {"extra": [f"2025-11-{d}" for d in range(18, 22)]}})
    city = cities.city(NOW, [{"registered_at": wib("2025-11-19T09:00")}], calendar=calendar)
    assert figure(city, "correspondence.registered_per_working_day", "7d") == (None, "no_data")


def test_sheets_are_pages_times_copies_and_what_is_not_said_is_assumed() -> None:
    counts = [(4, 2), (None, 2), (4, None), (None, None), (0, 5)]
    letters: list[Row] = [{"registered_at": NOW, "pages": p, "copies": c} for p, c in counts]
    letters += [{"registered_at": NOW, "pages": 99, "medium": "paper"}]
    letters += [{"registered_at": NOW, "pages": 99, "deleted": True}, {"registered_at": NOW + MICRO, "pages": 99}]
    assert figure(cities.city(NOW, letters), "correspondence.sheets_saved") == (8 + 4 + 12 + 6 + 0, "ok")
    sparing = Limits.model_validate({"default_pages": 1, "default_copies": 1})
    assert figure(cities.city(NOW, letters, limits=sparing), "correspondence.sheets_saved")[0] == 8 + 2 + 4 + 1
    assert figure(cities.city(NOW, letters), "correspondence.sheets_saved", unit="KOSONG") == (0, "ok")


def test_the_rate_over_all_letters_knows_no_exemption() -> None:
    letters: list[Row] = [
        {"registered_at": NOW, "category": c, "medium": m}
        for c, m in (("finance", "paper"), ("general", "electronic"), ("legal", "electronic"))
    ]
    city = cities.city(NOW, letters)
    assert figure(city, "correspondence.paperless_rate_all")[0] == pytest.approx(2 / 3)
    assert figure(city, "correspondence.paperless_rate")[0] == 1
    assert figure(city, "correspondence.paperless_rate_all", unit="DINKES") == (None, "no_data")


def test_completed_and_cancelled_is_one_departure_at_the_earlier() -> None:
    old, lately = wib("2025-08-01T10:00"), wib("2025-11-20T10:00")
    city = given(
        {"completed_at": old, "cancelled_at": lately},
        {"completed_at": lately, "cancelled_at": old},
        {"completed_at": lately, "cancelled_at": lately + MICRO},
        {"completed_at": lately, "instruction": "ARSIPKAN"},
        {"issued_at": NOW, "cancelled_at": NOW},
    )
    assert figure(city, "disposition.net_flow", "7d") == (1 - 2, "ok")


def test_net_flow_counts_what_came_less_what_went() -> None:
    opens = wib("2025-11-18T00:00")
    city = given(
        {"issued_at": opens}, {"issued_at": NOW}, {"issued_at": opens - MICRO, "completed_at": NOW},
        {"issued_at": NOW + MICRO}, {"issued_at": NOW, "to_unit": "DINKES"},
    )  # fmt: skip
    assert figure(city, "disposition.net_flow", "7d") == (2, "ok")
    assert figure(city, "disposition.net_flow", "7d", "DINKES") == (1, "ok")
    assert figure(city, "disposition.net_flow", "7d", "KOSONG") == (0, "ok")


def done(*at: datetime, came: int = 0) -> list[Row]:
    """So many that went, and as many that came, within the ten days."""
    return [{"completed_at": t} for t in at] + [
        {"issued_at": TEN_DAYS, "completed_at": NOW + timedelta(minutes=n)} for n in range(came)
    ]


def test_days_to_clear_is_the_backlog_over_what_goes_a_working_day() -> None:
    rows = done(TEN_DAYS, TODAY - MICRO, wib("2025-11-16T12:00"), wib("2025-11-19T09:00"), came=4)
    outside = done(TEN_DAYS - MICRO, TODAY)
    city = given(*rows, *outside, {}, {}, {"instruction": "ARSIPKAN"})
    assert figure(city, "disposition.days_to_clear") == (2 / 0.4, "ok")


@pytest.mark.parametrize(("came", "state"), [(4, "ok"), (3, "ok"), (5, "ok"), (2, "unstable"), (6, "unstable")])
def test_arrivals_and_departures_that_differ_by_more_than_a_quarter_of_the_larger_are_unstable(
    came: int, state: str
) -> None:
    city = given(*done(*[wib("2025-11-19T09:00")] * 4, came=came), {})
    assert figure(city, "disposition.days_to_clear") == (1 / 0.4, state)


def test_where_nothing_goes_nothing_clears() -> None:
    city = given({}, {"to_unit": "DINKES", "issued_at": wib("2025-11-19T09:00")})
    assert figure(city, "disposition.days_to_clear") == (None, "no_outflow")
    assert figure(city, "disposition.days_to_clear", unit="KOSONG") == (None, "no_outflow")


def test_what_went_without_a_backlog_clears_in_no_time() -> None:
    city = given(*done(wib("2025-11-19T09:00"), came=1))
    assert figure(city, "disposition.days_to_clear") == (0, "ok")


def test_the_end_of_the_morning_is_outside_hours_and_cancelled_ones_are_in_neither() -> None:
    day = "2025-11-20T"
    times = ("07:29:59", "07:30", "11:59:59", "12:00", "13:00", "16:00")
    city = given(
        *({"issued_at": wib(day + t)} for t in times),
        {"issued_at": wib(day + "20:00"), "cancelled_at": NOW},
        {"issued_at": wib(day + "20:00"), "instruction": "ARSIPKAN"},
    )
    assert figure(city, "disposition.outside_hours_share", "7d")[0] == pytest.approx(4 / 7)
    assert figure(city, "disposition.outside_hours_share", "7d", "DINKES") == (None, "no_data")


def test_hours_of_a_disposition_are_outside_by_the_citys_calendar_whatever_the_unit_works() -> None:
    saturday = {"issued_at": wib("2025-11-22T09:00"), "to_unit": "DINKES"}  # its six days hold Saturdays
    assert figure(given(saturday), "disposition.outside_hours_share", unit="DINKES") == (1, "ok")


def test_a_ramadan_friday_ends_at_half_past_eleven() -> None:
    now = wib("2026-03-06T20:00")
    friday = [{"issued_at": wib(f"2026-03-06T{t}")} for t in ("07:00", "11:29:59", "11:30", "13:30")]
    assert figure(given(*friday, now=now), "disposition.outside_hours_share", "7d") == (0.5, "ok")


def first(*rows: Row, **letter: Any) -> tuple[float | None, str]:
    letters = [{"source_id": "L", "registered_at": wib("2025-11-20T08:00")} | letter]
    return figure(
        given(*({"letter_id": "L"} | r for r in rows), letters=letters), "leaders.first_disposition_hours_p50"
    )


AT_TEN = {"issued_at": wib("2025-11-20T10:00"), "from_office": "walikota"}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([AT_TEN], 2),
        ([AT_TEN | {"from_office": "asisten_1"}], None),
        ([AT_TEN, AT_TEN | {"issued_at": wib("2025-11-20T09:00"), "from_office": "kepala:DISDIK"}], None),
        ([AT_TEN, AT_TEN | {"issued_at": wib("2025-11-20T09:00"), "cancelled_at": NOW}], 2),
        ([AT_TEN, AT_TEN | {"issued_at": wib("2025-11-20T09:00"), "deleted": True}], 2),
        ([AT_TEN, AT_TEN | {"from_office": "kepala:DISDIK"}], 2),  # at one instant
        ([AT_TEN | {"cancelled_at": NOW}], None),
        ([AT_TEN | {"issued_at": wib("2025-11-20T07:00")}], 0),  # before the registration
        ([AT_TEN | {"issued_at": wib("2025-11-21T08:00"), "from_office": "sekda"}], 7.5),
        ([AT_TEN | {"source": "t"}], None),  # of another source's letter
        ([AT_TEN | {"issued_at": NOW + MICRO}], None),
        ([AT_TEN | {"instruction": "ARSIPKAN", "from_office": "wakil_walikota"}], 2),
    ],
)
def test_a_leaders_first_disposition_is_the_earliest_that_stands(rows: list[Row], expected: float | None) -> None:
    assert first(*rows) == (expected, "no_data" if expected is None else "ok")


def test_a_first_disposition_is_of_incoming_letters_and_of_the_window() -> None:
    assert first(AT_TEN, kind="memo")[0] is None
    assert first(AT_TEN, deleted=True)[0] is None
    assert first(AT_TEN, completed_at=wib("2025-11-20T11:00"))[0] == 2
    opens = wib("2025-10-26T00:00")
    assert first(AT_TEN | {"issued_at": opens}, registered_at=wib("2025-10-24T16:00"))[0] == 0.5
    assert first(AT_TEN | {"issued_at": opens - MICRO}, registered_at=wib("2025-10-24T16:00"))[0] is None


def test_a_units_first_dispositions_are_those_of_its_letters_whoever_got_them() -> None:
    letters = [{"source_id": "L", "registered_at": wib("2025-11-20T08:00"), "unit": "DINKES"}]
    city = given(AT_TEN | {"letter_id": "L", "to_unit": "DISDIK"}, letters=letters)
    assert figure(city, "leaders.first_disposition_hours_p50", unit="DINKES") == (2, "ok")
    assert figure(city, "leaders.first_disposition_hours_p50", unit="DISDIK") == (None, "no_data")


def weekly(unit: str, mondays: tuple[str, ...], times: int = 3, **more: Any) -> list[Row]:
    return [{"unit": unit, "registered_at": wib(f"{m}T09:00")} | more for m in mondays for _ in range(times)]


LAST_FOUR = ("2025-11-17", "2025-11-10", "2025-11-03", "2025-10-27")


def test_habit_is_enough_letters_in_each_of_four_complete_weeks() -> None:
    letters = weekly("DISDIK", LAST_FOUR) + weekly("DINKES", LAST_FOUR, 9)[:-7] + weekly("LAMA", LAST_FOUR)
    city = cities.city(NOW, letters)
    assert figure(city, "adoption.rate") == (1 / 4, "ok")
    assert [figure(city, "adoption.rate", unit=u)[0] for u in ("DISDIK", "DINKES", "KOSONG")] == [1, 0, 0]
    assert figure(cities.city(NOW, letters[1:]), "adoption.rate")[0] == 0
    modest = Limits.model_validate({"adoption_letters_per_week": 2})
    assert figure(cities.city(NOW, letters, limits=modest), "adoption.rate")[0] == 2 / 4


def test_a_week_begins_on_monday_midnight_and_ends_with_sunday() -> None:
    edges = [wib(f"{m}T00:00") for m in LAST_FOUR] + [wib(f"{m}T00:00") + timedelta(days=7) - MICRO for m in LAST_FOUR]
    letters = [{"registered_at": t} for t in edges + edges[:4]]
    assert figure(cities.city(NOW, letters), "adoption.rate", unit="DISDIK")[0] == 1
    late = [{"registered_at": r["registered_at"] - MICRO} for r in letters]
    assert figure(cities.city(NOW, late), "adoption.rate", unit="DISDIK")[0] == 0


def test_on_sunday_the_week_is_not_complete() -> None:
    letters = weekly("DISDIK", (*LAST_FOUR[1:], "2025-10-20"))
    for now, expected in (("2025-11-23T23:59", 1), ("2025-11-24T00:00", 0)):
        assert figure(cities.city(wib(now), letters), "adoption.rate", unit="DISDIK")[0] == expected


def test_holiday_weeks_are_reached_past() -> None:
    now = wib("2026-03-30T10:00")  # Nyepi, Idul Fitri and their leave: two working days from 16 to 24 March
    weeks = ("2026-03-09", "2026-03-02", "2026-02-23")
    with_leave = weekly("DISDIK", ("2026-03-23", *weeks))
    assert figure(cities.city(now, with_leave), "adoption.rate", unit="DISDIK")[0] == 1
    calendar = CalendarSettings.model_validate({"holidays": {"extra": ["2026-03-25"]}})
    without = weekly("DISDIK", (*weeks, "2026-02-16"))
    assert figure(cities.city(now, without, calendar=calendar), "adoption.rate", unit="DISDIK")[0] == 1


def test_a_unit_counts_from_its_first_to_its_last_day() -> None:
    letters = weekly("DISDIK", LAST_FOUR)
    bounds = {"DINKES": (None, "2025-11-23"), "KEC-01": ("2025-11-25", None), "DISDIK": ("2025-11-24", "2025-11-24")}
    city = cities.city(NOW, letters, valid=bounds)
    assert figure(city, "adoption.rate") == (1 / 2, "ok")  # KOSONG is the other
    assert figure(city, "adoption.rate", unit="DINKES") == (None, "no_data")
    assert figure(city, "adoption.breadth")[0] == pytest.approx(1 / 3 / 2)
    nobody = dict.fromkeys(cities.UNITS, (None, "2025-01-01"))
    assert figure(cities.city(NOW, letters, valid=nobody), "adoption.rate") == (None, "no_data")


def test_breadth_is_over_listed_types_of_ninety_days_whatever_the_window() -> None:
    opens = wib("2025-08-27T00:00")
    letters: list[Row] = [
        {"registered_at": NOW, "type": "undangan"},
        {"registered_at": NOW, "type": "undangan"},
        {"registered_at": opens, "type": "surat_dinas"},
        {"registered_at": opens - MICRO, "type": "laporan"},
        {"registered_at": NOW, "type": "tak_terdaftar"},
        {"registered_at": NOW, "type": "laporan", "unit": "DINKES"},
    ]
    city = cities.city(NOW, letters)
    for window in WINDOWS:
        assert figure(city, "adoption.breadth", window, "DISDIK")[0] == pytest.approx(2 / 3)
        assert figure(city, "adoption.breadth", window)[0] == pytest.approx((2 / 3 + 1 / 3) / 4)
    assert figure(cities.city(NOW, letters, letter_types=()), "adoption.breadth") == (None, "no_data")


DATES = {"letters.registered_at", "letters.completed_at", "dispositions.issued_at", "dispositions.completed_at"}
OF_HOURS = {
    "correspondence.undispositioned",
    "disposition.followup_hours_p50",
    "disposition.followup_hours_p85",
    "disposition.followup_hours_p95",
    "disposition.on_time_rate",
    "disposition.overdue",
    "disposition.due_soon",
    "disposition.outside_hours_share",
    "leaders.first_disposition_hours_p50",
}


def test_a_register_of_dates_records_days_and_no_hours() -> None:
    provided = (EVERYTHING - DATES - {"dispositions.due_at"}) | {f"{name}@date" for name in DATES}
    rows = compute(cities.city(NOW, provided=provided))
    assert set(rows.loc[rows["state"] == "not_recorded", "id"]) == OF_HOURS
    beside_another = compute(cities.city(NOW, provided=provided | EVERYTHING))
    assert "not_recorded" not in set(beside_another["state"])
