"""What a process that builds the boards does for alerts: judge after each refresh, show, and send."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import Final

import sqlalchemy as sa

from coc.alerts.board import boards_of
from coc.alerts.courier import Courier, Writer
from coc.alerts.engine import Engine
from coc.alerts.look import Eye, Shown
from coc.boards import Builder, Snapshot
from coc.clock import Clock
from coc.settings.models import Realm, Settings
from coc.store import Control, LostLeaseError, StoreError
from coc.store.control import Fence

log = logging.getLogger("coc.alerts")
JUDGE_SECONDS: Final = 5.0  # what lasts long enough, and a mute that ends, need no commit
_FORGET_SECONDS: Final = 86_400.0


class Watch:
    """`step` is called by the thread that refreshes the builder; `start` and `stop` are of the sending thread."""

    def __init__(
        self, control: Control, settings: Settings, realm: Realm, clock: Clock, builder: Builder, *, shown: Shown,
        write: Writer,
    ) -> None:  # fmt: skip
        self.control, self.settings, self.realm = control, settings, realm
        self.clock, self.builder = clock, builder
        self.engine = Engine(control, settings, realm)
        self._eye = Eye(settings, self.engine.rules, shown)
        channels = self.engine.channels
        self.courier = Courier(control, realm, channels, settings.mail, write, self.fence)
        self._judged: tuple[float, Snapshot | None] = (0.0, None)
        self._forgot = time.monotonic()
        self._version: int | None = None  # of what the boards show
        self._silent = 0
        self._failing = False

    def start(self) -> None:
        if self.engine.channels:
            self.courier.start()

    def stop(self) -> None:
        self.courier.stop()

    def fence(self) -> Fence | None:
        """The reign that alerts are kept under: that of who builds the boards."""
        reign = self.builder.reign
        return None if reign is None else Fence(*reign)

    def step(self) -> None:
        """Judge where something may have changed, and bring the boards of alerts up to date. Never raises."""
        fence = self.fence()
        if fence is None:
            self._version = None
            return
        try:
            self._step(fence)
            self._failing = False
        except LostLeaseError:
            log.debug("another process watches the alerts by now")
        except (sa.exc.SQLAlchemyError, StoreError, OSError) as error:
            self._fail("the alerts cannot be kept: %s", type(error).__name__)
        except Exception:
            if not self._failing:
                log.exception("the alerts cannot be judged; what fired stays as it was")
            self._failing = True

    def _step(self, fence: Fence) -> None:
        snapshot, at = self.builder.snapshot, time.monotonic()
        if snapshot is None or not snapshot.cities:
            return
        judged, before = self._judged
        version = self.control.alert_version(self.realm)
        if before is not snapshot or version != self._version or at - judged >= JUDGE_SECONDS:
            self._judged = (at, snapshot)
            if self.engine.watch(partial(self._eye.look, snapshot), self.clock.now(), fence):
                self.courier.hurry()
            version = self.control.alert_version(self.realm)
        silent = len(self.control.mutes(self.realm))
        if version != self._version or silent != self._silent:
            self.builder.add(boards_of(self.control, self.realm, self.engine.states))
            self._version, self._silent = version, silent
        if at - self._forgot >= _FORGET_SECONDS:
            self._forgot = at
            self.engine.forget(self.clock.now())

    def _fail(self, said: str, *values: object) -> None:
        if not self._failing:  # once when it breaks
            log.warning(said, *values)
        self._failing = True
