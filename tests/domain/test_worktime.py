from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coc.domain import reference
from coc.domain.calendar_spec import CalendarSettings
from coc.domain.instants import to_days
from coc.domain.worktime import build_calendars
from tests.domain import minutes

CALENDARS = build_calendars(CalendarSettings(), "Asia/Jakarta", reference.units())
PROFILES = ("five_day", "six_day")
# Days around which a calendar has its corners: Ramadan's ends, Idul Fitri, collective leave, a Friday, a year's end.
CORNERS = [
    date(2025, 2, 27),
    date(2025, 3, 28),
    date(2026, 2, 13),
    date(2026, 3, 17),
    date(2026, 5, 13),
    date(2025, 12, 24),
]


def jakarta(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=minutes.JAKARTA)


def first_minute(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=minutes.JAKARTA)


moments = st.builds(
    lambda day, days, minute: first_minute(day) + timedelta(days=days, minutes=minute),
    st.sampled_from(CORNERS),
    st.integers(0, 9),
    st.one_of(st.sampled_from([0, 420, 450, 690, 720, 750, 780, 810, 900, 930, 960, 990, 1439]), st.integers(0, 1439)),
)


@settings(max_examples=40)
@given(moments, st.integers(0, 6 * 1440), st.sampled_from(PROFILES))
@example(jakarta("2026-03-20T08:00"), 6 * 1440, "six_day")
def test_working_hours_are_those_a_minute_counter_finds(start: datetime, length: int, profile: str) -> None:
    end = start + timedelta(minutes=length)
    hours = CALENDARS.of_profile(profile).hours_between(pd.Timestamp(start), pd.Timestamp(end))
    assert hours[0] * 60 == pytest.approx(minutes.minutes_between(start, end, profile), abs=1e-9)


@settings(max_examples=40)
@given(moments, st.integers(1, 7), st.sampled_from(PROFILES))
@example(jakarta("2026-03-17T23:59"), 1, "five_day")
def test_the_nth_working_day_ends_where_a_walk_through_the_days_ends(at: datetime, n: int, profile: str) -> None:
    found = CALENDARS.of_profile(profile).end_of_nth_working_day(pd.Timestamp(at), n)[0]
    assert found == minutes.nth_day_end(at, n, profile)


@settings(max_examples=40)
@given(moments, st.integers(1, 1500), st.sampled_from(PROFILES))
def test_added_hours_end_at_the_earliest_instant_with_that_much_working_time(
    at: datetime, m: int, profile: str
) -> None:
    end = CALENDARS.of_profile(profile).add_hours(pd.Timestamp(at), m / 60)[0].to_pydatetime()
    assert minutes.minutes_between(at, end, profile) == m
    assert minutes.works(end - timedelta(minutes=1), profile)  # a minute earlier had less


@settings(max_examples=30)
@given(moments, st.sampled_from([0.0, 0.5, 8.0, 40.0, 61.25]), st.sampled_from(PROFILES))
@example(jakarta("2026-03-24T00:00"), 8.0, "five_day")
def test_what_began_before_it_is_older_than_the_hours_and_nothing_else_is(
    at: datetime, hours: float, profile: str
) -> None:
    calendar = CALENDARS.of_profile(profile)
    bound = calendar.hours_before(pd.Timestamp(at), hours)
    assert calendar.hours_between(bound, pd.Timestamp(at))[0] <= hours
    assert calendar.hours_between(bound - pd.Timedelta(microseconds=1), pd.Timestamp(at))[0] > hours


@settings(max_examples=30)
@given(moments, st.integers(1, 8), st.sampled_from(PROFILES))
def test_after_the_day_before_n_working_days_pass_and_after_the_next_fewer(at: datetime, n: int, profile: str) -> None:
    calendar, day = CALENDARS.of_profile(profile), int(to_days(at.date()))
    before = calendar.working_day_before(day, n)
    assert calendar.working_days_between(before, day) == n
    assert calendar.working_days_between(before + 1, day) == n - 1


@settings(max_examples=40)
@given(moments, st.sampled_from(PROFILES))
def test_an_instant_is_inside_when_its_minute_is_worked(at: datetime, profile: str) -> None:
    assert CALENDARS.of_profile(profile).inside(pd.Timestamp(at))[0] == minutes.works(at, profile)


@settings(max_examples=25)
@given(st.lists(moments, min_size=3, max_size=3), st.sampled_from(PROFILES))
def test_working_time_adds_up_along_a_line(three: list[datetime], profile: str) -> None:
    calendar = CALENDARS.of_profile(profile)
    a, b, c = (pd.Timestamp(t) for t in sorted(three))
    assert calendar.hours_between(a, b)[0] + calendar.hours_between(b, c)[0] == pytest.approx(
        calendar.hours_between(a, c)[0]
    )


def test_intervals_are_half_open_to_the_microsecond() -> None:
    at = [
        jakarta(t)
        for t in ("2025-11-24T07:29:59.999999", "2025-11-24T07:30", "2025-11-24T11:59:59.999999", "2025-11-24T12:00")
    ]
    assert CALENDARS.default.inside(pd.Series(at)).tolist() == [False, True, True, False]


def test_an_hour_that_ends_with_the_day_ends_at_16_00_not_the_next_morning() -> None:
    end = CALENDARS.default.add_hours(pd.Timestamp(jakarta("2025-11-24T15:00")), 1)
    assert end[0] == jakarta("2025-11-24T16:00")


def test_nothing_added_stays_where_it_is_even_at_night() -> None:
    night = pd.Timestamp(jakarta("2025-11-24T23:00"))
    assert CALENDARS.default.add_hours(night, 0)[0] == night


def test_a_week_has_the_hours_of_the_decree() -> None:
    week = [pd.Timestamp(jakarta(t)) for t in ("2025-11-24", "2025-12-01", "2025-03-03", "2025-03-10")]
    five, six = CALENDARS.default, CALENDARS.of_profile("six_day")
    assert five.hours_between(week[0], week[1])[0] == 37.5
    assert five.hours_between(week[2], week[3])[0] == 32.5
    assert six.hours_between(week[0], week[1])[0] == 37.5


def test_collective_leave_and_holidays_are_no_working_days() -> None:
    days = [date(2026, 3, 18), date(2026, 3, 19), date(2026, 12, 24), date(2026, 12, 28)]
    assert CALENDARS.default.is_working_day(days).tolist() == [False, False, False, True]
    assert CALENDARS.holiday_names(date(2026, 12, 24), date(2026, 12, 25)).keys() == {
        date(2026, 12, 24),
        date(2026, 12, 25),
    }


def test_a_decree_in_mid_year_moves_a_holiday() -> None:
    spec = CalendarSettings.model_validate(
        {"holidays": {"remove": ["2026-12-24"], "extra": ["2026-12-28", "2026-12-25"]}}
    )
    moved = build_calendars(spec, "Asia/Jakarta", None)
    assert moved.default.is_working_day([date(2026, 12, d) for d in (24, 25, 28)]).tolist() == [True, False, False]
    assert moved.digest != CALENDARS.digest
    assert moved.holiday_names(date(2026, 12, 20), date(2026, 12, 31))[date(2026, 12, 25)] == "Hari Raya Natal"


def test_backwards_is_zero_and_missing_is_missing() -> None:
    a, b = jakarta("2025-11-24T10:00"), jakarta("2025-11-24T08:00")
    hours = CALENDARS.default.hours_between(pd.Series([a, a, pd.NaT]), pd.Series([b, pd.NaT, b]))
    assert hours[0] == 0
    assert np.isnan(hours[1:]).all()


def test_times_outside_the_held_years_grow_the_calendar() -> None:
    calendar = build_calendars(CalendarSettings(), "Asia/Jakarta", None).default
    monday = pd.Timestamp(jakarta("2041-02-04"))
    assert calendar.hours_between(monday, monday + pd.Timedelta(days=7))[0] == pytest.approx(37.5)
    assert calendar.add_hours(pd.Timestamp(jakarta("2035-12-31T23:00")), 1)[0].tz_convert("Asia/Jakarta").year == 2036
    assert calendar.hours_between(pd.Timestamp("1001-01-01", tz="UTC"), monday)[0] > 0


def test_an_absurd_number_of_hours_never_ends() -> None:
    assert CALENDARS.default.add_hours(pd.Timestamp(jakarta("2025-11-24T15:00")), 1e7)[0] is pd.NaT


def test_units_use_their_own_calendar_and_strangers_the_default() -> None:
    units = pd.DataFrame({"code": ["A", "B", "C"], "calendar": pd.Series(["six_day", None, "lost"], dtype="str")})
    calendars = build_calendars(CalendarSettings(), "Asia/Jakarta", units)
    assert [calendars.of_unit(c).name for c in ("A", "B", "C", "D")] == ["six_day", *["five_day"] * 3]
    groups = {c.name: rows.tolist() for c, rows in calendars.groups(pd.Series(["B", "A", None, "D"], dtype="str"))}
    assert groups == {"five_day": [True, False, True, True], "six_day": [False, True, False, False]}


def test_the_latest_working_days_skip_weekends_and_today() -> None:
    days = CALENDARS.default.latest_complete_working_days(date(2025, 11, 24), 2)
    assert days == [date(2025, 11, 20), date(2025, 11, 21)]
    assert CALENDARS.default.working_days(date(2025, 11, 1), date(2025, 11, 30)) == 20


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Dublin", "Australia/Lord_Howe", "America/Sao_Paulo"])
def test_in_a_zone_that_changes_its_clock_the_night_shift_is_an_hour_longer_or_shorter(zone: str) -> None:
    hours = {"mon-sun": ["00:15-05:00", "22:00-22:45"]}
    spec = CalendarSettings.model_validate({"default": "night", "profiles": {"night": {"hours": hours}}})
    calendars = build_calendars(spec, zone, None)
    city = ZoneInfo(zone)
    night = {weekday: [(15, 300), (1320, 1365)] for weekday in range(7)}
    minutes.HOURS["night"] = (night, night)
    changes = [
        day
        for day in (date(2018, 1, 2) + timedelta(days=i) for i in range(363))
        if datetime(day.year, day.month, day.day, 12, tzinfo=city).utcoffset()
        != (datetime(day.year, day.month, day.day, 12, tzinfo=city) - timedelta(days=1)).utcoffset()
    ]
    assert len(changes) == 2
    for day in changes:
        a = datetime(day.year, day.month, day.day, tzinfo=city).astimezone(UTC) - timedelta(hours=20)
        b = a + timedelta(hours=50)
        assert calendars.default.hours_between(pd.Timestamp(a), pd.Timestamp(b))[0] * 60 == pytest.approx(
            minutes.minutes_between(a, b, "night", city)
        )


def test_midnight_is_the_first_instant_of_a_day_whose_midnight_was_skipped() -> None:
    calendars = build_calendars(CalendarSettings(), "America/Sao_Paulo", None)
    midnight = calendars.midnight(date(2018, 11, 4))  # the clock went from 00:00 to 01:00
    assert calendars.today(midnight) == date(2018, 11, 4)
    assert calendars.today(midnight - pd.Timedelta(microseconds=1)) == date(2018, 11, 3)


def test_mistakes_in_config_are_said_in_words() -> None:
    with pytest.raises(ValueError, match="not a profile"):
        build_calendars(CalendarSettings(default="seven_day"), "Asia/Jakarta", None)
    unknown = CalendarSettings.model_validate({"holidays": {"country": "XX"}})
    with pytest.raises(ValueError, match="country"):
        build_calendars(unknown, "Asia/Jakarta", None)
