"""What only the page of one access point shows: its samples of a day and its changes of state of a month."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pandas as pd

from coc.boards.board import KPI_COLUMNS, Board
from coc.boards.city import ALL
from coc.store import Store

DAY: Final = timedelta(hours=24)
MONTH: Final = timedelta(days=30)
# Whose access point it is, is the site's; what a point tells of itself names nobody.
_SHOWN: Final = ["at", "up", "clients", "rx_bps", "tx_bps", "latency_ms", "loss"]


class PointReader:
    """Reads the store when a point's page is built: no board holds the samples of a thousand points.

    Figures of WiFi are for every lens (DOMAIN, Privacy), so this asks for none.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def board(self, ap: str, now: datetime) -> Board:
        """The frames `samples` (of the last 24 h, as measured) and `turns` (of the last 30 days: at, state)."""
        samples = self._store.point_samples(ap, now - DAY, now)[_SHOWN]
        turns = self._store.point_turns(ap, now - MONTH, now)
        kpis = pd.DataFrame({c: pd.Series([], dtype="float64" if c == "value" else "str") for c in KPI_COLUMNS})
        return Board("point", ALL, 0, "", now.astimezone(UTC), None, kpis, {"samples": samples, "turns": turns})
