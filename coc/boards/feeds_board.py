"""The feeds board: every connector's state, age and last run; only what an operator must react to moves its hash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from coc.clock import Clock
from coc.domain.datasets import Dataset
from coc.domain.worktime import Calendars
from coc.ingest.feeds import Feed, feed_states
from coc.settings.models import Realm, Settings
from coc.store import Store

# What changes with every pull or by time alone: it travels with the heartbeat and never makes an epoch.
_COUNTS = ("seconds", "rows_in", "unchanged", "stored", "quarantined", "notes")
AGES = ("as_of", "last_good", "next_run", "started", *_COUNTS)
_TIMES = ("as_of", "last_good", "next_run", "started", "failing_since", "frozen_since")


@dataclass(frozen=True, slots=True)
class FeedsNow:
    """`frame`: one row a connector. `as_of`: by dataset the oldest of the enabled feeds that fill it, None where
    some never had a good pull. `awaited`: datasets whose enabled feeds never had one at all: what the store holds of
    them is the beginning of a first fill.
    """

    frame: pd.DataFrame
    as_of: dict[Dataset, datetime | None]
    awaited: frozenset[Dataset]


def build(
    store: Store,
    settings: Settings,
    realm: Realm,
    clock: Clock,
    calendars: Calendars,
    next_runs: Mapping[str, datetime],
) -> FeedsNow:
    """Every connector of the realm as it stands."""
    feeds = feed_states(store, settings, realm, clock, calendars, next_runs)
    return FeedsNow(frame_of(feeds), _oldest(feeds), _awaited(feeds))


def without_ages(frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return {name: frame.drop(columns=[c for c in AGES if c in frame.columns]) for name, frame in frames.items()}


def with_ages(stored: pd.DataFrame, current: pd.DataFrame) -> pd.DataFrame:
    """The stored rows with the ages of this moment, by name: what the hash leaves out, and nothing else."""
    ages = current.set_index("name")[[c for c in AGES if c in current.columns]].reindex(stored["name"])
    return stored.assign(**{c: ages[c].set_axis(stored.index) for c in ages.columns})[list(stored.columns)]


def frame_of(feeds: list[Feed]) -> pd.DataFrame:
    """One row a feed."""
    frame = pd.DataFrame([_row(feed) for feed in feeds], columns=_COLUMNS)
    for name in _TIMES:
        frame[name] = pd.to_datetime(frame[name], utc=True).dt.as_unit("us")
    return frame


_COLUMNS = [
    *("name", "kind", "datasets", "enabled", "state", "as_of", "last_good", "next_run", "started", "seconds"),
    *("rows_in", "stored", "unchanged", "quarantined", "error_code", "error_detail", "notes", "quarantine_open"),
    *("quarantine_reasons", "quarantine_places", "failing_since", "frozen_since", "history"),
]


def _row(feed: Feed) -> dict[str, Any]:
    run = feed.last_run
    # An alert that waits for a person outlives the run that raised it.
    standing = next(iter(feed.standing.items()), (None, None))
    code, detail = (run.error_code, run.error_detail) if run and run.error_code else standing
    return {
        "name": feed.name,
        "kind": feed.kind,
        "datasets": list(feed.datasets),
        "enabled": feed.enabled,
        "state": feed.state,
        "as_of": feed.as_of,
        "last_good": feed.last_good,
        "next_run": feed.next_run,
        "started": run.started_business if run else None,
        "seconds": run.seconds if run else None,
        "rows_in": run.rows_in if run else None,
        "stored": run.stored if run else None,
        "unchanged": run.unchanged if run else None,
        "quarantined": run.quarantined if run else None,
        "error_code": code,
        "error_detail": detail,
        "notes": [list(note) for note in feed.notes],
        "quarantine_open": feed.quarantine_open,
        "quarantine_reasons": [list(refused) for refused in feed.refused],
        "quarantine_places": [list(place) for place in feed.places],
        "failing_since": feed.failing_since if code and code == (run.error_code if run else None) else None,
        "frozen_since": feed.frozen_since,
        "history": list(feed.history or ()),
    }


def _oldest(feeds: list[Feed]) -> dict[Dataset, datetime | None]:
    found: dict[Dataset, datetime | None] = {}
    for feed in feeds:
        for name in feed.datasets if feed.enabled else ():
            dataset = Dataset(name)
            held = found.get(dataset, feed.as_of)
            found[dataset] = None if held is None or feed.as_of is None else min(held, feed.as_of)
    return found


def _awaited(feeds: list[Feed]) -> frozenset[Dataset]:
    filled = {d for f in feeds if f.enabled for d in f.datasets}
    known = {d for f in feeds if f.enabled and f.last_good is not None for d in f.datasets}
    return frozenset(Dataset(d) for d in filled - known)
