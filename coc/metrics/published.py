"""Which past days were published otherwise than today's knowledge has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

from coc.domain.instants import Bools, Floats
from coc.metrics.city import City
from coc.metrics.facts import once

TOLERANCE: Final = 1e-9


def differ(published: float, known: float) -> bool:
    """Whether two figures are told differently; NaN is null."""
    if published != published or known != known:
        return (published != published) != (known != known)
    return abs(published - known) > TOLERANCE * max(1.0, abs(published), abs(known))


def corrected(city: City, kpi: str, days: Sequence[date], known: Floats) -> Bools:
    """Of each day whether another value than `known` was published; a day that was not kept is not corrected."""
    of = _by_day(city).get(kpi, {})
    return np.array([d in of and differ(of[d], float(v)) for d, v in zip(days, known, strict=True)], dtype=bool)


def _by_day(city: City) -> Mapping[str, Mapping[date, float]]:
    def find() -> dict[str, dict[date, float]]:
        found: dict[str, dict[date, float]] = {}
        rows: Any = [] if city.published is None else city.published[["id", "day", "value"]].itertuples(index=False)
        for kpi, day, value in rows:
            found.setdefault(kpi, {})[day] = value
        return found

    return once(city, "published", find)


def days_frame(found: Mapping[str, Sequence[date]]) -> pd.DataFrame:
    """One row a KPI and day: id, day."""
    pairs = [(kpi, day) for kpi, days in found.items() for day in days]
    return pd.DataFrame(
        {
            "id": pd.Series([kpi for kpi, _ in pairs], dtype="str"),
            "day": pd.Series([day for _, day in pairs], dtype="object"),
        }
    )
