"""A field that held values and is gone from every row is a broken source, not empty fields (FEED, Rows)."""

from __future__ import annotations

import pytest

from coc.domain.datasets import Dataset
from tests.databases import NewDatabase
from tests.ingest.kit import REFUSED, City, batch, city, disposition, iso, letter, unit

pytestmark = pytest.mark.postgres_slow

L, D = Dataset.LETTERS, Dataset.DISPOSITIONS


@pytest.fixture
def src(new_database: NewDatabase) -> City:
    """Thirty completed letters are stored."""
    found = city(new_database)
    found.pull(batch(L, [letter(i, completed_at=iso(10)) for i in range(30)]))
    return found


def test_twenty_known_rows_without_a_field_that_they_hold_fail_the_run_and_overwrite_nothing(src: City) -> None:
    before = src.letters()
    pages = [
        batch(L, [letter(i, completed_at=..., pages=50, updated_at=iso(1)) for i in some])
        for some in (range(15), range(15, 25))
    ]
    report = src.pull(*pages)
    assert (report.error_code, report.detail) == ("schema_drift", "letters.completed_at")
    assert report.error == "schema drift: letters.completed_at"
    assert src.letters().equals(before)


def test_in_a_smaller_run_an_absent_field_is_unchanged_for_known_rows_and_null_for_new_ones(src: City) -> None:
    rows = [letter(i, completed_at=..., pages=50, updated_at=iso(1)) for i in (*range(19), 99)]
    report = src.pull(batch(L, rows))
    assert (report.error, report.stored) == (None, 20)
    found = src.letters()
    assert found.loc["L-3", "completed_at"].isoformat() == iso(10)
    assert found.loc["L-3", "pages"] == 50
    assert found["completed_at"].isna().sum() == 1


def test_a_field_that_comes_on_a_later_page_was_not_absent(src: City) -> None:
    pages = [
        batch(L, [letter(i, completed_at=..., updated_at=iso(1)) for i in range(25)]),
        batch(L, [letter(50, completed_at=iso(2), updated_at=iso(1))]),
    ]
    report = src.pull(*pages)
    assert (report.error, report.stored) == (None, 26)
    assert src.letters()["completed_at"].isna().sum() == 25


def test_an_explicit_null_reopens_a_letter(src: City) -> None:
    src.pull(batch(L, [letter(i, completed_at=None, updated_at=iso(1)) for i in range(30)]))
    assert src.letters()["completed_at"].isna().all()


def test_a_full_run_without_a_field_fails_however_small_it_is(src: City) -> None:
    before = src.letters()
    report = src.pull(batch(L, [letter(1, completed_at=..., updated_at=iso(1))]), full=True)
    assert report.error_code == "schema_drift"
    assert src.letters().equals(before)


def test_the_first_run_and_a_field_that_never_held_a_value_are_no_drift(new_database: NewDatabase) -> None:
    src = city(new_database)
    rows = [letter(i, completed_at=..., received_at=None) for i in range(40)]
    assert src.pull(batch(L, rows), full=True).error is None
    assert src.pull(batch(L, [letter(i, completed_at=...) for i in range(40)]), full=True).error is None


def test_contents_may_be_left_out_at_any_time_and_stay_as_they_were(new_database: NewDatabase) -> None:
    src = city(new_database, keep=("number",))
    src.pull(batch(L, [letter(i, number=f"005/{i}") for i in range(30)]))
    report = src.pull(batch(L, [letter(i, pages=8, updated_at=iso(1)) for i in range(30)]), full=True)
    assert (report.error, report.stored) == (None, 30)
    assert src.letters().loc["L-7", "number"] == "005/7"


def test_pages_without_tombstones_are_no_drift(src: City) -> None:
    report = src.pull(batch(L, [letter(i, deleted=..., pages=9, updated_at=iso(1)) for i in range(30)]), full=True)
    assert (report.error, report.stored) == (None, 30)
    assert not src.letters()["deleted"].any()


def test_drift_in_one_dataset_is_found_whatever_the_others_bring(src: City) -> None:
    src.pull(batch(D, [disposition(i, device="phone") for i in range(30)]))
    letters = [letter(i, completed_at=iso(10), pages=3, updated_at=iso(1)) for i in range(30)]
    without = [disposition(i, device=..., updated_at=iso(1)) for i in range(30)]
    report = src.pull(batch(L, letters), batch(D, without))
    assert report.detail == "dispositions.device"
    assert (src.dispositions()["device"] == "phone").all()


def test_pages_that_waited_for_a_field_are_kept_when_a_small_run_fails_later(src: City) -> None:
    report = src.pull(batch(L, [letter(1, completed_at=..., pages=50, updated_at=iso(1))]), REFUSED)
    assert report.error_code == "unreachable"
    assert src.letters().loc["L-1", "pages"] == 50
    assert src.letters().loc["L-1", "completed_at"].isoformat() == iso(10)


def test_a_required_field_that_is_gone_sends_the_rows_to_quarantine_and_tells_why(src: City) -> None:
    report = src.pull(batch(L, [letter(i, medium=..., updated_at=iso(1)) for i in range(30)]))
    assert (report.stored, report.quarantined) == (0, 30)
    assert ("schema_drift", "letters.medium") in report.notes


def test_a_required_field_is_missed_in_its_own_dataset_whatever_else_came(src: City) -> None:
    units = batch(Dataset.UNITS, [unit(f"U-{i}") for i in range(40)])
    report = src.pull(units, batch(L, [letter(i, medium=..., unit="U-1", updated_at=iso(1)) for i in range(3)]))
    assert ("schema_drift", "letters.medium") in report.notes


def test_other_registers_may_leave_out_a_field(new_database: NewDatabase) -> None:
    register = city(new_database, "files")
    register.pull(batch(L, [letter(i, received_at=iso(50)) for i in range(30)]))
    assert register.pull(batch(L, [letter(i) for i in range(30)]), full=True).error is None
