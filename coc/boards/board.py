"""A board: everything one subject shows, computed whole, hashed, and stamped with the epoch of its last change."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd

CITY = ""  # the scope of the whole city in a KPI frame's `unit` column

KPI_COLUMNS = ("id", "unit", "window", "value", "state")


@dataclass(frozen=True, slots=True)
class Board:
    """`kpis`: columns `KPI_COLUMNS`, one row per id, scope ("" = city) and window ("7d" | "30d" | "90d").

    `frames`: the tables behind the charts, by name. `as_of`: the oldest input, outside the hash. `population`: "all",
    or "public" (without secret letters).
    """

    name: str
    population: str
    epoch: int
    digest: str
    computed_at: datetime
    as_of: datetime | None
    kpis: pd.DataFrame
    frames: dict[str, pd.DataFrame] = field(default_factory=dict)
