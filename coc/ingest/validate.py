"""Canonical rules as pandera schemas made from the column table; each bad row leaves with one reason, the rest flow.

Reasons (stable, translated where shown): bad_type, missing_required, unknown_value, out_of_range, in_future,
completed_before_issued, unknown_unit, unknown_calendar.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Any, Final

import numpy as np
import pandas as pd
import pandera.pandas as pa

from coc.domain.datasets import COLUMNS, DTYPES, Column, Dataset, Kind
from coc.ingest.clean import clean_column

AHEAD: Final = timedelta(hours=1)  # FEED: how far a clock may run ahead before the row is refused


@dataclass(frozen=True, slots=True)
class World:
    """What rows refer to: known unit codes and calendar names, and now. `units` None: any code is taken."""

    now: pd.Timestamp
    units: frozenset[str] | None
    calendars: frozenset[str]


@dataclass(frozen=True, slots=True)
class Checked:
    """`good`: canonical dtypes. `bad`: columns position (in the batch), reason, field, value (text, cut)."""

    good: pd.DataFrame
    bad: pd.DataFrame


def check(dataset: Dataset, frame: pd.DataFrame, world: World, required: frozenset[str] = frozenset()) -> Checked:
    """Clean and validate a batch; a row with several defects gives the first in the order of the columns.

    `frame` may hold a subset of the canonical columns; a required one that is absent makes every row missing_required.
    `required`: columns that this source owes beyond those that every source does.
    """
    frame = frame.reset_index(drop=True)
    table = [replace(c, required=c.required or c.name in required) for c in COLUMNS[dataset]]
    columns = [c for c in table if c.name in frame.columns or c.required]
    typed: dict[str, pd.Series[Any]] = {}
    found: list[tuple[int, int, str, str]] = []  # position, rank of the column, reason, field
    for rank, column in enumerate(columns):
        raw = frame[column.name] if column.name in frame.columns else pd.Series([None] * len(frame), dtype="object")
        typed[column.name], unreadable = clean_column(column, raw)
        found += [(int(i), rank, "bad_type", column.name) for i in np.flatnonzero(unreadable)]
    clean = pd.DataFrame(typed, index=frame.index)
    ranks = {c.name: i for i, c in enumerate(columns)}
    found += [(i, ranks[f], reason, f) for i, reason, f in _schema_defects(dataset, columns, clean)]
    found += [(i, ranks[f], reason, f) for i, reason, f in _world_defects(columns, clean, world)]
    first: dict[int, tuple[int, int, str, str]] = {}
    # An unreadable cell is null by now: its own reason comes before "missing".
    for defect in sorted(found, key=lambda d: (d[0], d[1], d[2] != "bad_type")):
        first.setdefault(defect[0], defect)
    bad = pd.DataFrame(
        [(i, reason, field, _shown(frame, field, i)) for i, (_, _, reason, field) in first.items()],
        columns=["position", "reason", "field", "value"],
    )
    good = clean.drop(index=list(first)) if first else clean
    return Checked(good.reset_index(drop=True), bad)


def _shown(frame: pd.DataFrame, field: str, position: int) -> str | None:
    """The offending value as text, cut; letter contents are never offending (any text is right)."""
    if field not in frame.columns:
        return None
    value = frame[field].iloc[position]
    if value is None or value is pd.NaT or (isinstance(value, float) and value != value):
        return None
    return str(value).replace("\x00", "\\x00")[:200]


@cache
def schema(dataset: Dataset, columns: tuple[Column, ...]) -> pa.DataFrameSchema:
    """The pandera schema of some columns of a dataset. A check's name is the reason a failing row gets."""
    return pa.DataFrameSchema(
        {c.name: _pandera_column(c) for c in columns},
        checks=_CROSS.get(dataset, []),
        strict=True,
    )


def _pandera_column(column: Column) -> pa.Column:
    checks = []
    if column.values is not None:
        checks.append(pa.Check.isin(list(column.values), error="unknown_value"))
    if column.minimum is not None:
        checks.append(pa.Check.ge(column.minimum, error="out_of_range"))
    if column.maximum is not None:
        checks.append(pa.Check.le(column.maximum, error="out_of_range"))
    return pa.Column(DTYPES[column.kind], checks=checks, nullable=not column.required)


def _completed_after_issued(rows: pd.DataFrame) -> Any:
    if "completed_at" not in rows.columns:
        return True
    return ~(rows["completed_at"] < rows["issued_at"])


_CROSS: Final = {
    Dataset.DISPOSITIONS: [pa.Check(_completed_after_issued, error="completed_before_issued", ignore_na=False)]
}


def _schema_defects(dataset: Dataset, columns: list[Column], clean: pd.DataFrame) -> list[tuple[int, str, str]]:
    try:
        schema(dataset, tuple(columns)).validate(clean, lazy=True)
    except pa.errors.SchemaErrors as error:
        return [_defect(case) for case in error.failure_cases.to_dict("records") if case["index"] is not None]
    return []


def _defect(case: dict[Any, Any]) -> tuple[int, str, str]:
    reason = str(case["check"])
    if reason == "completed_before_issued":
        return int(case["index"]), reason, "completed_at"
    return int(case["index"]), "missing_required" if reason == "not_nullable" else reason, str(case["column"])


def _world_defects(columns: list[Column], clean: pd.DataFrame, world: World) -> list[tuple[int, str, str]]:
    found: list[tuple[int, str, str]] = []
    latest = world.now + AHEAD
    for column in columns:
        cells = clean[column.name]
        if column.kind is Kind.TIME and not column.future:
            found += [(int(i), "in_future", column.name) for i in np.flatnonzero(cells > latest)]
        if column.unit_ref and world.units is not None:
            found += _unknown(cells, world.units, "unknown_unit", column.name)
        if column.name == "calendar":
            found += _unknown(cells, world.calendars, "unknown_calendar", column.name)
    return found


def _unknown(cells: pd.Series[Any], known: frozenset[str], reason: str, field: str) -> list[tuple[int, str, str]]:
    strange = cells.notna() & ~cells.isin(known)
    return [(int(i), reason, field) for i in np.flatnonzero(strange)]
