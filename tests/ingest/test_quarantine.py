"""Forty broken letters in a page of five hundred, all the way into the store; and what becomes of them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from coc.clock import FrozenClock
from coc.domain.datasets import Dataset
from coc.ingest import retry
from coc.settings.models import Retention
from tests.databases import NewDatabase
from tests.ingest.kit import NOW, City, batch, city, disposition, iso, letter, sample, unit

pytestmark = pytest.mark.postgres_slow

L, D, U = Dataset.LETTERS, Dataset.DISPOSITIONS, Dataset.UNITS

BROKEN: list[tuple[str, Any, str]] = [
    ("source_id", None, "missing_required"),
    ("source_id", "   ", "missing_required"),
    ("source_id", 17, "bad_type"),
    ("source_id", ["L"], "bad_type"),
    ("source_id", {"id": 1}, "bad_type"),
    ("source_id", "L\x00", "bad_type"),
    ("source_id", "L\ud800", "bad_type"),
    ("kind", None, "missing_required"),
    ("kind", "masuk", "unknown_value"),
    ("kind", True, "bad_type"),
    ("type", "", "missing_required"),
    ("type", 4.5, "bad_type"),
    ("type", "x" * 4001, "bad_type"),
    ("category", "umum", "unknown_value"),
    ("category", ["general"], "bad_type"),
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
    ("pages", 10**400, "bad_type"),
    ("copies", -3, "out_of_range"),
    ("copies", float("inf"), "bad_type"),
    ("registered_at", None, "missing_required"),
    ("registered_at", "2026-02-30T08:00:00+07:00", "bad_type"),
    ("registered_at", "2026-02-20T08:00:00", "bad_type"),  # no offset
    ("registered_at", 1771549200, "bad_type"),
    ("received_at", "20 Februari 2026", "bad_type"),
    ("completed_at", iso(-1.01), "in_future"),
    ("updated_at", "0001-01-01T00:00:00Z", "bad_type"),
    ("updated_at", None, "missing_required"),
    ("deleted", "mungkin", "bad_type"),
]


@pytest.fixture
def src(new_database: NewDatabase) -> City:
    return city(new_database)


def test_of_five_hundred_letters_forty_are_held_back_each_with_its_reason(src: City) -> None:
    assert len(BROKEN) == 40
    rows = [letter(i) for i in range(500)]
    for i, (field, value, _) in enumerate(BROKEN):
        rows[i * 12] |= {field: value}
    report = src.pull(batch(L, rows))
    assert (report.rows_in, report.stored, report.quarantined, report.error) == (500, 460, 40, None)
    held = src.store.quarantined()
    assert len(held) == 40
    found = sorted((r.field, r.reason) for r in held)
    assert found == sorted((field, reason) for field, _, reason in BROKEN)


def test_a_row_that_is_no_object_is_held_back_too(src: City) -> None:
    problems = [{"source_id": None, "field": "", "reason": "not an object", "value": "list"}]
    report = src.pull(batch(L, [letter(1)], problems=problems))
    assert (report.rows_in, report.stored, report.quarantined) == (2, 1, 1)
    assert src.store.quarantined()[0].reason == "not_an_object"


def test_a_broken_row_is_held_once_however_often_it_comes(src: City) -> None:
    for hours in range(3):
        src.now = NOW + timedelta(hours=hours)
        src.pull(batch(L, [letter(1, urgency="kilat"), letter(None, source_id=None)]))
    held = {r.reason: r for r in src.store.quarantined()}
    assert {r.attempts for r in held.values()} == {3}
    assert held["unknown_value"].source_id == "L-1"
    assert held["missing_required"].source_id.startswith("content:")
    assert (held["unknown_value"].first_seen, held["unknown_value"].last_seen) == (NOW, NOW + timedelta(hours=2))
    assert src.store.commit_number() == 0


def test_trying_again_by_itself_is_no_further_attempt(src: City) -> None:
    refused = letter(1, unit="TIDAK-ADA")
    for times in (1, 2):
        code = f"BARU-{times}"  # units that came make the pull look once more at what was refused for an unknown one
        src.pull(batch(Dataset.UNITS, [unit("DISDIK"), unit(code)]), batch(L, [refused]))
        (row,) = src.store.quarantined()
        assert (row.source_id, row.reason, row.attempts) == ("L-1", "unknown_unit", times)


def test_a_count_that_says_it_is_no_number_is_held_back(src: City) -> None:
    src.pull(batch(L, [letter(1, pages="NaN"), letter(2, pages=None), letter(3, pages=" ")]))
    assert [(r.source_id, r.field, r.reason) for r in src.store.quarantined()] == [("L-1", "pages", "bad_type")]


def test_two_broken_rows_without_an_id_are_two(src: City) -> None:
    src.pull(batch(L, [letter(None, source_id=None, pages=p) for p in (1, 2)]))
    assert len(src.store.quarantined()) == 2


def test_a_row_that_comes_in_good_leaves_the_quarantine(src: City) -> None:
    src.pull(batch(L, [letter(1, urgency="kilat"), letter(2, urgency="kilat")]))
    src.pull(batch(L, [letter(1)]))
    assert [r.source_id for r in src.store.quarantined()] == ["L-2"]
    assert list(src.letters().index) == ["L-1"]


def test_quarantine_keeps_the_mapped_fields_but_no_contents_that_config_does_not_keep(
    new_database: NewDatabase,
) -> None:
    src = city(new_database, keep=())
    src.pull(batch(L, [letter(1, urgency="kilat", number="005/12", subject="Mutasi", sender="Pak Lurah")]))
    (row,) = src.store.quarantined()
    assert (row.value, row.fields["unit"], row.fields["pages"]) == ("kilat", "DISDIK", 2)
    assert not {"number", "subject", "sender"} & set(row.fields)
    text = json.dumps(row.fields)
    assert "Mutasi" not in text
    assert "Lurah" not in text


def test_a_content_of_the_wrong_type_is_never_shown_where_it_is_not_kept(new_database: NewDatabase) -> None:
    src = city(new_database, keep=("number",))
    src.pull(batch(L, [letter(1, number=["005/12"]), letter(2, subject={"ke": "Pak Lurah"})]))
    (row,) = src.store.quarantined()
    assert (row.source_id, row.field, row.reason) == ("L-1", "number", "bad_type")
    assert list(src.letters().index) == ["L-2"]  # what is not kept cannot be wrong


def test_a_disposition_done_before_it_was_given_is_held_back(src: City) -> None:
    src.pull(batch(D, [disposition(1, completed_at=iso(41)), disposition(2, completed_at=iso(40))]))
    (row,) = src.store.quarantined()
    assert (row.source_id, row.reason, row.field) == ("D-1", "completed_before_issued", "completed_at")
    assert list(src.dispositions().index) == ["D-2"]


def test_a_disposition_of_a_letter_that_is_not_there_is_no_defect(src: City) -> None:
    assert src.pull(batch(D, [disposition(1, "L-UNSEEN")])).stored == 1


def test_an_unknown_calendar_is_held_back_and_a_unit_that_a_source_supplies_replaces_the_shipped_list(
    src: City,
) -> None:
    units = [unit("BARU"), unit("LAIN", calendar="seven_day"), unit("ENAM", calendar="six_day")]
    src.pull(batch(U, units), batch(L, [letter(1, unit="BARU"), letter(2, unit="DISDIK"), letter(3, unit="LAIN")]))
    held = {r.source_id: r.reason for r in src.store.quarantined()}
    assert held == {"LAIN": "unknown_calendar", "L-2": "unknown_unit", "L-3": "unknown_unit"}


def test_letters_refused_for_their_unit_are_taken_once_the_unit_is_known(src: City) -> None:
    src.pull(batch(L, [letter(1, unit="BARU")]))
    assert len(src.store.quarantined()) == 1
    src.pull(batch(U, [unit("BARU")]))
    assert src.store.quarantined() == []
    assert src.letters()["unit"].tolist() == ["BARU"]


def test_a_retry_counts_another_attempt_when_nothing_changed(src: City) -> None:
    src.pull(batch(L, [letter(1, urgency="kilat")]))
    assert retry(src.store, src.settings, FrozenClock(NOW), src.store.quarantined()).accepted == 0
    assert src.store.quarantined()[0].attempts == 2


def test_samples_out_of_range_are_held_back_by_point_and_time(new_database: NewDatabase) -> None:
    wifi = city(new_database, "prometheus")
    rows = [sample("ap-1", 1, loss=1.5), sample("ap-1", 2, loss=0.1), sample("ap-2", 1, up=None)]
    report = wifi.pull(batch(Dataset.AP_SAMPLES, rows))
    assert (report.stored, report.quarantined) == (1, 2)
    assert {r.reason for r in wifi.store.quarantined()} == {"out_of_range", "missing_required"}


def test_an_unknown_value_is_told_to_the_operator(src: City) -> None:
    report = src.pull(batch(L, [letter(1, urgency="kilat"), letter(2, urgency="kilat"), letter(3)]))
    assert report.notes == [("unknown_value", "letters.urgency: 2")]
    assert src.store.feeds()[0].notes == [("unknown_value", "letters.urgency: 2")]


def test_old_quarantine_is_pruned_and_dropped_rows_are_gone(src: City) -> None:
    src.pull(batch(L, [letter(1, urgency="kilat")]))
    src.now = NOW + timedelta(days=40)
    src.pull(batch(L, [letter(2, urgency="kilat", updated_at=iso())]))
    assert src.store.prune(Retention(), src.now)["quarantine"] == 1
    (row,) = src.store.quarantined()
    assert row.source_id == "L-2"
    assert src.store.drop_quarantined([row.id], "a typing error", "operator", src.now) == 1
    assert src.store.quarantine_counts() == {}
