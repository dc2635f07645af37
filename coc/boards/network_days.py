"""Availability at the end of past days, from the rollups: known time is kept for years, samples for weeks.

A down spell has here the length that is known by today, also where the day ended in its first minutes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import numpy as np
from sqlalchemy.engine import Connection

from coc.domain.datasets import Dataset
from coc.domain.instants import DAY, HOUR, Floats, micros_of
from coc.metrics.buckets import FIVE_MINUTES
from coc.metrics.city import City
from coc.metrics.facts import positions, scopes
from coc.metrics.points import population
from coc.metrics.registry import KpiSpec
from coc.metrics.scoped import Scoped, ratio, scoped
from coc.store import Store, ledger

_DAYS: Final = {"wifi.availability_24h": 1, "wifi.availability_30d": 30, "apps.availability_24h": 1}


def is_rolled_up(kpi: str) -> bool:
    """Whether rollups give the KPI of any day; of the others only what was kept is known."""
    return kpi in _DAYS


def availability(store: Store, city: City, spec: KpiSpec, days: Sequence[date]) -> dict[date, Scoped]:
    """By day, of the city and of each unit that owns something; null where nothing is known."""
    dataset = spec.datasets[0]
    ends = np.array([micros_of(city.calendars.midnight(d + timedelta(days=1))) for d in days], dtype="int64")
    starts = ends - _DAYS[spec.id] * DAY
    up, down = (np.zeros((len(days), _size(city, spec))) for _ in range(2))
    with store.read() as connection:
        for place, entities in _owned(city, dataset).items():
            for into, known in zip((up, down), _known(connection, dataset, entities, starts, ends), strict=True):
                into[:, 0] += known
                if place and spec.scope == "unit":
                    into[:, place] += known
    return {day: scoped(ratio(up[n], up[n] + down[n])) for n, day in enumerate(days)}


def _size(city: City, spec: KpiSpec) -> int:
    return len(scopes(city)) if spec.scope == "unit" else 1


def _owned(city: City, dataset: Dataset) -> Mapping[int, list[str]]:
    """What counts today, by its owner's place in `scopes`; 0: the city's."""
    counts = population(city, dataset)
    if "owner_unit" not in counts:
        return {0: counts.index.tolist()}
    found: dict[int, list[str]] = {}
    for name, place in zip(counts.index, positions(city, counts["owner_unit"]).tolist(), strict=True):
        found.setdefault(place, []).append(name)
    return found


def _known(
    connection: Connection, dataset: Dataset, entities: Sequence[str], starts: Floats, ends: Floats
) -> tuple[Floats, Floats]:
    """Microseconds up and down in each [start, end)."""
    if not len(starts) or not entities:
        return np.zeros(len(starts)), np.zeros(len(starts))
    whole_hours = not ((starts % HOUR).any() or (ends % HOUR).any())
    width = HOUR if whole_hours else FIVE_MINUTES
    at, up, down = ledger.known_by_bucket(connection, dataset, width, entities, int(starts.min()), int(ends.max()))
    order = np.argsort(at, kind="stable")
    first, last = (np.searchsorted(at[order], edge, side="left") for edge in (starts, ends))
    found = []
    for amounts in (up, down):
        total = np.concatenate([[0], np.cumsum(amounts[order])])
        found.append((total[last] - total[first]).astype("float64"))
    return found[0], found[1]
