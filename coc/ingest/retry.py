"""Rows in quarantine once more through the pipeline: after config, units, calendars or the program have changed.

A row is mapped anew from what its source had in it, where that was kept; else it is taken as it was mapped then. What
cannot be tried from what is kept stays as it is: only the source itself can give it again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, Final

import pandas as pd

import data_connectors
from coc.clock import Clock
from coc.domain.datasets import COLUMNS, Dataset
from coc.ingest.context import Surroundings
from coc.ingest.kept import from_json
from coc.ingest.load import load
from coc.ingest.rejects import origin_of
from coc.ingest.validate import AHEAD
from coc.settings.models import Settings
from coc.store import Choice, Position, Quarantined, Store
from coc.store.feeds import read_positions
from coc.store.quarantine import acquit
from data_connectors.base import Batch, FetchError

# What may become right without the row changing.
BY_CONTEXT = frozenset({"unknown_unit", "unknown_calendar", "in_future"})
_ROWS: Final = 2000  # a commit: a long retry must not hold up the pulls
_ORDER: Final = (Dataset.UNITS, Dataset.LETTERS, Dataset.DISPOSITIONS)  # what others refer to comes first


@dataclass(slots=True)
class Retried:
    """What a retry did. `refused`: rows by (reason, field). `asks`: ids that only their source can give again, by it.

    `unknown`: rows of connectors that config no longer names, by name.
    """

    accepted: int = 0
    refused: dict[tuple[str, str], int] = field(default_factory=dict)
    asks: dict[str, list[int]] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)

    @property
    def left(self) -> int:
        """Rows that are still in quarantine."""
        return sum(self.refused.values()) + sum(map(len, self.asks.values())) + sum(self.unknown.values())


def retry(
    store: Store,
    settings: Settings,
    clock: Clock,
    rows: Iterable[Quarantined],
    *,
    counted: bool = True,
    on_progress: Callable[[int], object] | None = None,
) -> Retried:
    """Try these rows again. `counted`: those refused again count one more attempt. `on_progress`: rows done so far."""
    tried, done = 0, Retried()
    for source, dataset, group in _groups(rows):
        if source not in settings.connectors:
            done.unknown[source] = done.unknown.get(source, 0) + len(group)
        else:
            _try(store, settings, clock, source, dataset, group, done, counted=counted)
        tried += len(group)
        if on_progress is not None:
            on_progress(tried)
    return done


def _try(
    store: Store,
    settings: Settings,
    clock: Clock,
    source: str,
    dataset: Dataset,
    group: list[Quarantined],
    done: Retried,
    *,
    counted: bool,
) -> None:
    """One commit: rows of one dataset of one source that have the same columns."""
    around = Surroundings(store, settings, settings.connectors[source], clock)
    batch = _batch(source, dataset, group, settings)
    if batch is None:
        done.asks.setdefault(source, []).extend(row.id for row in group)
        return
    unchanged = _left_out(dataset, batch.frame) if around.strict else frozenset()
    with store.commit(source) as tx:
        position = read_positions(tx.connection, source).get(dataset, Position())
        loaded = load(tx, around, source, batch, position, unchanged, counted=counted, moves=False)
        # Also those that came in, or are held now, under another name than before.
        acquit(tx, source, dataset, {row.source_id for row in group} - loaded.refused)
    done.accepted += len(group) - sum(loaded.reasons.values())
    for reason, n in loaded.reasons.items():
        done.refused[reason] = done.refused.get(reason, 0) + n


def _batch(source: str, dataset: Dataset, group: list[Quarantined], settings: Settings) -> Batch | None:
    """The rows as they would come today; None where what is kept does not suffice."""
    block = settings.connectors[source]
    connector = data_connectors.registry()[block.type](source, block)
    first = group[0]
    if first.origin is not None and hasattr(connector, "remap"):
        try:
            found: Batch = connector.remap(dataset, [origin_of(row.origin) for row in group if row.origin])
        except FetchError:
            return None
        return found
    if first.origin is not None or not first.fields:
        return None
    frame = pd.DataFrame([{k: from_json(v) for k, v in row.fields.items()} for row in group], dtype="object")
    return Batch(dataset, frame)


def _left_out(dataset: Dataset, frame: pd.DataFrame) -> frozenset[str]:
    """FEED: what a row did not bring is unchanged where the row is known."""
    return frozenset(c.name for c in COLUMNS[dataset] if not c.required and c.name not in frame.columns) - {"deleted"}


def _groups(rows: Iterable[Quarantined]) -> Iterator[tuple[str, Dataset, list[Quarantined]]]:
    """Rows that go together, units first; no group larger than a commit may be."""
    ordered = sorted(rows, key=lambda row: (_place(row), row.id))
    for place, group in groupby(ordered, key=_place):
        held = list(group)
        for first in range(0, len(held), _ROWS):
            yield held[0].source, Dataset(place[1]), held[first : first + _ROWS]


def _place(row: Quarantined) -> tuple[Any, ...]:
    dataset = Dataset(row.dataset)
    rank = _ORDER.index(dataset) if dataset in _ORDER else len(_ORDER)
    origin = row.origin or {}
    columns = tuple(origin["cells"]) if origin else tuple(row.fields)
    return rank, row.dataset, row.source, bool(origin), origin.get("name", ""), columns


def retry_by_context(store: Store, settings: Settings, clock: Clock, sources: Collection[str]) -> int:
    """Retry what was refused for a unit, a calendar or a clock that may be known by now; how many were accepted.

    Nobody asked and the source gave nothing anew, so it is no further attempt.
    """
    rows = [r for r in store.quarantined() if r.source in sources and r.reason in BY_CONTEXT]
    return retry(store, settings, clock, rows, counted=False).accepted


def retry_arrived(store: Store, settings: Settings, clock: Clock, source: str) -> int:
    """Retry a source's rows that were ahead of the clock and no longer are; how many were accepted."""
    latest = clock.now() + AHEAD
    waiting = store.quarantined(Choice(source=source, reason="in_future"))
    rows = [r for r in waiting if (at := _time(r)) is not None and at <= latest]
    return retry(store, settings, clock, rows, counted=False).accepted if rows else 0


def _time(row: Quarantined) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(row.fields.get(row.field)))
    except ValueError:
        return None
    return at if at.tzinfo else None
