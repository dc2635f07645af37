"""The audit writer: off the request's path, no line lost while the store is away, no flood of refusals on the disk."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from coc.access.viewer import Viewer
from coc.clock import system_now
from coc.store.control import AuditLine
from coc.store.control.spill import Spill

log = logging.getLogger("coc.audit")
_SAME_SECONDS: Final = 60.0  # one line a minute for the same refusal of the same person or place
_MOST_A_MINUTE: Final = 20  # refusals of all kinds and places together
_MOST_WAITING: Final = 2_000
_MOST_AT_ONCE: Final = 200
_MOST_PLACES: Final = 4096
_AGAIN_SECONDS: Final = 5.0
_NOWHERE: Final = "there is nowhere to keep them"


class AuditStore(Protocol):
    """What is used of `coc.store.Control`. `spill`: where lines wait while it is away; None: they are lost then."""

    @property
    def spill(self) -> Spill | None: ...
    def audit_all(self, lines: Sequence[AuditLine], *, once: bool = False) -> int: ...
    def audit_in_order(self, lines: Sequence[AuditLine]) -> None: ...


class Audit:
    """Writes to the control store from its own thread; the lines are of `realm`.

    A line that the store does not take waits in its spill and is taken in, in order and marked as late, when it does.
    `close` writes what waits, for two seconds at most; the rest waits in the spill.
    """

    def __init__(
        self,
        store: AuditStore | None,
        realm: str = "",
        ticks: Callable[[], float] = time.monotonic,
        again_seconds: float = _AGAIN_SECONDS,
    ) -> None:
        self._store, self._realm, self._ticks, self._again = store, realm, ticks, again_seconds
        self._spill = store.spill if store else None
        self._waiting: queue.Queue[AuditLine | None] = queue.Queue(_MOST_WAITING)
        self._in_hand: list[AuditLine] = []
        self._away = self._closing = False
        self._last: dict[tuple[str, str, str], tuple[float, int]] = {}
        self._minute: tuple[float, int] = (0.0, 0)
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._write, name="audit", daemon=True)
        self._thread.start()

    def wrote(self, viewer: Viewer, action: str, what: str, from_where: str = "", outcome: str = "ok") -> None:
        """A write, an export, a sign-in, a read of letter rows, a hand-over of the realm: always a line."""
        self._put(AuditLine(system_now(), self._realm, viewer.name, viewer.lens, action, what, from_where, outcome))

    def refused(self, action: str, what: str, from_where: str, outcome: str, viewer: Viewer | None = None) -> bool:
        """A refusal: a line, unless the like was written within the minute. Whether it was."""
        who, lens = (viewer.name, viewer.lens) if viewer else ("", "")
        now, key = self._ticks(), (who, from_where, outcome)
        with self._lock:
            at, passed_over = self._last.get(key, (-_SAME_SECONDS, 0))
            since, count = self._minute
            if now - since >= _SAME_SECONDS:
                since, count = now, 0
            if now - at < _SAME_SECONDS or count >= _MOST_A_MINUTE:
                if len(self._last) < _MOST_PLACES or key in self._last:
                    self._last[key] = (at, passed_over + 1)
                return False
            if len(self._last) >= _MOST_PLACES:
                self._last.clear()
            self._last[key] = (now, 0)
            self._minute = (since, count + 1)
        more = f"; {passed_over} more like it before" if passed_over else ""
        self._put(AuditLine(system_now(), self._realm, who, lens, action, what[:200], from_where, outcome + more))
        return True

    def close(self) -> None:
        self._closing = True
        try:
            self._waiting.put(None, timeout=0.5)
        except queue.Full:
            log.warning("the audit log is not keeping up at the end")
        self._thread.join(2.0)
        if self._thread.is_alive():
            # What the thread has in hand may be stored yet: whoever takes the spill in leaves out what is there.
            self._put_aside([*self._in_hand, *self._drained(_MOST_WAITING)])

    def _put(self, line: AuditLine) -> None:
        if self._store is None:
            return
        try:
            self._waiting.put_nowait(line)
        except queue.Full:
            self._put_aside([line])

    def _write(self) -> None:
        self._keep([])  # what an earlier process had to leave
        while True:
            try:
                first = self._waiting.get(timeout=self._again if self._left_over() else None)
                lines = [] if first is None else [first, *self._drained(_MOST_AT_ONCE)]
            except queue.Empty:
                first, lines = None, []
            if lines or self._left_over():
                self._keep(lines)
            if self._closing and self._waiting.empty():
                return

    def _drained(self, most: int) -> list[AuditLine]:
        found: list[AuditLine] = []
        while len(found) < most:
            try:
                line = self._waiting.get_nowait()
            except queue.Empty:
                break
            if line is not None:
                found.append(line)
        return found

    def _keep(self, lines: list[AuditLine]) -> None:
        if self._store is None:
            return
        self._in_hand = lines
        try:
            self._store.audit_in_order(lines)
        except Exception:
            if not self._away:
                log.exception("the audit log cannot be written; its lines wait%s", self._where())
            self._away = True
            self._put_aside(lines)
        else:
            if self._away:
                log.warning("the audit log can be written again")
            self._away = False
        self._in_hand = []

    def _put_aside(self, lines: list[AuditLine]) -> None:
        if not lines:
            return
        lost = _NOWHERE if self._spill is None else self._spill.put_if_it_can(lines)
        if lost:
            # Never what they say: who did what is not for a process' own log.
            log.error("%d audit lines were lost: %s", len(lines), lost)

    def _left_over(self) -> bool:
        return self._spill is not None and self._spill.waiting

    def _where(self) -> str:
        return "" if self._spill is None else f" in {self._spill.path}"
