from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from coc.domain.calendar_spec import CalendarSettings
from coc.domain.derive import derivation_digest, derive
from coc.domain.limits import Limits
from coc.domain.worktime import build_calendars

UNITS = pd.DataFrame({"code": ["FIVE", "SIX"], "calendar": pd.Series([None, "six_day"], dtype="str")})
CALENDARS = build_calendars(CalendarSettings(), "Asia/Jakarta", UNITS)


def wib(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text + "+07:00") if isinstance(text, str) else None


def rows(*given: dict[str, str | None]) -> pd.DataFrame:
    base = {
        "to_unit": "FIVE",
        "instruction": "LAKSANAKAN",
        "letter_urgency": "biasa",
        "due_at": None,
        "completed_at": None,
    }
    table = pd.DataFrame([base | g for g in given])
    for column in ("issued_at", "due_at", "completed_at"):
        table[column] = pd.to_datetime(pd.Series([wib(v) for v in table[column]]), utc=True).astype(
            "datetime64[us, UTC]"
        )
    return table


FRIDAY = "2025-11-28T10:00"


@pytest.mark.parametrize(
    ("urgency", "unit", "due"),
    [
        ("amat_segera", "FIVE", "2025-11-29T10:00"),
        ("segera", "FIVE", "2025-11-30T10:00"),
        ("penting", "SIX", "2025-12-01T10:00"),
        ("biasa", "FIVE", "2025-12-05T16:30"),  # Mon-Fri; Friday's last interval ends 16:30
        ("biasa", "SIX", "2025-12-04T15:30"),  # Saturday counts
        ("unknown", "FIVE", None),
        (None, "FIVE", None),  # the letter has not arrived
    ],
)
def test_a_limit_runs_from_the_issue_in_its_own_clock(urgency: str | None, unit: str, due: str | None) -> None:
    table = rows({"issued_at": FRIDAY, "letter_urgency": urgency, "to_unit": unit})
    found = derive(table, CALENDARS, Limits())["due"].iloc[0]
    assert (None if pd.isna(found) else found) == wib(due)


def test_the_sources_own_due_wins_even_before_the_issue_and_without_a_letter() -> None:
    table = rows({"issued_at": FRIDAY, "due_at": "2025-11-27T08:00", "letter_urgency": None})
    before = table.copy(deep=True)
    assert derive(table, CALENDARS, Limits())["due"].iloc[0] == wib("2025-11-27T08:00")
    pd.testing.assert_frame_equal(table, before)  # the caller's rows stay as they are


def test_the_day_of_issue_never_counts_and_it_ends_at_midnight() -> None:
    limits = Limits.model_validate({"urgency": {"biasa": "1 working_d"}})
    monday, tuesday, friday = "2025-11-24T23:59:59.999999", "2025-11-25T00:00", "2025-11-28T23:00"
    due = derive(rows(*({"issued_at": t} for t in (monday, tuesday, friday))), CALENDARS, limits)["due"]
    assert due.tolist() == [wib("2025-11-25T16:00"), wib("2025-11-26T16:00"), wib("2025-12-01T16:00")]


def test_working_hour_limits_count_in_the_receivers_calendar() -> None:
    limits = Limits.model_validate({"urgency": {"biasa": "2 working_h", "segera": "0 working_h"}})
    friday = {"issued_at": "2025-11-28T11:00"}
    table = rows(friday, friday | {"to_unit": "SIX"}, friday | {"letter_urgency": "segera"})
    due = derive(table, CALENDARS, limits)["due"].tolist()
    assert due == [wib("2025-11-28T14:30"), wib("2025-11-29T09:00"), wib("2025-11-28T11:00")]


def test_follow_up_is_in_the_receivers_calendar_and_outside_in_the_citys() -> None:
    done = {"issued_at": "2025-11-28T15:00", "completed_at": "2025-11-29T10:00"}
    got = derive(
        rows(done, done | {"to_unit": "SIX"}, {"issued_at": "2025-11-29T09:00", "to_unit": "SIX"}), CALENDARS, Limits()
    )
    assert got["followup_hours"].tolist()[:2] == [1.5, 2.5]
    assert np.isnan(got["followup_hours"].iloc[2])
    assert got["outside_hours"].tolist() == [False, False, True]


def test_no_rows_derive_to_no_rows_of_the_same_types() -> None:
    some = derive(rows({"issued_at": FRIDAY}), CALENDARS, Limits())
    none = derive(rows({"issued_at": FRIDAY}).iloc[:0], CALENDARS, Limits())
    assert none.empty
    assert (some.dtypes == none.dtypes).all()


def test_the_digest_moves_with_calendar_and_urgency_and_with_nothing_else() -> None:
    base = derivation_digest(CALENDARS, Limits())
    assert base == derivation_digest(CALENDARS, Limits.model_validate({"rupiah_per_sheet": 900, "ap": {"failures": 5}}))
    assert base != derivation_digest(CALENDARS, Limits.model_validate({"urgency": {"biasa": "4 working_d"}}))
    assert base != derivation_digest(build_calendars(CalendarSettings(), "Asia/Makassar", UNITS), Limits())
    more = pd.concat([UNITS, pd.DataFrame({"code": ["NEW"], "calendar": pd.Series([None], dtype="str")})])
    assert base == derivation_digest(build_calendars(CalendarSettings(), "Asia/Jakarta", more), Limits())


def test_a_day_of_limit_is_24_hours_of_clock() -> None:
    table = rows({"issued_at": FRIDAY, "letter_urgency": "amat_segera"})
    assert derive(table, CALENDARS, Limits())["due"].iloc[0] - table["issued_at"].iloc[0] == timedelta(hours=24)
