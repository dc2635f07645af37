"""Known time by a walk through the samples, and then second for second without maintenance."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any


def known_outside(
    samples: list[dict[str, Any]], now: datetime, hours: float, hold: float, closed: list[tuple[datetime, datetime]]
) -> tuple[float, float]:
    """Seconds up and down in the last `hours` that lie in no window."""
    seen = sorted({s["at"]: s for s in samples if s["at"] <= now}.items())
    stretches: list[list[Any]] = []  # start, end, up
    for i, (at, sample) in enumerate(seen):
        end = min(at + timedelta(seconds=hold), seen[i + 1][0] if i + 1 < len(seen) else now, now)
        if stretches and stretches[-1][2] == sample["up"] and stretches[-1][1] == at:
            stretches[-1][1] = end
        else:
            stretches.append([at, end, sample["up"]])
    up = down = 0.0
    for start, end, is_up in stretches:
        outside = _outside(max(start, now - timedelta(hours=hours)), min(end, now), closed)
        if is_up or (end - start).total_seconds() <= 300:
            up += outside
        else:
            down += outside
    return up, down


def _outside(start: datetime, end: datetime, closed: list[tuple[datetime, datetime]]) -> float:
    """Seconds of [start, end) in no window: piece by piece between all the times at which something begins or ends."""
    if end <= start:
        return 0.0
    cuts = sorted({start, end, *(at for span in closed for at in span if start < at < end)})
    total = 0.0
    for first, last in pairwise(cuts):
        if not any(opens <= first < closes for opens, closes in closed):
            total += (last - first).total_seconds()
    return total
