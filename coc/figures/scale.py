"""Axis ends a person would choose."""

from __future__ import annotations

import math


def nice_ceiling(value: float) -> float:
    """The smallest round number not below `value` whose half is round too: 2, 4 ... 10, 12, 16, 20, 30, 40 ..."""
    power = 10.0 ** math.floor(math.log10(max(value, 2)))
    steps = (2, 4, 6, 8, 10) if power == 1 else (1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10)
    return next(m * power for m in steps if m * power >= value - 1e-9)


def share_floor(lowest: float) -> float:
    """Where an availability axis starts: near the lowest value; a line shows what a bar from zero would hide."""
    return next((floor for floor in (0.98, 0.95, 0.9, 0.8, 0.5) if lowest >= floor + (1 - floor) * 0.2), 0.0)
