"""`coc quarantine` as an engineer uses it: see why, mend config, try again, put aside with a note."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest

from tests.cli.feed import NOW, Feed
from tests.cli.terminal import Terminal

CLOCK = {"COC_CLOCK": NOW}
SHAPE = ["id", "source", "dataset", "source_id", "reason", "field", "value", "first_seen", "attempts"]
REGISTER = """connectors:
  register:
    type: files
    path: surat.csv
    datasets:
      letters:
        fields: {source_id: no, kind: jenis, unit: opd, registered_at: tanggal}
        values: {kind: {%s}}
        constants: {type: surat_dinas, category: general, urgency: biasa, medium: paper}
        time: {zone: Asia/Jakarta}
"""


@pytest.fixture
def register(terminal: Terminal) -> Terminal:
    """A register of three letters, two of whose kinds config does not know yet."""
    rows = ["no,jenis,opd,tanggal", "1,masuk,DISDIK,2026-02-20 08:00", "2,masuk,DINKES,2026-02-20 08:00",
            "3,keluar,DISDIK,2026-02-20 08:00"]  # fmt: skip
    (terminal.folder / "surat.csv").write_text("\n".join(rows))
    terminal.write(REGISTER % "keluar: outgoing")
    assert terminal.coc("pull", "--json", env=CLOCK).items[0]["quarantined"] == 2
    return terminal


def listed(terminal: Terminal, *how: str) -> list[str]:
    return [row["source_id"] for row in terminal.coc("quarantine", "list", "--json", *how).items]


def test_the_shape_for_machines_is_the_contracts(register: Terminal) -> None:
    (row, _) = register.coc("quarantine", "list", "--json").items
    assert list(row) == SHAPE
    assert (row["source"], row["dataset"], row["reason"], row["field"]) == (
        "register", "letters", "unknown_value", "kind",
    )  # fmt: skip
    assert listed(register, "--limit", "1") == [row["source_id"]]
    assert listed(register, "--dataset", "dispositions") == []
    (group,) = register.coc("quarantine", "list", "--summary", "--json").items
    assert {k: group[k] for k in ("source", "reason", "rows")} == {
        "source": "register", "reason": "unknown_value", "rows": 2,
    }  # fmt: skip
    assert {"first_seen", "last_seen"} < set(group)


def test_a_person_reads_what_was_wrong_and_how_to_mend_it(register: Terminal) -> None:
    row = register.coc("quarantine", "list", "--json").items[0]["id"]
    shown = register.coc("quarantine", "show", str(row)).out
    assert "wrong: `kind` holds a value that is none of those it may hold" in shown
    assert "`values: {kind: {<theirs>: <ours>}}` of register" in shown
    assert "surat.csv, row 3" in shown
    assert "masuk" in shown
    assert "unknown_value" in register.coc("quarantine", "list", "--summary").out


def test_a_mended_mapping_takes_the_rows_in_and_the_boards_are_built(register: Terminal) -> None:
    before = register.coc("status", "--json", env=CLOCK).items
    still = register.coc("quarantine", "retry", "--all", env=CLOCK)
    assert still.code == 1
    assert "2 rows tried: 0 accepted, 2 still refused" in still.out
    assert "unknown_value" in still.out
    register.write(REGISTER % "keluar: outgoing, masuk: incoming")
    done = register.coc("quarantine", "retry", "--source", "register", "--json", env=CLOCK)
    assert (done.code, done.items[0]["accepted"], done.items[0]["refused"]) == (0, 2, [])
    assert listed(register) == []
    after = register.coc("status", "--json", env=CLOCK).items
    assert after[0]["epoch"] > before[0]["epoch"]
    (feed,) = [i for i in after if i["kind"] == "feed"]
    assert feed["quarantine_open"] == 0
    assert register.coc("quarantine", "retry", "--all", env=CLOCK).code == 0  # nothing waits, nothing failed


def test_a_retry_of_one_row_leaves_the_others(register: Terminal) -> None:
    register.write(REGISTER % "keluar: outgoing, masuk: incoming")
    (first, second) = register.coc("quarantine", "list", "--json").items
    assert register.coc("quarantine", "retry", str(first["id"]), env=CLOCK).code == 0
    assert listed(register) == [second["source_id"]]


def test_what_cannot_be_tried_names_the_command_that_asks_the_source(register: Terminal) -> None:
    mapped = REGISTER.replace("unit: opd", "unit: bidang") % "masuk: incoming"
    register.write(mapped)
    ran = register.coc("quarantine", "retry", "--all", env=CLOCK)
    assert ran.code == 1
    assert "register: 2 rows cannot be tried from what was kept of them: `coc pull register --full`" in ran.err


def test_a_dropped_row_leaves_the_list_with_its_note_and_comes_back_by_restore(register: Terminal) -> None:
    row = str(register.coc("quarantine", "list", "--json").items[0]["id"])
    assert register.coc("quarantine", "drop", row, "--note", "salah ketik", env=CLOCK).code == 0
    assert len(listed(register)) == 1
    (gone,) = register.coc("quarantine", "list", "--dropped", "--json").items
    assert (gone["note"], bool(gone["dropped_by"])) == ("salah ketik", True)
    assert "salah ketik" in register.coc("quarantine", "list", "--dropped").out
    assert "dropped" in register.coc("quarantine", "show", row).out
    register.coc("pull", "--json", env=CLOCK)
    assert len(listed(register)) == 1
    asked = register.coc("quarantine", "retry", row, env=CLOCK)
    assert (asked.code, f"`coc quarantine restore {row}`" in asked.err) == (1, True)
    with contextlib.closing(sqlite3.connect(register.folder / "var" / "control.db")) as control:
        lines = control.execute("SELECT action, what, outcome FROM audit").fetchall()
        assert lines == [("quarantine.drop", f"1 row ({row}): salah ketik", "ok")]
    assert register.coc("quarantine", "restore", row, env=CLOCK).code == 0
    assert len(listed(register)) == 2
    register.coc("quarantine", "drop", "--reason", "unknown_value", "--note", "semua", env=CLOCK)
    assert listed(register) == []
    assert register.coc("quarantine", "drop", "--undo", "--source", "register", env=CLOCK).code == 0
    assert len(listed(register)) == 2


def test_a_command_that_makes_no_sense_touches_nothing(register: Terminal) -> None:
    for line, code, told in (
        ("retry", 2, "say which rows"),
        ("retry 1 --all", 2, "not both"),
        ("retry 999", 1, "no row 999 in quarantine"),
        ("drop 1", 2, "say why with --note"),
        ("drop 1 --note ", 2, "say why with --note"),
        ("drop --note x", 2, "say which rows"),
        ("restore 1", 1, "row 1 is open: it was not dropped"),
        ("list --dataset leters", 2, "did you mean `letters`?"),
        ("drop 999 --note x", 1, "no row 999 in quarantine"),
    ):
        ran = register.coc("quarantine", *line.split(" "), env=CLOCK)
        assert (ran.code, told in ran.err) == (code, True), (line, ran.err)
    assert len(listed(register)) == 2


def test_nothing_of_a_letter_that_is_not_kept_is_ever_printed(city: Terminal, feed: Feed) -> None:
    feed.rows["letters"][3] |= {"subject": "Mutasi Bapak Anu", "sender": "Bapak Anu"}
    city.coc("pull", "--json", env=CLOCK)
    said = [city.coc("quarantine", "list", "--json").out]
    for row in json.loads(said[0])["items"]:
        said += [city.coc("quarantine", "show", str(row["id"]), *how).out for how in ((), ("--json",))]
    assert "Anu" not in "".join(said)


# A dry run


def test_a_dry_run_makes_no_store_and_changes_no_byte_of_one(city: Terminal, feed: Feed) -> None:
    assert city.coc("pull", "--dry-run", "--json", env=CLOCK).items[0]["stored"] == 50
    assert not (city.folder / "var" / "coc.db").exists()
    city.coc("pull", env=CLOCK)

    def rows() -> list[str]:
        with contextlib.closing(sqlite3.connect(Path(city.folder / "var" / "coc.db"))) as store:
            return list(store.iterdump())

    before = rows()
    feed.rows["letters"] = feed.rows["letters"][1:]
    ran = city.coc("pull", "--full", "--dry-run", "--allow-deletions", env=CLOCK)
    assert "sipadek: 1 row gone at the source, to be marked as deleted" in ran.err
    held = city.coc("pull", "--full", "--dry-run", env=CLOCK)
    assert (held.code, "1 of 28 letters would be deleted" in held.err) == (1, True)
    assert rows() == before
