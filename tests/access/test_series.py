"""Past figures as each lens may see them, beside what was published."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from coc.access import Reader, SeriesReader
from coc.access.series import Point, buckets
from coc.access.viewer import LENSES, Lens
from coc.boards import ALL, PUBLIC, Builder
from coc.boards.city import SECRET
from coc.boards.history import History
from coc.boards.kept import packed
from coc.clock import FrozenClock
from coc.store import Store, open_store
from tests.boards.test_builder import SETTINGS, Rows, pull, tables
from tests.e2e.city import MadeCity, make
from tests.e2e.past_oracle import day_end, oracle_at

NOW = datetime.fromisoformat("2026-03-02T10:00:00+07:00")
TODAY = NOW.date()
DAYS = buckets("day", TODAY - timedelta(days=9), TODAY)
BACKLOG = "disposition.backlog"
IN_THE_HOUSE: list[Lens] = [lens for lens in LENSES if lens != "public"]


@pytest.fixture(scope="module")
def city() -> MadeCity:
    return make(11, NOW, letters=80)


@pytest.fixture(scope="module")
def store(city: MadeCity, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('series')}/coc.db")
    pull(opened, Rows(tables(city)))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def series(store: Store) -> SeriesReader:
    builder = Builder(store, SETTINGS, "live", FrozenClock(NOW))
    builder.refresh()

    def snapshot() -> Any:
        return builder.snapshot

    reader = Reader(SETTINGS, "live", snapshot)
    return SeriesReader(reader, History(store, SETTINGS, "live", FrozenClock(NOW), snapshot))


Told = list[tuple[float | int | None, str]]


def told(points: list[Point]) -> Told:
    return [(p.value, p.state) for p in points]


@pytest.mark.parametrize("lens", IN_THE_HOUSE)
def test_in_the_house_a_units_days_are_told(series: SeriesReader, city: MadeCity, lens: Lens) -> None:
    expected = [(oracle_at(city, min(day_end(b.last), NOW)).value(BACKLOG, "DISDIK", "30d"), "ok") for b in DAYS]
    assert told(series.points(lens, BACKLOG, "DISDIK", DAYS)) == expected


def test_the_public_sees_the_city_of_its_own_population_and_no_day_of_a_unit(
    series: SeriesReader, city: MadeCity
) -> None:
    expected = [(oracle_at(city, min(day_end(b.last), NOW), SECRET).value(BACKLOG, "", "30d"), "ok") for b in DAYS]
    assert told(series.points("public", BACKLOG, None, DAYS)) == expected
    assert told(series.points("public", BACKLOG, "DISDIK", DAYS)) == [(None, "masked")] * len(DAYS)


def test_a_figure_of_the_city_alone_has_no_series_of_a_unit(series: SeriesReader) -> None:
    assert set(told(series.points("leader", "wifi.up", "DISDIK", DAYS))) == {(None, "not_applicable")}


def test_what_no_source_records_is_so_on_every_day(series: SeriesReader) -> None:
    assert set(told(series.points("leader", "wifi.up", None, DAYS))) == {(None, "not_recorded")}


def test_a_day_is_corrected_where_another_value_or_state_was_published(series: SeriesReader, store: Store) -> None:
    kpi, days = "correspondence.registered_today", [b.last for b in DAYS[:4]]
    history = series.history
    figures = history.figures(kpi, ALL, days)
    rows = [
        packed(kpi, ALL, day, figures[other]) for day, other in zip(days[:3], (days[0], days[3], days[2]), strict=True)
    ]
    rows.append(packed(kpi, PUBLIC, days[3], figures[days[0]]))
    store.keep(rows, NOW)
    found = series.points("leader", kpi, None, DAYS)
    differs = figures[days[1]].of("") != figures[days[3]].of("")
    assert [p.corrected for p in found] == [False, differs, *[False] * 8]
    assert found[1].value == figures[days[1]].of("")[0]
    store.keep([packed(kpi, ALL, days[0], figures[days[3]])], NOW)  # what is published stays as it was
    assert not series.points("leader", kpi, None, DAYS)[0].corrected


def test_weeks_are_those_that_have_one_of_the_days() -> None:
    found = buckets("week", TODAY - timedelta(days=8), TODAY)
    assert [(b.first.isoformat(), b.last.isoformat()) for b in found] == [
        ("2026-02-16", "2026-02-22"),
        ("2026-02-23", "2026-03-01"),
        ("2026-03-02", "2026-03-08"),
    ]
