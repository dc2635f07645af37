"""What a board holds comes back from the store as it went in, byte for byte: its digest says whether it is whole."""

from __future__ import annotations

from typing import Any

import pytest

from coc.boards import codec
from coc.boards.subject import Subject, compute_subject
from coc.boards.subjects import SUBJECTS
from tests.metrics import cities
from tests.metrics.cities import wib

NOW = wib("2026-03-02T10:00:00")
LETTER = {"source_id": "L1", "kind": "incoming", "unit": "DISDIK", "registered_at": NOW}
GIVEN = {"source_id": "D1", "letter_id": "L1", "issued_at": NOW, "from_office": "sekda", "to_unit": "DISDIK"}


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda s: s.name)
@pytest.mark.parametrize("rows", [([], []), ([LETTER], [GIVEN])], ids=["nothing", "a letter"])
def test_a_board_comes_back_as_it_went(subject: Subject, rows: tuple[list[Any], list[Any]]) -> None:
    kpis, frames = compute_subject(subject, cities.city(NOW, *rows))
    raw = codec.dump_frames({"kpis": kpis, **frames})
    assert codec.dump_frames(codec.load_frames(codec.pack(raw))) == raw
