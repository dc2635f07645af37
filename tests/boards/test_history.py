"""Past days' figures from real stores: the formula at each day's end, however far back, by today's knowledge."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest

from coc.boards import ALL, PUBLIC, Builder
from coc.boards import history as histories
from coc.boards.city import SECRET
from coc.boards.history import History, TooMuchError
from coc.clock import FrozenClock
from coc.metrics import registered
from coc.store import Store, open_store
from tests.boards.test_builder import SETTINGS, Rows, pull, tables
from tests.e2e.city import MadeCity, make
from tests.e2e.past_oracle import day_end, oracle_at

pytestmark = pytest.mark.postgres_slow

NOW = datetime.fromisoformat("2026-03-02T10:00:00+07:00")
TODAY = NOW.date()
IDS = tuple(i for i in registered() if not i.startswith(("wifi.", "apps.")))
AGO = (1, 2, 8, 27, 61, 75, 100)  # the last ones are read from the store for who asks


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = open_store(database_url)
    yield opened
    opened.close()


def days(*ago: int) -> list[date]:
    return [TODAY - timedelta(days=n) for n in ago]


def history_of(store: Store, *, built: bool = True) -> History:
    builder = Builder(store, SETTINGS, "live", FrozenClock(NOW))
    if built:
        builder.refresh()
    return History(store, SETTINGS, "live", FrozenClock(NOW), lambda: builder.snapshot)


def assert_recomputed(history: History, city: MadeCity, ids: tuple[str, ...], population: str = ALL) -> None:
    secret = SECRET if population == PUBLIC else ()
    oracles = {day: oracle_at(city, day_end(day), secret) for day in days(*AGO)}
    for kpi in ids:
        for day, found in history.figures(kpi, population, days(*AGO)).items():
            for unit in ("", "DISDIK", "DINKES", "SEPI"):
                value, state = found.of(unit)
                expected = oracles[day].value(kpi, unit, "30d")
                assert state == oracles[day].state(kpi, unit, "30d"), (kpi, unit, day)
                assert (value if value == value else None) == pytest.approx(expected, abs=1e-9), (kpi, unit, day)


def test_every_figure_at_every_days_end_is_the_one_a_person_with_a_pencil_gets(store: Store) -> None:
    city = make(5, NOW, letters=90)
    pull(store, Rows(tables(city)))
    assert_recomputed(history_of(store), city, IDS)


def test_the_public_population_has_its_own_past(store: Store) -> None:
    city = make(6, NOW, letters=90)
    pull(store, Rows(tables(city)))
    assert_recomputed(history_of(store), city, ("correspondence.undispositioned", "disposition.backlog"), PUBLIC)


def test_a_process_that_builds_no_boards_knows_the_same_past_and_hears_of_later_commits(store: Store) -> None:
    city = make(7, NOW, letters=60)
    pull(store, Rows(tables(MadeCity(city.now, city.units, city.letters[:50], city.dispositions))))
    history, kpi = history_of(store, built=False), "correspondence.registered_today"
    before = history.figures(kpi, ALL, days(1))[days(1)[0]].of("")
    city.letters[55] |= {"registered_at": (NOW - timedelta(days=1)).isoformat(), "deleted": False}
    pull(store, Rows(tables(city)))
    after = history.figures(kpi, ALL, days(1))[days(1)[0]].of("")
    assert after[0] > before[0]


def test_days_that_take_too_many_rows_are_refused_and_held_days_never(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull(store, Rows(tables(make(8, NOW, letters=40))))
    monkeypatch.setattr(histories, "MOST_ROWS", 5)
    history = history_of(store)
    assert history.figures("correspondence.completed_today", ALL, days(1, 30))
    with pytest.raises(TooMuchError, match="narrow them with from= and to="):
        history.figures("correspondence.completed_today", ALL, days(1, *range(91, 120)))


def test_nothing_is_known_before_the_first_of_what_is_counted(store: Store) -> None:
    city = make(9, NOW, letters=30)
    pull(store, Rows(tables(city)))
    history = history_of(store)
    first = min(x["registered_at"] for x in city.letters if not x["deleted"])
    assert history.begun(registered()["correspondence.registered_today"], ALL) == datetime.fromisoformat(first)
    given = history.begun(registered()["disposition.overdue"], ALL)
    assert given is not None
    assert given >= datetime.fromisoformat(first)
    assert math.isnan(history.figures("disposition.on_time_rate", ALL, days(400))[days(400)[0]].of("")[0])
