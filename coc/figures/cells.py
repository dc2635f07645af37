"""A map without a map: each place's cell is what lies nearer to its middle than to any other's.

We ship no surveyed border. A cell says where a kecamatan is among the others, not where it ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

Point = tuple[float, float]
Polygon = list[Point]
_SIDES: Final = 28  # of the disc that bounds a cell to the outside
_REACH: Final = 1.25  # its radius, in steps from a middle to its nearest neighbours


@lru_cache(maxsize=8)
def cells(middles: tuple[Point, ...], gap: float = 0.06) -> tuple[Polygon, ...]:
    """A convex polygon a middle, in its order. `gap`: the lane between two, as a share of the mean step."""
    step = _step(middles)
    found = []
    for me in middles:
        polygon = _disc(me, step * _REACH)
        for other in middles:
            if other != me:
                polygon = _nearer(polygon, me, other, step * gap / 2)
        found.append(polygon)
    return tuple(found)


def _step(middles: Sequence[Point]) -> float:
    """The mean distance from a middle to its three nearest; 1 where there is but one."""
    steps = [d for me in middles for d in sorted(math.dist(me, other) for other in middles if other != me)[:3]]
    return sum(steps) / len(steps) if steps else 1.0


def _disc(middle: Point, radius: float) -> Polygon:
    turns = (2 * math.pi * i / _SIDES for i in range(_SIDES))
    return [(middle[0] + radius * math.cos(t), middle[1] + radius * math.sin(t)) for t in turns]


def _nearer(polygon: Polygon, me: Point, other: Point, lane: float) -> Polygon:
    """The part that is nearer to `me`, less half a lane."""
    across = (other[0] - me[0], other[1] - me[1])
    length = math.hypot(*across)

    def beyond(p: Point) -> float:
        along = ((p[0] - me[0]) * across[0] + (p[1] - me[1]) * across[1]) / length
        return along - (length / 2 - lane)

    found: Polygon = []
    for p, q in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        a, b = beyond(p), beyond(q)
        if a <= 0:
            found.append(p)
        if (a < 0 < b) or (b < 0 < a):
            part = a / (a - b)
            found.append((p[0] + part * (q[0] - p[0]), p[1] + part * (q[1] - p[1])))
    return found
