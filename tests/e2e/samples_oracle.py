"""WiFi and application KPIs by hand, second by second where it helps, from DOMAIN's sentences."""

from __future__ import annotations

from dataclasses import dataclass

HOLD = 300.0
DAY = 86_400.0


@dataclass(frozen=True)
class Sample:
    at: float
    up: bool
    latency_ms: float | None = None
    clients: int | None = None


def state(samples: list[Sample], now: float) -> str:
    """up, degraded, down or no_data of one access point."""
    seen = [s for s in samples if s.at <= now]
    if not seen or now - seen[-1].at > HOLD:
        return "no_data"
    down = not seen[0].up
    slow = (seen[0].latency_ms or 0) > 500
    fails = good = bad = fine = 0
    for s in seen:
        fails, good = (0, good + 1) if s.up else (fails + 1, 0)
        if fails >= 3:
            down = True
        if good >= 2:
            down = False
        is_slow = (s.latency_ms or 0) > 500
        bad, fine = (bad + 1, 0) if is_slow else (0, fine + 1)
        if bad >= 3:
            slow = True
        if fine >= 2:
            slow = False
    return "down" if down else "degraded" if slow else "up"


def up_and_down(samples: list[Sample], now: float) -> tuple[float, float]:
    """Seconds up and down within the last 24 h; a down spell of 300 s or less is up."""
    seen = [s for s in samples if s.at <= now]
    pieces: list[list[float | bool]] = []  # start, end, up
    for i, s in enumerate(seen):
        end = min(s.at + HOLD, seen[i + 1].at if i + 1 < len(seen) else now, now)
        if pieces and pieces[-1][2] == s.up and pieces[-1][1] == s.at:
            pieces[-1][1] = end
        else:
            pieces.append([s.at, end, s.up])
    up = down = 0.0
    for start, end, is_up in pieces:
        inside = max(0.0, min(end, now) - max(start, now - DAY))
        if is_up or end - start <= 300:
            up += inside
        else:
            down += inside
    return up, down
