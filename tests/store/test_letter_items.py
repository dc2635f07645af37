"""The items behind every KPI are those that the KPI counts: over cities that crowd the edges, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coc.access.questions import AGES, WAITING, Asked, question
from coc.domain.datasets import COLUMNS, Dataset
from coc.domain.instants import to_micros
from coc.metrics import WINDOWS, City, compute
from coc.metrics.series import backlog_by_age
from coc.store import KPIS, OF_A_WHOLE, Found, Sight, Store, bulk, columns, open_store
from coc.store.tables import TABLES, stored_columns
from tests.metrics import cities
from tests.metrics.cities import UNITS
from tests.metrics.strategies import mail

L, D = Dataset.LETTERS, Dataset.DISPOSITIONS
ALL = Sight(("biasa", "terbatas", "rahasia", "sangat_rahasia"), unknown=True)
OF_LETTERS = ("kind", "urgency", "security", "registered_at")
QUANTILE = {f"disposition.followup_hours_p{p}": p / 100 for p in (50, 85, 95)}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One a database: each city is put in the place of the one before."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('items')}/coc.db"
    else:
        url = request.getfixturevalue("postgres").create(migrated=True)
    opened = open_store(url)
    yield opened
    opened.close()


def put(store: Store, city: City) -> None:
    """The city's rows, as ingest stores them."""
    letters = city.letters.set_index(["source", "source_id"])[list(OF_LETTERS)].add_prefix("letter_")
    known = [n for n in city.dispositions if not n.startswith("letter_") or n in ("letter_id", "letter_deleted")]
    dispositions = city.dispositions[known].join(letters, on=["source", "letter_id"])
    with store.commit("s") as tx:
        for dataset in (L, D):
            tx.connection.execute(sa.delete(TABLES[dataset]))
        for dataset, frame in ((L, city.letters), (D, dispositions)):
            for source, rows in frame.groupby("source"):
                extra: dict[str, Any] = {"source": source, "row_hash": columns.row_hash(rows, COLUMNS[dataset])}
                extra |= {"derived_from": "x"} if dataset is D else {}
                bulk.upsert(tx, dataset, rows[[c.name for c in stored_columns(dataset)]], **extra)


def asked(store: Store, city: City, kpi: str, unit: str, window: Any, age: str | None = None, **chosen: str) -> Found:
    now = city.now.to_pydatetime()
    made = question(Asked(kpi, window, unit or None, age, chosen), now, city.calendars, city.units, city.limits)
    return store.items(made, ALL, (), 1000, 0)


def value(city: City, kpi: str, found: Found, window: str) -> float:
    """What the items make of the KPI."""
    rows = found.rows
    if kpi in QUANTILE:
        return float(np.quantile(rows["followup_hours"], QUANTILE[kpi])) if len(rows) else np.nan
    if kpi.endswith(("paperless_rate", "paperless_rate_all", "on_time_rate")):
        return 1 - found.listed / found.whole if found.whole else np.nan
    if kpi.endswith("outside_hours_share"):
        return found.listed / found.whole if found.whole else np.nan
    if kpi.endswith("registered_per_working_day"):
        today = city.calendars.today(city.now)
        first, last = (today - timedelta(days=n) for n in (int(window[:-1]) - 1, 1))
        return found.listed / (city.calendars.default.working_days(first, last) or np.nan)
    if kpi.endswith("sheets_saved"):
        pages, copies = rows["pages"].fillna(city.limits.default_pages), rows["copies"].fillna(3)
        return float((pages * copies).sum())
    if kpi.endswith("net_flow"):
        return found.parts["arrived"] - found.parts["departed"]
    if kpi.startswith("leaders."):
        return _first_dispositions(city, rows)
    return float(found.listed)


def _first_dispositions(city: City, rows: pd.DataFrame) -> float:
    given = city.dispositions
    alive = ~given["deleted"].fillna(False) & given["cancelled_at"].isna()
    first = given[alive].groupby(["source", "letter_id"])["issued_at"].min()
    keys = pd.MultiIndex.from_frame(rows[["source", "source_id"]])
    if not len(rows):
        return np.nan
    at = to_micros(first.reindex(keys).reset_index(drop=True))
    return float(np.median(city.calendars.default.hours_between(to_micros(rows["registered_at"]), at)))


def hold(store: Store, city: City, units: list[str], windows: list[Any]) -> None:
    put(store, city)
    told = compute(city, tuple(KPIS))
    values = {(r.id, r.unit, r.window): r.value for r in told.itertuples()}
    for kpi in KPIS:
        for unit in units:
            for window in windows:
                found, where = asked(store, city, kpi, unit, window), (kpi, unit, window)
                assert found.seen == found.listed == len(found.rows), where
                assert found.listed <= found.whole, where
                expected = values["disposition.backlog" if kpi.endswith("days_to_clear") else kpi, unit, window]
                assert value(city, kpi, found, window) == pytest.approx(expected, abs=1e-9, nan_ok=True), where
                if kpi in OF_A_WHOLE:
                    of_all = asked(store, city, kpi, unit, window, part="whole")
                    assert of_all.listed == of_all.whole == len(of_all.rows) == found.whole, where
                    assert of_all.parts["counted"] == found.listed, where
                if kpi in WAITING:
                    assert sum(found.parts[f"age:{age}"] for age in AGES) == found.listed, where


QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=6, suppress_health_check=QUIET, deadline=None)
@given(mail(), st.sampled_from(UNITS), st.sampled_from(WINDOWS))
def test_the_items_of_every_figure_are_those_it_counts(store: Store, made: Any, unit: str, window: Any) -> None:
    hold(store, cities.city(*made), ["", unit], [window])


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=QUIET, deadline=None)
@given(mail())
def test_the_items_are_those_counted_in_every_scope_and_window(store: Store, made: Any) -> None:
    hold(store, cities.city(*made), ["", *UNITS], list(WINDOWS))


@settings(max_examples=5, suppress_health_check=QUIET, deadline=None)
@given(mail(), st.sampled_from(["", *UNITS]))
def test_the_ages_are_those_of_the_chart_that_leads_to_them(store: Store, made: Any, unit: str) -> None:
    city = cities.city(*made)
    put(store, city)
    chart = backlog_by_age(city, unit or None).set_index("bucket")
    for age in AGES:
        backlog = asked(store, city, "disposition.backlog", unit, "30d", age)
        late = asked(store, city, "disposition.overdue", unit, "30d", age)
        assert (backlog.listed, late.listed) == tuple(chart.loc[age, ["backlog", "overdue"]])
        assert len(backlog.rows) == backlog.listed
