"""Chance that can be asked again: the same seed, subject and instant always give the same answer.

Whole days are drawn from a generator (`rng`); what is asked for single minutes comes from a hash (`noise`), so that any
window of samples can be computed without the minutes before it.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from coc.domain.instants import Floats

Objects: TypeAlias = npt.NDArray[Any]
Indices: TypeAlias = npt.NDArray[np.int64]

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX: Final = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS: Final = (np.uint64(30), np.uint64(27), np.uint64(31))


def rng(seed: int, subject: str, day: int = 0) -> np.random.Generator:
    """A generator of its own for one subject of one city day (days since 1970)."""
    return np.random.Generator(np.random.PCG64([abs(seed), zlib.crc32(subject.encode()), day]))


def noise(seed: int, subject: str, *keys: Any) -> Floats:
    """Uniform [0, 1) for integer keys that broadcast against each other (splitmix64)."""
    state: npt.NDArray[np.uint64] = np.asarray(
        (abs(seed) * 0x100000001B3 ^ zlib.crc32(subject.encode())) & (2**64 - 1), dtype="uint64"
    )
    with np.errstate(over="ignore"):
        for key in keys:
            state = _mixed((state ^ np.asarray(key, dtype="int64").astype("uint64")) + _GOLDEN)
    return np.asarray((state >> np.uint64(11)) * (1.0 / (1 << 53)), dtype="float64")


def _mixed(state: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    state = (state ^ (state >> _SHIFTS[0])) * _MIX[0]
    state = (state ^ (state >> _SHIFTS[1])) * _MIX[1]
    return state ^ (state >> _SHIFTS[2])


def smooth_noise(seed: int, subject: str, entity: Any, at: Any, period: int) -> Floats:
    """Noise that wanders: uniform values every `period`, joined by straight lines. `at` in the unit of `period`."""
    position = np.asarray(at, dtype="int64")
    step, part = position // period, (position % period) / period
    low, high = noise(seed, subject, entity, step), noise(seed, subject, entity, step + 1)
    return np.asarray(low + (high - low) * part, dtype="float64")


def chosen(draws: np.random.Generator, table: Mapping[Any, float], size: int) -> Objects:
    """`size` keys of the table, by weight."""
    weights = np.fromiter(table.values(), dtype="float64")
    return objects(table)[draws.choice(len(table), size=size, p=weights / weights.sum())]


def objects(values: Any) -> Objects:
    """An object array of shared values: gathers are pointer copies, rows of them are ready for JSON."""
    items = list(values)
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array
