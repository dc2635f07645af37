"""A frame as a file. Times are ISO in UTC with their offset; a null is an empty cell, in JSON null.

A text that a spreadsheet would take for a formula gets an apostrophe in front in CSV and XLSX: letters come from
anybody, and a formula in an opened file can send the rest of it away. JSON keeps every text as it is.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, get_args

import orjson
import pandas as pd

Format = Literal["csv", "xlsx", "json"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
_TYPES: Final[dict[Format, str]] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_NOT_IN_XML: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_MOST_ROWS: Final = 1_048_575  # what a sheet holds under its head
_MOST_CHARACTERS: Final = 32_767  # what a cell holds


class TooLongError(ValueError):
    """The rows do not fit into this kind of file."""


def content_type(format: Format) -> str:
    return _TYPES[format]


def written(frame: pd.DataFrame, format: Format, sheet: str = "data") -> bytes:
    """The whole file. JSON is `{"items": [...]}`. Raises TooLongError."""
    names, rows = [str(c) for c in frame.columns], _rows(frame)
    if format == "json":
        return orjson.dumps({"items": [dict(zip(names, row, strict=True)) for row in rows]})
    if format == "csv":
        return _csv(names, rows)
    if len(frame) > _MOST_ROWS:
        raise TooLongError(f"a sheet holds {_MOST_ROWS} rows, and these are {len(frame)}: take csv or json")
    return _xlsx(names, rows, sheet)


def _rows(frame: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    """Plain values, None where missing."""
    columns = [_plain(frame.iloc[:, n]) for n in range(frame.shape[1])]
    return zip(*columns, strict=True) if columns else iter(())


def _plain(column: pd.Series[Any]) -> list[Any]:
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return [None if pd.isna(at) else at.isoformat() for at in column.dt.tz_convert("UTC")]
    return [_scalar(v) for v in column]


def _scalar(value: Any) -> Any:
    """A cell of several values is one text, as JSON."""
    if isinstance(value, list | tuple | dict):
        return orjson.dumps(value).decode()
    return None if pd.isna(value) else value.item() if hasattr(value, "item") else value


def defused(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _csv(names: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(names)
    writer.writerows([_csv_cell(value) for value in row] for row in rows)
    return out.getvalue().encode("utf-8", "replace")


def _csv_cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return defused(value)


def _xlsx(names: Sequence[str], rows: Iterator[tuple[Any, ...]], sheet: str) -> bytes:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    page = book.create_sheet(sheet)

    def cell(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        made = WriteOnlyCell(page, defused(_NOT_IN_XML.sub("", value))[:_MOST_CHARACTERS])
        made.data_type = "s"  # a text, whatever it looks like
        return made

    page.append(list(names))
    for row in rows:
        page.append([cell(value) for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
