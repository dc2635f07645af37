"""Exports as they lie in folders: CSV with any usual separator, XLSX, JSON lines -> rows under their column names.

A row keeps its number as a spreadsheet shows it (the header is row 1), so that a problem can be looked up.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import time
from typing import Any, Final

import orjson

from data_connectors.base import FetchError

SEPARATORS: Final = ",;\t|"
_BOMS: Final = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


@dataclass(slots=True)
class Table:
    """`rows`: (number, values in the order of `columns`). `problems`: rows that could not be read at all."""

    name: str
    columns: list[str]
    rows: list[tuple[int, list[Any]]] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)

    def problem(self, number: int, why: str) -> None:
        said = {
            "source_id": f"{self.name}:{number}",
            "field": "",
            "reason": "unreadable",
            "value": f"row {number}: {why}",
        }
        self.problems.append(said)


def read_table(name: str, body: bytes, *, sheet: str | None, encoding: str, max_bytes: int) -> Table:
    """The table in `body`, whose kind the file's name (or its first bytes) tells. Raises `file` or `too_large`."""
    suffix = name.rpartition(".")[2].lower()
    if suffix == "xlsx" or body[:4] == b"PK\x03\x04":
        return _xlsx(name, body, sheet, max_bytes)
    text = _decoded(name, body, encoding)
    if suffix in ("jsonl", "ndjson", "json") or text.lstrip()[:1] in ("{", "["):
        return _json(name, text)
    return _csv(name, text)


def _decoded(name: str, body: bytes, encoding: str) -> str:
    encoding = next((found for bom, found in _BOMS.items() if body.startswith(bom)), encoding)
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise FetchError("file", f"{name} is not {encoding} text (line {line})", permanent=True) from None
    except LookupError:
        raise FetchError("config", f"unknown encoding {encoding!r}", permanent=True) from None
    if "\0" in text:
        raise FetchError("file", f"{name} is not text", permanent=True)
    return text


def _csv(name: str, text: str) -> Table:
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(SEPARATORS, key=_outside_quotes(first).count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    number, table = 0, None
    try:
        for number, cells in enumerate(reader, start=1):
            if not any(cell.strip() for cell in cells):
                continue
            if table is None:
                table = Table(name, _header(name, cells))
            else:
                _add(table, number, cells)
    except csv.Error as error:
        raise FetchError("file", f"{name}, row {number + 1}: {error}", permanent=True) from None
    if table is None:
        raise FetchError("file", f"{name} is empty", permanent=True)
    return table


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])


def _header(name: str, cells: list[Any]) -> list[str]:
    columns = ["" if cell is None else str(cell).strip() for cell in cells]
    while columns and not columns[-1]:
        columns.pop()
    twice = sorted({c for c in columns if c and columns.count(c) > 1})
    if twice:
        raise FetchError("file", f"{name} has two columns named `{twice[0]}`", permanent=True)
    return columns


def _add(table: Table, number: int, cells: list[Any]) -> None:
    wanted = len(table.columns)
    if len(cells) > wanted and any(cell not in (None, "") for cell in cells[wanted:]):
        table.problem(number, f"{len(cells)} cells under {wanted} columns (a separator within a text?)")
        return
    # Spreadsheets leave empty cells at the end of a row out.
    table.rows.append((number, [*cells[:wanted], *[None] * (wanted - len(cells))]))


def _xlsx(name: str, body: bytes, sheet: str | None, max_bytes: int) -> Table:
    import openpyxl

    try:
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            if sum(part.file_size for part in packed.infolist()) > max_bytes:
                raise FetchError("too_large", f"{max_bytes / 1e6:g} MB unpacked", permanent=True)
        book = openpyxl.load_workbook(io.BytesIO(body), read_only=True, data_only=True)
        try:
            if sheet is not None and sheet not in book.sheetnames:
                raise FetchError("file", f"{name} has no sheet `{sheet}`", permanent=True)
            return _of_rows(name, book[sheet or book.sheetnames[0]].iter_rows(values_only=True))
        finally:
            book.close()
    except (zipfile.BadZipFile, KeyError, ValueError, IndexError, SyntaxError, OSError) as error:
        raise FetchError("file", f"{name} is not a whole XLSX file ({type(error).__name__})", permanent=True) from None


def _of_rows(name: str, rows: Iterator[tuple[Any, ...]]) -> Table:
    table = None
    for number, cells in enumerate(rows, start=1):
        values = [_cell(cell) for cell in cells]
        if not any(value not in (None, "") for value in values):
            continue
        if table is None:
            table = Table(name, _header(name, values))
        else:
            _add(table, number, values)
    if table is None:
        raise FetchError("file", f"{name} is empty", permanent=True)
    return table


def _cell(value: Any) -> Any:
    """A whole number without `.0`, for it is often an id; dates stay dates."""
    if isinstance(value, time):
        return value.isoformat()
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def _json(name: str, text: str) -> Table:
    """One object a line, or one list of objects; a column is any key that some row has."""
    if text.lstrip().startswith("["):
        try:
            items: list[Any] = list(enumerate(orjson.loads(text), start=1))
        except orjson.JSONDecodeError:
            raise FetchError("file", f"{name} is not whole JSON", permanent=True) from None
    else:
        items = [(n, _line(line)) for n, line in enumerate(text.splitlines(), start=1) if line.strip()]
    table = Table(name, list(dict.fromkeys(key for _, item in items if isinstance(item, dict) for key in item)))
    for number, item in items:
        if isinstance(item, dict):
            table.rows.append((number, [item.get(column) for column in table.columns]))
        else:
            table.problem(number, "not a JSON object")
    return table


def _line(line: str) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
