"""The audit writer: what matters is always written, also over an outage; a flood of refusals is not."""

from __future__ import annotations

import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from coc.access import Audit, Viewer
from coc.store import Control
from coc.store.control import AuditLine
from coc.store.control import spill as spills
from coc.store.control.spill import Spill
from coc.store.control.verify import verify

ADMIN, LOOPBACK = Viewer("admin", "a"), Viewer("operator", "loopback")


class Store:
    """A control store in memory, that can be broken or made to hang."""

    def __init__(self, spill: Spill | None = None) -> None:
        self.held: list[AuditLine] = []
        self.spill, self.broken, self.hangs = spill, False, threading.Event()
        self.hangs.set()

    def audit_all(self, lines: Sequence[AuditLine], *, once: bool = False) -> int:
        self.hangs.wait(10)
        if self.broken:
            raise OSError("disk full")
        self.held += [line for line in lines if not (once and line.what in self.whats)]
        return len(lines)

    def audit_in_order(self, lines: Sequence[AuditLine]) -> None:
        if self.spill is not None:
            self.spill.take(lambda waited: self.audit_all(waited, once=True))
        if lines:
            self.audit_all(lines)

    @property
    def whats(self) -> list[str]:
        return [line.what for line in self.held]


class Ticks:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def wait_until(true: Callable[[], object], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


def test_the_same_refusal_is_written_once_a_minute_with_the_number_passed_over() -> None:
    store, ticks = Store(), Ticks()
    audit = Audit(store, "live", ticks)
    assert [audit.refused("refused", "/x", "10.0.0.1", "403") for _ in range(500)] == [True] + [False] * 499
    ticks.now = 61
    assert audit.refused("refused", "/x", "10.0.0.1", "403")
    audit.close()
    assert [line.outcome for line in store.held] == ["403", "403; 499 more like it before"]


def test_refusals_from_everywhere_together_are_bounded_too() -> None:
    store, ticks = Store(), Ticks()
    audit = Audit(store, "live", ticks)
    for i in range(20_000):
        ticks.now = i * 0.01  # 200 seconds, another address each time
        audit.refused("refused", "/x", f"10.0.{i // 256}.{i % 256}", "401")
    audit.close()
    assert len(store.held) <= 80


def test_two_people_behind_one_address_are_refused_each_by_name() -> None:
    store = Store()
    audit = Audit(store, "live", Ticks())
    for name in ("siti", "budi", "siti"):
        audit.refused("refused", "/audit", "10.0.0.1", "403", Viewer("head", name))
    audit.close()
    assert [(line.who, line.lens) for line in store.held] == [("siti", "head"), ("budi", "head")]


def test_exports_and_writes_are_always_written() -> None:
    store = Store()
    audit = Audit(store, "live", Ticks())
    for _ in range(100):
        audit.wrote(LOOPBACK, "export", "letters", "127.0.0.1")
    audit.close()
    said = [(a.realm, a.who, a.lens, a.action, a.what, a.from_where, a.outcome, a.late) for a in store.held]
    assert said == [("live", "loopback", "operator", "export", "letters", "127.0.0.1", "ok", False)] * 100


def test_a_store_without_a_spill_that_cannot_be_written_stops_nobody() -> None:
    store = Store()
    store.broken = True
    audit = Audit(store, "live", Ticks())
    audit.wrote(ADMIN, "export", "x")
    wait_until(lambda: audit._waiting.empty())
    store.broken = False
    audit.wrote(ADMIN, "export", "y")
    audit.close()
    assert store.whats[-1] == "y"


def test_lines_of_an_outage_wait_in_a_file_and_are_taken_in_in_their_order(tmp_path: Path) -> None:
    spill = Spill(tmp_path / "control.db.audit-waiting")
    store = Store(spill)
    audit = Audit(store, "live", Ticks(), again_seconds=0.05)
    audit.wrote(ADMIN, "export", "before")
    wait_until(lambda: store.whats == ["before"])
    store.broken = True
    for n in range(5):
        audit.wrote(ADMIN, "export", str(n))
    wait_until(lambda: spill.waiting and spill.path.read_bytes().count(b"\n") == 5)
    assert stat.S_IMODE(spill.path.stat().st_mode) == 0o600
    store.broken = False
    wait_until(lambda: len(store.held) == 6)  # by itself, without another line
    audit.wrote(ADMIN, "export", "after")
    audit.close()
    assert store.whats == ["before", *"01234", "after"]
    assert [line.late for line in store.held] == [False, *[True] * 5, False]
    assert not spill.waiting


def test_what_a_hanging_store_did_not_take_by_the_end_waits_for_the_next_process(tmp_path: Path) -> None:
    spill = Spill(tmp_path / "waiting")
    store = Store(spill)
    store.hangs.clear()
    audit = Audit(store, "live", Ticks())
    for n in range(300):
        audit.wrote(ADMIN, "export", str(n))
    audit.close()
    assert spill.waiting
    store.hangs.set()
    wait_until(lambda: not audit._thread.is_alive())  # what it had in hand it stored after all
    Audit(store, "live", Ticks()).close()
    assert sorted(store.whats, key=int) == [str(n) for n in range(300)]


def test_more_lines_than_memory_holds_go_to_the_file_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coc.access.audit._MOST_WAITING", 10)
    spill = Spill(tmp_path / "waiting")
    store = Store(spill)
    store.hangs.clear()
    audit = Audit(store, "live", Ticks(), again_seconds=0.05)
    for n in range(50):
        audit.wrote(ADMIN, "export", str(n))
    assert spill.waiting
    store.hangs.set()
    wait_until(lambda: len(store.held) == 50)
    audit.close()
    assert sorted(store.whats, key=int) == [str(n) for n in range(50)]


def test_a_full_file_loses_lines_with_a_word_and_without_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(spills, "MOST_BYTES", 10)
    store = Store(Spill(tmp_path / "waiting"))
    store.broken = True
    audit = Audit(store, "live", Ticks())
    for what in ("first", "rahasia"):
        audit.wrote(ADMIN, "export", what)
        wait_until(lambda: audit._waiting.empty())
        time.sleep(0.05)
    audit.close()
    assert "audit lines were lost" in caplog.text
    assert "rahasia" not in caplog.text


def test_half_a_line_after_a_power_cut_keeps_no_other_waiting(tmp_path: Path) -> None:
    spill = Spill(tmp_path / "waiting")
    store = Store(spill)
    store.broken = True
    audit = Audit(store, "live", Ticks())
    audit.wrote(ADMIN, "export", "whole")
    audit.close()
    with spill.path.open("ab") as file:
        file.write(b'{"at": 17, "who": "a')
    store.broken = False
    Audit(store, "live", Ticks()).close()
    assert store.whats == ["whole"]


def test_over_an_outage_of_the_real_store_the_chain_stays_whole(tmp_path: Path) -> None:
    control = Control(f"sqlite:///{tmp_path}/control.db")
    audit = Audit(control, "live", Ticks(), again_seconds=0.05)
    audit.wrote(ADMIN, "export", "before")
    wait_until(lambda: len(control.audit_rows()) == 1)
    with sqlite3.connect(tmp_path / "control.db", timeout=30) as other:
        other.execute("ALTER TABLE audit RENAME TO gone")
    audit.wrote(ADMIN, "export", "during")
    wait_until(lambda: control.spill.waiting)
    with sqlite3.connect(tmp_path / "control.db", timeout=30) as other:
        other.execute("ALTER TABLE gone RENAME TO audit")
    wait_until(lambda: len(control.audit_rows()) == 2)
    audit.close()
    rows: list[Any] = control.audit_rows()
    assert [(r.what, r.late) for r in rows] == [("during", True), ("before", False)]
    assert verify(control).wrong is None
    control.close()
