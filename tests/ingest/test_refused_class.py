"""A letter whose row is refused is never seen under a class lower than the refused row may mean."""

from __future__ import annotations

from typing import Any

import pytest

from coc.access import Audit, Rows, Viewer
from coc.domain.datasets import Dataset
from tests.databases import NewDatabase
from tests.ingest.kit import City, batch, city, disposition, iso, letter

pytestmark = pytest.mark.postgres_slow

L, D = Dataset.LETTERS, Dataset.DISPOSITIONS
LEADER = Viewer("leader", "wako")


@pytest.fixture
def src(new_database: NewDatabase) -> City:
    """Two letters of class biasa, one disposed."""
    made = city(new_database)
    made.pull(batch(L, [letter(1), letter(2)]), batch(D, [disposition(1)]))
    return made


def seen(src: City) -> tuple[set[str], set[str]]:
    audit = Audit(None)
    rows = Rows(src.store, audit, src.settings, "live")
    found = set(rows.letters(LEADER)["source_id"]), set(rows.dispositions(LEADER)["source_id"])
    audit.close()
    return found


def classes(src: City) -> list[Any]:
    return src.letters()["security"].tolist()


@pytest.mark.parametrize("value", ["top", 5, ["rahasia"], "RAHASIA"])
def test_a_class_that_cannot_be_read_hides_the_letter_and_its_dispositions_at_once(src: City, value: Any) -> None:
    assert seen(src) == ({"L-1", "L-2"}, {"D-1"})
    src.pull(batch(L, [letter(1, security=value, updated_at=iso(1))]))
    assert classes(src) == ["sangat_rahasia", "biasa"]
    assert src.dispositions()["letter_security"].tolist() == ["sangat_rahasia"]
    assert seen(src) == ({"L-2"}, set())
    assert src.letters().loc["L-1", "kind"] == "incoming"  # nothing else of the refused row is taken


def test_a_mended_row_shows_the_letter_under_its_own_class_again(src: City) -> None:
    src.pull(batch(L, [letter(1, security="top", updated_at=iso(1))]))
    src.pull(batch(L, [letter(1, security="terbatas", updated_at=iso(0.5))]))
    assert classes(src) == ["terbatas", "biasa"]
    assert seen(src) == ({"L-1", "L-2"}, {"D-1"})
    assert src.store.quarantined() == []


def test_the_very_row_from_before_shows_it_again(src: City) -> None:
    src.pull(batch(L, [letter(1, security="top")]))
    src.pull(batch(L, [letter(1)]))
    assert classes(src) == ["biasa", "biasa"]


def test_a_row_refused_for_another_field_still_raises_the_class_that_it_names(src: City) -> None:
    src.pull(batch(L, [letter(1, security="rahasia", medium="kertas"), letter(2, security="top", kind="masuk")]))
    assert classes(src) == ["rahasia", "sangat_rahasia"]


def test_a_refused_row_lowers_no_class_and_one_without_a_class_changes_none(src: City) -> None:
    src.pull(batch(L, [letter(1, security="rahasia", updated_at=iso(2))]))
    src.pull(batch(L, [letter(1, medium="kertas", updated_at=iso(1)), letter(2, security=None, medium="kertas")]))
    assert classes(src) == ["rahasia", "biasa"]


def test_a_refused_row_that_is_older_than_the_stored_one_says_nothing_of_it(src: City) -> None:
    src.pull(batch(L, [letter(1, security="top", updated_at=iso(49))]))
    assert classes(src) == ["biasa", "biasa"]


def test_the_refused_row_once_more_changes_nothing(src: City) -> None:
    refused = batch(L, [letter(1, security="top", updated_at=iso(1))])
    src.pull(refused)
    before = src.store.commit_number()
    src.pull(refused)
    assert src.store.commit_number() == before


def test_a_row_that_its_connector_could_not_map_raises_it_as_well(src: City) -> None:
    problem = {"source_id": "L-1", "field": "security", "value": "R?", "reason": "unknown_value", "fields": {}}
    src.pull(batch(L, [letter(2)], problems=[problem]))
    assert classes(src) == ["sangat_rahasia", "biasa"]


def test_a_disposition_that_comes_later_is_of_the_raised_class(src: City) -> None:
    src.pull(batch(L, [letter(2, security="top", updated_at=iso(1))]))
    src.pull(batch(D, [disposition(2, "L-2")]))
    assert src.dispositions().loc["D-2", "letter_security"] == "sangat_rahasia"
