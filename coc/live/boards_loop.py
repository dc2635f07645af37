"""The thread that keeps the snapshot: after commits of any process, once a minute, and for what ages by itself."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Protocol

from coc.boards import Snapshot
from coc.boards.aged import aged
from coc.live.memory import give_back
from coc.live.services import Services
from coc.store.trouble import BOARDS, Cause, cause_of

log = logging.getLogger("coc.boards")
WATCH_SECONDS: Final = 0.1  # PRAGMA data_version costs microseconds
GAP_SECONDS: Final = 0.3  # commits that come closer than this share a refresh
AGES_SECONDS: Final = 5.0  # a feed turns late without any commit
TOKENS_SECONDS: Final = 1.0
AWAY_SECONDS: Final = 1.0  # between tries of a database that does not answer


class Boards(Protocol):
    """What is used of `coc.boards.Builder`."""

    snapshot: Snapshot | None

    def refresh(self, next_runs: Mapping[str, datetime] | None = None) -> Snapshot | None: ...


class BoardsLoop:
    """`commit()` may be called from any thread. `told` is called after a new epoch's snapshot is in place.

    `watch` judges the alerts on what the builder has made; it never raises.
    """

    def __init__(
        self,
        services: Services,
        builder: Boards,
        *,
        told: Callable[[], None],
        next_runs: Callable[[], Mapping[str, datetime]] = dict,
        watch: Callable[[], None] | None = None,
    ) -> None:
        self.services, self.builder = services, builder
        self._told, self._next_runs, self._watch = told, next_runs, watch or (lambda: None)
        self._commit, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="boards", daemon=True)
        self._failing = self._watch_failing = False
        self._trouble: Cause | None = None

    def start(self) -> None:
        """Build once before the first request is taken, so that nobody is told "no data" of a store that has it."""
        self._refresh()
        self._thread.start()

    def stop(self, patience: float = 2.0) -> None:
        self._stop.set()
        self._commit.set()
        if self._thread.is_alive():
            self._thread.join(patience)

    def commit(self) -> None:
        """Something was committed; the boards follow within `GAP_SECONDS`."""
        self._commit.set()

    def _run(self) -> None:
        looked = tokens = time.monotonic()
        gap = GAP_SECONDS
        while not self._stop.is_set():
            if self._due(looked):
                self._stop.wait(max(0.0, looked + gap - time.monotonic()))
                if self._stop.is_set():
                    return
                self._commit.clear()  # before reading: what comes during the refresh asks for another
                began = time.monotonic()
                self._refresh()
                looked = time.monotonic()
                # A first fill commits many times a second: never more than half the time goes into boards.
                gap = max(GAP_SECONDS, looked - began)
            if time.monotonic() - tokens >= TOKENS_SECONDS:
                tokens = time.monotonic()
                self.services.tokens.refresh()
                self.services.sessions.refresh()
                self._heed_alerts()
            self._heed_trouble()
            self._commit.wait(WATCH_SECONDS if self._trouble is None else AWAY_SECONDS)

    def _heed_alerts(self) -> None:
        """What was acknowledged or muted is on every screen within a second, without any commit."""
        held = self.services.snapshot
        self._watch()
        now = self.builder.snapshot
        if held is not None and now is not None and now.epoch != held.epoch:
            self.services.snapshot = now
            self._told()

    def _heed_trouble(self) -> None:
        """Tell the screens at once when the store gets into trouble, and when it is well again."""
        trouble = self.services.store.health.trouble
        cause = trouble.cause if trouble else None
        if cause is not self._trouble:
            self._trouble = cause
            self.services.hub.tell()

    def _due(self, looked: float) -> bool:
        changed = self._changed()
        return self._commit.is_set() or changed or time.monotonic() - looked >= AGES_SECONDS

    def _changed(self) -> bool:
        try:
            changed = self.services.store.changed_since()
        except Exception as error:
            if not self._watch_failing and cause_of(error) is None:
                log.exception("the store cannot be watched; the last boards stay")
            self._watch_failing = True
            return False
        self._watch_failing = False
        return changed

    def _refresh(self) -> None:
        services, before = self.services, self.services.snapshot
        try:
            with services.measures.refreshes.time():
                self.builder.refresh(self._next_runs())
                self._watch()
        except Exception as error:
            services.measures.failures.inc()
            in_trouble = cause_of(error) is not None  # its health has logged it
            if not self._failing and not in_trouble:  # once when it breaks, once when it mends
                log.exception("the boards cannot be brought up to date; the last ones stay")
            self._failing = not in_trouble
            after = self._aged() if in_trouble else self.builder.snapshot
        else:
            if self._failing:
                log.info("the boards are up to date again")
            self._failing = False
            services.store.health.well(BOARDS)
            after = self.builder.snapshot
        if after is not None:
            services.snapshot = after
        services.ready = True
        if after is not None and (before is None or (after.epoch, after.stamp) != (before.epoch, before.stamp)):
            self._told()
            give_back()  # once the screens were told

    def _aged(self) -> Snapshot | None:
        """The last boards with the feeds as they are by now: nothing may stay "fresh" that cannot be stored."""
        held, services = self.builder.snapshot, self.services
        if held is None:
            return None
        return aged(held, services.store.feeds_at_hand(), services.settings, services.realm, services.clock)
