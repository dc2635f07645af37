"""Rates from counters that only grow, until their device starts again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_WHOLE_SECONDS: Final = 2.0  # what an uptime in whole seconds, told a moment later, may be short of
Rate = tuple[float | None, float | None]  # received, sent; bits a second


@dataclass(frozen=True, slots=True)
class Reading:
    """`at`: seconds by one clock; `rx`, `tx`: bytes since the counters began; `uptime`: seconds, where known."""

    at: float
    rx: int
    tx: int
    uptime: float | None = None


class Counters:
    """The last reading a key. A first one, one after a restart and one after a long gap give no rate."""

    def __init__(self, longest_seconds: float) -> None:
        self._longest = longest_seconds
        self._last: dict[str, tuple[Reading, Rate]] = {}

    def rate(self, key: str, now: Reading) -> Rate:
        before, held = self._last.get(key, (None, (None, None)))
        if before is not None and now.at == before.at:
            return held  # the same report once more
        found: Rate = (None, None)
        if before is not None and 0 < now.at - before.at <= self._longest and not _restarted(before, now):
            seconds = now.at - before.at
            found = ((now.rx - before.rx) * 8 / seconds, (now.tx - before.tx) * 8 / seconds)
        self._last[key] = (now, found)
        return found


def _restarted(before: Reading, now: Reading) -> bool:
    """A counter that fell; or a device that runs for less time than has passed, whose counters grew past the old."""
    if now.rx < before.rx or now.tx < before.tx:
        return True
    if now.uptime is None or before.uptime is None:
        return False
    return now.uptime < before.uptime or now.uptime < now.at - before.at - _WHOLE_SECONDS
