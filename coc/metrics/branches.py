"""One letter's dispositions as branches: who handed it to whom, what state each is in, and what it waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

Row = Mapping[str, Any]


class State(StrEnum):
    ISSUED = "issued"
    READ = "read"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    LATE = "late"  # completed after its due
    CANCELLED = "cancelled"
    FOR_INFORMATION = "for_information"  # needs no follow-up, not read
    NOTED = "noted"  # needs none, and was read


class Wait(StrEnum):
    """What something waits for."""

    NOTHING = ""
    READING = "reading"
    ANSWER = "answer"
    BRANCHES = "branches"  # of its own
    FIRST = "first"  # disposition
    CLOSING = "closing"  # all is done, but for the letter itself
    COMPLETION = "completion"  # of a letter that nobody hands on


@dataclass(slots=True)
class Branch:
    """`row`: the disposition. `parent`: whether its own is missing (`lost`), or is below it (`circle`), else "".

    `done` of `mandatory`: its own branches that need follow-up and are not cancelled.
    """

    row: Row
    state: State
    due: str  # "", "overdue", "soon"
    wait: Wait = Wait.NOTHING
    depth: int = 0
    parent: str = ""
    done: int = 0
    mandatory: int = 0
    children: list[Branch] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """Needs follow-up, and is neither completed nor cancelled."""
        return bool(self.row["needs_follow_up"]) and self.state in (State.ISSUED, State.READ, State.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class Tree:
    """`branches`: each after its parent, brothers in the order of their issue. `missing`: those that are still open."""

    branches: Sequence[Branch]
    done: int
    mandatory: int

    @property
    def missing(self) -> list[Branch]:
        return [b for b in self.branches if b.open]


def tree_of(rows: Sequence[Row], now: datetime, *, reads: bool = True) -> Tree:
    """The branches of one letter. A parent that is not there, or a circle of parents, loses no branch.

    `rows`: source_id, parent_id, needs_follow_up, issued_at, due, read_at, started_at, completed_at, cancelled_at;
    missing times are None. `reads`: whether it is recorded when a disposition is read.
    """
    ordered = sorted(rows, key=lambda r: (r["issued_at"], r["source_id"]))
    nodes = {str(r["source_id"]): Branch(r, _state(r), _due(r, now)) for r in ordered}
    roots: list[Branch] = []
    for branch in nodes.values():
        parent = nodes.get(str(branch.row["parent_id"])) if branch.row["parent_id"] is not None else None
        if parent is not None and parent is not branch:
            parent.children.append(branch)
        else:
            branch.parent = "" if branch.row["parent_id"] is None else "circle" if parent else "lost"
            roots.append(branch)
    found: list[Branch] = []
    seen: set[int] = set()
    for root in roots:
        _walk(root, found, seen)
    for branch in nodes.values():  # what no root leads to hangs in a circle: its first issue begins it
        if id(branch) not in seen:
            branch.parent = "circle"
            _walk(branch, found, seen)
    for branch in found:
        _settle(branch, reads)
    mandatory = [b for b in found if b.row["needs_follow_up"] and b.state is not State.CANCELLED]
    return Tree(found, sum(not b.open for b in mandatory), len(mandatory))


def letter_waits(completed_at: object, kind: str, tree: Tree) -> Wait:
    """What a letter waits for; a completed one may still have open branches."""
    if tree.missing:
        return Wait.BRANCHES
    if completed_at is not None:
        return Wait.NOTHING
    if all(b.state is State.CANCELLED for b in tree.branches):
        return Wait.FIRST if kind == "incoming" else Wait.COMPLETION
    return Wait.CLOSING


def _walk(root: Branch, found: list[Branch], seen: set[int]) -> None:
    """Without recursion: a chain may be longer than Python's."""
    left = [(root, 0)]
    while left:
        branch, depth = left.pop()
        if id(branch) in seen:
            continue
        seen.add(id(branch))
        branch.depth = depth
        found.append(branch)
        left += [(child, depth + 1) for child in reversed(branch.children)]


def _settle(branch: Branch, reads: bool) -> None:
    its = [c for c in branch.children if c.row["needs_follow_up"] and c.state is not State.CANCELLED]
    branch.mandatory, branch.done = len(its), sum(not c.open for c in its)
    if branch.open:
        if branch.done < branch.mandatory:
            branch.wait = Wait.BRANCHES
        else:
            branch.wait = Wait.READING if reads and branch.state is State.ISSUED else Wait.ANSWER


def _state(row: Row) -> State:
    if row["cancelled_at"] is not None:
        return State.CANCELLED
    if row["completed_at"] is not None:
        return State.LATE if row["due"] is not None and row["completed_at"] > row["due"] else State.COMPLETED
    if not row["needs_follow_up"]:
        return State.FOR_INFORMATION if row["read_at"] is None else State.NOTED
    if row["started_at"] is not None:
        return State.IN_PROGRESS
    return State.ISSUED if row["read_at"] is None else State.READ


def _due(row: Row, now: datetime) -> str:
    """As the KPIs have it: past its due, or within the last fifth of its time."""
    due, is_open = row["due"], row["completed_at"] is None and row["cancelled_at"] is None
    if due is None or not is_open or not row["needs_follow_up"]:
        return ""
    if now > due:
        return "overdue"
    left: timedelta = due - now
    return "soon" if 5 * left <= due - row["issued_at"] else ""
