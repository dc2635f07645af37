"""The audit log for who may read it: administrators, and of their own realm's lines only."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from coc.access.masks import WITHHELD
from coc.access.viewer import Viewer
from coc.clock import system_now
from coc.settings.models import Realm
from coc.store.control import AuditChoice, AuditRow
from coc.store.control.audit import Anchor
from coc.store.control.chain import Follower
from coc.store.control.verify import confirms, follower_from

_AT_ONCE: Final = 10_000  # lines of the chain that one look follows: a page must not wait for a long log
_ANEW: Final = timedelta(minutes=10)
_GUEST: Final = "demo"  # who looks at the demo realm without a name of their own


class DeniedError(PermissionError):
    """Somebody who is no administrator asked for the audit log."""


class AuditStore(Protocol):
    """What is used of `coc.store.Control`."""

    def audit_rows(self, limit: int, choice: AuditChoice) -> list[AuditRow]: ...
    def audit_after(self, number: int | None, most: int) -> list[AuditRow]: ...
    def audit_anchor(self) -> Anchor | None: ...


@dataclass(frozen=True, slots=True)
class Lines:
    """Newest first; `more`: whether there are older ones."""

    rows: Sequence[AuditRow]
    more: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """How the chain stands. `lines` were followed; `whole`: up to the last; `broken`: the line that does not fit.

    `shorn`: lines are gone from its beginning that no prune took. `at`: system time of this look.
    """

    at: datetime
    lines: int
    whole: bool
    broken: int | None = None
    shorn: bool = False


class AuditLog:
    """Reads the control store; follows its chain a part at a time, from where the last look ended."""

    def __init__(self, store: AuditStore | None, realm: Realm) -> None:
        self._store, self._realm = store, realm
        self._lock = threading.Lock()
        self._begun: datetime | None = None
        self._follower = Follower()
        self._broken: int | None = None
        self._confirmed = False

    def lines(self, viewer: Viewer | None, choice: AuditChoice, most: int) -> Lines:
        """The lines of this realm (live: also those of the machine itself). Raises DeniedError for all but admins."""
        _admit(viewer)
        if self._realm == "demo":
            return self._demo_lines(choice, most)
        return self._lines(replace(choice, realms=(self._realm, "")), most)

    def _demo_lines(self, choice: AuditChoice, most: int) -> Lines:
        """There everyone may be administrator, and who looks at the demo, from where, is nobody's business."""
        if choice.who is not None:
            if choice.who.lower() not in _GUEST:
                return Lines((), more=False)  # else one could guess names that are not shown
            choice = replace(choice, who=_GUEST)
        found = self._lines(replace(choice, realms=("demo",)), most)
        return Lines([_unnamed(row) for row in found.rows], found.more)

    def _lines(self, choice: AuditChoice, most: int) -> Lines:
        rows = [] if self._store is None else self._store.audit_rows(most + 1, choice)
        return Lines(rows[:most], len(rows) > most)

    def chain(self, viewer: Viewer | None) -> Chain:
        """Follow the chain on. Raises DeniedError for all but admins.

        Begun anew every ten minutes: what was followed once may be changed afterwards. `coc audit verify` is whole.
        """
        _admit(viewer)
        now = system_now()
        if self._store is None:
            return Chain(now, 0, whole=True)
        with self._lock:
            anchor = self._store.audit_anchor()
            pruned = anchor is not None and (self._follower.last is None or anchor.id > self._follower.last)
            if self._begun is None or now - self._begun > _ANEW or pruned:
                self._begun, self._follower, self._broken = now, follower_from(anchor), None
                self._confirmed = anchor is None
            whole = self._follow(self._store, anchor)
            shorn = whole and self._broken is None and not self._confirmed
            return Chain(now, self._follower.lines, whole, self._broken, shorn)

    def _follow(self, store: AuditStore, anchor: Anchor | None) -> bool:
        """Whether the walk came to the last line (or to one that does not fit)."""
        if self._broken is not None:
            return True
        rows = store.audit_after(self._follower.last, _AT_ONCE)
        for row in rows:
            if self._follower.wrong(row):
                self._broken = row.id
                return True
            self._confirmed = self._confirmed or (anchor is not None and confirms(row, anchor))
        return len(rows) < _AT_ONCE


def _admit(viewer: Viewer | None) -> None:
    if viewer is None or viewer.lens != "admin":
        raise DeniedError("the audit log is for administrators")


def _unnamed(row: AuditRow) -> AuditRow:
    who = row.who if row.who in ("", _GUEST) else WITHHELD
    return replace(row, who=who, from_where=WITHHELD if row.from_where else "")
