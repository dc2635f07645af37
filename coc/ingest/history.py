"""A samples source's history in pieces, newest first: the wall lives after the first minute, the past fills in behind.

Only connectors that say `history = True` are asked for the past (one that measures by itself has none).
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Final

from coc.clock import Clock
from coc.domain.datasets import SAMPLES, Dataset
from coc.ingest.pull import filled_by_connector, pull_window
from coc.ingest.report import PullReport
from coc.settings.models import ConnectorBlock, Settings
from coc.store import Position, Store
from data_connectors.base import Connector, Window

FIRST: Final = timedelta(hours=1)  # what the first pull reads, so that it is over in a moment
_RECENT: Final = timedelta(hours=26)  # what a day's availability looks at: in small pieces, soon
_SMALL, _LARGE = timedelta(hours=5), timedelta(hours=6)
_NOTHING_THERE: Final = ("source_empty", "exporter_down")


def has_history(connector: Connector) -> bool:
    return bool(getattr(connector, "history", False)) and bool(filled_by_connector(connector) & set(SAMPLES))


def first_since(store: Store, name: str, connector: Connector, clock: Clock) -> datetime | None:
    """Where a first pull begins; None when it is not the first, or when the connector has no history."""
    if not has_history(connector):
        return None
    known = store.positions(name)
    if any(known.get(d, Position()).watermark for d in filled_by_connector(connector) & set(SAMPLES)):
        return None
    return clock.now() - FIRST


class History:
    """Reads one connector's past, piece by piece; `done` when it reaches back `backfill_days`."""

    def __init__(
        self, store: Store, name: str, block: ConnectorBlock, connector: Connector, settings: Settings, clock: Clock
    ) -> None:
        self._pull = (store, name, block, connector, settings, clock)
        self.store, self.name, self.block, self.clock = store, name, block, clock
        self.datasets: set[Dataset] = filled_by_connector(connector) & set(SAMPLES)

    @property
    def reached(self) -> datetime:
        """How far back it is known; at first, where the first pull began."""
        held = [p.backfilled_to for d, p in self.store.positions(self.name).items() if d in self.datasets]
        known = [at for at in held if at is not None]
        return max(known) if known else self.clock.now() - FIRST

    @property
    def done(self) -> bool:
        return self.reached <= self._oldest()

    def _oldest(self) -> datetime:
        return self.clock.now() - timedelta(days=self.block.backfill_days)

    def step(self) -> PullReport:
        """Read the piece before what is held. A piece in which the source had nothing counts as read."""
        end = self.reached
        size = _SMALL if self.clock.now() - end < _RECENT else _LARGE
        start = max(end - size, self._oldest())
        deadline = time.monotonic() + self.block.deadline_seconds
        report = pull_window(*self._pull, Window(now=end, deadline=deadline, since=dict.fromkeys(self.datasets, start)))
        if report.error_code is None or report.error_code in _NOTHING_THERE:
            self.store.save_backfilled(self.name, self.datasets, start)
        return report
