"""Published values: a KPI's figures at a day's end as they were kept. Later knowledge does not touch them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

import numpy as np
import orjson

from coc.boards.city import ALL
from coc.boards.history import DayFigures
from coc.metrics.scoped import STATES, Scoped
from coc.store import KeptRow, Store

TOLERANCE: Final = 1e-9

Published = Mapping[date, DayFigures]


def packed(kpi: str, population: str, day: date, found: DayFigures) -> KeptRow:
    """Of the public population the city's alone: no lens sees its units' past."""
    size = len(found.found.values) if population == ALL else 1
    units = [unit for unit, place in found.places.items() if place < size]
    values = [None if v != v else v for v in found.found.values.tolist()]
    parts = [units, [values[found.places[u]] for u in units], [found.of(u)[1] for u in units]]
    return KeptRow(kpi, population, day, zlib.compress(orjson.dumps(parts)))


def unpacked(row: KeptRow) -> DayFigures:
    units, values, states = orjson.loads(zlib.decompress(row.payload))
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
