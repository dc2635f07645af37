"""Small-cell suppression: which cells of a published table are hidden, so that no difference of figures gives one back.

What an attacker is taken to know: this file; that counts are integers of at least 0; the shown cells and the city's
totals, exactly; that a cell told "lt5" is 1 to 4, and one told "complement" beside shown ones is 0 or at least 5. Then

- where some rows are shown, a small cell may still be at least three values, and nearly always any of 1 to 4 unless its
  row's total is small itself (parts of a total under 5 cannot all be 4);
- where a whole column is withheld, nothing is told of its cells, and a small one may still be at least two values.

Why it holds: a hidden row is hidden whole, so columns meet only in the city's totals. Which rows are hidden hangs on
which cells are none, small or large, and on what the hidden ones of a column come to together, never on one hidden
count: a table with other small counts and the same totals is published alike. `docs/decisions/063` has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Kind = Literal["", "lt5", "complement"]

SMALL: Final = 5  # counts of 1 to 4 are small
_SWING: Final = SMALL - 2  # the most that a small cell can gain and stay small


@dataclass(frozen=True, slots=True)
class Masks:
    """Of the total and of each part, a kind per row: "" is shown."""

    total: tuple[Kind, ...]
    parts: tuple[tuple[Kind, ...], ...]


def small(counts: Counts) -> Bools:
    found: Bools = (counts > 0) & (counts < SMALL)
    return found


def suppress(
    total: Sequence[int], parts: Sequence[Sequence[int]] = (), off: int = 0, parts_off: Sequence[int] = ()
) -> Masks:
    """Masks of a table with a row a unit: `total`, and disjoint parts of it; what they leave over is a cell, too.

    `off`, `parts_off`: the row of what belongs to no listed unit, which is never shown. Of the ways to publish it (with
    all parts, then one part fewer each) the one that shows most; a part that is left out is withheld of every row.
    """
    whole = np.asarray(total, dtype=np.int64)
    columns = [np.asarray(part, dtype=np.int64) for part in parts]
    parts_off = parts_off or [0] * len(columns)
    best, shown = _withheld(whole, len(columns)), 0
    for kept in range(len(columns), -1, -1):
        rows = _rows(whole, columns[:kept], off, parts_off[:kept])
        free = _may_withhold(whole, columns, kept, any(parts_off[kept:]))
        hidden = _hidden_rows(rows[:-1], rows[-1]) if free else None
        count = 0 if hidden is None else int((~hidden).sum()) * (kept + 1)
        if hidden is not None and count > shown:
            best, shown = _told(whole, columns, kept, hidden), count
    return best


def _rows(whole: Counts, parts: Sequence[Counts], off: int, parts_off: Sequence[int]) -> Counts:
    """Disjoint cells, a row a unit, the row of no unit last: the parts and what they leave over."""
    cells = [np.append(part, extra) for part, extra in zip(parts, parts_off, strict=True)]
    rest = np.append(whole, off) - sum(cells, np.zeros(len(whole) + 1, dtype=np.int64))
    return np.stack([*cells, rest], axis=1)


def _hidden_rows(rows: Counts, off: Counts) -> Bools | None:
    """The rows to hide; None where no set of rows hides the small cells.

    Rows are added in their order, not the smallest first: "hidden although this one was shown" would bound the cell.
    """
    hidden: Bools = np.asarray((small(rows) | small(rows.sum(axis=1))[:, None]).any(axis=1))
    beside = off if small(off).any() or small(off.sum(keepdims=True)).any() else np.zeros_like(off)
    large = rows >= SMALL
    for column in range(rows.shape[1]):
        while True:
            together = np.vstack([rows[hidden], beside])
            covered = (large[:, column] & hidden).any() and _slack(together, column) >= _SWING
            if covered or not small(together[:, column]).any():
                break
            found = np.flatnonzero(large[:, column] & ~hidden)
            if not len(found):
                return None
            hidden[found[0]] = True
    return hidden


def _slack(hidden: Counts, column: int) -> int:
    """How much more the cells of a column come to than they must, each being none, small or large as it is.

    Where a row's total is large and none of its cells is, a small cell of it counts as the 4 that it may have to be.
    """
    cells = hidden[:, column]
    tight = (hidden < SMALL).all(axis=1) & (hidden.sum(axis=1) >= SMALL)
    low, high = small(cells), cells >= SMALL
    return int(cells.sum() - low.sum() - _SWING * (low & tight).sum() - SMALL * high.sum())


def _may_withhold(whole: Counts, parts: Sequence[Counts], kept: int, some_off: bool) -> bool:
    """Whether the parts that are left out stay unknown although what they are parts of is shown.

    Where something is left beside them, and two rows have something to share out, each can give one and take another.
    """
    shared = whole - sum(parts[:kept], np.zeros_like(whole))
    left_out = sum(int(part.sum()) for part in parts[kept:])
    if not left_out and not some_off:
        return True
    return int(shared.sum()) > left_out and int((shared > 0).sum()) > 1


def _told(whole: Counts, parts: Sequence[Counts], kept: int, hidden: Bools) -> Masks:
    def kinds(cells: Counts) -> tuple[Kind, ...]:
        marks = small(cells).tolist()
        return tuple(_kind(hide, low) for hide, low in zip(hidden.tolist(), marks, strict=True))

    left_out = _withheld(whole, 1).total
    return Masks(kinds(whole), tuple(kinds(p) if n < kept else left_out for n, p in enumerate(parts)))


def _kind(hidden: bool, low: bool) -> Kind:
    if not hidden:
        return ""
    return "lt5" if low else "complement"


def _withheld(whole: Counts, parts: int) -> Masks:
    kind: Kind = "complement"
    column = (kind,) * len(whole)
    return Masks(column, (column,) * parts)
