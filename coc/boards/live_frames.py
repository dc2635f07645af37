"""The frames that boards are made of, held in memory and brought up to date by the rows that changed.

Reading 90 days anew for each commit would make a refresh cost what the history holds; a commit number on each row
makes it cost what changed.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd

from coc.domain.datasets import KEYS, SAMPLES, Dataset
from coc.domain.limits import ApLimits
from coc.domain.worktime import Calendars
from coc.metrics.states import undecided
from coc.store import Store
from coc.store.columns import entity_column

_LOOKBACK = timedelta(days=92)  # 90 days and their midnight in any zone
_TABLES = (Dataset.UNITS, Dataset.SITES, Dataset.ACCESS_POINTS, Dataset.SERVICES)
# No board counts by these: letter contents, and what the derived columns already hold.
_UNUSED = ["number", "subject", "sender", "sender_kind", "instruction_text", "parent_id", "to_office", "received_at"]
_UNUSED += ["read_at", "started_at", "due_at", "updated_at"]
_SAMPLES = (Dataset.AP_SAMPLES, Dataset.SERVICE_SAMPLES)
_SLACK = timedelta(minutes=10)  # trimming costs a pass over a day of samples: now and then is enough
_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)


class LiveFrames:
    """`frames[dataset]`: canonical columns, `source` and the derived columns, of the last 90 days and all open items.

    Samples reach back 24 h and what a down spell at that edge needs to be measured whole. Of an entity that was silent
    all that time the last sample is held; of one whose state that time alone does not decide, its whole history.
    """

    def __init__(self, store: Store, limits: ApLimits, longest_hold_seconds: float) -> None:
        self.store = store
        self.frames: dict[Dataset, pd.DataFrame] = {}
        self._limits = limits
        margin = 2 * longest_hold_seconds + 2 * limits.min_down_seconds
        self._sample_span = timedelta(hours=24, seconds=max(margin, 3600))
        self._beyond: dict[Dataset, frozenset[str]] = dict.fromkeys(_SAMPLES, frozenset())
        self._rev: int | None = None
        self._day: date | None = None

    def refresh(self, now: pd.Timestamp, calendars: Calendars) -> set[Dataset]:
        """Bring the frames to the store's last commit; the datasets that changed. A new city day reloads all."""
        commit = self.store.commit_number()
        today = calendars.today(now)
        whole = self._rev is None or today != self._day
        after = None if whole else self._rev
        changed: set[Dataset] = set()
        if whole or commit != self._rev:
            changed |= self._load_rows(now, after)
            changed |= self._load_samples(now, after)
            changed |= self._load_tables(whole)
        self._rev, self._day = commit, today
        return set(self.frames) if whole else changed

    def _load_rows(self, now: pd.Timestamp, after: int | None) -> set[Dataset]:
        since = (now - _LOOKBACK).to_pydatetime()
        letters = self.store.letters(since, after_rev=after).drop(columns=_UNUSED, errors="ignore")
        dispositions = self.store.dispositions(since, after_rev=after).drop(columns=_UNUSED, errors="ignore")
        return self._merge(Dataset.LETTERS, letters, after) | self._merge(Dataset.DISPOSITIONS, dispositions, after)

    def _load_samples(self, now: pd.Timestamp, after: int | None) -> set[Dataset]:
        since = (now - self._sample_span).to_pydatetime()
        changed: set[Dataset] = set()
        for dataset in _SAMPLES:
            if after is None:
                self.frames[dataset] = self._sample_history(dataset, since)
                changed.add(dataset)
                continue
            changed |= self._merge(dataset, self.store.samples(dataset, since, after_rev=after), after)
            self.frames[dataset] = self._trimmed(dataset, since)
        return changed

    def _trimmed(self, dataset: Dataset, since: datetime) -> pd.DataFrame:
        """Without what no window reaches any more; the last sample of an entity that fell silent stays."""
        held, entity = self.frames[dataset], entity_column(dataset)
        if held.empty or held["at"].min() >= since - _SLACK:
            return held
        past = (held["at"] < since) & ~held[entity].isin(self._beyond[dataset])
        past &= held["at"] != held.groupby(entity)["at"].transform("max")
        return held[~past].reset_index(drop=True)

    def _sample_history(self, dataset: Dataset, since: datetime) -> pd.DataFrame:
        recent = self.store.samples(dataset, since)
        entity = entity_column(dataset)
        open_ = undecided(recent.rename(columns={entity: "entity"}), self._limits)
        silent = self.store.last_samples_before(dataset, since)
        self._beyond[dataset] = frozenset(open_) | frozenset(silent[entity])
        if open_:
            whole = self.store.samples(dataset, _ALWAYS, entities=open_)
            recent = pd.concat([recent[~recent[entity].isin(open_)], whole], ignore_index=True)
        return pd.concat([recent, silent], ignore_index=True) if len(silent) else recent

    def _load_tables(self, whole: bool) -> set[Dataset]:
        changed: set[Dataset] = set()
        for dataset in _TABLES:
            table = self.store.table(dataset)
            if whole or not table.equals(self.frames[dataset]):
                self.frames[dataset] = table
                changed.add(dataset)
        return changed

    def _merge(self, dataset: Dataset, fresh: pd.DataFrame, after: int | None) -> set[Dataset]:
        if after is None or dataset not in self.frames:
            self.frames[dataset] = fresh.reset_index(drop=True)
            return {dataset}
        if fresh.empty:
            return set()
        held = self.frames[dataset]
        if dataset in SAMPLES:
            # A day holds 10^5 samples, a pull 10^2: only those as recent as the fresh ones can be replaced.
            near, keys = held["at"] >= fresh["at"].min(), [*KEYS[dataset]]
        else:
            near, keys = held["source_id"].isin(fresh["source_id"]), ["source", *KEYS[dataset]]
        parts = [held[~near], _without(held[near], fresh, keys)]
        self.frames[dataset] = pd.concat([*parts, fresh], ignore_index=True)
        return {dataset}


def _without(held: pd.DataFrame, fresh: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    return held[~_index(held, keys).isin(_index(fresh, keys))]


def _index(frame: pd.DataFrame, keys: list[str]) -> pd.Index[Any]:
    # A null vantage is a value here: two nulls are the same key.
    index: pd.Index[Any] = pd.MultiIndex.from_frame(frame[keys].fillna(""))
    return index
