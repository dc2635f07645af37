"""From a source's own columns to canonical ones: `fields`, `values`, `constants` and `time` of a dataset's block.

A value that the block does not map is that row's problem, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from difflib import get_close_matches
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

import pandas as pd
from pydantic import Field, field_validator

from coc.domain.datasets import COLUMNS, KEYS, Column, Dataset, Kind, column_names
from coc.domain.instructions import code_of
from coc.domain.model import Model
from data_connectors.base import FetchError, Origin
from data_connectors.headers import plain
from data_connectors.keeping import kept_columns, objects
from data_connectors.tables import Table

_FORMATS: Final = ("iso", "epoch_s", "epoch_ms", "date")
# Lists that people keep by hand, a row a thing. Of letters an export may hold each version.
REGISTERS: Final = (Dataset.SITES, Dataset.ACCESS_POINTS)
_HOURS: Final = ("%H", "%I", "%c", "%X")  # strptime's directives that say an hour


class TimeFormat(Model):
    """`zone`: of times that carry no offset. `format`: iso, epoch_s, epoch_ms, date, or strptime directives."""

    zone: str | None = None
    format: str = "iso"

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        if zone is not None and zone not in available_timezones():
            raise ValueError("unknown time zone; expected one such as Asia/Jakarta")
        return zone

    @field_validator("format")
    @classmethod
    def _known_format(cls, text: str) -> str:
        if text not in _FORMATS and "%" not in text:
            raise ValueError("expected iso, epoch_s, epoch_ms, date or a strptime format such as %d/%m/%Y %H:%M")
        return text

    @property
    def dates_only(self) -> bool:
        """Whether nothing is known of the hour."""
        written = self.format not in _FORMATS and not any(d in self.format for d in _HOURS)
        return self.format == "date" or written


class Mapped(Model):
    """How one dataset is read. `fields`: canonical -> source column; absent: the columns have their canonical names."""

    fields: dict[str, str] | None = None
    values: dict[str, dict[str, Any]] = Field(default_factory=dict)
    constants: dict[str, Any] = Field(default_factory=dict)
    time: TimeFormat = TimeFormat()
    decimal: str = "."


def wrong_names(dataset: Dataset, mapped: Mapped) -> str | None:
    """What is wrong with the names in a block, or None."""
    known = column_names(dataset)
    for key, names in (("fields", mapped.fields or {}), ("values", mapped.values), ("constants", mapped.constants)):
        for name in names:
            if name not in known:
                close = get_close_matches(name, known, 1)
                hint = f"; did you mean `{close[0]}`?" if close else f"; it has {', '.join(known)}"
                return f"{dataset}.{key}: no column `{name}`{hint}"
    both = sorted(set(mapped.fields or {}) & set(mapped.constants))
    return f"{dataset}: `{both[0]}` is both a field and a constant" if both else None


@dataclass(slots=True)
class Canonical:
    """`ids`: of every row that could be named, also of the bad ones; None where some row could not be read at all.

    `origin`: the Origin of the frame's row at a position.
    """

    frame: pd.DataFrame
    origin: Callable[[int], Origin]
    problems: list[dict[str, Any]] = field(default_factory=list)
    ids: set[str] | None = None


def canonical(dataset: Dataset, mapped: Mapped, table: Table, keep: Collection[str] = ()) -> Canonical:
    """The table's rows in canonical columns. Raises `schema_drift` where a mapped column is gone.

    `keep`: the letter contents that a refused row may show (`kept_columns`).
    """
    chosen = _chosen(dataset, mapped, table)
    shown = _Shown(dataset, mapped, table, chosen, keep)
    numbers = [number for number, _ in table.rows]
    cells = list(zip(*(values for _, values in table.rows), strict=True)) or [()] * len(table.columns)
    raw = {name: [_blank(cell) for cell in cells[at]] for name, at in chosen.items()}
    names = _names(dataset, raw, table, numbers)
    bad: dict[int, dict[str, Any]] = {}
    data: dict[str, Any] = {}
    for column in COLUMNS[dataset]:
        if column.name in raw:
            data[column.name], wrong = _read(column, raw[column.name], mapped)
            for row, reason in wrong.items():
                told_openly = column.name in shown.columns and not column.content
                said = f": {raw[column.name][row]}"[:100] if told_openly else ""
                told = {"field": column.name, "reason": reason, "value": f"row {numbers[row]}{said}"}
                bad.setdefault(row, {"source_id": names[row] or f"{table.name}:{numbers[row]}", **told})
        elif column.name in mapped.constants:
            data[column.name] = objects([mapped.constants[column.name]] * len(numbers))
    for row, problem in _twice(dataset, names, raw, numbers).items():
        bad.setdefault(row, problem)
    frame = pd.DataFrame(data)
    good = frame.drop(index=list(bad)).reset_index(drop=True) if bad else frame
    rows = [row for row in range(len(numbers)) if row not in bad] if bad else range(len(numbers))
    for row, problem in bad.items():
        problem |= {"fields": shown.fields(row), "origin": shown.origin(row)}
    ids = None if table.problems or KEYS[dataset] != ("source_id",) else {n for n in names if n}
    return Canonical(good, lambda position: shown.origin(rows[position]), [*table.problems, *bad.values()], ids)


def _twice(
    dataset: Dataset, names: list[str], raw: Mapping[str, list[Any]], numbers: list[int]
) -> dict[int, dict[str, Any]]:
    """Rows of a register that go by one code and say different things: nobody knows which is right."""
    if dataset not in REGISTERS or len(set(names)) == len(names):
        return {}
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        rows.setdefault(name, []).append(row)
    found: dict[int, dict[str, Any]] = {}
    for name, mine in rows.items():
        if name and len({tuple(str(cells[row]) for cells in raw.values()) for row in mine}) > 1:
            others = ", ".join(str(numbers[row]) for row in mine)
            told = {"source_id": name, "field": "source_id", "reason": "not_unique"}
            found |= {row: {**told, "value": f"row {numbers[row]}: {name} (rows {others})"[:100]} for row in mine}
    return found


def again(dataset: Dataset, mapped: Mapped, origins: Sequence[Origin], keep: Collection[str]) -> Canonical:
    """Rows of one name and the same columns, mapped anew from what was kept of them.

    Raises `schema_drift` where the mapping wants a column that was not kept.
    """
    allowed = kept_columns(dataset, keep)
    if mapped.fields is not None:  # contents were dropped when the row was read, and are not missed
        mapped = mapped.model_copy(update={"fields": {k: v for k, v in mapped.fields.items() if k in allowed}})
    rows = [(one.number, list(one.cells.values())) for one in origins]
    return canonical(dataset, mapped, Table(origins[0].name, list(origins[0].cells), rows), keep)


class _Shown:
    """What may be shown and kept of a row that is refused: mapped cells, no contents but those that config keeps."""

    def __init__(
        self, dataset: Dataset, mapped: Mapped, table: Table, chosen: Mapping[str, int], keep: Collection[str]
    ) -> None:
        self._table = table
        allowed = set(kept_columns(dataset, keep))
        self._coded = "instruction" in chosen and "instruction_text" not in keep
        if self._coded and "instruction" in mapped.values:
            allowed.discard("instruction")  # a leader's words; a code would not go through `values` again
        self.columns = {name: at for name, at in chosen.items() if name in allowed}

    def origin(self, row: int) -> Origin:
        number, cells = self._table.rows[row]
        kept = {self._table.columns[at]: self._cell(name, cells[at]) for name, at in self.columns.items()}
        return Origin(self._table.name, number, kept)

    def fields(self, row: int) -> dict[str, Any]:
        cells = self._table.rows[row][1]
        return {name: self._cell(name, cells[at]) for name, at in self.columns.items()}

    def _cell(self, name: str, cell: Any) -> Any:
        if not self._coded or name != "instruction":
            return cell
        return code_of(cell) if isinstance(cell, str) and cell.strip() else None


def source_columns(dataset: Dataset, mapped: Mapped) -> set[str]:
    """The columns that a table should have, by the names that it gives them."""
    if mapped.fields is None:
        return {*column_names(dataset)} - {*mapped.constants}
    return {source for name, source in mapped.fields.items() if name not in mapped.constants}


def _chosen(dataset: Dataset, mapped: Mapped, table: Table) -> dict[str, int]:
    """Canonical column -> its place in the table."""
    exact = {name: at for at, name in enumerate(table.columns)}
    folded = {name.casefold(): at for name, at in reversed(exact.items())}
    if mapped.fields is None:
        wanted = {name: name for name in column_names(dataset) if name.casefold() in folded}
    else:
        wanted = {name: plain(source) for name, source in mapped.fields.items()}
    wanted = {name: source for name, source in wanted.items() if name not in mapped.constants}
    found = {name: exact.get(source, folded.get(source.casefold(), -1)) for name, source in wanted.items()}
    gone = [f"`{wanted[name]}` (for `{name}`){_nearest(wanted[name], table)}" for name, at in found.items() if at < 0]
    keys = [k for k in KEYS[dataset] if k not in found and k not in mapped.constants and k != "vantage"]
    if keys and mapped.fields is not None:
        raise FetchError("config", f"datasets.{dataset}.fields: `{keys[0]}` is not mapped", permanent=True)
    gone += [f"`{key}`{_nearest(key, table)}" for key in keys]
    if gone:
        there = ", ".join(c for c in table.columns if c)[:200]
        raise FetchError("schema_drift", f"{table.name} has no column {gone[0]}; it has {there}", permanent=True)
    return found


def _nearest(wanted: str, table: Table) -> str:
    """The column whose name is like the one that is not there."""
    known = {name.casefold(): name for name in table.columns if name}
    close = get_close_matches(wanted.casefold(), known, 1)
    return f", the nearest is `{known[close[0]]}`" if close else ""


def _names(dataset: Dataset, raw: Mapping[str, list[Any]], table: Table, numbers: list[int]) -> list[str]:
    key = KEYS[dataset][0]
    if key not in raw:
        return [f"{table.name}:{number}" for number in numbers]
    return ["" if value is None else str(value) for value in raw[key]]


def _blank(cell: Any) -> Any:
    if isinstance(cell, str):
        return cell.strip() or None
    return cell


def _read(column: Column, cells: list[Any], mapped: Mapped) -> tuple[pd.Series[Any], dict[int, str]]:
    """The column, and by row the reason why a cell could not be read."""
    if column.name in mapped.values:
        return _translated(cells, mapped.values[column.name])
    if column.kind is Kind.TIME:
        return _each(cells, lambda cell: _instant(cell, mapped.time), "datetime64[us, UTC]")
    if column.kind is Kind.DATE:
        return _each(cells, lambda cell: _day(cell, mapped.time), "object")
    if column.kind in (Kind.FLOAT, Kind.INT):
        return objects([_number(c, mapped.decimal) if isinstance(c, str) else c for c in cells]), {}
    if column.kind is Kind.TEXT:
        return objects([_text(c) for c in cells]), {}
    return objects(cells), {}


def _number(written: str, decimal: str) -> str:
    """A number as the block says that it is written: its decimal mark a point, and no points between thousands.

    What is not written so stays as it is: the pipeline refuses it.
    """
    if decimal == ".":
        return written  # 1,595 may be either
    if re.fullmatch(rf"[+-]?\d{{1,3}}(?:\.\d{{3}})+(?:{re.escape(decimal)}\d+)?", written):
        written = written.replace(".", "")
    return written.replace(decimal, ".")


def _text(cell: Any) -> Any:
    """A spreadsheet keeps ids as numbers and hours as times."""
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell) if isinstance(cell, int) and not isinstance(cell, bool) else cell


def _each(cells: list[Any], read: Callable[[Any], Any], dtype: str) -> tuple[pd.Series[Any], dict[int, str]]:
    found, wrong = [], {}
    for row, cell in enumerate(cells):
        try:
            found.append(None if cell is None else read(cell))
        except Unreadable as error:
            found.append(None)
            wrong[row] = str(error)
        except (ValueError, OverflowError):
            found.append(None)
            wrong[row] = "bad_time"  # not as `time.format` says
    return pd.Series(found, dtype=dtype), wrong


def _translated(cells: list[Any], values: Mapping[str, Any]) -> tuple[pd.Series[Any], dict[int, str]]:
    found, wrong = [], {}
    for row, cell in enumerate(cells):
        key = "" if cell is None else str(cell).lower() if isinstance(cell, bool) else str(cell)
        if key in values:
            found.append(values[key])
        else:
            found.append(None)
            if cell is not None:
                wrong[row] = "unknown_value"
    return objects(found), wrong


class Unreadable(ValueError):
    """A cell that cannot be read; the message is the reason's code."""


def _instant(cell: Any, form: TimeFormat) -> datetime:
    if form.format in ("epoch_s", "epoch_ms") and not isinstance(cell, date):
        seconds = float(cell) / (1000 if form.format == "epoch_ms" else 1)
        return pd.Timestamp(seconds, unit="s", tz="UTC").to_pydatetime()
    at = _written(cell, form)
    if at.tzinfo is not None:
        return at.astimezone(UTC)
    if form.zone is None:
        raise Unreadable("no_zone")
    return at.replace(tzinfo=ZoneInfo(form.zone)).astimezone(UTC)


def _day(cell: Any, form: TimeFormat) -> str:
    """A civil date as ISO text; text in ISO form is left to the pipeline, which also knows `2023-01`."""
    if isinstance(cell, str) and form.format not in _FORMATS:
        return _written(cell, form).date().isoformat()
    return cell.isoformat()[:10] if isinstance(cell, date) else str(cell)


def _written(cell: Any, form: TimeFormat) -> datetime:
    if isinstance(cell, datetime):  # a spreadsheet's own time
        return cell
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001 - the zone follows
    if form.format in _FORMATS:
        return datetime.fromisoformat(str(cell))
    return datetime.strptime(str(cell), form.format)  # noqa: DTZ007 - the zone follows
