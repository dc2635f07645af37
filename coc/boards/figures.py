"""One KPI at the end of one day, by scope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from coc.metrics.registry import NO_DATA
from coc.metrics.scoped import STATES, Scoped


@dataclass(frozen=True, slots=True)
class DayFigures:
    """One KPI at one day's end: by scope its value (NaN is null) and state."""

    places: Mapping[str, int]
    found: Scoped

    def of(self, unit: str) -> tuple[float, str]:
        place = self.places.get(unit)
        if place is None or place >= len(self.found.values):
            return np.nan, NO_DATA
        return float(self.found.values[place]), STATES[self.found.states[place]]
