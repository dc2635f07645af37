"""Sources whose clock runs ahead: times in the future are capped at now and reported, once a measurement."""

from __future__ import annotations

import math
from datetime import datetime

import pandas as pd

from data_connectors.answers import duration

Note = tuple[str, str]


class Ahead:
    """What one connector has seen of future times. A repeat is told by the time that the source gave, else a value
    from two hours ahead would be a fresh sample at every pull.
    """

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}  # key -> the newest future time as given, in ms

    def capped(self, rows: pd.DataFrame, now: datetime) -> tuple[pd.DataFrame, list[Note]]:
        """`rows` with columns key and at (epoch ms); of the future ones, the newest a key, unless it came before."""
        limit = math.floor(now.timestamp() * 1000)
        ahead = rows["at"] > limit
        if not ahead.any():
            return rows, []
        newest = rows[ahead].groupby("key")["at"].max()
        again = ahead & (rows["key"].map(self._seen) == rows["at"])
        kept = rows[~again & (~ahead | (rows["at"] == rows["key"].map(newest)))]
        self._seen |= {str(key): int(at) for key, at in newest.items()}
        note = ("clock_ahead", f"+{duration((int(newest.max()) - limit) / 1000)}")
        return kept.assign(at=kept["at"].clip(upper=limit)), [note]
