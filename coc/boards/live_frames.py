"""The frames that boards are made of, held in memory and brought up to date by the rows that changed.

Reading 90 days anew for each commit would make a refresh cost what the history holds; a commit number on each row
makes it cost what changed.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pandas as pd

from coc.boards.pasts import Pasts
from coc.domain.datasets import COLUMNS, KEYS, SAMPLES, Dataset
from coc.domain.worktime import Calendars
from coc.ingest.basis import Basis
from coc.metrics.past import Past
from coc.store import Store
from coc.store.columns import empty_frame

Ids = dict[str, set[str]]  # by source
_LOOKBACK = timedelta(days=92)  # 90 days and their midnight in any zone
_TABLES = (Dataset.UNITS, Dataset.SITES, Dataset.ACCESS_POINTS, Dataset.SERVICES)
# No board counts by these: letter contents, and what the derived columns already hold.
_UNUSED = ["number", "subject", "sender", "sender_kind", "instruction_text", "parent_id", "to_office", "received_at"]
_UNUSED += ["read_at", "started_at", "due_at", "updated_at"]
_SERVICES = Dataset.SERVICE_SAMPLES
_DAY = timedelta(hours=24)
_SLACK = timedelta(minutes=10)  # trimming costs a pass over a day of samples: now and then is enough


class LiveFrames:
    """`frames[dataset]`: canonical columns, `source` and the derived columns, of the last 90 days and all open items.

    `pasts[dataset]`: states and known time of what is sampled. Only the samples of services are held as they are.
    """

    def __init__(self, store: Store, basis: Basis) -> None:
        self.store = store
        # Samples of access points come by what is made of them; not one of them is held here.
        self.frames: dict[Dataset, pd.DataFrame] = {d: empty_frame(COLUMNS[d]) for d in SAMPLES}
        self.pasts: dict[Dataset, Past] = {}
        self._pasts = {d: Pasts(store, d, basis.limits, basis.holds) for d in (Dataset.AP_SAMPLES, _SERVICES)}
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
        for dataset, pasts in self._pasts.items():
            self.pasts[dataset], moved = pasts.refresh(now, commit)
            changed |= {dataset} if moved else set()
        self._rev, self._day = commit, today
        return set(self.frames) if whole else changed

    def _load_rows(self, now: pd.Timestamp, after: int | None) -> set[Dataset]:
        since = (now - _LOOKBACK).to_pydatetime()
        letters = self.store.letters(since, after_rev=after)
        dispositions = self.store.dispositions(since, after_rev=after)
        if after is not None:
            # A letter of last year that is dispositioned today counts again, and it did not change itself.
            of = _by_source(dispositions, "letter_id")
            letters = self._with_new(Dataset.LETTERS, letters, of)
            of = _by_source(letters, more=of)
            dispositions = self._with_new(Dataset.DISPOSITIONS, dispositions, of)
        return self._merge(Dataset.LETTERS, letters, after) | self._merge(Dataset.DISPOSITIONS, dispositions, after)

    def _with_new(self, dataset: Dataset, changed: pd.DataFrame, of: Ids) -> pd.DataFrame:
        """The changed rows, and those of these letters that are not held yet: what is held has not changed."""
        parts = (self.frames[dataset], changed)
        if dataset is Dataset.LETTERS:
            wanted = set().union(*of.values())
            known = _by_source(pd.concat([p.loc[p["source_id"].isin(wanted), ["source", "source_id"]] for p in parts]))
            of = {source: ids - known.get(source, set()) for source, ids in of.items()}
        new = self.store.of_letters(dataset, {source: ids for source, ids in of.items() if ids})
        for part in parts:
            new = _without(new, part[part["source_id"].isin(new["source_id"])], ["source", *KEYS[dataset]])
        return pd.concat([changed, new], ignore_index=True) if len(new) else changed

    def _load_samples(self, now: pd.Timestamp, after: int | None) -> set[Dataset]:
        """The samples of services, of the last day alone: what they say of longer is in `pasts`."""
        since = (now - _DAY).to_pydatetime()
        changed = self._merge(_SERVICES, self.store.samples(_SERVICES, since, after_rev=after), after)
        held = self.frames[_SERVICES]
        if not held.empty and held["at"].min() < since - _SLACK:
            self.frames[_SERVICES] = held[held["at"] >= since].reset_index(drop=True)
        return changed

    def _load_tables(self, whole: bool) -> set[Dataset]:
        changed: set[Dataset] = set()
        for dataset in _TABLES:
            table = self.store.table(dataset)
            if whole or not table.equals(self.frames[dataset]):
                self.frames[dataset] = table
                changed.add(dataset)
        return changed

    def _merge(self, dataset: Dataset, fresh: pd.DataFrame, after: int | None) -> set[Dataset]:
        fresh = fresh.drop(columns=_UNUSED, errors="ignore")
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


def _by_source(
    frame: pd.DataFrame, column: str = "source_id", more: dict[str, set[str]] | None = None
) -> dict[str, set[str]]:
    """The distinct values of a column, by source; `more` beside them."""
    found = {str(source): set(ids) for source, ids in frame.groupby("source")[column]}
    return {source: found.get(source, set()) | (more or {}).get(source, set()) for source in {*found, *(more or {})}}


def _without(held: pd.DataFrame, fresh: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    if held.empty or fresh.empty:
        return held
    return held[~_index(held, keys).isin(_index(fresh, keys))]


def _index(frame: pd.DataFrame, keys: list[str]) -> pd.Index[Any]:
    # A null vantage is a value here: two nulls are the same key.
    index: pd.Index[Any] = pd.MultiIndex.from_frame(frame[keys].fillna(""))
    return index
