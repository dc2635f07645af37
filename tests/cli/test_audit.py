"""`coc audit`, and the line that every command which changes something leaves."""

from __future__ import annotations

import sqlite3
from typing import Any

from coc.store.schema import known_revisions
from tests.cli.feed import NOW
from tests.cli.terminal import Terminal

CLOCK = {"COC_CLOCK": NOW}


def audited(terminal: Terminal, *args: str) -> list[dict[str, Any]]:
    ran = terminal.coc("audit", "--json", *args)
    assert ran.code == 0, ran.err
    return ran.items


def test_every_command_that_changes_something_leaves_a_line(city: Terminal) -> None:
    assert city.coc("db", "upgrade").code == 0
    assert city.coc("db", "upgrade").code == 0  # nothing to do, nothing to tell
    assert city.coc("pull", "--full", "--allow-deletions", env=CLOCK).code == 0
    assert city.coc("pull", "--full", "--allow-deletions", "--dry-run", env=CLOCK).code == 0
    assert city.coc("token", "create", "panel", "--role", "screen").code == 0
    assert city.coc("token", "create", "panel", "--role", "screen").code == 2
    assert city.coc("token", "revoke", "panel").code == 0
    assert city.coc("user", "add", "siti", "--role", "admin").code == 0
    backup = city.coc("db", "backup", "b.coc-backup")
    assert backup.code == 0, backup.err
    assert city.coc("db", "restore", "b.coc-backup", "--replace").code == 0
    assert city.coc("db", "prune", env=CLOCK).code == 0
    newest = {which: max(known_revisions(which)) for which in ("store", "control")}  # type: ignore[arg-type]
    before = f"{int(newest['store']) - 1:04}"
    assert city.coc("db", "downgrade", before, "--yes").code == 0
    found = audited(city)[::-1]
    assert [(i["action"], i["realm"], i["what"]) for i in found] == [
        ("db.upgrade", "live", f"live from nothing to {newest['store']}, control from nothing to {newest['control']}"),
        ("pull.deletions", "live", "rows marked as deleted: sipadek 0"),
        ("token.create", "", "panel screen"),
        ("token.revoke", "", "panel"),
        ("account.add", "", "siti admin"),
        ("db.backup", "live", "b.coc-backup"),
        ("db.restore", "live", "store: b.coc-backup"),
        ("db.prune", "live", "nothing was old enough"),
        ("db.downgrade", "live", f"from {newest['store']} to {before}"),
    ]
    assert {(i["who"].split(":")[0], i["from"], i["outcome"]) for i in found} == {("cli", "this machine", "ok")}


def test_the_log_is_narrowed_and_shown_newest_first(city: Terminal) -> None:
    for name in ("a", "b", "c"):
        assert city.coc("token", "create", name, "--role", "screen").code == 0
    assert city.coc("token", "revoke", "a").code == 0
    assert [i["what"] for i in audited(city, "--last", "2")] == ["a", "c screen"]
    assert [i["what"] for i in audited(city, "--action", "token.revoke")] == ["a"]
    assert len(audited(city, "--action", "token")) == 4
    assert (audited(city, "--who", "nobody"), audited(city, "--refused")) == ([], [])
    assert (len(audited(city, "--since", "2020-01-01")), audited(city, "--since", "2999-01-01")) == (4, [])
    shown = city.coc("audit")
    assert shown.out.index("token.revoke") < shown.out.index("b screen")
    assert city.coc("audit", "--since", "yesterday").code == 2


def test_a_log_that_holds_gives_its_head_and_one_that_does_not_names_the_line(city: Terminal) -> None:
    for name in ("a", "b", "c"):
        assert city.coc("token", "create", name, "--role", "screen").code == 0
    good = city.coc("audit", "verify", "--json").items[0]
    assert (good["ok"], good["lines"], good["head"]) == (True, 3, audited(city)[0]["hash"])
    told = city.coc("audit", "verify", "--head", good["head"])
    assert told.code == 0
    assert good["head"] in told.out
    assert "cannot prove" in told.err
    with sqlite3.connect(city.folder / "var" / "control.db") as owner:
        owner.execute("DROP TRIGGER audit_remains")
        owner.execute("DROP TRIGGER audit_stays")
        owner.execute("DELETE FROM audit WHERE id = 3")
    assert city.coc("audit", "verify").code == 0
    cut = city.coc("audit", "verify", "--head", good["head"][:16])
    assert (cut.code, "cut off its end" in cut.err) == (1, True)
    with sqlite3.connect(city.folder / "var" / "control.db") as owner:
        owner.execute("UPDATE audit SET who = 'cli:nobody' WHERE id = 2")
    broken = city.coc("audit", "verify")
    assert broken.code == 1
    assert broken.err.startswith("coc: line 2 (2")
    assert "does not hold: it was changed after it was written" in broken.err
    assert city.coc("audit", "verify", "--head", "abc").code == 2


def test_a_control_store_that_is_away_stops_no_command_and_loses_no_line(city: Terminal) -> None:
    assert city.coc("pull", "--full", env=CLOCK).code == 0
    control = city.folder / "var" / "control.db"
    control.unlink(missing_ok=True)
    control.mkdir()  # cannot be opened as a database
    ran = city.coc("pull", "--full", "--allow-deletions", env=CLOCK)
    assert ran.code == 0, ran.err
    assert "warning: the audit log did not take this command's line" in ran.err
    control.rmdir()
    listed = city.coc("audit")
    assert "further lines wait" in listed.err
    assert city.coc("token", "create", "a", "--role", "screen").code == 0
    found = audited(city)
    assert [(i["action"], i["late"]) for i in found] == [("token.create", False), ("pull.deletions", True)]
    assert city.coc("audit", "verify").code == 0
