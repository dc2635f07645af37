"""Published values: a KPI's figures at a day's end as they were kept. Later knowledge does not touch them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Final

import numpy as np
import orjson
import pandas as pd

from coc.boards.board import CITY
from coc.boards.city import ALL, POPULATIONS
from coc.boards.figures import DayFigures
from coc.metrics.published import differ
from coc.metrics.scoped import STATES, Scoped
from coc.store import KeptRow, Store

# Of these KPIs charts mark the days that were corrected.
CHARTED: Final = (
    "correspondence.registered_today",
    "correspondence.completed_today",
    "correspondence.undispositioned",
    "disposition.backlog",
    "disposition.overdue",
    "disposition.due_soon",
    "disposition.on_time_rate",
    "disposition.followup_hours_p50",
    "disposition.followup_hours_p85",
    "disposition.followup_hours_p95",
)
CHARTED_DAYS: Final = timedelta(days=90)

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


class Charted:
    """What was published of the city and charts show: by population id, day, value. Read anew where more was kept."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._of: tuple[date, int] | None = None
        self.frames: Mapping[str, pd.DataFrame] = {}

    def refresh(self, today: date) -> None:
        since = today - CHARTED_DAYS
        of = (today, self.store.kept_count(since))
        if of != self._of:
            self.frames = {population: self._read(population, since, today) for population in POPULATIONS}
            self._of = of

    def _read(self, population: str, since: date, until: date) -> pd.DataFrame:
        rows = self.store.kept(CHARTED, population, since, until)
        return pd.DataFrame(
            {
                "id": pd.Series([row.kpi for row in rows], dtype="str"),
                "day": pd.Series([row.day for row in rows], dtype="object"),
                "value": np.array([unpacked(row).of(CITY)[0] for row in rows], dtype="float64"),
            }
        )


def differs(one: tuple[float, str], other: tuple[float, str]) -> bool:
    """Whether two figures are told differently."""
    (a, state), (b, other_state) = one, other
    return state != other_state or differ(a, b)
