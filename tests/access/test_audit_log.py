"""Who may read the audit log, of which lines, and what is said of its chain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from coc.access import LENSES, Viewer
from coc.access import audit_log as module
from coc.access.audit_log import AuditLog, DeniedError
from coc.clock import system_now
from coc.store import AuditChoice, AuditLine, Control

ADMIN = Viewer("admin", "a")


def line(what: str, realm: str = "live", who: str = "siti", at: datetime | None = None) -> AuditLine:
    return AuditLine(at or system_now(), realm, who, "head", "export", what, "10.0.0.7")


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    opened = Control(f"sqlite:///{tmp_path}/control.db")
    yield opened
    opened.close()


@pytest.mark.parametrize("lens", [None, *(lens for lens in LENSES if lens != "admin")])
@pytest.mark.parametrize("realm", ["live", "demo"])
def test_nobody_but_an_administrator_reads_a_line(control: Control, lens: str | None, realm: str) -> None:
    control.audit_all([line("x", realm)])
    log = AuditLog(control, realm)  # type: ignore[arg-type]
    viewer = None if lens is None else Viewer(lens, "someone")  # type: ignore[arg-type]
    with pytest.raises(DeniedError):
        log.lines(viewer, AuditChoice(), 9)
    with pytest.raises(DeniedError):
        log.chain(viewer)
    assert [r.what for r in log.lines(ADMIN, AuditChoice(), 9).rows] == ["x"]


def test_live_shows_its_own_lines_and_the_machines_never_the_demos(control: Control) -> None:
    control.audit_all([line("live"), line("machine", ""), line("demo", "demo")])
    asked = AuditChoice(realms=("live", "", "demo"))
    assert [r.what for r in AuditLog(control, "live").lines(ADMIN, asked, 9).rows] == ["machine", "live"]
    assert [r.what for r in AuditLog(control, "demo").lines(ADMIN, asked, 9).rows] == ["demo"]


def test_the_demo_where_everyone_may_be_administrator_names_nobody(control: Control) -> None:
    control.audit_all([line("a", "demo"), line("b", "demo", who="demo")])
    log = AuditLog(control, "demo")
    assert [(r.who, r.from_where) for r in log.lines(ADMIN, AuditChoice(), 9).rows] == [("demo", "…"), ("…", "…")]
    assert log.lines(ADMIN, AuditChoice(who="sit"), 9).rows == ()  # nor is a guessed name confirmed
    assert [r.what for r in log.lines(ADMIN, AuditChoice(who="dem"), 9).rows] == ["b"]


def test_a_long_chain_is_followed_a_part_at_a_look(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", 4)
    control.audit_all([line(str(n)) for n in range(6)])
    log = AuditLog(control, "live")
    assert [(c.lines, c.whole, c.broken) for c in (log.chain(ADMIN), log.chain(ADMIN))] == [
        (4, False, None),
        (6, True, None),
    ]
    control.audit_all([line("more")])
    assert log.chain(ADMIN).lines == 7


def test_a_chain_that_is_broken_says_so_until_it_is_looked_at_anew(control: Control) -> None:
    control.audit_all([line(str(n)) for n in range(4)])
    with control.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_stays")
        connection.exec_driver_sql("UPDATE audit SET who = 'nobody' WHERE id = 3")
    log = AuditLog(control, "live")
    assert [log.chain(ADMIN).broken for _ in range(2)] == [3, 3]


def test_what_was_followed_once_is_followed_again_after_a_while(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    control.audit_all([line(str(n)) for n in range(4)])
    log = AuditLog(control, "live")
    assert log.chain(ADMIN).broken is None
    with control.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_stays")
        connection.exec_driver_sql("UPDATE audit SET who = 'nobody' WHERE id = 3")
    assert log.chain(ADMIN).broken is None
    later = system_now() + timedelta(minutes=11)
    monkeypatch.setattr(module, "system_now", lambda: later)
    assert log.chain(ADMIN).broken == 3


def test_a_prune_between_two_looks_breaks_nothing_and_a_forged_one_is_told(control: Control) -> None:
    old = system_now() - timedelta(days=1000)
    control.audit_all([line(str(n), at=old) for n in range(3)])
    log = AuditLog(control, "live")
    assert log.chain(ADMIN).whole
    control.audit_all([line("new")])
    assert control.prune(audit_years=2) == 3
    found = log.chain(ADMIN)
    assert (found.whole, found.broken, found.shorn) == (True, None, False)
    with control.write() as connection:
        connection.exec_driver_sql("INSERT INTO audit_anchors SELECT id, at, hash, 9, at FROM audit WHERE id = 5")
        connection.exec_driver_sql("DELETE FROM audit WHERE id <= 5")
    assert AuditLog(control, "live").chain(ADMIN).shorn


def test_without_a_control_store_there_is_nothing_to_read() -> None:
    log = AuditLog(None, "live")
    assert log.lines(ADMIN, AuditChoice(), 9).rows == []
    assert replace(log.chain(ADMIN), at=system_now()).whole
