"""What a row may hold beside what others refuse: deadlines ahead, zero-length work, months as dates."""

from __future__ import annotations

from typing import Any

import pandas as pd

from coc.domain.datasets import Dataset
from coc.ingest.validate import World, check

NOW = pd.Timestamp("2026-03-02T10:00:00+07:00").tz_convert("UTC")
WORLD = World(NOW, frozenset({"DISDIK", "DINKES"}), frozenset({"five_day", "six_day"}))


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
