"""Behind no figure are all letters of ten years read: each list is found by an index."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from coc.store import KPIS, Question, Sight, Store, open_store
from coc.store.item_kpis import population
from coc.store.letter_items import _keys
from coc.store.letter_sight import seen_disposition, seen_letter

NOW, DAY = 1_772_000_000_000_000, 86_400_000_000
SIGHTS = [Sight(("biasa", "terbatas")), Sight(("biasa",), ("DISDIK", "SD-01"))]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('plans')}/coc.db")
    yield opened
    opened.close()


@pytest.mark.parametrize("kpi", KPIS)
def test_an_index_finds_the_items_of_every_figure(store: Store, kpi: str) -> None:
    asked = Question(kpi, NOW, NOW - DAY, NOW - 30 * DAY, NOW - 2 * DAY, ("finance",), ("sekda",))
    people = population(asked)
    for sight in SIGHTS:
        mine = seen_letter(sight) if people.of == "letters" else seen_disposition(sight)
        statement = _keys(people, [people.whole, people.listed, mine], {})
        sql = str(statement.compile(store.engine, compile_kwargs={"literal_binds": True}))
        with store.read() as connection:
            plan = [row[3] for row in connection.exec_driver_sql("EXPLAIN QUERY PLAN " + sql)]
        assert plan
        scans = [step for step in plan if step.startswith("SCAN") and "firsts" not in step]
        assert scans == [], plan
