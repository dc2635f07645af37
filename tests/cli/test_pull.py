"""`coc pull` and what it leaves behind, against a real feed over HTTP."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.cli.feed import NOW, TOKEN, Feed, city_rows
from tests.cli.terminal import Terminal, wait_until

CLOCK = {"COC_CLOCK": NOW}
PULL_KEYS = {
    "name", "datasets", "started", "seconds", "rows_in", "stored", "unchanged", "quarantined", "error",
}  # fmt: skip


def test_a_first_pull_stores_refuses_and_builds_the_boards(city: Terminal) -> None:
    ran = city.run("pull", "--full", "--json", env=CLOCK)
    assert ran.code == 0, ran.err
    (item,) = ran.items
    assert set(item) == PULL_KEYS
    assert item["name"] == "sipadek"
    assert set(item["datasets"]) == {"units", "letters", "dispositions"}
    assert (item["rows_in"], item["stored"], item["quarantined"], item["error"]) == (52, 50, 2, None)
    assert item["started"].endswith("+00:00")

    listed = city.coc("--config", str(city.config), "quarantine", "list", "--json")
    assert {(r["source_id"], r["field"]) for r in listed.items} == {("L3", "category"), ("L4", "unit")}
    assert set(listed.items[0]) == {
        "id", "source", "dataset", "source_id", "reason", "field", "value", "first_seen", "attempts",
    }  # fmt: skip
    only = city.coc("quarantine", "list", "--json", "--reason", listed.items[0]["reason"])
    assert only.items == listed.items[:1]
    shown = city.coc("quarantine", "show", str(listed.items[0]["id"]), "--json")
    assert shown.items[0]["fields"]["type"] == "surat_dinas"
    missing = city.coc("quarantine", "show", "99999")
    assert (missing.code, missing.err) == (
        1,
        "coc: no row 99999 in quarantine; `coc quarantine list` shows their ids\n",
    )

    status = city.coc("status", "--json", env=CLOCK)
    head, *rest = status.items
    assert head["name"] == "live"
    assert head["epoch"] >= 1
    assert {i["name"] for i in rest if i["kind"] == "board"} >= {"correspondence", "disposition", "feeds"}
    (feed,) = [i for i in rest if i["kind"] == "feed"]
    assert (feed["name"], feed["rows_in"], feed["quarantine_open"], feed["error"]) == ("sipadek", 52, 2, None)


def test_a_second_pull_changes_nothing_and_moves_no_epoch(city: Terminal, feed: Feed) -> None:
    del feed.rows["letters"][3:5]
    first = city.coc("pull", "--full", "--json", env=CLOCK)
    assert (first.code, first.items[0]["quarantined"]) == (0, 0)
    before = city.coc("status", "--json", env=CLOCK).items
    again = city.coc("pull", "--json", env=CLOCK)
    assert (again.items[0]["stored"], again.items[0]["error"]) == (0, None)
    after = city.coc("status", "--json", env=CLOCK).items
    assert after[0]["epoch"] == before[0]["epoch"] >= 1


def test_a_changed_limit_moves_deadlines_of_rows_that_come_unchanged(city: Terminal) -> None:
    def soonest() -> int:
        with contextlib.closing(sqlite3.connect(city.config.parent / "var" / "coc.db")) as store:
            found: int = store.execute("SELECT min(due - issued_at) FROM dispositions").fetchone()[0]
        return found

    city.coc("pull", "--full", "--json", env=CLOCK)
    assert soonest() > 24 * 3600 * 1_000_000
    city.config.write_text(city.config.read_text() + "\nlimits: {urgency: {biasa: 3 h}}\n")
    again = city.coc("pull", "--json", env=CLOCK)
    assert (again.code, again.items[0]["stored"]) == (0, 0)
    assert soonest() == 3 * 3600 * 1_000_000


def test_a_person_reads_a_table_and_the_next_step(city: Terminal) -> None:
    ran = city.coc("pull", env=CLOCK)
    assert ran.code == 0
    assert "live realm" in ran.out
    assert "sipadek" in ran.out
    assert "`coc quarantine list` shows what was refused and why" in ran.err


def test_a_dry_run_stores_nothing(city: Terminal) -> None:
    ran = city.coc("pull", "--dry-run", "--json", env=CLOCK)
    assert (ran.code, ran.items[0]["stored"]) == (0, 50)
    assert city.coc("quarantine", "list", "--json").items == []
    assert city.coc("status", "--json", env=CLOCK).items[0]["epoch"] == 0


def test_a_source_that_fails_is_told_in_words_and_the_others_are_pulled(city: Terminal, feed: Feed) -> None:
    with city.config.open("a", encoding="utf-8") as config:
        config.write("  tetangga: {type: sipadek, url: 'http://127.0.0.1:9/coc/v1', deadline_seconds: 3}\n")
    ran = city.coc("pull", "--json", env=CLOCK)
    assert ran.code == 1
    by_name = {i["name"]: i for i in ran.items}
    assert by_name["sipadek"]["error"] is None
    assert "unreachable" in by_name["tetangga"]["error"]
    feed.mode = "login"
    login = city.coc("pull", "sipadek", env=CLOCK)
    assert login.code == 1
    assert "login page" in login.err
    assert TOKEN not in login.out + login.err


def test_an_unknown_name_is_a_usage_error_with_the_nearest(city: Terminal) -> None:
    ran = city.coc("pull", "sipadk")
    assert ran.code == 2
    assert ran.err == "coc: config names no connector `sipadk`; did you mean `sipadek`? (known: sipadek)\n"


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--allow-deletions"], "--allow-deletions goes with --full"),
        (["--since", "yesterday"], "--since 'yesterday' is neither a date nor an ISO time"),
        (["--realm", "demo"], "config names no enabled connector of the demo realm"),
    ],
)
def test_a_pull_that_makes_no_sense_is_a_usage_error(city: Terminal, args: list[str], told: str) -> None:
    ran = city.coc("pull", *args)
    assert ran.code == 2
    assert told in ran.err


def test_a_mass_deletion_waits_for_a_person(city: Terminal, feed: Feed) -> None:
    assert city.coc("pull", "--full", env=CLOCK).code == 0
    feed.rows["letters"] = feed.rows["letters"][:15]
    held = city.coc("pull", "--full", "--json", env=CLOCK)
    assert held.code == 1
    assert (
        "15 of 28 letters would be deleted; nothing was: run `coc pull sipadek --full --allow-deletions`"
        in held.items[0]["error"]
    )
    let = city.coc("pull", "sipadek", "--full", "--allow-deletions", env=CLOCK)
    assert let.code == 0
    assert "sipadek: 15 rows gone at the source, marked as deleted" in let.err


def test_the_store_lies_beside_the_config_wherever_coc_is_called_from(city: Terminal, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    away = Terminal(tmp_path / "elsewhere")
    assert away.coc("--config", str(city.config), "pull", "--json", env=CLOCK).code == 0
    assert (city.folder / "var" / "coc.db").exists()
    assert not (away.folder / "var").exists()
    moved = away.coc(
        "pull", "--config", str(city.config), "--json", env={**CLOCK, "COC__STORE__URL": "sqlite:///other.db"}
    )
    assert moved.items[0]["stored"] == 50
    assert (city.folder / "other.db").exists()
    shutil.rmtree(city.folder / "var")


def test_a_missing_secret_stops_before_anything_is_asked(city: Terminal, feed: Feed) -> None:
    ran = city.coc("pull", env={"FEED_TOKEN": ""})
    assert ran.code == 2
    assert "config.yaml:2: connectors.sipadek.auth.bearer: the environment variable FEED_TOKEN is empty" in ran.err
    assert feed.asked == []


def test_check_reaches_the_source_and_says_how_to_mend(city: Terminal, feed: Feed) -> None:
    good = city.coc("check", "--json")
    assert good.code == 0, good.err
    assert [(i["name"], i["ok"]) for i in good.items] == [("sipadek", True)]
    bad = city.coc("check", "--json", env={"FEED_TOKEN": "another-token"})
    assert bad.code == 1
    assert bad.items[0]["ok"] is False
    assert bad.items[0]["mend"]
    assert "another-token" not in bad.out + bad.err


def test_ctrl_c_in_a_pull_ends_clean(city: Terminal, feed: Feed) -> None:
    feed.mode = "hang"
    process = city.start("pull", "--full", env=CLOCK)
    wait_until(lambda: bool(feed.asked))
    ran, seconds = city.interrupt(process)
    assert ran.code == 130
    assert seconds < 5
    assert "interrupted" in ran.err
    feed.release.set()
    feed.mode, feed.rows = "good", city_rows()
    assert city.coc("pull", "--json", env=CLOCK).items[0]["stored"] == 50


def test_db_upgrade_and_status_agree(city: Terminal) -> None:
    before = city.coc("db", "status", "--json")
    assert before.code == 1
    assert [i["up_to_date"] for i in before.items] == [False, False]
    assert not (city.folder / "var").exists()
    assert city.coc("db", "upgrade").code == 0
    after = city.coc("db", "status", "--json")
    assert after.code == 0
    assert [(i["store"], i["up_to_date"]) for i in after.items] == [("live", True), ("control", True)]
    pruned = city.coc("db", "prune")
    assert pruned.code == 0
    assert "letters" in pruned.out


def test_a_token_is_shown_once_and_never_stored(city: Terminal) -> None:
    made = city.coc(
        "token", "create", "checker", "--role", "operator", "--units", "DISDIK,DINKES", "--expires", "2027-01-01"
    )
    assert made.code == 0, made.err
    token = made.out.strip()
    assert len(token) >= 40
    listed = city.coc("token", "list", "--json")
    (item,) = listed.items
    assert (item["name"], item["role"], item["units"], item["expires"]) == (
        "checker", "operator", ["DISDIK", "DINKES"], "2027-01-01",
    )  # fmt: skip
    assert token not in listed.out
    for file in (city.folder / "var").iterdir():
        assert token.encode() not in file.read_bytes()
    assert city.coc("token", "create", "checker", "--role", "admin").code == 2
    assert city.coc("token", "revoke", "chequer").code == 2
    assert city.coc("token", "revoke", "checker").code == 0
    assert city.coc("token", "list", "--json").items[0]["revoked"]
