"""The frames that boards are made of, held in memory and brought up to date by the rows that changed.

Reading 90 days anew for each commit would make a refresh cost what the history holds; a commit number on each row
makes it cost what changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from coc.boards.held_rows import HeldRows, Key, LetterPlaces, Places
from coc.boards.known_held import KnownHeld
from coc.boards.pasts import Pasts
from coc.boards.reasons import Reasons
from coc.domain.datasets import COLUMNS, KEYS, SAMPLES, Dataset
from coc.domain.worktime import Calendars
from coc.ingest.basis import Basis
from coc.metrics.buckets import WIDTHS
from coc.metrics.known import Known, known_frame, nothing_sampled, turns_frame
from coc.metrics.past import Past
from coc.store import Store
from coc.store.columns import empty_frame
from coc.store.tables import stored_columns

_MAIL = (Dataset.LETTERS, Dataset.DISPOSITIONS)
HELD_DAYS: Final = 90
_LOOKBACK = timedelta(days=HELD_DAYS + 2)  # and their midnight in any zone
_TABLES = (Dataset.UNITS, Dataset.SITES, Dataset.ACCESS_POINTS, Dataset.SERVICES, Dataset.LINKS)
# No board counts by these: letter contents, and what the derived columns already hold.
UNUSED = ["number", "subject", "sender", "sender_kind", "instruction_text", "parent_id", "received_at"]
UNUSED += ["read_at", "started_at", "due_at", "updated_at"]
_HELD_SAMPLES = (Dataset.SERVICE_SAMPLES, Dataset.LINK_SAMPLES)  # a city has few of both
_APS = Dataset.AP_SAMPLES
_BUT_KEYS = [c.name for c in stored_columns(Dataset.DISPOSITIONS) if c.name not in ("source_id", "letter_id")]
_DAY = timedelta(hours=24)
_NEWEST = timedelta(minutes=30)
_SLACK = timedelta(minutes=10)  # trimming costs a pass over a day of samples: now and then is enough


class LiveFrames:
    """`frames[dataset]`: canonical columns, `source` and the derived columns, of the last 90 days and all open items.

    Letters and dispositions may hold replaced rows, which are marked deleted; their columns of few words are
    categorical.
    `pasts[dataset]`, `known`: states and known time of what is sampled. Only the samples of services and links are held
    as they are; of access points the newest one each.
    """

    def __init__(self, store: Store, basis: Basis) -> None:
        self.store = store
        # Samples of access points come by what is made of them; but for the newest, not one of them is held here.
        self.frames: dict[Dataset, pd.DataFrame] = {d: empty_frame(COLUMNS[d]) for d in SAMPLES}
        self.pasts: dict[Dataset, Past] = {}
        self._rows: dict[Dataset, HeldRows] = {}
        self._letter_places: LetterPlaces | None = None
        self._pasts = {d: Pasts(store, d, basis.limits, basis.holds) for d in SAMPLES}
        self._known = {d: KnownHeld(store, d, basis.limits, pasts.margin) for d, pasts in self._pasts.items()}
        self._reasons = Reasons(store)
        self._sampled = nothing_sampled()
        self._marks: dict[Dataset, tuple[int, int]] = {}
        self._rev: int | None = None
        self._day: date | None = None

    @property
    def letter_places(self) -> Places | None:
        """Of each held disposition the row of its letter, -1 where that is not held; None before the first refresh."""
        return None if self._letter_places is None else self._letter_places.of

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
            self._sampled = self.store.sampled()
        for dataset, pasts in self._pasts.items():
            self.pasts[dataset], moved = pasts.refresh(now, commit)
            self._known[dataset].refresh(self.pasts[dataset], commit)
            changed |= {dataset} if moved else set()
        self._rev, self._day = commit, today
        return set(self.frames) if whole else changed

    @property
    def known(self) -> Known:
        """Changes of state and known time, as `City` holds them."""
        held = self._known.values()
        minutes, hours, days = (known_frame([h.parts[w] for h in held if w in h.parts]) for w in WIDTHS)
        turns = turns_frame([h.turns for h in held])
        return Known(turns, minutes, hours, days, self._reasons.of(turns), self._sampled)

    def _load_rows(self, now: pd.Timestamp, after: int | None) -> set[Dataset]:
        since = (now - _LOOKBACK).to_pydatetime()
        letters = self.store.letters(since, after_rev=after, without=UNUSED)
        given = self.store.dispositions(since, after_rev=after, without=UNUSED)
        if after is None:
            self._rows = {Dataset.LETTERS: HeldRows(letters), Dataset.DISPOSITIONS: HeldRows(given)}
            self._letter_places = LetterPlaces(*self._rows.values())
            changed = {*_MAIL}
        else:
            # A letter of last year that is dispositioned today counts again, and it did not change itself.
            letters = self._with_new(Dataset.LETTERS, letters, set(_keys(given, "letter_id")))
            mine = {*_keys(letters), *_keys(given, "letter_id")}
            given = self._with_new(Dataset.DISPOSITIONS, given, mine)
            changed = {d for d, fresh in zip(_MAIL, (letters, given), strict=True) if len(fresh)}
            assert self._letter_places is not None
            if len(letters):
                self._letter_places.take_letters(letters)
            if len(given):
                self._letter_places.take_given(given)
        self.frames |= {dataset: self._rows[dataset].frame for dataset in _MAIL}
        return changed

    def _with_new(self, dataset: Dataset, changed: pd.DataFrame, of: set[Key]) -> pd.DataFrame:
        """The changed rows, and those of these letters that are not held yet: what is held has not changed."""
        held, fresh = self._rows[dataset], set(_keys(changed))
        if dataset is Dataset.LETTERS:
            of = set(held.missing(of)) - fresh
        else:  # most are held: which are not is found by their keys, and those alone are read whole
            known = self.store.of_letters(dataset, _by_source(of), without=_BUT_KEYS)
            there = zip(_keys(known), _keys(known, "letter_id"), strict=True)
            of = {letter for key, letter in there if key not in held and key not in fresh}
        if not of:
            return changed
        found = self.store.of_letters(dataset, _by_source(of), without=UNUSED)
        new = found[[key not in held and key not in fresh for key in _keys(found)]]
        return pd.concat([changed, new], ignore_index=True) if len(new) else changed

    def _load_samples(self, now: pd.Timestamp, after: int | None) -> set[Dataset]:
        """The samples of services and links, of the last day alone: what they say of longer is in `pasts`."""
        since, changed = (now - _DAY).to_pydatetime(), set()
        self._load_newest(now, after)
        for dataset in _HELD_SAMPLES:
            changed |= self._merge_samples(dataset, self.store.samples(dataset, since, after_rev=after), after)
            held = self.frames[dataset]
            if not held.empty and held["at"].min() < since - _SLACK:
                self.frames[dataset] = held[held["at"] >= since].reset_index(drop=True)
        return changed

    def _load_newest(self, now: pd.Timestamp, after: int | None) -> None:
        """The newest sample of each access point that still holds: its rates are in no head."""
        fresh = self.store.samples(_APS, (now - _NEWEST).to_pydatetime(), after_rev=after)
        if after is not None and fresh.empty:
            return
        fresh = fresh[fresh["at"] <= now]
        both = fresh if after is None else pd.concat([self.frames[_APS], fresh], ignore_index=True)
        order = np.argsort(both["at"].to_numpy(), kind="stable")
        self.frames[_APS] = both.take(order).drop_duplicates("ap", keep="last").reset_index(drop=True)

    def _load_tables(self, whole: bool) -> set[Dataset]:
        marks = self.store.marks(_TABLES)
        moved = [d for d in _TABLES if whole or marks[d] != self._marks.get(d)]
        self._marks = marks
        changed: set[Dataset] = set()
        for dataset in moved:
            table = self.store.table(dataset)
            if whole or not table.equals(self.frames[dataset]):
                self.frames[dataset] = table
                changed.add(dataset)
        return changed

    def _merge_samples(self, dataset: Dataset, fresh: pd.DataFrame, after: int | None) -> set[Dataset]:
        if after is None or dataset not in self.frames:
            self.frames[dataset] = fresh
            return {dataset}
        if fresh.empty:
            return set()
        held, keys = self.frames[dataset], ["source", *KEYS[dataset]]
        # A day holds 10^5 samples, a pull 10^2: only those as recent as the fresh ones can be replaced.
        near = held["at"] >= fresh["at"].min()
        parts = [held[~near], _without(held[near], fresh, keys)]
        self.frames[dataset] = pd.concat([*parts, fresh], ignore_index=True)
        return {dataset}


def _keys(frame: pd.DataFrame, column: str = "source_id") -> list[Key]:
    """(source, id) of each row; a row whose id is null has none."""
    pairs = zip(frame["source"].tolist(), frame[column].tolist(), strict=True)
    return [(source, value) for source, value in pairs if isinstance(value, str)]


def _by_source(keys: Iterable[Key]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for source, of in keys:
        found.setdefault(source, []).append(of)
    return found


def _without(held: pd.DataFrame, fresh: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    if held.empty or fresh.empty:
        return held
    return held[~_index(held, keys).isin(_index(fresh, keys))]


def _index(frame: pd.DataFrame, keys: list[str]) -> pd.Index[Any]:
    # A null vantage is a value here: two nulls are the same key.
    index: pd.Index[Any] = pd.MultiIndex.from_frame(frame[keys].fillna(""))
    return index
