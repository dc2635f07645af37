"""What may go on from a connector: contents that are not kept are dropped here, and instructions become codes.

It happens at parse, before any log or quarantine could see the words (DESIGN, Connectors).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import pandas as pd

from coc.domain.datasets import COLUMNS, TO_THE_DAY, Column, Dataset, Kind
from coc.domain.instructions import GROUPS, code_of, normalise
from coc.settings.models import ConnectorBlock

# Required columns that a milder register may still not record: KPIs then say so instead of guessing.
_UNRECORDED: Final = frozenset({"category", "urgency", "channel"})
_CODES: Final = frozenset(normalise(code) for code in GROUPS)


def kept_columns(dataset: Dataset, keep: Collection[str]) -> list[str]:
    """The canonical columns a connector may hand over: letter contents only where `keep` names them."""
    return [c.name for c in COLUMNS[dataset] if not c.content or c.name in keep]


def with_codes(frame: pd.DataFrame, keep: Collection[str]) -> pd.DataFrame:
    """`instruction` in words -> its code; the words stay in `instruction_text` only where kept. Blank stays blank."""
    if "instruction" not in frame:
        return frame
    words: list[Any] = frame["instruction"].tolist()
    codes = {word: code_of(word) for word in {w for w in words if isinstance(w, str) and w.strip()}}
    found = frame.assign(instruction=objects([codes.get(w, w) if isinstance(w, str) else w for w in words]))
    if "instruction_text" in keep:
        free = {word for word in codes if normalise(word) not in _CODES}
        found["instruction_text"] = objects([w if isinstance(w, str) and w in free else None for w in words])
    return found


def provided(
    block: ConnectorBlock, mapped: Mapping[Dataset, Collection[str]], dates_only: Collection[Dataset] = ()
) -> frozenset[str]:
    """What the source records ("letters.completed_at"): what is mapped, optional inputs narrowed by `provides`.

    Times of the datasets in `dates_only` are known to the day: "letters.completed_at@date".
    """
    named = None if block.provides is None else {name.rpartition(".")[2] for name in block.provides if "." not in name}
    full = frozenset(name for name in block.provides or () if "." in name)

    def records(dataset: Dataset, column: Column) -> bool:
        optional = not column.required or column.name in _UNRECORDED
        return named is None or not optional or column.name in named or f"{dataset}.{column.name}" in full

    def known(dataset: Dataset, column: Column) -> str:
        to_the_day = dataset in dates_only and column.kind is Kind.TIME
        return f"{dataset}.{column.name}{TO_THE_DAY}" if to_the_day else f"{dataset}.{column.name}"

    return frozenset(
        known(dataset, column)
        for dataset, columns in mapped.items()
        for column in COLUMNS[dataset]
        if column.name in columns and records(dataset, column)
    )


def objects(values: list[Any]) -> pd.Series[Any]:
    """A column exactly as read: pandas guesses no type."""
    return pd.Series(values, dtype=object)
