"""Where a table's header stands: registers come with a title above it, and with headers of two rows of merged cells."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

SEARCHED: Final = 20  # rows from the top that are not blank
Cells = list[Any]


@dataclass(frozen=True, slots=True)
class Header:
    """`rows`: how many of the given ones it ends with. `found`: how many of the wanted columns it names."""

    columns: list[str]
    rows: int
    found: int


def header_of(rows: Sequence[Cells], wanted: Collection[str]) -> Header:
    """The first row that names every wanted column, else the first two that do so together (the lower one's cell, and
    the upper one's where that is empty), else the one that names the most; the very first where none names any.

    `rows`: the first ones that are not blank, one at least.
    """
    names = {plain(name).casefold() for name in wanted}
    singles = [_header(cells, at + 1, names) for at, cells in enumerate(rows[:SEARCHED])]
    whole = next((h for h in singles if h.found == len(names)), None)
    if whole is not None:
        return whole
    pairs = [_header(_joined(rows[at], rows[at + 1]), at + 2, names) for at in range(len(rows[:SEARCHED]) - 1)]
    whole = next((h for h in pairs if h.found == len(names)), None)
    return whole or max(singles, key=lambda header: header.found)


def plain(name: str) -> str:
    """A column's name on one line: spreadsheets break long ones."""
    return " ".join(name.split())


def _header(cells: Cells, rows: int, names: set[str]) -> Header:
    columns = ["" if cell is None else plain(str(cell)) for cell in cells]
    while columns and not columns[-1]:
        columns.pop()
    return Header(columns, rows, len(names & {c.casefold() for c in columns}) if names else 0)


def _joined(upper: Cells, lower: Cells) -> Cells:
    width = max(len(upper), len(lower))
    above, below = (cells + [None] * (width - len(cells)) for cells in (upper, lower))
    return [a if b is None or not str(b).strip() else b for a, b in zip(above, below, strict=True)]
