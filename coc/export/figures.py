"""Figures as a frame: a row a figure, as the API has them."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from coc.access import Figure

COLUMNS = ("id", "value", "measure", "unit", "window", "as_of", "computed_at", "state")


def framed(figures: Iterable[Figure]) -> pd.DataFrame:
    """Columns `COLUMNS`; `unit` is null for the city, `value` unless `state` is ok or unstable."""
    rows = [tuple(getattr(figure, name) for name in COLUMNS) for figure in figures]
    frame = pd.DataFrame(rows, columns=list(COLUMNS), dtype="object")
    for name in ("as_of", "computed_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame
