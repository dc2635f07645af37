"""Numbers, days and hours as each language writes them."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coc.ui.format import Writer

ID, EN = Writer("id", ZoneInfo("Asia/Jakarta")), Writer("en", ZoneInfo("Asia/Jakarta"))
NOW = datetime(2020, 11, 28, 7, 5, tzinfo=UTC)


def test_numbers_take_the_languages_own_separators() -> None:
    assert ID.number(1234.5, 1) == "1.234,5"
    assert EN.number(1234.5, 1) == "1,234.5"
    assert ID.number(-1234) == "−1.234"


@pytest.mark.parametrize("nothing", [None, math.nan])
def test_null_is_a_dash_and_never_nan(nothing: float | None) -> None:
    assert ID.number(nothing, 1) == "–"
    assert ID.percent(nothing) == "–"


def test_percent_has_a_space_in_indonesian_only() -> None:
    assert ID.percent(0.974) == "97,4\N{NO-BREAK SPACE}%"
    assert EN.percent(0.974) == "97.4%"


def test_one_failure_in_a_million_is_not_rounded_to_a_hundred_percent() -> None:
    assert ID.percent(0.999999) == "99,9\N{NO-BREAK SPACE}%"
    assert ID.percent(1.0) == "100\N{NO-BREAK SPACE}%"
    assert EN.percent(0.0001) == "0.1%"
    assert EN.percent(0.0) == "0.0%"


@given(st.floats(min_value=0, max_value=1))
def test_a_shown_rate_is_within_a_tenth_of_a_point(rate: float) -> None:
    assert abs(Writer.points(rate) - rate * 100) <= 0.1


def test_dates_and_hours() -> None:
    assert ID.long_date(date(2020, 11, 28)) == "28 November 2020"
    assert ID.weekday(date(2020, 11, 28)) == "Sabtu"
    assert ID.clock(NOW) == "14.05 WIB"
    assert EN.clock(NOW) == "14:05 WIB"


def test_a_moment_of_another_day_names_the_day() -> None:
    assert ID.moment(NOW - timedelta(days=1), NOW) == "27 Nov, 14.05 WIB"
    assert ID.moment(NOW - timedelta(minutes=5), NOW) == "14.00 WIB"


def test_other_zones_have_their_own_names() -> None:
    assert Writer("id", ZoneInfo("Asia/Makassar")).clock(NOW) == "15.05 WITA"
    assert Writer("id", ZoneInfo("Asia/Jayapura")).clock(NOW) == "16.05 WIT"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "0 dtk"), (59.9, "59 dtk"), (60, "1 mnt"), (3600, "1 jam"), (172_799, "47 jam"), (172_800, "2 hari")],
)
def test_ages_round_down_and_change_unit(seconds: float, said: str) -> None:
    assert ID.age(seconds) == said


def test_a_change_carries_its_sign() -> None:
    assert ID.signed(3) == "+3"
    assert ID.signed(-3.26, 1) == "−3,3"
    assert ID.signed(0.0) == "0"
