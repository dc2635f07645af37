"""Forty letters, each broken in its own way, in a page of five hundred."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from coc.domain.datasets import Dataset
from coc.ingest.validate import Checked, World, check

NOW = pd.Timestamp("2026-03-02T10:00:00+07:00").tz_convert("UTC")
WORLD = World(NOW, frozenset({"DISDIK", "DINKES"}), frozenset({"five_day", "six_day"}))

DEFECTS: list[tuple[str, Any, str]] = [
    ("source_id", None, "missing_required"),
    ("source_id", "  ", "missing_required"),
    ("source_id", 17, "bad_type"),
    ("source_id", ["L-1"], "bad_type"),
    ("source_id", {"id": 1}, "bad_type"),
    ("source_id", "L\x00-9", "bad_type"),
    ("kind", "masuk", "unknown_value"),
    ("kind", "INCOMING", "unknown_value"),
    ("kind", "", "missing_required"),
    ("kind", True, "bad_type"),
    ("type", None, "missing_required"),
    ("type", 4.5, "bad_type"),
    ("type", "x" * 5000, "bad_type"),
    ("category", "umum", "unknown_value"),
    ("category", None, "missing_required"),
    ("urgency", "kilat", "unknown_value"),
    ("urgency", None, "missing_required"),
    ("security", "top", "unknown_value"),
    ("sender_kind", "person", "unknown_value"),
    ("unit", "TIDAK-ADA", "unknown_unit"),
    ("unit", "disdik", "unknown_unit"),
    ("unit", None, "missing_required"),
    ("medium", "kertas", "unknown_value"),
    ("medium", None, "missing_required"),
    ("pages", -1, "out_of_range"),
    ("pages", 1.5, "bad_type"),
    ("pages", "tiga", "bad_type"),
    ("pages", True, "bad_type"),
    ("copies", -3, "out_of_range"),
    ("copies", "1e400", "bad_type"),
    ("registered_at", None, "missing_required"),
    ("registered_at", "2026-02-30T08:00:00+07:00", "bad_type"),
    ("registered_at", "2026-02-20T08:00:00", "bad_type"),
    ("registered_at", 1771549200, "bad_type"),
    ("registered_at", "20 Februari 2026", "bad_type"),
    ("registered_at", "2026-03-02T11:00:01+07:00", "in_future"),
    ("completed_at", "kemarin", "bad_type"),
    ("completed_at", "2027-03-02T10:00:00+07:00", "in_future"),
    ("updated_at", "0001-01-01T00:00:00Z", "bad_type"),
    ("deleted", "mungkin", "bad_type"),
]


def _letter(i: int) -> dict[str, Any]:
    times = dict.fromkeys(("received_at", "registered_at", "updated_at"), "2026-02-20T08:00:00+07:00")
    return {
        "source_id": f"L-{i}",
        "kind": "incoming",
        "type": "surat_dinas",
        "category": "general",
        "urgency": "biasa",
        "security": "biasa",
        "sender_kind": "citizen",
        "unit": "DISDIK",
        "medium": "electronic",
        "pages": 3,
        "copies": None,
        "completed_at": None,
        "deleted": False,
    } | times


@pytest.fixture(scope="module")
def checked() -> Checked:
    rows = [_letter(i) for i in range(500)]
    for i, (field, value, _) in enumerate(DEFECTS):
        rows[i * 12][field] = value
    return check(Dataset.LETTERS, pd.DataFrame(rows, dtype="object"), WORLD)


def test_four_hundred_and_sixty_of_five_hundred_letters_pass(checked: Checked) -> None:
    assert (len(checked.good), len(checked.bad)) == (460, 40)


@pytest.mark.parametrize("i", range(len(DEFECTS)), ids=[f"{f}-{i}" for i, (f, _, _) in enumerate(DEFECTS)])
def test_each_broken_letter_names_its_field_and_reason(checked: Checked, i: int) -> None:
    row = checked.bad[checked.bad["position"] == i * 12].iloc[0]
    assert (row["field"], row["reason"]) == (DEFECTS[i][0], DEFECTS[i][2])


def test_a_disposition_completed_before_it_was_issued_is_refused_and_one_completed_at_once_is_not() -> None:
    base = {"letter_id": "L", "from_office": "sekda", "to_unit": "DISDIK", "channel": "text", "instruction": "HADIRI"}
    at = {"issued_at": "2026-02-20T08:00:00+07:00", "updated_at": "2026-02-20T08:00:00+07:00"}
    early = base | at | {"source_id": "D-1", "completed_at": "2026-02-20T07:59:59+07:00"}
    same = base | at | {"source_id": "D-2", "completed_at": "2026-02-20T01:00:00Z"}
    found = check(Dataset.DISPOSITIONS, pd.DataFrame([early, same], dtype="object"), WORLD)
    assert found.good["source_id"].tolist() == ["D-2"]
    assert found.bad["reason"].tolist() == ["completed_before_issued"]


def test_a_deadline_may_lie_in_the_future_and_an_hour_ahead_is_forgiven() -> None:
    row = _letter(1) | {"registered_at": "2026-03-02T11:00:00+07:00"}
    assert len(check(Dataset.LETTERS, pd.DataFrame([row], dtype="object"), WORLD).good) == 1
    site = {"source_id": "S", "name": "Taman", "status": "planned", "target_at": "2027-01-01T00:00:00+07:00"}
    assert len(check(Dataset.SITES, pd.DataFrame([site], dtype="object"), WORLD).good) == 1


def test_a_unit_with_an_unknown_calendar_is_refused() -> None:
    unit = {"code": "A", "name": "A", "kind": "department", "calendar": "seven_day", "valid_from": "2023-01"}
    found = check(Dataset.UNITS, pd.DataFrame([unit, unit | {"calendar": None}], dtype="object"), WORLD)
    assert found.bad["reason"].tolist() == ["unknown_calendar"]
    assert found.good["valid_from"].tolist() == ["2023-01-01"]
