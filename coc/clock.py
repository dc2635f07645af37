"""The clocks: business time belongs to a realm and is injected; everything else uses monotonic or system time.

This module alone may ask the machine for the time of day (ruff bans `datetime.now` elsewhere).
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Business `now` of one realm: aware, UTC. `speed` is business seconds per second of life (0: frozen)."""

    @property
    def speed(self) -> float: ...

    def now(self) -> datetime: ...


class ClockError(ValueError):
    """`COC_CLOCK` is not an ISO time with an offset."""


@dataclass(frozen=True, slots=True)
class SystemClock:
    speed: float = 1.0

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class FrozenClock:
    at: datetime
    speed: float = 0.0

    def now(self) -> datetime:
        return self.at


@dataclass(slots=True)
class RunningClock:
    """A clock that was at `origin` when `monotonic` read `started` and runs at `speed` (the simulator's)."""

    origin: datetime
    speed: float
    started: float

    def now(self) -> datetime:
        return self.origin + timedelta(seconds=(time.monotonic() - self.started) * self.speed)


def from_environment() -> Clock:
    """The system clock, or a frozen one where `COC_CLOCK` names an instant."""
    text = os.environ.get("COC_CLOCK", "").strip()
    if not text:
        return SystemClock()
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ClockError(f"COC_CLOCK={text!r} is not an ISO time; write e.g. 2026-03-02T10:00:00+07:00") from error
    if at.tzinfo is None:
        raise ClockError(f"COC_CLOCK={text!r} has no offset; write e.g. 2026-03-02T10:00:00+07:00")
    return FrozenClock(at.astimezone(UTC))


def system_now() -> datetime:
    """Now by the machine: for run logs, leases and sessions, never for a KPI."""
    return datetime.now(UTC)
