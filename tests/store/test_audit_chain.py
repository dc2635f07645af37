"""The audit log's chain on real databases: only added to, never forked, whole after a prune; what it notices."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from coc.store import Control
from coc.store.control import AuditChoice, AuditLine, AuditRow
from coc.store.control.chain import GENESIS, Follower, hash_of
from coc.store.control.verify import Verdict, verify
from coc.store.engine import Database
from coc.store.schema import downgrade, upgrade

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
TRIGGERS = ("audit_stays", "audit_remains", "audit_is_added_to", "audit_anchors_stay", "audit_anchors_remain")


@pytest.fixture
def control(database_url: str) -> Any:
    opened = Control(database_url)
    yield opened
    opened.close()


def line(what: str, days_ago: float = 0, **more: Any) -> AuditLine:
    return AuditLine(datetime.now(UTC) - timedelta(days=days_ago), "live", "kadis", "head", "export", what, **more)


def unguarded(control: Control, *statements: str) -> None:
    """As somebody does who owns the database."""
    with control.write() as connection:
        if control.sqlite:
            for name in TRIGGERS:
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
        else:
            connection.exec_driver_sql("ALTER TABLE audit DISABLE TRIGGER USER")
        for statement in statements:
            connection.exec_driver_sql(statement)


# ---- the chain alone: any lines, any tampering


LINES = st.lists(
    st.builds(
        AuditLine,
        at=st.integers(0, 10**9).map(lambda seconds: NOW + timedelta(seconds=seconds)),
        realm=st.sampled_from(["live", "demo", ""]),
        who=st.text(max_size=8),
        lens=st.sampled_from(["admin", "head", ""]),
        action=st.sampled_from(["export", "rows.read"]),
        what=st.text(max_size=12),
        from_where=st.text(max_size=8),
        outcome=st.sampled_from(["ok", "403"]),
        late=st.booleans(),
    ),
    min_size=2,
    max_size=8,
)


def chained(lines: list[AuditLine], prev: str = GENESIS, first: int = 1) -> list[AuditRow]:
    rows = []
    for number, each in enumerate(lines, first):
        plain = each.plain()
        texts = {f: getattr(plain, f) for f in ("at", *plain_texts(), "late")}
        rows.append(AuditRow(id=number, prev=prev, hash=hash_of(number, plain, prev), **texts))
        prev = rows[-1].hash
    return rows


def plain_texts() -> tuple[str, ...]:
    return ("realm", "who", "lens", "action", "what", "from_where", "outcome")


def followed(rows: list[AuditRow]) -> tuple[str, int | None]:
    """The head at the end, and the number of the first line that does not fit."""
    follower = Follower()
    for row in rows:
        if follower.wrong(row):
            return follower.head, row.id
    return follower.head, None


@hypothesis_settings(max_examples=150)
@given(LINES, st.data())
def test_any_line_edited_deleted_swapped_inserted_or_cut_off_is_found(lines: list[AuditLine], data: Any) -> None:
    rows = chained(lines)
    head, wrong = followed(rows)
    assert wrong is None
    i = data.draw(st.integers(0, len(rows) - 1), label="which")
    how = data.draw(st.sampled_from(["edit", "delete", "swap", "insert", "cut", "rewrite"]), label="how")
    if how == "edit":
        field = data.draw(st.sampled_from([*plain_texts(), "at", "late"]))
        old = getattr(rows[i], field)
        new: Any = (
            f"{old}x" if isinstance(old, str) else not old if isinstance(old, bool) else old + timedelta(seconds=1)
        )
        rows[i] = replace(rows[i], **{field: new})
    elif how == "delete":
        del rows[i]
    elif how == "swap":
        j = (i + 1) % len(rows)
        rows[i], rows[j] = rows[j], rows[i]
    elif how == "insert":
        rows.insert(i, chained([lines[0]], rows[i].prev, rows[i].id)[0])
        rows[i] = replace(rows[i], what=rows[i].what + "x")
    elif how == "cut":
        rows = rows[:i]
    else:  # the whole rest made anew, each hash right: only a head that was written down elsewhere tells
        rows = [*rows[:i], *chained([replace(lines[i], what="forged"), *lines[i + 1 :]], rows[i].prev, rows[i].id)]
        if rows[i].what == lines[i].plain().what:
            return
    now, wrong = followed(rows)
    assert wrong is not None or now != head


# ---- on both databases


def test_the_database_itself_lets_lines_be_added_and_nothing_else(control: Control) -> None:
    control.audit("a", "admin", "export", "x")
    control.audit("a", "admin", "export", "y")
    statements = ["UPDATE audit SET what = 'z'", "DELETE FROM audit WHERE what = 'x'", "DELETE FROM audit"]
    columns = "id, at, who, lens, action, what, from_where, outcome, prev, hash"
    if control.sqlite:
        statements.append(f"INSERT OR REPLACE INTO audit ({columns}) VALUES (1, 1, '', '', '', 'z', '', '', 'p', 'h')")
    else:
        statements.append("TRUNCATE audit")
    statements += ["UPDATE audit_anchors SET id = 9", "DELETE FROM audit_anchors"]
    with control.write() as connection:
        row = "INSERT INTO audit_anchors (id, at, hash, lines, pruned) VALUES (0, 0, '', 0, 0)"
        connection.exec_driver_sql(row)  # SQLite's triggers speak for rows only
    for statement in statements:
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), control.write() as connection:
            connection.exec_driver_sql(statement)
    fork = f"INSERT INTO audit ({columns}) SELECT 9, 1, '', '', '', 'z', '', '', prev, 'h' FROM audit WHERE id = 2"
    with pytest.raises(sa.exc.IntegrityError), control.write() as connection:
        connection.exec_driver_sql(fork)
    assert [r.what for r in control.audit_rows()] == ["y", "x"]


@pytest.mark.parametrize(
    ("statement", "wrong", "at"),
    [
        ("UPDATE audit SET what = 'nothing' WHERE id = 3", "changed", 3),
        ("UPDATE audit SET realm = 'demo' WHERE id = 3", "changed", 3),
        ("DELETE FROM audit WHERE id = 3", "taken out", 4),
        ("DELETE FROM audit WHERE id < 3", "taken out", 3),
        ("UPDATE audit SET id = 99 WHERE id = 3", "taken out", 4),
    ],
)
def test_what_was_tampered_with_is_named_by_the_first_line_that_does_not_fit(
    control: Control, statement: str, wrong: str, at: int
) -> None:
    control.audit_all([line(str(n)) for n in range(6)])
    assert verify(control) == Verdict(6, control.audit_rows(1)[0].hash, None)
    unguarded(control, statement)
    verdict = verify(control)
    assert (verdict.line, wrong in str(verdict.wrong)) == (at, True)


def test_a_cut_off_end_is_noticed_by_a_head_that_was_written_down(control: Control) -> None:
    control.audit_all([line(str(n)) for n in range(6)])
    head = verify(control).head
    control.audit("a", "admin", "export", "later")
    assert verify(control, head[:20]).since_head == 1
    unguarded(control, "DELETE FROM audit WHERE id > 4")
    assert verify(control).wrong is None
    assert "cut off its end" in str(verify(control, head).wrong)


def test_a_prune_takes_the_oldest_lines_and_the_chain_holds_from_there(control: Control) -> None:
    # A line that came late is older than its neighbours; it stays with them.
    control.audit_all(
        [line("old", 900), line("older", 1000), line("new", 1), line("late", 800, late=True), line("now")]
    )
    assert control.prune(audit_years=2) == 2
    assert [r.what for r in control.audit_rows()][-3:] == ["now", "late", "new"]
    verdict = verify(control)
    assert (verdict.wrong, verdict.lines) == (None, 4)
    assert verdict.anchor is not None
    assert verdict.anchor.lines == 2
    assert control.prune(audit_years=2) == 0
    assert verify(control, verdict.anchor.hash).since_head == 4
    told = control.audit_rows(1)[0]
    assert (told.action, told.what.split()[0]) == ("audit.prune", "2")


def test_when_everything_is_pruned_the_chain_goes_on_after_it(control: Control) -> None:
    control.audit_all([line("old", 900), line("older", 1000)])
    assert control.prune(audit_years=2) == 2
    control.audit("a", "admin", "export", "x")
    assert (verify(control).wrong, verify(control).lines) == (None, 2)


def test_lines_taken_away_behind_a_forged_prune_are_noticed(control: Control) -> None:
    control.audit_all([line(str(n)) for n in range(6)])
    with control.write() as connection:
        forged = "INSERT INTO audit_anchors SELECT id, at, hash, 4, at FROM audit WHERE id = 4"
        connection.exec_driver_sql(forged)
        connection.exec_driver_sql("DELETE FROM audit WHERE id <= 4")
    assert "no prune's own line" in str(verify(control).wrong)


WRITE = """
import sys
from coc.store import Control
control = Control(sys.argv[1])
print("ready", flush=True); sys.stdin.readline()
for n in range(60):
    control.audit(sys.argv[2], "admin", "export", str(n))
control.close()
"""


def test_processes_that_write_at_once_make_one_chain(database_url: str) -> None:
    Control(database_url).close()
    started = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE, database_url, who], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for who in ("one", "two")
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.wait(60) for process in started] == [0, 0]
    control = Control(database_url)
    assert (verify(control).lines, verify(control).wrong) == (120, None)
    for who in ("one", "two"):
        assert [r.what for r in control.audit_rows(200, AuditChoice(who=who))][::-1] == [str(n) for n in range(60)]
    control.close()


def test_lines_from_before_the_chain_are_chained_as_they_stand(new_database: Callable[[], str]) -> None:
    url = new_database()
    Control(url).close()
    database = Database(url)
    downgrade(database, "0002", "control")
    with database.write() as connection:
        for n in (3, 5, 9):
            connection.exec_driver_sql(f"INSERT INTO audit VALUES ({n}, {n}, 'w', 'l', 'export', 'x', 'f', 'ok')")
    upgrade(database, "control")
    database.close()
    control = Control(url)
    assert (verify(control).lines, verify(control).wrong) == (3, None)
    control.audit("a", "admin", "export", "next")
    assert [r.id for r in control.audit_rows()] == [10, 9, 5, 3]
    assert verify(control).wrong is None
    control.close()


def test_a_line_holds_what_a_terminal_and_both_databases_can_show(control: Control) -> None:
    control.audit("\ud800x", "admin", "refused", "/a\x00\x1b[2J\n" + "y" * 5000, "::1")
    row = control.audit_rows(1)[0]
    assert (row.who, row.what[:8], len(row.what)) == ("\ufffdx", "/a\ufffd\ufffd[2J\ufffd", 2000)
    assert verify(control).wrong is None


def test_lines_are_chosen_by_time_person_action_outcome_and_realm(control: Control) -> None:
    control.audit_all(
        [
            replace(line("a", 10), who="Kadis_PU"),
            replace(line("b"), action="db.prune", realm=""),
            replace(line("c"), action="dbase", realm="demo", outcome="403 not yours"),
        ]
    )

    def chosen(**by: Any) -> str:
        return "".join(r.what for r in control.audit_rows(9, AuditChoice(**by)))

    assert chosen(since=datetime.now(UTC) - timedelta(days=5)) == "cb"
    assert (chosen(who="kadis_"), chosen(who="%")) == ("a", "")
    assert (chosen(action="db"), chosen(action="export")) == ("b", "a")
    assert (chosen(good=True), chosen(good=False)) == ("ba", "c")
    assert chosen(realms=("live", "")) == "ba"
    assert chosen(before=2) == "a"


def test_the_same_lines_taken_in_twice_are_there_once(control: Control) -> None:
    waited = [replace(line("x"), late=True), replace(line("y"), late=True)]
    assert control.audit_all(waited, once=True) == 2
    assert control.audit_all([*waited, line("z")], once=True) == 1
    assert [r.what for r in control.audit_rows()] == ["z", "y", "x"]
