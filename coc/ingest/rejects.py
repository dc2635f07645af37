"""From refused rows to quarantine: which row, why, and the mapped fields that may be kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection
from typing import Any, Final

import pandas as pd

from coc.domain.datasets import COLUMNS, KEYS, SAMPLES, Dataset
from coc.ingest import kept
from coc.store import Rejected
from data_connectors.base import Origin

_WORDS: Final = "instruction"  # a code; until it is one, a leader's own words


def rejected(
    dataset: Dataset,
    frame: pd.DataFrame,
    bad: pd.DataFrame,
    keep: Collection[str],
    origin: Callable[[int], Origin] | None = None,
) -> list[Rejected]:
    """`bad` as `validate.Checked` gives it, of the raw `frame` (positions). `origin`: as `Batch.origin`."""
    found = []
    for position, reason, field, value in zip(*(bad[c] for c in bad.columns), strict=True):
        row = {str(k): v for k, v in frame.iloc[int(position)].items()}
        fields = _fields(dataset, row, keep)
        shown = None if kept.missing(value) or _hidden(dataset, str(field), row.get(field), keep) else kept.text(value)
        known = None if origin is None else _origin(origin(int(position)))
        found.append(Rejected(row_id(dataset, fields), str(reason), str(field), shown, fields, known))
    return found


def unreadable(dataset: Dataset, problems: list[dict[str, Any]], keep: Collection[str]) -> list[Rejected]:
    """Rows a connector could not even make a row of (`Batch.problems`)."""
    found = []
    for problem in problems:
        field, value = str(problem.get("field") or ""), problem.get("value")
        hidden = kept.missing(value) or field in _contents(dataset, keep)
        shown = None if hidden else kept.text(value)
        fields = _fields(dataset, problem.get("fields") or {}, keep)
        given, origin = problem.get("source_id"), problem.get("origin")
        source_id = given if isinstance(given, str) and given.strip() else _digest({"field": field, "value": shown})
        known = None if origin is None else _origin(origin)
        found.append(Rejected(kept.text(source_id), _code(problem.get("reason")), field, shown, fields, known))
    return found


def _fields(dataset: Dataset, row: dict[str, Any], keep: Collection[str]) -> dict[str, Any]:
    """The mapped fields as JSON; null is kept too: an empty field and one that never came are not the same."""
    contents = _contents(dataset, keep)
    return {
        name: None if _hidden(dataset, name, value, keep) else kept.canonical_json(value)
        for name, value in row.items()
        if name not in contents
    }


def _contents(dataset: Dataset, keep: Collection[str]) -> set[str]:
    return {c.name for c in COLUMNS[dataset] if c.content} - set(keep)


def _hidden(dataset: Dataset, name: str, value: Any, keep: Collection[str]) -> bool:
    """Whether a cell may not be seen: contents that are not kept, and words that could not be made a code."""
    words = name == _WORDS and "instruction_text" not in keep and not isinstance(value, str)
    return name in _contents(dataset, keep) or words


def _origin(origin: Origin) -> dict[str, Any]:
    cells = {name: kept.to_json(cell) for name, cell in origin.cells.items()}
    return {"name": origin.name, "row": origin.number, "cells": cells}


def origin_of(held: dict[str, Any]) -> Origin:
    """The inverse."""
    cells = {name: kept.from_json(cell) for name, cell in held["cells"].items()}
    return Origin(held["name"], held["row"], cells)


def _code(reason: Any) -> str:
    return str(reason or "bad_type").strip().replace(" ", "_")


def row_id(dataset: Dataset, fields: dict[str, Any]) -> str:
    """The row's own id, or one made from its content, the same each time the row comes."""
    parts = [fields.get(name) for name in KEYS[dataset]]
    if dataset in SAMPLES:
        known = isinstance(parts[0], str) and isinstance(fields.get("at"), str)
        return kept.text("|".join(str(p or "") for p in parts)) if known else _digest(fields)
    first = parts[0]
    return kept.text(first.strip()) if isinstance(first, str) and first.strip() else _digest(fields)


def _digest(fields: dict[str, Any]) -> str:
    said = {name: value for name, value in fields.items() if value is not None}
    raw = json.dumps(said, sort_keys=True, default=str).encode()
    return f"content:{hashlib.blake2b(raw, digest_size=12).hexdigest()}"
