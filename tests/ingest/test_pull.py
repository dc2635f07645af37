"""What a pull leaves behind: rows, commits, watermarks, quarantine."""

from __future__ import annotations

from datetime import timedelta

import pytest

from coc.domain.datasets import Dataset
from coc.settings.models import Settings
from data_connectors.base import FetchError
from tests.databases import NewDatabase
from tests.ingest.kit import NOW, REFUSED, City, batch, city, disposition, ids, iso, letter, sample, unit

pytestmark = pytest.mark.postgres_slow

L, D, U = Dataset.LETTERS, Dataset.DISPOSITIONS, Dataset.UNITS


@pytest.fixture
def src(new_database: NewDatabase) -> City:
    return city(new_database)


def test_a_second_pull_of_the_same_rows_changes_nothing_and_takes_no_commit_number(src: City) -> None:
    rows = [batch(U, [unit("DISDIK")]), batch(L, [letter(1), letter(2)]), batch(D, [disposition(1)])]
    first = src.pull(*rows)
    commit, letters = src.store.commit_number(), src.letters()
    second = src.pull(*rows)
    assert (first.rows_in, first.stored, first.unchanged) == (4, 4, 0)
    assert (second.rows_in, second.stored, second.unchanged) == (4, 0, 4)
    assert src.store.commit_number() == commit
    assert src.letters().equals(letters)


def test_an_older_change_never_overwrites_a_newer_one(src: City) -> None:
    src.pull(batch(L, [letter(1, pages=9, updated_at=iso(1))]))
    report = src.pull(batch(L, [letter(1, pages=2, updated_at=iso(5))]))
    assert (report.stored, src.letters().loc["L-1", "pages"]) == (0, 9)


def test_a_correction_with_the_same_time_of_change_is_taken(src: City) -> None:
    src.pull(batch(L, [letter(1, pages=9)]))
    assert src.pull(batch(L, [letter(1, pages=3)])).stored == 1
    assert src.letters().loc["L-1", "pages"] == 3


def test_of_a_row_that_comes_twice_in_one_page_the_newer_change_wins(src: City) -> None:
    rows = [letter(1, pages=7, updated_at=iso(1)), letter(1, pages=2, updated_at=iso(30))]
    report = src.pull(batch(L, rows))
    assert (report.rows_in, report.stored, report.unchanged) == (2, 1, 1)
    assert src.letters().loc["L-1", "pages"] == 7


def test_rows_without_a_time_of_change_are_told_by_their_content(new_database: NewDatabase) -> None:
    register = city(new_database, "files")
    rows = [letter(i, updated_at=...) for i in range(3)]
    register.pull(batch(L, rows))
    again = register.pull(batch(L, [*rows[:2], rows[2] | {"pages": 8}]))
    assert (again.stored, again.unchanged) == (1, 2)
    assert register.letters().loc["L-2", "pages"] == 8


def test_only_changed_rows_come_after_a_commit_number(src: City) -> None:
    src.pull(batch(L, [letter(i) for i in range(10)]))
    before = src.store.commit_number()
    src.pull(batch(L, [letter(i) for i in range(8)] + [letter(8, pages=1), letter(10)]))
    changed = src.store.letters(NOW, after_rev=before)
    assert sorted(changed["source_id"]) == ["L-10", "L-8"]


def test_a_deleted_letter_is_kept_but_no_longer_read_and_its_dispositions_say_so(src: City) -> None:
    src.pull(batch(L, [letter(1)]), batch(D, [disposition(1)]))
    before = src.store.commit_number()
    src.pull(batch(L, [letter(1, deleted=True, updated_at=iso(1))]))
    since = NOW - timedelta(days=90)
    assert src.store.letters(since).empty
    assert src.store.letters(since, after_rev=before)["deleted"].tolist() == [True]
    assert src.store.dispositions(since, after_rev=before)["letter_deleted"].tolist() == [True]


def test_a_disposition_waits_for_its_letter_and_is_due_once_it_arrives(src: City) -> None:
    src.pull(batch(D, [disposition(1), disposition(2, "L-2")]))
    waiting = src.dispositions()
    assert waiting["due"].isna().all()
    assert waiting["letter_kind"].isna().all()
    before = src.store.commit_number()
    src.pull(batch(L, [letter(1, urgency="amat_segera", security="rahasia")]))
    came = src.store.dispositions(NOW, after_rev=before)
    assert came["source_id"].tolist() == ["D-1"]
    row = came.iloc[0]
    assert row["due"] == NOW - timedelta(hours=16)  # issued 40 h ago, 24 h to do it
    assert (row["letter_urgency"], row["letter_security"], row["letter_kind"]) == ("amat_segera", "rahasia", "incoming")


def test_a_letter_that_becomes_urgent_brings_its_deadlines_forward(src: City) -> None:
    src.pull(batch(L, [letter(1, urgency="segera")]), batch(D, [disposition(1), disposition(2, due_at=iso(-9))]))
    src.pull(batch(L, [letter(1, urgency="amat_segera", updated_at=iso(1))]))
    due = src.dispositions()["due"]
    assert due["D-1"] == NOW - timedelta(hours=16)
    assert due["D-2"] == NOW + timedelta(hours=9)  # the source's own stays


def test_a_change_of_a_letter_that_its_dispositions_do_not_see_leaves_them_alone(src: City) -> None:
    src.pull(batch(L, [letter(1)]), batch(D, [disposition(1)]))
    before = src.store.commit_number()
    src.pull(batch(L, [letter(1, pages=40, updated_at=iso(1))]))
    assert src.store.dispositions(NOW, after_rev=before).empty


def test_the_next_pull_begins_an_overlap_before_the_newest_change(src: City) -> None:
    src.pull(batch(L, [letter(1, updated_at=iso(3)), letter(2, updated_at=iso(2))]))
    src.pull()
    assert src.source.windows[-1].since == {L: NOW - timedelta(hours=2, seconds=300)}


def test_the_watermark_never_passes_the_answers_own_now_and_never_goes_back(src: City) -> None:
    early = NOW - timedelta(minutes=10)
    src.pull(batch(L, [letter(1, updated_at=iso())], source_now=early))
    assert src.store.positions("src")[L].watermark == early
    src.pull(batch(L, [letter(2, updated_at=iso(50))]))
    assert src.store.positions("src")[L].watermark == early


def test_a_time_far_ahead_does_not_move_the_watermark(src: City) -> None:
    src.pull(batch(L, [letter(1, updated_at=iso(5)), letter(2, updated_at=iso(-48))]))
    assert src.store.positions("src")[L].watermark == NOW - timedelta(hours=5)


def test_a_run_that_fails_at_the_third_page_keeps_the_first_two_and_goes_on_from_there(src: City) -> None:
    pages = [batch(L, [letter(i, updated_at=iso(40 - i))]) for i in range(2)]
    report = src.pull(*pages, REFUSED)
    assert report.error == "unreachable: src.example.go.id"
    assert list(src.letters().index) == ["L-0", "L-1"]
    src.pull()
    assert src.source.windows[-1].since[L] == NOW - timedelta(hours=39, seconds=300)


def test_an_unordered_run_that_fails_stores_nothing_at_all(src: City) -> None:
    src.pull(batch(L, [letter(1)], ordered=False), batch(L, [letter(2)], ordered=False), REFUSED)
    assert src.letters().empty
    assert src.store.commit_number() == 0


def test_an_unordered_run_is_one_commit_with_units_before_letters(src: City) -> None:
    rows = [batch(L, [letter(1, unit="BARU")], ordered=False), batch(U, [unit("BARU")], ordered=False)]
    report = src.pull(*rows)
    assert (report.stored, report.quarantined) == (2, 0)


def test_a_failed_run_keeps_the_last_good_data_and_counts_the_failures(src: City) -> None:
    src.pull(batch(L, [letter(1)]))
    src.pull(REFUSED)
    src.pull(FetchError("login_page", "https://src.example.go.id/masuk"))
    (feed,) = src.store.feeds()
    assert feed.failures == 2
    assert feed.last_good_business == NOW
    assert feed.last_run is not None
    assert feed.last_run.error_code == "login_page"
    assert list(src.letters().index) == ["L-1"]
    src.pull(batch(L, []))
    assert src.store.feeds()[0].failures == 0


def test_a_defect_of_ours_is_a_failed_run_without_row_values(src: City, caplog: pytest.LogCaptureFixture) -> None:
    report = src.pull(ValueError("Bapak Rahasia"))
    assert report.error == "a defect of the COC itself: ValueError"
    assert "Rahasia" not in caplog.text


def test_a_dry_run_tells_what_would_happen_and_stores_nothing(src: City) -> None:
    report = src.pull(
        batch(U, [unit("BARU")]), batch(L, [letter(1, unit="BARU"), letter(2, kind="masuk")]), dry_run=True
    )
    assert (report.rows_in, report.stored, report.quarantined) == (3, 2, 1)
    assert src.letters().empty
    assert src.store.quarantined() == []
    assert src.store.feeds() == []


def test_letter_contents_are_stored_only_where_config_keeps_them(new_database: NewDatabase) -> None:
    src = city(new_database, keep=("number",))
    src.pull(batch(L, [letter(1, number="005/12", subject="Undangan", sender="Pak Lurah")]))
    row = src.letters().loc["L-1"]
    assert row["number"] == "005/12"
    assert row[["subject", "sender"]].isna().all()


def test_contents_that_config_no_longer_keeps_are_gone_after_a_full_pull(new_database: NewDatabase) -> None:
    src = city(new_database, keep=("number", "subject"))
    row = letter(1, number="005/12", subject="Undangan")
    src.pull(batch(L, [row]))
    src.block = src.block.model_copy(update={"keep": ("number",)})
    src.settings = Settings(connectors={"src": src.block})
    src.pull(batch(L, [row]), full=True)
    assert src.letters()["subject"].isna().all()
    assert src.letters()["number"].tolist() == ["005/12"]


def test_a_register_that_does_not_record_urgency_says_unknown(new_database: NewDatabase) -> None:
    register = city(new_database, "files")
    report = register.pull(batch(L, [letter(1, urgency=..., category=None)]), batch(D, [disposition(1, channel="")]))
    assert report.stored == 2
    assert register.letters()[["urgency", "category"]].iloc[0].tolist() == ["unknown", "unknown"]
    assert register.dispositions()["channel"].tolist() == ["unknown"]


def test_the_feed_owes_a_time_of_change(src: City) -> None:
    report = src.pull(batch(L, [letter(1, updated_at=None), letter(2)]))
    (row,) = src.store.quarantined()
    assert (report.stored, row.reason, row.field) == (1, "missing_required", "updated_at")


def test_samples_come_once_however_often_they_are_pulled(new_database: NewDatabase) -> None:
    wifi = city(new_database, "prometheus")
    wifi.source.datasets = {Dataset.AP_SAMPLES}
    rows = [sample("ap-1", m) for m in (3, 2, 1)] + [sample("ap-2", 2)]
    assert wifi.pull(batch(Dataset.AP_SAMPLES, rows)).stored == 4
    before = wifi.store.commit_number()
    assert wifi.pull(batch(Dataset.AP_SAMPLES, rows[::-1])).stored == 0
    assert wifi.store.commit_number() == before
    assert wifi.pull(batch(Dataset.AP_SAMPLES, [sample("ap-1", 2, up=False)])).stored == 1
    since = NOW - timedelta(hours=1)
    changed = wifi.store.samples(Dataset.AP_SAMPLES, since, after_rev=before)
    assert changed[["ap", "up"]].to_numpy().tolist() == [["ap-1", False]]
    assert len(wifi.store.samples(Dataset.AP_SAMPLES, since)) == 4
    assert wifi.store.known_samples("src", {Dataset.AP_SAMPLES}) == {
        "ap-1": NOW - timedelta(minutes=1),
        "ap-2": NOW - timedelta(minutes=2),
    }


def test_a_samples_feed_is_as_old_as_its_newest_measurement(new_database: NewDatabase) -> None:
    wifi = city(new_database, "prometheus")
    wifi.source.datasets = {Dataset.AP_SAMPLES}
    wifi.pull(batch(Dataset.AP_SAMPLES, [sample("ap-1", 7), sample("ap-1", 4)]))
    assert wifi.store.feeds()[0].as_of == NOW - timedelta(minutes=4)


def test_a_service_seen_from_the_cocs_own_room_has_no_vantage(new_database: NewDatabase) -> None:
    apps = city(new_database, "http_probe")
    row = {"service": "ppdb", "vantage": None, "at": iso(0.1), "up": True, "status": 200, "latency_ms": 80.0}
    for _ in range(2):
        apps.pull(batch(Dataset.SERVICE_SAMPLES, [row, row | {"vantage": "site-1"}]))
    found = apps.store.samples(Dataset.SERVICE_SAMPLES, NOW - timedelta(hours=1))
    assert found["vantage"].isna().tolist() in ([True, False], [False, True])


def test_a_full_pull_lists_what_is_gone(src: City) -> None:
    src.pull(batch(L, [letter(i) for i in range(100)]), batch(D, [disposition(1, "L-7")]))
    left = {f"L-{i}" for i in range(100)} - {"L-7"}
    report = src.pull(ids(L, left), full=True)
    assert (report.error, report.deleted) == (None, 1)
    assert src.letters()["deleted"].sum() == 1
    assert bool(src.dispositions().loc["D-1", "letter_deleted"])
    assert not src.pull(ids(L, left), full=True).deleted
    src.pull(batch(L, [letter(7)]))  # it was no deletion after all
    assert not src.letters().loc["L-7", "deleted"]


def test_too_many_deletions_at_once_delete_nothing_until_a_person_allows_it(src: City) -> None:
    src.pull(batch(L, [letter(i) for i in range(100)]))
    left = {f"L-{i}" for i in range(97)}
    report = src.pull(ids(L, left), full=True)
    assert report.error_code == "mass_deletion"
    assert report.detail == "3 of 100 letters"
    assert not src.letters()["deleted"].any()
    src.pull(batch(L, [letter(1)]))
    (feed,) = src.store.feeds()
    assert dict(feed.standing) == {"mass_deletion": "3 of 100 letters"}
    assert feed.failures == 0
    assert src.pull(ids(L, left), full=True, allow_deletions=True).deleted == 3
    assert dict(src.store.feeds()[0].standing) == {}


def test_rows_older_than_the_source_keeps_them_are_not_judged_by_absence(src: City) -> None:
    src.pull(batch(L, [letter(i) for i in range(100)] + [letter("old", registered_at=iso(24 * 400))]))
    every = {f"L-{i}" for i in range(100)}
    assert src.pull(ids(L, every, retention_days=365), full=True).deleted == 0
    assert src.pull(ids(L, every, retention_days=500), full=True).deleted == 1


def test_a_row_that_changed_after_the_list_was_made_is_not_judged_by_it(src: City) -> None:
    src.pull(batch(L, [letter(i) for i in range(100)] + [letter("new", updated_at=iso())]))
    every = {f"L-{i}" for i in range(100)}
    assert src.pull(ids(L, every, source_now=NOW - timedelta(minutes=1)), full=True).deleted == 0


def test_sites_that_left_the_list_are_removed(new_database: NewDatabase) -> None:
    src = city(new_database, "files")
    sites = [{"source_id": f"S-{i}", "name": f"Taman {i}", "status": "active"} for i in range(60)]
    src.source.datasets = {Dataset.SITES}
    src.pull(batch(Dataset.SITES, sites, ordered=False))
    src.pull(batch(Dataset.SITES, sites[1:], ordered=False), ids(Dataset.SITES, {s["source_id"] for s in sites[1:]}))
    assert len(src.store.table(Dataset.SITES)) == 59
