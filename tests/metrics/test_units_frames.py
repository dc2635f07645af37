"""The frames behind /opd against the KPIs, and against loops over the same rows."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given as for_all
from hypothesis import settings

from coc.domain.datasets import Dataset
from coc.metrics import WINDOWS, City, compute
from coc.metrics.units_frames import COMPARED, ages, listed, medians, types
from coc.metrics.units_past import WEEKS, before, past, weeks
from tests.metrics import cities
from tests.metrics.cities import LETTER_TYPES, UNITS, Row, wib
from tests.metrics.oracle import CLOSES_WHEN_READ, Oracle, midnight, quantile, working_hours
from tests.metrics.strategies import mail

MICRO = timedelta(microseconds=1)
Made = tuple[datetime, list[Row], list[Row]]


def city_of(made: Made) -> City:
    return cities.city(*made)


def values(city: City, kpi: str) -> pd.Series[float]:
    found = compute(city, [kpi], ["30d"])
    return found.set_index("unit")["value"]


@settings(max_examples=12, deadline=None)
@for_all(mail())
def test_what_a_unit_holds_by_age_is_its_backlog_and_its_overdue(made: Made) -> None:
    city = city_of(made)
    table = ages(city).groupby("unit")[["backlog", "overdue"]].sum()
    for column in ("backlog", "overdue"):
        kpi = values(city, f"disposition.{column}")
        assert {u: n for u, n in table[column].items() if n} == {u: n for u, n in kpi.items() if n}


@settings(max_examples=12, deadline=None)
@for_all(mail())
def test_the_types_a_unit_writes_are_its_breadth(made: Made) -> None:
    city = city_of(made)
    used, breadth = types(city).groupby("unit")["type"].nunique(), values(city, "adoption.breadth")
    for unit in UNITS:
        assert used.get(unit, 0) / len(LETTER_TYPES) == pytest.approx(breadth[unit])


@settings(max_examples=12, deadline=None)
@for_all(mail())
def test_the_median_is_over_units_that_have_a_figure(made: Made) -> None:
    city, table = city_of(made), medians(city_of(made)).set_index(["id", "window"])
    kpis = compute(city, COMPARED)
    for kpi in COMPARED:
        for window in WINDOWS:
            rows = kpis[
                (kpis["id"] == kpi) & (kpis["window"] == window) & (kpis["unit"] != "") & (kpis["state"] == "ok")
            ]
            expected = np.median(rows["value"]) if len(rows) else np.nan
            assert table.loc[(kpi, window), "value"] == pytest.approx(expected, nan_ok=True)
            assert table.loc[(kpi, window), "units"] == len(rows)


def stood(rows: list[Row], unit: str, at: datetime) -> tuple[int, int]:
    """How many were open just before an instant, and how many of them overdue."""
    mine = [
        d
        for d in rows
        if d["instruction"] not in CLOSES_WHEN_READ
        and unit in ("", d["to_unit"])
        and d["issued_at"] < at
        and all(d[c] is None or d[c] >= at for c in ("completed_at", "cancelled_at"))
    ]
    return len(mine), sum(d["due"] is not None and at - MICRO > d["due"] for d in mine)


@settings(max_examples=12, deadline=None)
@for_all(mail())
def test_how_a_unit_stood_when_a_window_opened_and_at_the_end_of_each_week(made: Made) -> None:
    now, letters, rows = made
    city, truth = city_of(made), Oracle(now, letters, rows, cities.PROFILES)
    opened = {(r.unit, r.window): (r.backlog, r.overdue) for r in before(city).itertuples()}
    held = past(city).set_index(["unit", "week"])
    monday = midnight(now, midnight(now).weekday() + 7 * WEEKS)
    for unit in ("", *UNITS):
        for window in WINDOWS:
            expected = stood(truth.dispositions, unit, midnight(now, int(window[:-1]) - 1))
            assert opened.get((unit, window), (0, 0)) == expected
        for week in range(WEEKS):
            start, end = (midnight(monday + timedelta(days=7 * (week + n), hours=1)) for n in (0, 1))
            row = held.loc[(unit, week)] if (unit, week) in held.index else None
            mine = [x for x in truth.letters if unit in ("", x["unit"]) and start <= x["registered_at"] < end]
            done = [
                working_hours(d["issued_at"], d["completed_at"], truth.profile(d["to_unit"]))
                for d in truth.dispositions
                if unit in ("", d["to_unit"])
                and d["instruction"] not in CLOSES_WHEN_READ
                and d["cancelled_at"] is None
                and d["completed_at"] is not None
                and start <= d["completed_at"] < end
            ]
            count = 0 if row is None else row["registered"]
            assert count == len(mine)
            held_then = (0, 0) if row is None else (row["backlog"], row["overdue"])
            assert held_then == stood(truth.dispositions, unit, end)
            p85 = quantile(done, 0.85)
            assert (np.nan if row is None else row["p85"]) == pytest.approx(
                np.nan if p85 is None else p85, abs=0.006, nan_ok=True
            )


def test_the_weeks_that_make_a_habit_are_marked_and_so_are_those_too_short_to_count() -> None:
    now = wib("2026-03-27T10:00:00")  # after Nyepi, Lebaran and its collective leave
    letters = [cities.whole(Dataset.LETTERS, {"registered_at": now - timedelta(days=70)}, 0)]
    table = weeks(cities.city(now, letters))
    assert len(table) == WEEKS
    assert table["habit"].sum() == 4
    assert not table.loc[~table["counts"], "habit"].any()
    assert (~table["counts"]).any()
    assert table["letters"].tolist() == sorted(table["letters"].tolist())  # from the first that is known on


def test_a_district_stands_where_the_map_has_its_name_and_others_nowhere() -> None:
    city = cities.city(wib("2026-03-02T10:00:00"))
    city.units.loc[city.units["code"] == "KEC-01", ["kind", "name"]] = ["district", "Kecamatan Telanaipura"]
    named = dict(zip(city.units["code"], city.units["name"], strict=True))
    city.unit_names.update(named)  # type: ignore[attr-defined]
    table = listed(city).set_index("unit")
    assert table.loc["KEC-01", ["column", "row"]].tolist() == [0, 1]
    assert table.loc["DISDIK", ["column", "row"]].isna().all()
