"""Which stretches began together: the points of one site, the sites of one area."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from coc.domain.instants import Micros
from coc.metrics.heads import Positions
from coc.metrics.spells import place_of

Counts = npt.NDArray[np.int64]
_MOST: Final = 0.8  # of more than two points, how many make the site's


def at_once(group: Positions, start: Micros, within: Micros) -> Positions:
    """The cluster of each stretch: those of one group that begin at most `within` (of each) after the cluster's first.

    Sorted by group and start; clusters are numbered in that order.
    """
    following = place_of(group, start, group, start + within, side="right").tolist()
    first, at = np.zeros(len(start), dtype=bool), 0
    while at < len(following):
        first[at] = True
        at = following[at]
    return np.cumsum(first) - 1


def required(total: Counts) -> Counts:
    """How many of a site's points must be out for it to be the site's: all, of more than two 80 % and at least two."""
    return np.where(total <= 2, total, np.maximum(np.ceil(_MOST * total - 1e-9), 2)).astype("int64")


def out_before(site: Positions, start: Micros, end: Micros, of: Positions, at: Micros) -> Counts:
    """How many stretches of a site began before a moment and go on at it."""
    begun = _before(site, start, of, at, side="left")
    return begun - _before(site, end, of, at, side="right")


def _before(site: Positions, when: Micros, of: Positions, at: Micros, side: str) -> Counts:
    order = np.lexsort((when, site))
    place = place_of(site[order], when[order], of, at, side=side)
    return place - np.searchsorted(site[order], of, side="left")


@dataclass(frozen=True, slots=True)
class Clusters:
    """Of clusters of points: their size, when they began, when fewer than it takes were left in them."""

    size: Counts
    start: Micros
    end: Micros


def clusters(label: Positions, start: Micros, end: Micros, needs: Counts) -> Clusters:
    """`label`: of each stretch its cluster, in order; `needs`: of each cluster how many it takes."""
    size = np.bincount(label)
    order = np.lexsort((-end, label))
    first = np.cumsum(size) - size
    last = first + np.clip(needs, 1, size) - 1
    return Clusters(size, np.minimum.reduceat(start, first) if len(start) else start, end[order][last])
