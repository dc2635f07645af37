"""The store on real databases, SQLite and PostgreSQL: reads, commits, boards, retention."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from coc.domain.datasets import COLUMNS, DTYPES, SAMPLES, Dataset
from coc.settings.models import Retention
from coc.store import BoardRow, Control, Store, StoreError, bulk, open_store, tables
from coc.store import columns as codec
from coc.store.schema import schema_state

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
L, D = Dataset.LETTERS, Dataset.DISPOSITIONS


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = open_store(database_url)
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def control(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Control]:
    on_sqlite = request.param == "sqlite"
    opened = Control(f"sqlite:///{tmp_path}/control.db" if on_sqlite else request.getfixturevalue("postgres_url"))
    yield opened
    opened.close()


def _frame(dataset: Dataset, rows: list[dict[str, Any]]) -> pd.DataFrame:
    data = {}
    for column in tables.stored_columns(dataset):
        data[column.name] = pd.Series([r.get(column.name) for r in rows], dtype=DTYPES[column.kind])
    return pd.DataFrame(data)


def _put(store: Store, dataset: Dataset, rows: list[dict[str, Any]], source: str = "src") -> None:
    frame = _frame(dataset, rows)
    extra: dict[str, Any] = {"source": source}
    if dataset not in SAMPLES:
        extra["row_hash"] = codec.row_hash(frame, COLUMNS[dataset])
    if dataset is D:
        extra["derived_from"] = "x"
    with store.commit(source) as tx:
        bulk.upsert(tx, dataset, frame, **extra)


def _ago(**span: float) -> pd.Timestamp:
    return pd.Timestamp(NOW - timedelta(**span))


def _letter(i: str, **fields: Any) -> dict[str, Any]:
    return {"source_id": i, "kind": "incoming", "registered_at": _ago(days=1), "deleted": False} | fields


def _disposition(i: str, **fields: Any) -> dict[str, Any]:
    row = {"source_id": i, "letter_id": "none", "issued_at": _ago(days=300), "completed_at": _ago(days=299)}
    return row | {"needs_follow_up": True, "deleted": False} | fields


# ---- rows


def test_a_row_comes_back_as_it_went_in(store: Store) -> None:
    rows = [
        _letter("a", pages=3, completed_at=_ago(hours=1), type="undangan", number="Ñ/12 — é"),
        _letter("b", registered_at=pd.Timestamp("2026-03-01T23:59:59.999999Z")),
    ]
    _put(store, L, rows)
    found = store.letters(NOW - timedelta(days=90)).sort_values("source_id", ignore_index=True)
    assert list(found.columns) == ["source", *(c.name for c in tables.stored_columns(L))]
    expected = _frame(L, rows)
    pd.testing.assert_frame_equal(found.drop(columns="source"), expected)
    assert {str(found[c.name].dtype) for c in COLUMNS[L]} == {str(_frame(L, [])[c.name].dtype) for c in COLUMNS[L]}


def test_an_empty_store_gives_frames_with_all_columns_and_types(store: Store) -> None:
    for dataset in Dataset:
        frame = store.samples(dataset, NOW) if dataset in SAMPLES else store.table(dataset)
        expected = _frame(dataset, [])
        assert frame.empty
        assert frame.drop(columns="source").dtypes.to_dict() == expected.dtypes.to_dict()


def test_letters_are_read_while_they_are_recent_or_open(store: Store) -> None:
    old = _ago(days=400)
    rows = [
        _letter("recent", completed_at=_ago(hours=2)),
        _letter("open", registered_at=old),
        _letter("finished lately", registered_at=old, completed_at=_ago(days=80)),
        _letter("finished long ago", registered_at=old, completed_at=_ago(days=200)),
        _letter("deleted", deleted=True),
    ]
    _put(store, L, rows)
    found = store.letters(NOW - timedelta(days=90))
    assert sorted(found["source_id"]) == ["finished lately", "open", "recent"]


def test_dispositions_are_read_for_their_own_times_and_for_their_letter(store: Store) -> None:
    _put(store, L, [_letter("waiting"), _letter("memo", kind="memo"), _letter("busy", completed_at=_ago(days=2))])
    rows = [
        _disposition("issued", issued_at=_ago(days=5), letter_id="x1"),
        _disposition("completed", completed_at=_ago(days=5)),
        _disposition("cancelled", cancelled_at=_ago(days=5)),
        _disposition("due", due=_ago(days=5)),
        _disposition("due ahead", due=_ago(days=-5)),
        _disposition("open", completed_at=None),
        _disposition("to know only", completed_at=None, needs_follow_up=False),
        _disposition("of a waiting letter", letter_id="waiting"),
        _disposition("of a memo", letter_id="memo"),
        _disposition("sibling of a recent one", letter_id="x1"),
        _disposition("past"),
        _disposition("deleted", issued_at=_ago(days=5), deleted=True),
    ]
    _put(store, D, rows)
    found = set(store.dispositions(NOW - timedelta(days=90))["source_id"])
    assert {r["source_id"] for r in rows} - found == {"to know only", "of a memo", "past", "deleted"}


def test_a_deleted_row_is_among_the_changes_so_that_readers_can_drop_it(store: Store) -> None:
    _put(store, L, [_letter("a")])
    before = store.commit_number()
    _put(store, L, [_letter("a", deleted=True)])
    assert store.letters(NOW, after_rev=before)["deleted"].tolist() == [True]
    assert store.letters(NOW, after_rev=store.commit_number()).empty


def test_the_same_id_in_two_sources_is_two_letters(store: Store) -> None:
    _put(store, L, [_letter("a", pages=1)], "one")
    _put(store, L, [_letter("a", pages=2)], "two")
    assert sorted(store.letters(NOW - timedelta(days=90))["pages"]) == [1, 2]


def test_a_unit_that_two_sources_supply_is_one_unit_the_newer_of_both(store: Store) -> None:
    unit = {"code": "DISDIK", "kind": "agency"}
    _put(store, Dataset.UNITS, [unit | {"name": "new", "updated_at": _ago(days=1)}], "one")
    _put(store, Dataset.UNITS, [unit | {"name": "old", "updated_at": _ago(days=9)}], "two")
    assert store.table(Dataset.UNITS)["name"].tolist() == ["new"]
    assert store.table(Dataset.UNITS, ["two"])["name"].tolist() == ["old"]


def test_more_rows_than_a_statement_takes_variables_are_looked_up(store: Store) -> None:
    _put(store, L, [_letter(f"L-{i}") for i in range(bulk.CHUNK + 10)])
    keys = [f"L-{i}" for i in range(bulk.CHUNK + 20)]
    with store.read() as connection:
        found = bulk.held(connection, L, "src", keys, COLUMNS[L][:1], "row_hash")
    assert len(found) == bulk.CHUNK + 10
    assert found["row_hash"].dtype == np.int64


def test_the_hash_of_a_row_sees_every_column_and_nothing_else() -> None:
    rows = [
        _letter("a"),
        _letter("a", pages=0),
        _letter("a", pages=1),
        _letter("a", number="x"),
        _letter("a", type="x"),
    ]
    rows += [_letter("a", completed_at=_ago(days=0)), _letter("a", deleted=True), _letter("a")]
    hashes = codec.row_hash(_frame(L, rows), COLUMNS[L])
    assert len(set(hashes[:-1])) == 7
    assert hashes[0] == hashes[-1]


# ---- commits


def test_a_commit_number_is_taken_only_by_a_change(store: Store) -> None:
    with store.commit("src"):
        pass
    assert store.commit_number() == 0
    _put(store, L, [_letter("a")])
    assert store.commit_number() == 1


def test_an_error_inside_a_commit_leaves_nothing(store: Store) -> None:
    def broken() -> None:
        with store.commit("src") as tx:
            bulk.upsert(tx, L, _frame(L, [_letter("a")]), source="src", row_hash=1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert store.commit_number() == 0
    assert store.letters(NOW - timedelta(days=90)).empty


def test_writers_of_several_threads_each_get_their_own_number(store: Store) -> None:
    def write(name: str) -> None:
        for i in range(5):
            _put(store, L, [_letter(f"{name}-{i}")], name)

    threads = [threading.Thread(target=write, args=(f"s{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.commit_number() == 20
    with store.read() as connection:
        revs = [r[0] for r in connection.execute(sa.select(tables.TABLES[L].c.rev))]
    assert sorted(revs) == list(range(1, 21))


def test_a_reader_is_not_held_up_by_a_writer_and_sees_the_state_before(store: Store) -> None:
    with store.commit("src") as tx:
        bulk.upsert(tx, L, _frame(L, [_letter("a")]), source="src", row_hash=1)
        assert store.letters(NOW - timedelta(days=90)).empty
    assert len(store.letters(NOW - timedelta(days=90))) == 1


def test_a_change_by_another_process_is_noticed_without_reading_rows(store: Store) -> None:
    assert store.changed_since()
    assert not store.changed_since()
    other = Store(store.engine.url.render_as_string(hide_password=False))
    _put(other, L, [_letter("a")])
    until = time.monotonic() + 2  # PostgreSQL tells it a moment later
    while not store.changed_since():
        assert time.monotonic() < until
        time.sleep(0.005)
    assert not store.changed_since()
    other.close()


def test_a_broken_statement_tells_nothing_of_the_rows(store: Store) -> None:
    without_rev = sa.text("INSERT INTO letters (source, source_id) VALUES (:source, :source_id)")
    row = {"source": "src", "source_id": "Bapak Rahasia"}
    with pytest.raises(sa.exc.IntegrityError) as caught, store.write() as connection:
        connection.execute(without_rev, row)
    assert "Rahasia" not in str(caught.value)


# ---- boards


def _board(name: str, digest: str) -> BoardRow:
    return BoardRow(name, "all", 0, digest, NOW, None, digest.encode())


def test_the_epoch_moves_once_for_all_boards_that_changed_and_not_for_the_same_again(store: Store) -> None:
    assert (store.epoch(), store.load_boards()) == (0, [])
    assert store.save_boards(3, [_board("wifi", "a"), _board("apps", "b")]) == 1
    assert store.save_boards(4, [_board("wifi", "a"), _board("apps", "b")]) == 1
    assert store.save_boards(5, [_board("wifi", "c"), _board("apps", "b")]) == 2
    assert {b.name: (b.epoch, b.payload) for b in store.load_boards()} == {"wifi": (2, b"c"), "apps": (1, b"b")}
    assert store.boards_commit() == 5


# ---- housekeeping


def test_prune_keeps_what_still_moves_and_forgets_what_is_past_its_time(store: Store) -> None:
    ancient = _ago(days=365 * 11)
    rows = [
        _letter("past", registered_at=ancient, updated_at=ancient),
        _letter("moving", registered_at=ancient, updated_at=_ago(days=3)),
        _letter("new"),
    ]
    _put(store, L, rows)
    samples = [{"ap": "ap-1", "at": _ago(days=d), "up": True} for d in (1, 34, 36)]
    _put(store, Dataset.AP_SAMPLES, samples)
    gone = store.prune(Retention(), NOW)
    assert (gone["letters"], gone["ap_samples"]) == (1, 1)
    assert sorted(store.export(L)["source_id"]) == ["moving", "new"]
    assert len(store.samples(Dataset.AP_SAMPLES, NOW - timedelta(days=60))) == 2


def test_status_counts_what_there_is(store: Store) -> None:
    _put(store, L, [_letter("a"), _letter("b")])
    status = store.status()
    assert (status["rows"]["letters"], status["commit"], status["schema"], status["up_to_date"]) == (
        2,
        1,
        store.schema_state().head,
        True,
    )
    assert status["bytes"] > 0


def test_status_of_an_empty_file_says_that_it_has_no_schema(tmp_path: Path) -> None:
    status = Store(f"sqlite:///{tmp_path}/none.db").status()
    assert (status["schema"], status["up_to_date"]) == (None, False)


def test_the_log_is_written_ahead_so_that_a_kill_loses_no_commit(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/new/folder/coc.db")
    _put(store, L, [_letter("a")])
    path = store.engine.url.database
    assert path is not None
    with sqlite3.connect(path) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert other.execute("SELECT count(*) FROM letters").fetchone() == (1,)


# ---- control


def test_tokens_are_kept_by_hash_and_end_when_revoked(control: Control) -> None:
    made = control.add_token("checker", "AB" * 32, "operator", ["DISDIK"], None)
    assert control.tokens() == [made]
    assert (made.sha256, made.units, made.revoked) == ("ab" * 32, ("DISDIK",), None)
    with pytest.raises(StoreError, match="`checker` exists already"):
        control.add_token("checker", "cd" * 32, "head")
    assert control.revoke("checker")
    assert not control.revoke("checker")
    assert control.tokens()[0].revoked is not None


def test_the_audit_log_is_read_newest_first_and_pruned_by_age(control: Control) -> None:
    for what in ("letters", "kpis"):
        control.audit("checker", "operator", "export", what, "127.0.0.1")
    assert [r.what for r in control.audit_rows()] == ["kpis", "letters"]
    assert [r.outcome for r in control.audit_rows(limit=1)] == ["ok"]
    assert control.prune(audit_years=2) == 0
    assert schema_state(control, "control").up_to_date
