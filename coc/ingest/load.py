"""One batch into the store, in one transaction: validate, quarantine, compare, upsert, derive, move the position."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np
import pandas as pd

from coc.domain.datasets import COLUMNS, KEYS, MOVING, SAMPLES, Dataset
from coc.domain.instants import NAT, to_micros
from coc.ingest import derivation
from coc.ingest.basis import Basis
from coc.ingest.classes import raise_refused
from coc.ingest.clean import clean_column
from coc.ingest.context import Surroundings
from coc.ingest.rejects import rejected, unreadable
from coc.ingest.states import store_samples
from coc.ingest.validate import AHEAD, check
from coc.store import Position, Rejected, Tx, bulk
from coc.store import columns as codec
from coc.store.feeds import save_position
from coc.store.quarantine import acquit, reject
from coc.store.tables import stored_columns
from data_connectors.base import Batch

# What FEED requires of its rows beyond what every source owes.
_STRICTLY: Final = {d: frozenset({"updated_at"}) for d in (Dataset.LETTERS, Dataset.DISPOSITIONS)}
# What a register that records less may leave out: the row says so instead of being refused.
_MILDLY: Final = {Dataset.LETTERS: ("category", "urgency"), Dataset.DISPOSITIONS: ("channel",)}


@dataclass(slots=True)
class Loaded:
    """Counts of one batch. `codes`: the units in it. `refused`: source ids in quarantine."""

    rows_in: int = 0
    stored: int = 0
    unchanged: int = 0
    refused: set[str] = field(default_factory=set)
    reasons: dict[tuple[str, str], int] = field(default_factory=dict)  # (reason, field) -> rows
    codes: list[str] = field(default_factory=list)


def load(
    tx: Tx,
    around: Surroundings,
    source: str,
    batch: Batch,
    position: Position,
    keep_stored: frozenset[str],
    *,
    counted: bool = True,
    moves: bool = True,
) -> Loaded:
    """Store a batch. `keep_stored`: columns the source left out, whose stored values stay for rows already known.

    `position` is moved on and saved; not its times if `moves` is false: these rows say nothing of how far the source
    was read. `counted`: a row refused again counts as one more attempt.
    """
    dataset = batch.dataset
    frame = _prepared(dataset, batch.frame, around)
    world = around.world()
    checked = check(dataset, frame, world, _STRICTLY.get(dataset, frozenset()) if around.strict else frozenset())
    good = _latest(dataset, _whole(dataset, checked.good))
    keep_stored -= _unkept(dataset, around)
    bad = rejected(dataset, frame, checked.bad, around.block.keep, batch.origin) + unreadable(
        dataset, batch.problems, around.block.keep
    )
    done = Loaded(rows_in=len(frame) + len(batch.problems))
    stored = (
        store_samples(tx, Basis.of(around.settings, around.block.realm), source, dataset, good)
        if dataset in SAMPLES
        else _rows(tx, around, source, dataset, good, keep_stored)
    )
    if dataset is Dataset.LETTERS:
        raise_refused(tx, around, source, bad)
    done.stored, done.unchanged = stored, len(frame) - len(checked.bad) - stored
    _judge(tx, source, dataset, good, bad, world.now.to_pydatetime(), done, counted)
    if dataset is Dataset.UNITS:
        done.codes = good["code"].tolist()
    if len(frame):
        given = {c for c in checked.good.columns if checked.good[c].notna().any()}
        position.seen = position.seen | given
        if moves:
            _move(position, dataset, frame, good, batch.source_now, world.now)
        save_position(tx, source, dataset, position)
    return done


def _prepared(dataset: Dataset, frame: pd.DataFrame, around: Surroundings) -> pd.DataFrame:
    """Known columns only; contents that are not kept are emptied, also where an earlier config kept them."""
    columns = COLUMNS[dataset]
    frame = frame[[c.name for c in columns if c.name in frame.columns]].reset_index(drop=True)
    frame = frame.assign(**dict.fromkeys(sorted(_unkept(dataset, around))))
    if not around.strict:
        for name in _MILDLY.get(dataset, ()):
            given = frame[name] if name in frame else pd.Series([None] * len(frame), dtype="object")
            blank = given.isna() | (given == "")
            frame = frame.assign(**{name: given.astype("object").where(~blank, "unknown")})
    return frame


def _unkept(dataset: Dataset, around: Surroundings) -> frozenset[str]:
    return frozenset(c.name for c in COLUMNS[dataset] if c.content and c.name not in around.block.keep)


def _whole(dataset: Dataset, good: pd.DataFrame) -> pd.DataFrame:
    """All canonical columns, absent ones null; `deleted` is false unless it says otherwise."""
    absent = {c.name: codec.missing_column(c.kind, len(good)) for c in COLUMNS[dataset] if c.name not in good.columns}
    good = good.assign(**absent)
    return good.assign(deleted=good["deleted"].fillna(False)) if "deleted" in good else good


def _latest(dataset: Dataset, good: pd.DataFrame) -> pd.DataFrame:
    """One row per key: the newer updated_at wins, else the later one."""
    keys = list(KEYS[dataset])
    if not good.duplicated(keys).any():
        return good
    if "updated_at" in good:
        good = good.sort_values("updated_at", kind="stable", na_position="first")
    return good.drop_duplicates(keys, keep="last").reset_index(drop=True)


def _rows(
    tx: Tx, around: Surroundings, source: str, dataset: Dataset, good: pd.DataFrame, keep_stored: frozenset[str]
) -> int:
    if good.empty:
        return 0
    key = KEYS[dataset][0]
    columns = COLUMNS[dataset]
    needed = [c for c in columns if c.name in {key, "updated_at", *keep_stored}]
    held = bulk.held(tx.connection, dataset, source, good[key], needed, "row_hash").set_index(key)
    at = held.index.get_indexer(pd.Index(good[key]))
    known = at >= 0
    if keep_stored and known.any():
        good = good.assign(**{n: _kept(good[n], held[n], at, known) for n in sorted(keep_stored)})
    hashes = codec.row_hash(good, columns)
    changed = ~known
    changed[known] = hashes[known] != held["row_hash"].to_numpy()[at[known]]
    if "updated_at" in good and known.any():
        was = np.where(known, to_micros(held["updated_at"])[at], NAT)
        came = to_micros(good["updated_at"])
        changed &= ~((came < was) & (came != NAT) & (was != NAT))
    rows = good[changed]
    if rows.empty:
        return 0
    extra: dict[str, Any] = {"source": source, "row_hash": hashes[changed]}
    limits = around.settings.limits
    if dataset is Dataset.DISPOSITIONS:
        rows = derivation.derived(derivation.with_letters(tx, source, rows), around.calendars, limits)
        extra["derived_from"] = around.digest
    stored = bulk.upsert(tx, dataset, rows[[c.name for c in stored_columns(dataset)]], **extra)
    if dataset is Dataset.LETTERS:
        derivation.follow_letters(tx, source, rows, around.calendars, limits, around.digest)
    return stored


def _kept(came: pd.Series[Any], held: pd.Series[Any], at: Any, known: Any) -> pd.Series[Any]:
    """The stored values for known rows, null for new ones."""
    stored = held.iloc[np.where(known, at, 0)].set_axis(came.index)
    return stored.where(pd.Series(known, index=came.index)).astype(came.dtype)


def _judge(
    tx: Tx,
    source: str,
    dataset: Dataset,
    good: pd.DataFrame,
    bad: list[Rejected],
    now: datetime,
    done: Loaded,
    counted: bool,
) -> None:
    reject(tx, source, dataset, bad, now, counted=counted)
    done.refused = {r.source_id for r in bad}
    for row in bad:
        done.reasons[row.reason, row.field] = done.reasons.get((row.reason, row.field), 0) + 1
    if dataset not in SAMPLES:
        acquit(tx, source, dataset, set(good[KEYS[dataset][0]]) - done.refused)


def _move(
    position: Position,
    dataset: Dataset,
    frame: pd.DataFrame,
    good: pd.DataFrame,
    source_now: datetime | None,
    now: pd.Timestamp,
) -> None:
    """Watermark = min(newest change in the batch, the answer's own now); neither it nor `newest` ever goes back."""
    if dataset in SAMPLES:
        seen = _newest(good["at"])
    else:
        column = next((c for c in COLUMNS[dataset] if c.name == "updated_at"), None)
        if column is None or "updated_at" not in frame:
            seen = None
        else:  # refused rows count too, or a page of nothing else would be asked for again and again
            times = clean_column(column, frame["updated_at"])[0]
            seen = _newest(times[times <= now + AHEAD])
    if seen is not None:
        limit = source_now or now.to_pydatetime()
        position.watermark = max(filter(None, (position.watermark, min(seen, limit))))
    if dataset in MOVING:
        own = next(n for n in ("at", "updated_at") if n in good)
        if good[own].isna().all() and dataset not in SAMPLES:
            own = "registered_at" if dataset is Dataset.LETTERS else "issued_at"
        moved = _newest(good[own])
        position.newest = max(filter(None, (position.newest, moved)), default=None)


def _newest(times: pd.Series[Any]) -> datetime | None:
    top = times.max()
    return None if pd.isna(top) else top.to_pydatetime()
