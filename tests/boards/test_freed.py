"""Boards of yesterday's city must not keep its rows: a change an hour would fill the machine."""

from __future__ import annotations

import gc
from typing import Any

from coc.boards.subject import compute_subject
from coc.boards.subjects import SUBJECTS
from coc.metrics import City
from tests.metrics import cities
from tests.metrics.cities import wib

NOW = wib("2026-03-02T10:00:00")


def living() -> set[int]:
    return {id(each) for each in gc.get_objects() if type(each) is City}


def build() -> None:
    """All boards of one city, and nothing that holds it."""
    letter = {"source_id": "L1", "kind": "incoming", "unit": "DISDIK", "registered_at": NOW}
    given = {"source_id": "D1", "letter_id": "L1", "issued_at": NOW, "from_office": "sekda", "to_unit": "DISDIK"}
    city = cities.city(NOW, [letter], [given])
    for subject in SUBJECTS:
        compute_subject(subject, city)


def test_a_city_goes_with_its_boards_without_waiting_for_the_collector() -> None:
    gc.collect()
    before: Any = living()
    gc.disable()
    try:
        build()
        assert living() <= before
    finally:
        gc.enable()
