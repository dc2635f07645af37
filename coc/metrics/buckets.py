"""Known time by clock bucket: 5 minutes, hours, days (UTC), in whole microseconds: exact in any order of summing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from coc.domain.instants import DAY, HOUR, SECOND, Micros
from coc.metrics.heads import Pieces, Positions

FIVE_MINUTES: Final = 300 * SECOND
WIDTHS: Final = (FIVE_MINUTES, HOUR, DAY)
_KEY: Final = 1 << 32  # more buckets than there are since 1970


@dataclass(frozen=True, slots=True)
class Sums:
    """By entity and bucket (`at`: its start): microseconds `up` and `down`, `clients` x microseconds known."""

    entity: Positions
    at: Micros
    up: Micros
    down: Micros
    clients: Micros

    def __len__(self) -> int:
        return len(self.at)


def in_buckets(pieces: Pieces) -> Sums:
    """Cut at the 5-minute bounds and sum."""
    first, final = pieces.start // FIVE_MINUTES, (pieces.end - 1) // FIVE_MINUTES
    parts = final - first + 1
    piece = np.repeat(np.arange(len(parts)), parts)
    bucket = first[piece] + np.arange(len(piece)) - np.repeat(np.cumsum(parts) - parts, parts)
    opens = bucket * FIVE_MINUTES
    length = np.minimum(pieces.end[piece], opens + FIVE_MINUTES) - np.maximum(pieces.start[piece], opens)
    return _grouped(
        Sums(
            pieces.entity[piece],
            opens,
            pieces.up[piece] * length,
            pieces.down[piece] * length,
            pieces.clients[piece] * length,
        ),
        FIVE_MINUTES,
    )


def wider(sums: Sums, width: int) -> Sums:
    """The same time in larger buckets."""
    return _grouped(Sums(sums.entity, sums.at // width * width, sums.up, sums.down, sums.clients), width)


def less(new: Sums, old: Sums) -> Sums:
    """What is in `new` beyond `old`, negative where it is less: 5-minute buckets."""
    return joined([new, Sums(old.entity, old.at, -old.up, -old.down, -old.clients)])


def chosen(sums: Sums, rows: npt.NDArray[Any] | slice) -> Sums:
    """Some of them: by a mask, by position or as a slice."""
    return Sums(sums.entity[rows], sums.at[rows], sums.up[rows], sums.down[rows], sums.clients[rows])


def _grouped(sums: Sums, width: int) -> Sums:
    """One row an entity and bucket, in that order; buckets in which nothing is left are not there."""
    if not len(sums):
        return sums
    key = _key(sums, width)
    order = np.argsort(key, kind="stable")
    key = key[order]
    starts = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))

    def total(values: Micros) -> Micros:
        return np.add.reduceat(values[order], starts)

    found = Sums(
        sums.entity[order][starts], sums.at[order][starts], total(sums.up), total(sums.down), total(sums.clients)
    )
    return chosen(found, (found.up != 0) | (found.down != 0) | (found.clients != 0))


def replaced(held: Sums, fresh: Sums, width: int) -> Sums:
    """`held` with the buckets of `fresh` in the place of its own."""
    same = np.isin(_key(held, width), _key(fresh, width))
    return joined([chosen(held, ~same), fresh], width)


def joined(parts: Sequence[Sums], width: int = FIVE_MINUTES) -> Sums:
    """The sum of several sums of one width."""
    if not parts:
        return Sums(*(np.zeros(0, dtype="int64") for _ in range(5)))
    columns = ([getattr(p, name) for p in parts] for name in ("entity", "at", "up", "down", "clients"))
    return _grouped(Sums(*(np.concatenate(c) for c in columns)), width)


def _key(sums: Sums, width: int) -> Micros:
    return sums.entity.astype("int64") * _KEY + sums.at // width
