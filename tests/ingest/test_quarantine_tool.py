"""What becomes of refused rows: mapped anew, put aside, taken back, forgotten; on both databases."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from coc.clock import FrozenClock
from coc.domain.datasets import Dataset
from coc.ingest import pull_connector, retry
from coc.ingest.reasons import REASONS, in_words
from coc.settings.models import ConnectorBlock, Retention, Settings
from coc.store import Choice, Store, open_store
from coc.ui.i18n import LANGUAGES, t
from data_connectors.files import Files
from tests.ingest.kit import NOW, City, batch, disposition, ids, iso, letter, unit
from tests.ingest.test_quarantine import BROKEN

L, D, U = Dataset.LETTERS, Dataset.DISPOSITIONS, Dataset.UNITS
HEAD = "no;jenis;opd;tanggal;masuk;perihal"
FIELDS = {
    "source_id": "no", "kind": "jenis", "unit": "opd", "registered_at": "tanggal", "received_at": "masuk",
    "subject": "perihal",
}  # fmt: skip
GIVEN = {"type": "surat_dinas", "category": "general", "urgency": "biasa", "medium": "paper"}


@pytest.fixture
def store(database_url: str) -> Any:
    found = open_store(database_url)
    yield found
    found.close()


@pytest.fixture
def src(store: Store) -> City:
    return City(store, ConnectorBlock(type="sipadek"))


class Register:
    """A register kept in a CSV, and config as it is mended."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.file = store, folder / "surat.csv"
        self.clock = FrozenClock(NOW)
        self.mapping: dict[str, Any] = {
            "fields": FIELDS, "constants": GIVEN, "time": {"zone": "Asia/Jakarta"},
            "values": {"kind": {"keluar": "outgoing"}},
        }  # fmt: skip
        self.keep: tuple[str, ...] = ()

    @property
    def block(self) -> Files.Block:
        return Files.Block.model_validate(
            {"type": "files", "path": self.file, "datasets": {"letters": self.mapping}, "keep": self.keep}
        )

    def pull(self, *rows: str) -> Any:
        self.file.write_text("\n".join([HEAD, *rows]), encoding="utf-8")
        block = self.block
        settings = Settings(connectors={"register": block})
        return pull_connector(self.store, "register", block, Files("register", block), settings, self.clock)

    def retry(self, **mended: Any) -> Any:
        self.mapping |= mended
        return retry(self.store, Settings(connectors={"register": self.block}), self.clock, self.store.quarantined())


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    """On one database: the mapping comes before it."""
    found = open_store(f"sqlite:///{tmp_path}/coc.db")
    yield Register(found, tmp_path)
    found.close()


def letters(store: Store) -> Any:
    return store.letters(NOW - timedelta(days=4000), after_rev=0).set_index("source_id").sort_index()


# Trying again


def test_a_value_that_config_learns_takes_its_rows_in(register: Register) -> None:
    register.pull("1;masuk;DISDIK;2026-02-20 08:00;;Mutasi", "2;keluar;DISDIK;2026-02-20 08:00;;")
    (row,) = register.store.quarantined()
    assert (row.reason, row.field, row.value) == ("unknown_value", "kind", "row 2: masuk")
    assert row.fields["registered_at"] == "2026-02-20 08:00"
    done = register.retry(values={"kind": {"masuk": "incoming", "keluar": "outgoing"}})
    assert (done.accepted, done.left) == (1, 0)
    assert letters(register.store)["kind"].tolist() == ["incoming", "outgoing"]
    assert letters(register.store).loc["1", "registered_at"].isoformat() == "2026-02-20T01:00:00+00:00"
    assert register.store.quarantined() == []


def test_a_column_without_any_values_map_is_mended_by_one(register: Register) -> None:
    register.mapping["values"] = {}
    register.pull("1;masuk;DISDIK;2026-02-20 08:00;;")
    (row,) = register.store.quarantined()
    assert (row.reason, row.value, row.origin is not None) == ("unknown_value", "masuk", True)
    assert register.retry(values={"kind": {"masuk": "incoming"}}).accepted == 1


def test_a_field_mapped_to_the_wrong_column_is_mended_from_the_cells_that_were_kept(register: Register) -> None:
    register.mapping["values"] = {"kind": {"masuk": "incoming"}}
    register.pull("1;masuk;DISDIK;;2026-02-21 09:00;")
    assert [(r.reason, r.field) for r in register.store.quarantined()] == [("missing_required", "registered_at")]
    done = register.retry(fields=FIELDS | {"registered_at": "masuk"})
    assert (done.accepted, done.left) == (1, 0)


def test_a_zone_and_a_format_that_config_learns_take_their_rows_in(register: Register) -> None:
    register.mapping |= {"time": {}, "values": {"kind": {"masuk": "incoming"}}}
    register.pull("1;masuk;DISDIK;2026-02-20 08:00;;")
    assert [r.reason for r in register.store.quarantined()] == ["no_zone"]
    assert register.retry(time={"zone": "Asia/Jakarta", "format": "%d/%m/%Y"}).refused == {
        ("bad_time", "registered_at"): 1
    }
    assert register.retry(time={"zone": "Asia/Jakarta"}).accepted == 1


def test_a_column_that_was_never_kept_can_only_be_asked_of_the_source(register: Register) -> None:
    register.pull("1;masuk;DISDIK;2026-02-20 08:00;;Mutasi")
    (row,) = register.store.quarantined()
    done = register.retry(fields=FIELDS | {"type": "bentuk"}, constants={k: v for k, v in GIVEN.items() if k != "type"})
    assert (done.accepted, done.asks) == (0, {"register": [row.id]})
    assert register.store.quarantined()[0].attempts == 1  # it was not tried


def test_contents_that_are_not_kept_reach_neither_the_cells_nor_the_fields(register: Register) -> None:
    register.pull("1;masuk;DISDIK;2026-02-20 08:00;;Mutasi rahasia")
    (row,) = register.store.quarantined()
    assert "Mutasi" not in json.dumps([row.fields, row.origin, row.value])
    assert "perihal" not in (row.origin or {})["cells"]
    register.keep = ("subject",)
    register.store.drop_quarantined([row.id], "again", "me", NOW)
    register.pull("9;masuk;DISDIK;2026-02-20 08:00;;Mutasi")
    assert register.store.quarantined()[0].fields["subject"] == "Mutasi"


def test_a_leaders_words_are_a_code_before_anything_keeps_them(register: Register, tmp_path: Path) -> None:
    store = register.store
    (tmp_path / "dispositions.csv").write_text(
        "source_id,letter_id,from_office,to_unit,channel,instruction,issued_at\n"
        "1,L-1,sekda,DISDIK,lisan,Tolong tindak lanjuti laporan Bapak Anu,2026-02-20T08:00:00+07:00\n"
    )
    for more in ({}, {"values": {"instruction": {"x": "ARSIPKAN"}}}):
        block = Files.Block.model_validate({"type": "files", "path": tmp_path, "datasets": {"dispositions": more}})
        connectors = Settings(connectors={"lisan": block})
        pull_connector(store, "lisan", block, Files("lisan", block), connectors, FrozenClock(NOW))
        (row,) = store.quarantined()
        assert "Anu" not in json.dumps([row.fields, row.origin, row.value])
        assert row.fields.get("instruction") in (None, "TINDAK_LANJUTI")


def test_what_was_wrong_with_a_cell_is_still_wrong_when_it_is_tried_again(src: City) -> None:
    broken: list[tuple[str, Any]] = [
        ("source_id", ["L"]), ("source_id", "L\x00"), ("type", "x" * 4001), ("type", ["undangan"]), ("type", 4.5),
        ("pages", float("inf")), ("pages", 10**400), ("pages", True), ("registered_at", 1771549200),
        ("registered_at", "2026-02-20T08:00:00"), ("medium", {"x": 1}),
    ]  # fmt: skip
    src.pull(batch(L, [letter(i) | {field: value} for i, (field, value) in enumerate(broken)]))
    before = {(r.source_id, r.reason, r.field, r.value) for r in src.store.quarantined()}
    done = retry(src.store, src.settings, FrozenClock(NOW), src.store.quarantined())
    assert (done.accepted, done.left) == (0, len(broken))
    assert {(r.source_id, r.reason, r.field, r.value) for r in src.store.quarantined()} == before
    assert {r.attempts for r in src.store.quarantined()} == {2}


def test_a_retry_moves_no_watermark_or_what_the_source_has_meanwhile_would_be_passed_over(src: City) -> None:
    src.pull(batch(L, [letter(1, updated_at=iso(30)), letter(2, unit="BARU", updated_at=iso(-5))]))
    before = src.store.positions("src")[L].watermark
    later = FrozenClock(NOW + timedelta(hours=6))
    src.store.quarantined()
    with_unit = Settings(connectors={"src": src.block})
    src.pull(batch(U, [unit("BARU"), unit("DISDIK")]))
    assert len(src.store.quarantined()) == 1  # still ahead of the clock
    assert retry(src.store, with_unit, later, src.store.quarantined()).accepted == 1
    assert src.store.positions("src")[L].watermark == before


def test_a_time_ahead_is_taken_in_by_itself_once_it_has_come(src: City) -> None:
    src.pull(batch(L, [letter(1, registered_at=iso(-3), updated_at=iso(0))]))
    src.pull()
    assert [r.attempts for r in src.store.quarantined()] == [1]
    src.now = NOW + timedelta(hours=3)
    src.pull()
    assert (src.store.quarantined(), list(src.letters().index)) == ([], ["L-1"])


def test_rows_of_a_connector_that_is_gone_and_rows_that_were_none_are_told_apart(src: City) -> None:
    problems = [{"source_id": "item-1", "field": "", "reason": "not_an_object", "value": "list"}]
    src.pull(batch(L, [letter(1, urgency="kilat")], problems=problems))
    rows = src.store.quarantined()
    done = retry(src.store, src.settings, FrozenClock(NOW), rows)
    assert (done.refused, list(done.asks)) == ({("unknown_value", "urgency"): 1}, ["src"])
    assert retry(src.store, Settings(), FrozenClock(NOW), rows).unknown == {"src": 2}


def test_units_are_tried_first_so_that_their_letters_follow(src: City) -> None:
    src.pull(batch(U, [unit("BARU", calendar="tujuh_hari"), unit("DISDIK")]), batch(L, [letter(1, unit="BARU")]))
    assert {r.reason for r in src.store.quarantined()} == {"unknown_calendar", "unknown_unit"}
    hours = {"hours": {"mon-sun": ["08:00-16:00"]}}
    mended = Settings.model_validate(
        {"calendar": {"profiles": {"tujuh_hari": hours}}, "connectors": {"src": src.block}}
    )
    done = retry(src.store, mended, FrozenClock(NOW), src.store.quarantined())
    assert (done.accepted, done.left) == (2, 0)


def test_a_field_that_a_row_did_not_bring_is_unchanged_where_the_row_is_known(src: City) -> None:
    src.pull(batch(L, [letter(1, completed_at=iso(10))]))
    src.pull(batch(L, [letter(1, unit="BARU", completed_at=..., updated_at=iso(1))]))
    src.pull(batch(U, [unit("BARU"), unit("DISDIK")]))
    assert src.letters().loc["L-1", ["unit", "completed_at"]].tolist() == ["BARU", NOW - timedelta(hours=10)]


def test_progress_is_told_and_a_long_retry_is_many_commits(src: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["coc.ingest.retry"], "_ROWS", 10)
    src.pull(batch(L, [letter(i, urgency="kilat") for i in range(25)]))
    told: list[int] = []
    retry(src.store, src.settings, FrozenClock(NOW), src.store.quarantined(), on_progress=told.append)
    assert told == [10, 20, 25]


# Putting aside


def dropped(src: City) -> None:
    src.pull(batch(L, [letter(1, urgency="kilat"), letter(2, urgency="kilat")]))
    row = next(r for r in src.store.quarantined() if r.source_id == "L-1")
    assert src.store.drop_quarantined([row.id], "a duplicate of L-7", "budi", NOW) == 1


def test_a_dropped_row_is_known_and_counts_nowhere(src: City) -> None:
    dropped(src)
    assert [r.source_id for r in src.store.quarantined()] == ["L-2"]
    assert src.store.quarantine_counts() == {"src": [("unknown_value", "urgency", 1)]}
    (row,) = src.store.quarantined(Choice(dropped=True))
    assert (row.source_id, row.dropped_by, row.note, row.dropped_at) == ("L-1", "budi", "a duplicate of L-7", NOW)
    assert [(e.what, e.who) for e in row.history] == [("refused", ""), ("dropped", "budi")]
    (group,) = src.store.quarantine_groups()
    assert (group.reason, group.rows) == ("unknown_value", 1)


def test_the_very_same_row_does_not_come_back_but_its_attempts_count_on(src: City) -> None:
    dropped(src)
    src.now = NOW + timedelta(hours=1)
    src.pull(batch(L, [letter(1, urgency="kilat"), letter(2, urgency="kilat")]))
    (row,) = src.store.quarantined(Choice(dropped=True))
    assert (row.source_id, row.attempts, row.last_seen) == ("L-1", 2, src.now)


@pytest.mark.parametrize(
    ("change", "why"),
    [({"pages": 3}, "the row changed"), ({"updated_at": iso(1)}, "the row changed"),
     ({"kind": "masuk"}, "the reason changed")],
)  # fmt: skip
def test_a_dropped_row_is_open_again_when_it_or_the_reason_changes(src: City, change: dict[str, Any], why: str) -> None:
    dropped(src)
    src.pull(batch(L, [letter(1, **{"urgency": "kilat", **change})]))
    row = next(r for r in src.store.quarantined() if r.source_id == "L-1")
    assert (row.dropped_at, row.note, row.attempts) == (None, None, 2)
    assert ("reopened", why) in [(e.what, e.detail) for e in row.history]


def test_a_drop_is_taken_back(src: City) -> None:
    dropped(src)
    (row,) = src.store.quarantined(Choice(dropped=True))
    assert src.store.restore_quarantined([row.id, 999], "budi", NOW) == 1
    assert len(src.store.quarantined()) == 2
    assert src.store.restore_quarantined([row.id], "budi", NOW) == 0


def test_a_dropped_row_that_comes_in_good_is_stored(src: City) -> None:
    dropped(src)
    src.pull(batch(L, [letter(1)]))
    assert src.store.quarantined(Choice(dropped=True)) == []
    assert list(src.letters().index) == ["L-1"]


def test_units_that_come_do_not_try_again_what_a_person_dropped(src: City) -> None:
    src.pull(batch(L, [letter(1, unit="BARU")]))
    src.store.drop_quarantined([r.id for r in src.store.quarantined()], "no such unit", "budi", NOW)
    src.pull(batch(U, [unit("BARU"), unit("DISDIK")]))
    assert src.letters().empty


def test_a_dropped_row_is_forgotten_when_it_has_not_come_for_as_long_as_quarantine_is_kept(src: City) -> None:
    dropped(src)
    month = timedelta(days=31)
    src.now = NOW + timedelta(days=20)
    src.store.drop_quarantined([r.id for r in src.store.quarantined()], "late", "budi", src.now)
    assert src.store.prune(Retention(), NOW + month)["quarantine"] == 1  # the other was dropped 11 days ago
    assert src.store.prune(Retention(), NOW + month + month)["quarantine"] == 1


def test_a_row_that_is_gone_from_its_source_waits_for_nobody(src: City) -> None:
    src.pull(batch(L, [letter(1), letter(2, urgency="kilat"), letter(None, source_id=None)]))
    src.now = NOW + timedelta(hours=1)
    src.pull(ids(L, {"L-1"}, source_now=src.now), full=True)
    assert [r.source_id.split(":")[0] for r in src.store.quarantined()] == ["content"]
    src.pull(ids(L, set(), source_now=src.now), full=True)
    assert len(src.store.quarantined()) == 1


def test_the_choice_narrows_by_source_reason_dataset_and_number(src: City) -> None:
    src.pull(batch(L, [letter(1, urgency="kilat"), letter(2, unit="BARU")]), batch(D, [disposition(1, channel="fax")]))

    def found(**choice: Any) -> set[str]:
        return {r.source_id for r in src.store.quarantined(Choice(**choice))}

    assert found(reason="unknown_value") == {"L-1", "D-1"}
    assert found(dataset="letters", reason="unknown_value") == {"L-1"}
    assert found(source="other") == set()
    assert len(src.store.quarantined(limit=2)) == 2
    one = src.store.quarantined()[0]
    assert found(ids=(one.id, 999)) == {one.source_id}


def test_history_is_short_however_often_a_row_changes(src: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["coc.store.quarantine"], "_MOST_EVENTS", 5)
    for turn in range(8):
        src.pull(batch(L, [letter(1, **({"urgency": "kilat"} if turn % 2 else {"kind": "masuk"}))]))
    (row,) = src.store.quarantined()
    assert (len(row.history), row.attempts) == (5, 8)


# Words


def reasons_in_code() -> set[str]:
    files = [*Path("coc/ingest").glob("*.py"), *Path("data_connectors").glob("*.py")]
    text = "\n".join(f.read_text(encoding="utf-8") for f in files)
    return {reason for reason in REASONS if f'"{reason}"' in text}


def test_every_reason_has_a_sentence_and_how_to_mend_it_and_words_in_both_languages() -> None:
    provoked = {reason for _, _, reason in BROKEN} | {"completed_before_issued", "unknown_calendar"}
    assert provoked <= reasons_in_code() == set(REASONS)
    for reason in REASONS:
        wrong, mend = in_words(reason, "urgency", "sipadek")
        assert len(wrong) > 25
        assert len(mend) > 25
        assert not {"{field}", "{source}", "{{"} & set(re.findall(r"\{field\}|\{source\}|\{\{", wrong + mend))
        assert all(t(language).has(f"reason.{reason}") for language in LANGUAGES)
    assert in_words("warp_core", "x", "y")[0] == "warp_core: `x`"
