"""What only the page of one application or link shows: how it answered over the day, from each place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pandas as pd

from coc.boards.board import KPI_COLUMNS, Board
from coc.boards.city import ALL
from coc.metrics.apps_frames import APP, ROOM, latency
from coc.store import Store

DAY: Final = timedelta(hours=24)


class ServiceReader:
    """Reads the store when such a page is built: no board holds what every place measured.

    Figures of applications are for every lens (DOMAIN, Privacy), so this asks for none.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def board(self, service: str, listed: Board | None, now: datetime) -> Board:
        """The frame `latency` (vantage, at, p50, up_share) of an application or link of the board `applications`."""
        frames = {} if listed is None else {"latency": self._latency(service, listed, now)}
        kpis = pd.DataFrame({c: pd.Series([], dtype="float64" if c == "value" else "str") for c in KPI_COLUMNS})
        return Board("service", ALL, 0, "", now.astimezone(UTC), None, kpis, frames)

    def _latency(self, service: str, listed: Board, now: datetime) -> pd.DataFrame:
        table, seen = listed.frames["listed"], listed.frames["vantages"]
        kinds = set(table.loc[table["service"] == service, "kind"])
        if APP in kinds:
            vantages = {ROOM, *seen.loc[seen["service"] == service, "vantage"].tolist()}
            samples = self._store.service_samples(service, vantages, now - DAY, now)
        else:
            samples = self._store.link_samples(service, now - DAY, now)
        return latency(samples, pd.Timestamp(now))
