"""Whether the audit log is what was written: every line followed from the first, or from where the last prune ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from coc.store.control.audit import PRUNED, Anchor, AuditLog, anchors, audit, every_row, last_anchor
from coc.store.control.chain import GENESIS, AuditRow, Follower

SHORTEST_HEAD: Final = 16  # digits of a head that a person may have written down
_TOLD_EVERY: Final = 5_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """`head`: the hash of the last line that fits, to be written down elsewhere. `wrong`: what is the matter, or None.

    `line` and `at`: the first line that does not fit. `since_head`: lines after the head that was asked for.
    """

    lines: int
    head: str
    anchor: Anchor | None
    wrong: str | None = None
    line: int | None = None
    at: datetime | None = None
    since_head: int | None = None


def verify(log: AuditLog, head: str | None = None, on_progress: Callable[[int], object] = lambda _n: None) -> Verdict:
    """Follow the whole chain as of one moment. `head`: a hash that was written down earlier, or its first digits."""
    with log.read() as connection:
        anchor = last_anchor(connection)
        follower = follower_from(anchor)
        asked = _Asked(connection, (head or "").lower(), anchor)
        confirmed = anchor is None
        for row in every_row(connection):
            wrong = follower.wrong(row)
            if wrong is not None:
                return _broken(follower, anchor, row, wrong)
            asked.passed(row, follower.lines)
            confirmed = confirmed or (anchor is not None and confirms(row, anchor))
            if follower.lines % _TOLD_EVERY == 0:
                on_progress(_TOLD_EVERY)
    on_progress(follower.lines % _TOLD_EVERY)
    if not confirmed:
        said = "lines were taken from its beginning, and no prune's own line tells of it"
        return Verdict(follower.lines, follower.head, anchor, said)
    if head is not None and asked.at is None:
        said = (
            "the head that you wrote down is not in it: lines were cut off its end, or it was written anew (or that "
            "head is older than what retention has deleted)"
        )
        return Verdict(follower.lines, follower.head, anchor, said)
    since = None if asked.at is None else follower.lines - asked.at
    return Verdict(follower.lines, follower.head, anchor, since_head=since)


def count(log: AuditLog) -> int:
    """How many lines there are to follow."""
    with log.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(audit)).scalar_one())


def follower_from(anchor: Anchor | None) -> Follower:
    """A walk from the beginning of what is kept."""
    return Follower() if anchor is None else Follower(anchor.hash, anchor.id)


def confirms(row: AuditRow, anchor: Anchor) -> bool:
    """Whether this is the line of the prune that left the anchor."""
    return row.action == PRUNED and row.what == anchor.what


class _Asked:
    """Looks for a head that was written down. `at`: after how many lines it stood, None while it was not seen."""

    def __init__(self, connection: Connection, head: str, anchor: Anchor | None) -> None:
        self._head, self.at = head, None if not head else self._start(connection, head, anchor)

    @staticmethod
    def _start(connection: Connection, head: str, anchor: Anchor | None) -> int | None:
        known = connection.execute(sa.select(anchors.c.hash)).scalars() if anchor else [GENESIS]
        return 0 if any(h.startswith(head) for h in known) else None

    def passed(self, row: AuditRow, lines: int) -> None:
        if self._head and row.hash.startswith(self._head):
            self.at = lines


def _broken(follower: Follower, anchor: Anchor | None, row: AuditRow, wrong: str) -> Verdict:
    return Verdict(follower.lines, follower.head, anchor, wrong, row.id, row.at)
