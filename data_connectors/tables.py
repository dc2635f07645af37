"""Exports as they lie in folders: CSV with any usual separator, XLSX, JSON lines -> rows under their column names.

A row keeps its number as a spreadsheet shows it (the header is row 1), so that a problem can be looked up.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import time
from itertools import islice
from typing import Any, Final

import orjson

from data_connectors.base import FetchError
from data_connectors.headers import SEARCHED, header_of

SEPARATORS: Final = ",;\t|"
_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # also a new one that is encrypted
_WINDOWS: Final = "cp1252"
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


def read_table(
    name: str, body: bytes, *, sheet: str | None, encoding: str, max_bytes: int, wanted: Collection[str] = ()
) -> Table:
    """The table in `body`, whose kind the file's name (or its first bytes) tells. Raises `file` or `too_large`.

    `wanted`: the columns that are looked for, by which the header is known from what stands above it.
    """
    suffix = name.rpartition(".")[2].lower()
    if body.startswith(_OLD_EXCEL):
        raise FetchError(
            "file", f"{name} is an old Excel file (.xls), or has a password: save it as .xlsx", permanent=True
        )
    if suffix == "xlsx" or body[:4] == b"PK\x03\x04":
        return _xlsx(name, body, sheet, max_bytes, wanted)
    text = _decoded(name, body, encoding)
    if suffix in ("jsonl", "ndjson", "json") or text.lstrip()[:1] in ("{", "["):
        return _json(name, text)
    return _csv(name, text, wanted)


def _decoded(name: str, body: bytes, encoding: str) -> str:
    encoding = next((found for bom, found in _BOMS.items() if body.startswith(bom)), encoding)
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        if encoding == _WINDOWS:
            said = f"{name} is not {encoding} text (line {line})"
        else:
            said = f"{name} is not {encoding} text (line {line}): save it as CSV UTF-8, or set `encoding: cp1252`"
        raise FetchError("file", said, permanent=True) from None
    except LookupError:
        raise FetchError("config", f"unknown encoding {encoding!r}", permanent=True) from None
    if "\0" in text:
        raise FetchError("file", f"{name} is not text", permanent=True)
    return text


def _csv(name: str, text: str, wanted: Collection[str]) -> Table:
    first, _, rest = text.partition("\n")
    told = re.fullmatch(r"sep=(.)\s*", first.strip('" \r'))  # Excel's own line, which says what separates
    separator = told[1] if told else _separator(text, wanted)
    body, skipped = (rest, 1) if told else (text, 0)
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=separator, strict=True)
    number = skipped
    rows: list[tuple[int, list[Any]]] = []
    try:
        for number, cells in enumerate(reader, start=skipped + 1):
            if any(cell.strip() for cell in cells):
                rows.append((number, cells))
    except csv.Error as error:
        raise FetchError("file", f"{name}, row {number + 1}: {error}", permanent=True) from None
    return _table(name, rows, wanted)


def _separator(text: str, wanted: Collection[str]) -> str:
    """What parts the header into the columns that are wanted; else what stands most often in the first lines."""
    lines = list(islice((line for line in text.splitlines() if line.strip()), SEARCHED))
    if not lines:
        return SEPARATORS[0]

    def fits(separator: str) -> tuple[int, int]:
        parted = [line.replace('"', "").split(separator) for line in lines]
        return header_of(parted, wanted).found, sum(_outside_quotes(line).count(separator) for line in lines)

    return max(SEPARATORS, key=fits)


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])


def _table(name: str, rows: list[tuple[int, list[Any]]], wanted: Collection[str]) -> Table:
    """The rows that are not blank as a table: what stands above the header is left out."""
    if not rows:
        raise FetchError("file", f"{name} is empty", permanent=True)
    header = header_of([cells for _, cells in rows[: SEARCHED + 1]], wanted)
    twice = sorted({c for c in header.columns if c and header.columns.count(c) > 1})
    if twice:
        raise FetchError("file", f"{name} has two columns named `{twice[0]}`", permanent=True)
    table = Table(name, header.columns)
    for number, cells in rows[header.rows :]:
        _add(table, number, cells)
    return table


def _add(table: Table, number: int, cells: list[Any]) -> None:
    wanted = len(table.columns)
    if len(cells) > wanted and any(cell not in (None, "") for cell in cells[wanted:]):
        table.problem(number, f"{len(cells)} cells under {wanted} columns (a separator within a text?)")
        return
    # Spreadsheets leave empty cells at the end of a row out.
    table.rows.append((number, [*cells[:wanted], *[None] * (wanted - len(cells))]))


def _xlsx(name: str, body: bytes, sheet: str | None, max_bytes: int, wanted: Collection[str]) -> Table:
    import openpyxl

    try:
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            parts = packed.infolist()
            if any(part.filename == "content.xml" for part in parts):
                raise FetchError("file", f"{name} is an OpenDocument sheet: save it as .xlsx", permanent=True)
            if sum(part.file_size for part in parts) > max_bytes:
                raise FetchError("too_large", f"{max_bytes / 1e6:g} MB unpacked", permanent=True)
        book = openpyxl.load_workbook(io.BytesIO(body), read_only=True, data_only=True)
        try:
            if sheet is not None and sheet not in book.sheetnames:
                there = ", ".join(f"`{known}`" for known in book.sheetnames)
                raise FetchError("file", f"{name} has no sheet `{sheet}`; it has {there[:200]}", permanent=True)
            return _table(name, _rows(book[sheet or book.sheetnames[0]].iter_rows(values_only=True)), wanted)
        finally:
            book.close()
    except (zipfile.BadZipFile, KeyError, ValueError, IndexError, SyntaxError, OSError) as error:
        raise FetchError("file", f"{name} is not a whole XLSX file ({type(error).__name__})", permanent=True) from None


def _rows(rows: Iterator[tuple[Any, ...]]) -> list[tuple[int, list[Any]]]:
    """Those that are not blank, by the numbers that the spreadsheet shows."""
    read = ((number, [_cell(cell) for cell in cells]) for number, cells in enumerate(rows, start=1))
    return [(number, cells) for number, cells in read if any(c is not None and str(c).strip() for c in cells)]


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
