"""From refused rows to quarantine: which row, why, and the mapped fields that may be kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from typing import Any, Final

import pandas as pd

from coc.domain.datasets import COLUMNS, KEYS, SAMPLES, Dataset
from coc.store import Rejected

_LONGEST: Final = 4000  # characters of a field in quarantine


def rejected(dataset: Dataset, frame: pd.DataFrame, bad: pd.DataFrame, keep: Collection[str]) -> list[Rejected]:
    """`bad` as `validate.Checked` gives it, of the raw `frame` (positions)."""
    contents = {c.name for c in COLUMNS[dataset] if c.content} - set(keep)
    found = []
    for position, reason, field, value in zip(*(bad[c] for c in bad.columns), strict=True):
        row = frame.iloc[int(position)]
        fields = {str(k): _plain(v) for k, v in row.items() if k not in contents and not _missing(v)}
        shown = None if field in contents or _missing(value) else _text(value)
        found.append(Rejected(row_id(dataset, fields), str(reason), str(field), shown, fields))
    return found


def unreadable(dataset: Dataset, problems: list[dict[str, Any]], keep: Collection[str]) -> list[Rejected]:
    """Rows a connector could not even make a row of (`Batch.problems`)."""
    contents = {c.name for c in COLUMNS[dataset] if c.content} - set(keep)
    found = []
    for problem in problems:
        field, value = str(problem.get("field") or ""), problem.get("value")
        shown = None if field in contents or _missing(value) else _text(value)
        given = problem.get("source_id")
        source_id = given if isinstance(given, str) and given.strip() else _digest({"field": field, "value": shown})
        found.append(Rejected(_text(source_id), _code(problem.get("reason")), field, shown, {}))
    return found


def _code(reason: Any) -> str:
    return str(reason or "bad_type").strip().replace(" ", "_")


def row_id(dataset: Dataset, fields: dict[str, Any]) -> str:
    """The row's own id, or one made from its content, the same each time the row comes."""
    parts = [fields.get(name) for name in KEYS[dataset]]
    if dataset in SAMPLES:
        known = isinstance(parts[0], str) and isinstance(fields.get("at"), str)
        return _text("|".join(str(p or "") for p in parts)) if known else _digest(fields)
    first = parts[0]
    return _text(first.strip()) if isinstance(first, str) and first.strip() else _digest(fields)


def _digest(fields: dict[str, Any]) -> str:
    raw = json.dumps(fields, sort_keys=True, default=str).encode()
    return f"content:{hashlib.blake2b(raw, digest_size=12).hexdigest()}"


def _missing(value: Any) -> bool:
    return value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and value != value)


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return value if not isinstance(value, int) or abs(value) < 2**53 else str(value)
    return _text(value.isoformat() if isinstance(value, pd.Timestamp) else value)


def _text(value: Any) -> str:
    """Text that every database can hold: cut, control characters and broken surrogates escaped."""
    text = value if isinstance(value, str) else str(value)
    cut = text[:_LONGEST]
    return cut.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")
