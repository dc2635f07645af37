"""The audit writer: off the request's path, and no flood of refusals fills the disk."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from coc.access.viewer import Viewer

log = logging.getLogger("coc.audit")
_SAME_SECONDS: Final = 60.0  # one line a minute for the same refusal from the same place
_MOST_A_MINUTE: Final = 20  # refusals of all kinds and places together
_MOST_WAITING: Final = 1000
_MOST_PLACES: Final = 4096

_Line = tuple[str, str, str, str, str, str]


class AuditStore(Protocol):
    def audit(
        self, who: str, lens: str, action: str, what: str = "", from_where: str = "", outcome: str = "ok"
    ) -> None: ...


class Audit:
    """Writes to the control store from its own thread. `close` writes what waits, for two seconds at most."""

    def __init__(self, store: AuditStore | None, ticks: Callable[[], float] = time.monotonic) -> None:
        self._store, self._ticks = store, ticks
        self._waiting: queue.Queue[_Line | None] = queue.Queue(_MOST_WAITING)
        self._last: dict[tuple[str, str], tuple[float, int]] = {}
        self._minute: tuple[float, int] = (0.0, 0)
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._write, name="audit", daemon=True)
        self._thread.start()

    def wrote(self, viewer: Viewer, action: str, what: str, from_where: str = "", outcome: str = "ok") -> None:
        """A write, an export, a read of letter rows, a hand-over of the realm: always a line."""
        self._put((viewer.name, viewer.lens, action, what, from_where, outcome))

    def refused(self, action: str, what: str, from_where: str, outcome: str) -> bool:
        """A refusal: a line, unless the like was written within the minute. Whether it was."""
        now, key = self._ticks(), (from_where, outcome)
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
        self._put(("", "", action, what[:200], from_where, outcome + more))
        return True

    def close(self) -> None:
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(2.0)

    def _put(self, line: _Line) -> None:
        try:
            self._waiting.put_nowait(line)
        except queue.Full:
            log.warning("the audit log is not keeping up: a line was lost (%s %s)", line[2], line[5])

    def _write(self) -> None:
        while (line := self._waiting.get()) is not None:
            if self._store is None:
                continue
            try:
                self._store.audit(*line)
            except Exception:
                log.exception("an audit line could not be written (%s %s)", line[2], line[5])
