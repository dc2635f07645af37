"""Which windows that config declares are whose: maintenance and power cuts of a city's points, links and services."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from coc.domain.datasets import Dataset
from coc.domain.instants import to_micros
from coc.metrics.city import City
from coc.metrics.closures import Closures, Key, Places, closures
from coc.metrics.facts import once
from coc.metrics.heads import Positions

MAINTENANCE: Final = "maintenance"
POWER: Final = "power"


def windows_of(city: City, dataset: Dataset, keys: Sequence[Key], kind: str) -> tuple[Closures, Positions]:
    """The declared windows of one kind of each key (entity, vantage), and which row of `City.windows` each is."""
    rows = np.flatnonzero(city.windows["kind"] == kind)
    if not rows.size:
        return closures([], [], [])
    some = city.windows.iloc[rows]
    start, end = to_micros(some["start"]), to_micros(some["end"])
    places = once(city, "network-places", lambda: Places.of(city.access_points, city.links, city.sites))
    spans = [(start[i : i + 1], end[i : i + 1]) for i in range(len(rows))]
    found, which = closures(some["scope"].tolist(), spans, (places.scopes_of(dataset, key) for key in keys))
    return found, rows[which]
