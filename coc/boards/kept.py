"""Published values: a KPI's figures at a day's end as they were kept. Later knowledge does not touch them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

import numpy as np
import orjson

from coc.boards.history import DayFigures
from coc.metrics.registry import NO_DATA
from coc.metrics.scoped import STATES, Scoped
from coc.store import KeptRow, Store

TOLERANCE: Final = 1e-9

Published = Mapping[date, DayFigures]


def packed(kpi: str, population: str, day: date, found: DayFigures) -> KeptRow:
    """Units without a figure are left out: most have one, and what is not there has no_data."""
    some = [(u, *found.of(u)) for u, n in found.places.items() if n < len(found.found.values)]
    given = [(u, None if v != v else v, s) for u, v, s in some if not (v != v and s == NO_DATA)]
    return KeptRow(kpi, population, day, zlib.compress(orjson.dumps([list(part) for part in zip(*given, strict=True)])))


def unpacked(row: KeptRow) -> DayFigures:
    parts = orjson.loads(zlib.decompress(row.payload)) or [[], [], []]
    units, values, states = parts
    found = Scoped(
        np.array([np.nan if v is None else v for v in values], dtype="float64"),
        np.array([STATES.index(s) for s in states], dtype="int8"),
    )
    return DayFigures({unit: n for n, unit in enumerate(units)}, found)


def published(store: Store, kpi: str, population: str, days: Iterable[date]) -> Published:
    """What was kept of these days."""
    wanted = set(days)
    if not wanted:
        return {}
    rows = store.kept([kpi], population, min(wanted), max(wanted))
    return {row.day: unpacked(row) for row in rows if row.day in wanted}


def differs(one: tuple[float, str], other: tuple[float, str]) -> bool:
    """Whether two figures are told differently."""
    (a, state), (b, other_state) = one, other
    if state != other_state or (a != a) != (b != b):
        return True
    return a == a and abs(a - b) > TOLERANCE * max(1.0, abs(a), abs(b))
