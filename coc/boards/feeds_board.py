"""The feeds board: every connector's state, age and last run; only what an operator must react to moves its hash."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pandas as pd

from coc.clock import Clock
from coc.domain.datasets import Dataset
from coc.domain.worktime import Calendars
from coc.ingest.feeds import Feed, feed_states
from coc.settings.models import Realm, Settings
from coc.store import Store

# What changes with every pull, by time alone: shown, counted on in the browser, never a new epoch.
_AGES = ("as_of", "last_good", "next_run", "started", "seconds", "rows_in", "unchanged", "stored")


def build(
    store: Store,
    settings: Settings,
    realm: Realm,
    clock: Clock,
    calendars: Calendars,
    next_runs: Mapping[str, datetime],
) -> tuple[pd.DataFrame, dict[Dataset, datetime | None]]:
    """The feeds frame, one row a connector, and for each dataset the oldest as_of of the feeds that fill it."""
    feeds = feed_states(store, settings, realm, clock, calendars, next_runs)
    return _frame(feeds), _oldest(feeds)


def without_ages(frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return {name: frame.drop(columns=[c for c in _AGES if c in frame.columns]) for name, frame in frames.items()}
