from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coc.metrics import WINDOWS, City, compute, registered, series
from tests.metrics import cities
from tests.metrics.cities import UNITS, Row, Validity, wib
from tests.metrics.oracle import Oracle, midnight
from tests.metrics.strategies import mail, validity

IDS = tuple(i for i in registered() if not i.startswith(("wifi.", "apps.")))
ADDITIVE = ("_today", "undispositioned", "backlog", "overdue", "due_soon", "sheets_saved", "net_flow")
COUNTS = [i for i in IDS if i.endswith(ADDITIVE)]
Mail = tuple[datetime, list[Row], list[Row]]


def table(city: City) -> dict[tuple[str, str, str], tuple[float, str]]:
    rows = compute(city, IDS)
    return {(r.id, r.unit, r.window): (r.value, r.state) for r in rows.itertuples()}


def units(valid: Validity) -> list[Row]:
    bounds = {u: valid.get(u, (None, None)) for u in UNITS}
    return [{"code": u, "valid_from": first, "valid_to": last} for u, (first, last) in bounds.items()]


@settings(max_examples=40)
@given(mail(), st.data())
def test_every_figure_is_the_one_a_person_with_a_pencil_gets(made: Mail, data: st.DataObject) -> None:
    now, letters, dispositions = made
    valid = data.draw(validity(now))
    found = table(cities.city(now, letters, dispositions, valid=valid))
    oracle = Oracle(now, letters, dispositions, cities.PROFILES, units(valid), cities.LETTER_TYPES)
    assert len(found) == len(IDS) * (len(UNITS) + 1) * len(WINDOWS)
    for (kpi, unit, window), (value, state) in found.items():
        expected = oracle.value(kpi, unit, window)
        assert state == oracle.state(kpi, unit, window), (kpi, unit, window)
        if expected is None:
            assert np.isnan(value), (kpi, unit, window)
        else:
            assert value == pytest.approx(expected, abs=1e-9), (kpi, unit, window)


@settings(max_examples=8)
@given(mail())
def test_counts_add_up_over_units_and_overdue_and_due_soon_are_within_the_backlog(made: Mail) -> None:
    found = table(cities.city(*made))
    for kpi in COUNTS:
        assert sum(found[kpi, u, "30d"][0] for u in UNITS) == found[kpi, "", "30d"][0]
    for unit in ("", *UNITS):
        parts = found["disposition.overdue", unit, "7d"][0] + found["disposition.due_soon", unit, "7d"][0]
        assert parts <= found["disposition.backlog", unit, "7d"][0]
        for rate in (i for i in IDS if i.endswith(("rate", "rate_all", "share", "breadth"))):
            value = found[rate, unit, "90d"][0]
            assert np.isnan(value) or 0 <= value <= 1


@settings(max_examples=6)
@given(mail())
def test_the_order_of_rows_changes_nothing(made: Mail) -> None:
    now, letters, dispositions = made
    one, other = cities.city(now, letters, dispositions), cities.city(now, letters[::-1], dispositions[::-1])
    pd.testing.assert_frame_equal(compute(one, IDS), compute(other, IDS))


def as_of(at: datetime, letters: list[Row], dispositions: list[Row]) -> tuple[list[Row], list[Row]]:
    """The rows as they would have been known at `at`."""

    def before(row: Row, *columns: str) -> Row:
        return row | {c: row[c] if row[c] is not None and row[c] <= at else None for c in columns}

    # A letter registered later keeps its place: its dispositions take their limit from it.
    known = [before(d, "completed_at", "cancelled_at") for d in dispositions if d["issued_at"] <= at]
    mail = [before(x, "completed_at") for x in letters]
    return mail, known


@settings(max_examples=6)
@given(mail())
def test_a_trend_is_the_formula_at_each_days_end_from_todays_knowledge(made: Mail) -> None:
    now, letters, dispositions = made
    city = cities.city(now, letters, dispositions)
    trend = series.trend(city)
    windows = {"correspondence.paperless_rate": "7d"}
    counted = Oracle(now, letters, dispositions, cities.PROFILES)
    letters_since = [x["registered_at"] for x in counted.letters]
    given_since = [d["issued_at"] for d in counted.dispositions]
    for ago in (1, 8, 14):
        day = now.astimezone(cities.wib("2026-01-01T00:00").tzinfo).date() - timedelta(days=ago)
        end = midnight(now, ago - 1) - timedelta(microseconds=1)
        mail_then, given_then = as_of(end, letters, dispositions)
        there = [x for x in mail_then if x["registered_at"] <= end]
        then = replace(cities.city(end, mail_then, given_then), letters=cities.city(end, there).letters)
        expected = table(then)
        for kpi in pd.unique(trend["id"]):
            row = trend[(trend["id"] == kpi) & (trend["day"] == day)]
            assert len(row) == 1
            began = given_since if kpi.startswith("disposition.") else letters_since
            value, then_value = row["value"].iloc[0], expected[kpi, "", windows.get(kpi, "30d")][0]
            if any(t <= end for t in began):
                assert value == pytest.approx(then_value, nan_ok=True), kpi
            else:  # before anything is known nothing was 0
                assert np.isnan(value)


def test_an_empty_city_counts_zero_and_knows_no_rate() -> None:
    rows = compute(cities.city(wib("2026-03-02T10:00")))
    rates = ("_rate", "_rate_all", "_24h", "_30d", "_share", "_p95", "days_to_clear")
    for row in rows.itertuples():
        unknown = row.id.endswith(rates) or "hours" in row.id
        expected = "no_outflow" if row.id.endswith("days_to_clear") else "no_data" if unknown else "ok"
        assert row.state == expected, row.id
        assert np.isnan(row.value) if unknown else row.value == 0, row.id
    assert set(rows.loc[rows["id"] == "disposition.backlog", "unit"]) == {"", *UNITS}
    assert set(rows.loc[rows["id"] == "wifi.up", "unit"]) == {""}
