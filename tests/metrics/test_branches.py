"""The tree of one letter: no branch is lost, and each says what it waits for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coc.metrics.branches import State, Wait, letter_waits, tree_of
from tests.metrics.cities import wib

NOW = wib("2026-03-02T10:00:00")
HOUR = timedelta(hours=1)
TIMES = ("due", "read_at", "started_at", "completed_at", "cancelled_at")


def row(id: str, parent: str | None = None, hours: float = 10, **more: Any) -> dict[str, Any]:
    base = {"source_id": id, "parent_id": parent, "needs_follow_up": True, "issued_at": NOW - hours * HOUR}
    return {**base, **dict.fromkeys(TIMES), **more}


def shape(rows: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(b.row["source_id"], b.depth) for b in tree_of(rows, NOW).branches]


def test_each_branch_follows_its_parent_and_brothers_the_clock() -> None:
    rows = [
        row("late", "root", 2),
        row("other", hours=9),
        row("early", "root", 3),
        row("leaf", "early", 1),
        row("root"),
    ]
    assert shape(rows) == [("root", 0), ("early", 1), ("leaf", 2), ("late", 1), ("other", 0)]


def test_a_branch_whose_parent_never_came_begins_a_tree_and_says_so() -> None:
    (branch,) = tree_of([row("a", "gone")], NOW).branches
    assert (branch.depth, branch.parent) == (0, "lost")


@given(st.lists(st.integers(0, 12), min_size=1, max_size=13))
def test_no_branch_is_lost_nor_doubled_whatever_the_parents(parents: list[int]) -> None:
    rows = [row(str(i), str(p), hours=i) for i, p in enumerate(parents)]
    found = tree_of(rows, NOW).branches
    assert sorted(b.row["source_id"] for b in found) == sorted(r["source_id"] for r in rows)
    for branch in found:
        assert (branch.depth == 0) == (branch.parent != "")


def test_a_circle_begins_with_its_first_issue() -> None:
    rows = [row("a", "b", 3), row("b", "c", 2), row("c", "a", 1)]
    assert shape(rows) == [("a", 0), ("c", 1), ("b", 2)]
    assert tree_of(rows, NOW).branches[0].parent == "circle"
    assert tree_of([row("self", "self")], NOW).branches[0].parent == "circle"


def test_a_chain_may_be_longer_than_pythons_own_patience() -> None:
    rows = [row(str(i), str(i - 1) if i else None, hours=5000 - i) for i in range(3000)]
    assert tree_of(rows, NOW).branches[-1].depth == 2999


@pytest.mark.parametrize(
    ("more", "state", "wait"),
    [
        ({}, State.ISSUED, Wait.READING),
        ({"read_at": NOW}, State.READ, Wait.ANSWER),
        ({"started_at": NOW}, State.IN_PROGRESS, Wait.ANSWER),
        ({"completed_at": NOW}, State.COMPLETED, Wait.NOTHING),
        ({"completed_at": NOW, "due": NOW}, State.COMPLETED, Wait.NOTHING),
        ({"completed_at": NOW, "due": NOW - HOUR}, State.LATE, Wait.NOTHING),
        ({"completed_at": NOW, "cancelled_at": NOW}, State.CANCELLED, Wait.NOTHING),
        ({"needs_follow_up": False}, State.FOR_INFORMATION, Wait.NOTHING),
        ({"needs_follow_up": False, "read_at": NOW}, State.NOTED, Wait.NOTHING),
    ],
)
def test_what_state_a_disposition_is_in_and_what_it_waits_for(more: dict[str, Any], state: State, wait: Wait) -> None:
    (branch,) = tree_of([row("a", **more)], NOW).branches
    assert (branch.state, branch.wait) == (state, wait)


def test_where_reading_is_not_recorded_nobody_is_said_not_to_have_read() -> None:
    (branch,) = tree_of([row("a")], NOW, reads=False).branches
    assert branch.wait is Wait.ANSWER


@pytest.mark.parametrize(("due", "said"), [(0, "soon"), (-1e-6, "overdue"), (2.5, "soon"), (2.500001, ""), (None, "")])
def test_at_its_due_it_is_not_overdue_and_the_last_fifth_is_soon(due: float | None, said: str) -> None:
    at = None if due is None else NOW + due * HOUR
    if due is not None and 0 > due > -1:
        at = NOW - timedelta(microseconds=1)
    (branch,) = tree_of([row("a", due=at)], NOW).branches
    assert branch.due == said


def test_one_that_handed_on_waits_for_the_mandatory_branches_alone() -> None:
    rows = [
        row("root", read_at=NOW),
        row("done", "root", 5, completed_at=NOW),
        row("open", "root", 4),
        row("info", "root", 3, needs_follow_up=False),
        row("dropped", "root", 2, cancelled_at=NOW),
    ]
    tree = tree_of(rows, NOW)
    root = tree.branches[0]
    assert (root.wait, root.done, root.mandatory) == (Wait.BRANCHES, 1, 2)
    assert [b.row["source_id"] for b in tree.missing] == ["root", "open"]
    assert (tree.done, tree.mandatory) == (1, 3)


@pytest.mark.parametrize(
    ("completed", "kind", "rows", "wait"),
    [
        (None, "incoming", [], Wait.FIRST),
        (None, "incoming", [row("a", cancelled_at=NOW)], Wait.FIRST),
        (None, "outgoing", [], Wait.COMPLETION),
        (None, "incoming", [row("a")], Wait.BRANCHES),
        (None, "incoming", [row("a", completed_at=NOW)], Wait.CLOSING),
        (None, "incoming", [row("a", needs_follow_up=False)], Wait.CLOSING),
        (NOW, "incoming", [row("a")], Wait.BRANCHES),
        (NOW, "incoming", [], Wait.NOTHING),
    ],
)
def test_what_a_letter_waits_for(completed: Any, kind: str, rows: list[dict[str, Any]], wait: Wait) -> None:
    assert letter_waits(completed, kind, tree_of(rows, NOW)) is wait
