"""Rows in quarantine once more through the pipeline: after config, units or calendars have changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import groupby

import pandas as pd

from coc.clock import Clock
from coc.domain.datasets import Dataset
from coc.ingest.context import Surroundings
from coc.ingest.load import load
from coc.settings.models import Settings
from coc.store import Position, Quarantined, Store
from coc.store.feeds import read_positions
from data_connectors.base import Batch

# What may become right without the row changing.
BY_CONTEXT = frozenset({"unknown_unit", "unknown_calendar", "in_future"})


def retry(store: Store, settings: Settings, clock: Clock, rows: Iterable[Quarantined], *, counted: bool = True) -> int:
    """Try these rows again with the fields that were kept of them; how many were accepted.

    `counted`: those refused again count one more attempt.

    Rows of connectors that config no longer names, and those that could not even be read, stay as they are.
    """
    able = [r for r in rows if r.fields and r.source in settings.connectors]
    accepted = 0
    for (source, dataset), group in groupby(sorted(able, key=_place), key=_place):
        around = Surroundings(store, settings, settings.connectors[source], clock)
        frame = pd.DataFrame([r.fields for r in group], dtype="object")
        batch = Batch(Dataset(dataset), frame)
        with store.commit(source) as tx:
            position = read_positions(tx.connection, source).get(batch.dataset, Position())
            done = load(tx, around, source, batch, position, frozenset(), counted=counted)
        accepted += len(frame) - len(done.refused)
    return accepted


def retry_by_context(store: Store, settings: Settings, clock: Clock, sources: Collection[str]) -> int:
    """Retry what was refused for a unit, a calendar or a clock that may be known by now.

    Nobody asked and the source gave nothing anew, so it is no further attempt.
    """
    rows = [r for r in store.quarantined() if r.source in sources and r.reason in BY_CONTEXT]
    return retry(store, settings, clock, rows, counted=False)


def _place(row: Quarantined) -> tuple[str, str]:
    return row.source, row.dataset
