"""The cubes of the page of letters agree with the KPIs and with the city's own flow, for every unit and window."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings

from coc.domain.limits import Limits
from coc.metrics import WINDOWS, City, compute, series
from coc.metrics import letters_frames as frames
from tests.metrics import cities
from tests.metrics.cities import UNITS, Row, wib
from tests.metrics.strategies import mail

Mail = tuple[datetime, list[Row], list[Row]]
SCOPES = ("", *UNITS)
STAGES = ["registered", "dispositioned", "completed"]
NOW = wib("2026-03-11T14:05")  # a Wednesday in Ramadan


def of(frame: pd.DataFrame, unit: str, window: str | None = None) -> pd.DataFrame:
    mine = frame[frame["unit"] == unit]
    return mine if window is None else mine[mine["window"] == window]


def kpis(city: City, *names: str) -> dict[tuple[str, str, str], float]:
    rows = compute(city, [f"correspondence.{name}" for name in names])
    return {(r.id.split(".")[1], r.unit, r.window): r.value for r in rows.itertuples()}


@settings(max_examples=12)
@given(mail())
def test_every_cube_gives_the_figures_of_the_kpis(made: Mail) -> None:
    city = cities.city(*made)
    rates = ("paperless_rate", "paperless_rate_all", "undispositioned", "registered_per_working_day")
    found = kpis(city, *rates)
    flow, waiting, paper, mix, sides = (
        make(city) for make in (frames.flow, frames.waiting, frames.paperless, frames.mix, frames.compared)
    )
    for unit in SCOPES:
        daily = of(flow, unit).set_index("day")[STAGES]
        known = series.flow(city, 90, unit).assign(day=lambda f: f["day"].astype(str)).set_index("day")[STAGES]
        assert daily.reindex(known.index).fillna(0).astype("int64").equals(known.astype("int64"))
        over = of(waiting, unit).query("over")["count"].sum()
        assert over == found["undispositioned", unit, "7d"]
        for window in WINDOWS:
            counts = of(paper, unit, window)[["electronic", "eligible", "electronic_all", "registered"]].sum()
            for kpi, part, whole in (
                ("paperless_rate", "electronic", "eligible"),
                ("paperless_rate_all", "electronic_all", "registered"),
            ):
                rate = counts[part] / counts[whole] if counts[whole] else float("nan")
                assert rate == pytest.approx(found[kpi, unit, window], nan_ok=True)
            by_field = of(mix, unit, window).groupby("field")["count"].sum()
            assert set(by_field) <= {counts["registered"]}
        for window in ("7d", "30d"):
            now = of(sides, unit, window).query("period == 'now'")
            if len(now) and now["working_days"].iloc[0]:
                rate = now["registered"].iloc[0] / now["working_days"].iloc[0]
                assert rate == pytest.approx(found["registered_per_working_day", unit, window])


@settings(max_examples=8)
@given(mail())
def test_no_stage_is_ever_ahead_of_the_one_before_it_and_what_waits_is_what_is_open(made: Mail) -> None:
    city = cities.city(*made)
    stages = frames.stages(city)
    rows = city.letters[~city.letters["deleted"].fillna(False).astype(bool) & (city.letters["kind"] == "incoming")]
    rows = rows[rows["registered_at"] <= city.now]
    still = rows["completed_at"].isna() | (rows["completed_at"] > city.now)
    for unit in SCOPES:
        sums = of(stages, unit).sort_values("day")[STAGES].cumsum()
        assert (sums["registered"] >= sums["dispositioned"]).all()
        assert (sums["dispositioned"] >= sums["completed"]).all()
        mine = still & (rows["unit"] == unit) if unit else still
        waits = sums.iloc[-1] if len(sums) else pd.Series(0, index=STAGES)
        assert waits["registered"] - waits["completed"] == mine.sum()


def test_the_days_know_holidays_ramadan_and_the_day_that_is_not_over() -> None:
    days = frames.days(cities.city(NOW)).set_index("day")
    assert days.index[0] == (date(2026, 3, 11) - timedelta(days=89)).isoformat()
    assert days.loc["2026-02-17", "note"] == "Tahun Baru Imlek"
    assert not days.loc["2026-02-17", "working"]
    assert days["ramadan"].idxmax() == "2026-02-19"
    assert days.index[days["partial"]].tolist() == ["2026-03-11"]


def test_an_age_of_exactly_the_limit_is_not_over_it() -> None:
    limit = Limits(first_disposition_working_hours=7)
    # Seven hours of Ramadan, and a minute more.
    letters = [{"registered_at": wib(f"2026-03-10T{hour}")} for hour in ("14:05", "14:04")]
    found = of(frames.waiting(cities.city(NOW, letters, limits=limit)), "DISDIK")
    assert found.set_index("to_hours")["count"].loc[[7.0, 14.0]].tolist() == [1, 1]
    assert found["over"].tolist() == [False, False, True, True, True, True]


def test_without_a_limit_every_letter_that_waited_is_over_it() -> None:
    limits = Limits(first_disposition_working_hours=0)
    city = cities.city(NOW, [{"registered_at": wib("2026-03-11T13:00")}], limits=limits)
    found = of(frames.waiting(city), "")
    assert found.query("over")["count"].sum() == 1
    assert found["to_hours"].dropna().is_monotonic_increasing


def test_rare_words_of_a_field_are_counted_together() -> None:
    letters = [{"registered_at": NOW, "type": f"jenis_{i:02}"} for i in range(40) for _ in range(1 + (i < 24))]
    types = of(frames.mix(cities.city(NOW, letters)), "", "7d").query("field == 'type'")
    assert len(types) == 25
    assert types.set_index("value")["count"][""] == 16
    assert types["count"].sum() == len(letters)


def test_the_days_compared_are_the_same_weekdays_and_say_when_letters_do_not_reach_that_far() -> None:
    recent, old, then = ({"registered_at": wib(f"{day}T09:00")} for day in ("2026-02-25", "2025-01-02", "2026-01-08"))
    for letters, begun in (([recent], False), ([recent, old], False), ([recent, old, then], True)):
        sides = of(frames.compared(cities.city(NOW, letters)), "", "30d").set_index("period")
        first, last = (pd.to_datetime(sides[c]) for c in ("first", "last"))
        assert (first["now"] - first["before"]).days == 7 * sides["weeks"].iloc[0] == 35
        assert last["now"].date() == date(2026, 3, 10)
        assert last["before"].weekday() == last["now"].weekday()
        assert first["now"] > last["before"]
        assert bool(sides["begun"]["before"]) is begun


def test_what_no_source_records_is_no_column_and_no_row() -> None:
    partial = frozenset(c for c in cities.EVERYTHING if c != "letters.completed_at")
    city = cities.city(NOW, [{"registered_at": NOW}], provided=partial)
    assert "completed" not in frames.flow(city)
    assert "completed" not in frames.compared(city)
    assert frames.stages(city).empty
    assert frames.waiting(city).empty
    assert "completed" in frames.flow(cities.city(NOW, provided=cities.EVERYTHING))
