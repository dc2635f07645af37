"""The COC's time at a site: a measurement is dated by it, whatever the site's own clock says."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from coc.clock import system_now


class ClockOfCoc:
    """`offset`: seconds that this machine's clock was behind the COC's when they last spoke, maybe before a restart.

    Once the COC has told its time it is counted on by the ticks of this machine, which no one sets.
    """

    def __init__(
        self,
        offset: float = 0.0,
        ticks: Callable[[], float] = time.monotonic,
        own: Callable[[], datetime] = system_now,
    ) -> None:
        self.offset = offset
        self._ticks, self._own = ticks, own
        self._told: tuple[datetime, float] | None = None

    @property
    def skew(self) -> float | None:
        """Seconds that this machine's clock is ahead of the COC's; None before they have spoken."""
        return None if self._told is None else (self._own() - self.now()).total_seconds()

    def told(self, coc: datetime, asked: float) -> None:
        """The COC said its time; `asked`: the tick at which the question left."""
        heard = self._ticks()
        now = coc + timedelta(seconds=(heard - asked) / 2)  # half of the way was the answer's
        self._told = (now, heard)
        self.offset = (now - self._own()).total_seconds()

    def now(self) -> datetime:
        if self._told is None:
            return self._own() + timedelta(seconds=self.offset)
        at, heard = self._told
        return at + timedelta(seconds=self._ticks() - heard)

    def tick(self) -> float:
        return self._ticks()
