"""What else was down is told beside a figure that moved, and chance alone lights it no more often than it says."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from coc.metrics import City
from coc.metrics.coincidence import RATE, coincidences, lit, moved, usual
from tests.metrics import cities
from tests.metrics.cities import wib

NOW = wib("2025-11-25T10:00:00")  # a Tuesday; the last working day that is over is Monday the 24th
LAST = date(2025, 11, 24)
DAYS = 40


def outages(chance: np.random.Generator, entities: int, *, long: bool) -> np.ndarray[Any, Any]:
    """Shares of the working hours down: rare short ones, or such as go on for days, and one that is always down."""
    shares = chance.random((entities, DAYS)) * (chance.random((entities, DAYS)) < 0.15)
    if long:
        for row in shares:
            start, length = int(chance.integers(-5, DAYS)), int(chance.integers(1, 6))
            row[max(start, 0) : start + length] = chance.random()
    shares[0] = 1.0
    return shares


@pytest.mark.parametrize("entities", [2, 12, 60])
@pytest.mark.parametrize("long", [False, True])
def test_random_outages_light_it_no_more_often_than_its_rate(entities: int, long: bool) -> None:
    seeds = 600
    found = [
        bool(lit(outages(np.random.default_rng([seed, entities]), entities, long=long)).any()) for seed in range(seeds)
    ]
    # Of a day on which the figure moved. Three standard deviations of chance above the rate would be a lie.
    assert np.mean(found) <= RATE + 3 * np.sqrt(RATE * (1 - RATE) / seeds)
    assert any(found)  # and it can be lit at all


def test_a_figure_that_only_wanders_moves_no_more_often_than_the_rate() -> None:
    weekdays = np.arange(DAYS) % 5
    found = []
    for seed in range(600):
        chance = np.random.default_rng(seed)
        values = chance.poisson(np.array([50, 40, 40, 40, 20])[weekdays]).astype("float64")
        found.append(moved(values, weekdays, "down"))
    assert 0 < np.mean(found) <= RATE + 3 * np.sqrt(RATE * (1 - RATE) / 600)


def test_both_together_are_a_quarter_of_a_percent() -> None:
    weekdays, found = np.arange(DAYS) % 5, []
    for seed in range(2_000):
        chance = np.random.default_rng(seed)
        values = chance.poisson(40, DAYS).astype("float64")
        found.append(moved(values, weekdays, "down") and bool(lit(outages(chance, 12, long=False)).any()))
    assert np.mean(found) <= 0.0025 + 3 * np.sqrt(0.0025 / 2_000)


def test_what_is_down_as_on_any_day_says_nothing() -> None:
    shares = np.zeros((3, DAYS))
    shares[0], shares[1, ::5] = 1.0, 0.6
    shares[2, -1] = 0.01  # a moment
    assert not lit(shares).any()
    shares[2, -1] = 0.5
    assert lit(shares).tolist() == [False, False, False]  # eight days were worse
    shares[2, -1] = 0.7
    assert lit(shares).tolist() == [False, False, True]


def test_a_figure_is_measured_against_its_own_weekday() -> None:
    weekdays = np.arange(DAYS) % 5
    values = np.where(weekdays == 4, 10.0, 50.0)
    assert usual(values, weekdays)[-1] == 10
    assert not moved(values, weekdays, "down")  # Fridays are like that
    values[-1] = 3
    assert moved(values, weekdays, "down")
    assert not moved(values, weekdays, "up")
    assert not moved(values[-15:], weekdays[-15:], "down")


def quiet_monday() -> list[dict[str, Any]]:
    """Letters of eight weeks and more, of the last Monday hardly any."""
    rows = []
    for back in range(1, 90):
        day = NOW - timedelta(days=back)
        if day.weekday() < 5:
            rows += [{"registered_at": day.replace(hour=9)}] * (2 if day.date() == LAST else 10 + back % 3)
    return rows


def down_for(city: City, rows: list[tuple[str, str, date, int, float]]) -> City:
    """(dataset, entity, day, hour of the city, seconds down in it)."""
    at = [wib(f"{day}T{hour:02}:00:00") for _, _, day, hour, _ in rows]
    frame = pd.DataFrame(
        {
            "dataset": pd.Categorical([r[0] for r in rows]),
            "entity": pd.Categorical([r[1] for r in rows]),
            "vantage": pd.Categorical([""] * len(rows)),
            "at": pd.to_datetime(at, utc=True),
            "up_seconds": [3600.0 - r[4] for r in rows],
            "down_seconds": [r[4] for r in rows],
            "client_seconds": 0.0,
        }
    )
    return replace(city, known_hours=frame)


def made() -> City:
    services = [{"source_id": "sipadek", "name": "SIPADEK"}, {"source_id": "ppdb", "name": "PPDB"}]
    links = [{"source_id": "L", "name": "Serat"}]
    return cities.city(NOW, letters=quiet_monday(), services=services, links=links)


def test_an_application_that_was_down_is_told_with_its_hours() -> None:
    rows = [("service_samples", "sipadek", LAST, hour, 3600.0) for hour in (9, 10, 11)]
    rows += [("service_samples", "ppdb", LAST - timedelta(days=7 * n), 9, 3600.0) for n in range(8)]
    rows += [("link_samples", "L", LAST, 20, 3600.0), ("link_samples", "L", LAST, 12, 3600.0)]  # after hours, at lunch
    found = coincidences(down_for(made(), rows))
    assert found["kpi"].tolist() == ["correspondence.registered_today"]
    told = found.iloc[0]
    assert (told["day"], told["value"], told["kind"], told["name"]) == ("2025-11-24", 2, "service", "SIPADEK")
    assert told["usual"] == pytest.approx(11, abs=1)
    assert told["hours"] == pytest.approx(3)
    assert told["share"] == pytest.approx(3 / 7.5)


def test_without_an_outage_or_without_a_move_nothing_is_told() -> None:
    assert coincidences(made()).empty
    rows = [("service_samples", "sipadek", LAST, hour, 3600.0) for hour in (9, 10, 11)]
    letters = [{"registered_at": NOW - timedelta(days=b)} for b in range(1, 90) for _ in range(10)]
    steady = replace(cities.city(NOW, letters=letters), services=made().services)
    assert coincidences(down_for(steady, rows)).empty
    assert coincidences(cities.city(NOW)).empty


def test_points_of_a_kecamatan_that_were_down_together_are_told() -> None:
    city = cities.city(
        NOW,
        letters=quiet_monday(),
        sites=[{"source_id": "S", "area": "15.71.01"}],
        access_points=[{"source_id": "A", "site": "S"}],
    )
    at = pd.to_datetime(["2025-11-24", "2025-11-20"], utc=True)
    known = pd.DataFrame(
        {
            "dataset": pd.Categorical(["ap_samples"] * 2),
            "entity": pd.Categorical(["A"] * 2),
            "vantage": pd.Categorical([""] * 2),
            "at": at,
            "up_seconds": [43_200.0, 86_400.0],
            "down_seconds": [43_200.0, 0.0],
            "client_seconds": 0.0,
        }
    )
    found = coincidences(replace(city, known_days=known))
    assert found[["kind", "entity", "share"]].to_numpy().tolist() == [["area", "15.71.01", 0.5]]
