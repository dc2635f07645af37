"""Charts of rows: names on the left, what is told of each to their right; a cell darkens with what it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from coc.figures.look import Look, safe, short
from coc.figures.template import Figure, figure, scatter, text

HEAD = 176  # px for a row's name
_CHARACTER = 9.6  # px of one, at most


def head(
    row: float, name: str, look: Look, width: int = HEAD, *, quiet: bool = False, bold: bool = False
) -> dict[str, Any]:
    """A row's name, left of the plot; cut where it is longer than its place."""
    colour = look.palette.muted if quiet else look.palette.fg
    words = safe(short(name, int(width / _CHARACTER)))
    words = f"<b>{words}</b>" if bold else words
    return text(0, row, words, xref="paper", xshift=-width, font={"color": colour})


def fitting(name: str, code: str, width: int = HEAD) -> str:
    """The name where it fits into its place, with its first word cut short or not; else the code that people say.

    A code with figures in it (KEL-07.1006) nobody says: there the name is cut.
    """
    room = int(width / _CHARACTER)
    shorter = next((name.replace(w, s, 1) for w, s in _CUT.items() if name.startswith(w)), name)
    spoken = code if code.isalpha() else short(shorter, room)
    return next((n for n in (name, shorter) if len(n) <= room), spoken)


_CUT = {"Kecamatan ": "Kec. ", "Kelurahan ": "Kel. ", "Bagian ": "Bag. "}


def cell(row: float, column: float, strength: float, colour: str, *, half: tuple[float, float]) -> dict[str, Any]:
    """A filled cell; `strength` is 0..1, `half` half its width and height."""
    return box(
        (column - half[0], row - half[1], column + half[0], row + half[1]),
        colour,
        round(0.07 + 0.43 * strength, 2),
    )


def box(corners: tuple[float, float, float, float], colour: str, opacity: float = 1.0) -> dict[str, Any]:
    x0, y0, x1, y1 = (round(v, 3) for v in corners)
    place = {"type": "rect", "x0": x0, "y0": y0, "x1": x1, "y1": y1, "layer": "below"}
    return place | {"line": {"width": 0}, "fillcolor": colour, "opacity": opacity}


@dataclass(frozen=True, slots=True)
class Matrix:
    """Cells in rows and columns. `heads`: of the rows, drawn already (`head`), and the words over the columns.

    `shares`: of each row the strengths of its cells, 0..1; `words`: what stands in them, None for nothing; `values`:
    the number each holds. `half`: half a cell's width and height; `least`: as many columns and rows as have room.
    """

    heads: list[dict[str, Any]]
    columns: list[str]
    strengths: list[list[float]]
    words: list[list[dict[str, Any] | None]]
    values: list[list[int]]
    half: tuple[float, float]
    least: tuple[int, int]
    left: int  # px for the rows' names
    top: int = 28


def matrix(cells: Matrix, look: Look) -> Figure:
    """Darker where there is more. The points that carry the numbers are not seen."""
    wide, high = len(cells.columns), len(cells.heads)
    places = [(row, column) for row in range(high) for column in range(wide)]
    points = scatter(
        name=look.say("handover.count"),
        x=[column for _, column in places],
        y=[row for row, _ in places],
        text=[cells.values[row][column] for row, column in places],
        mode="markers",
        marker={"opacity": 0},
    )
    told = [words for row in range(high) for words in (cells.heads[row], *cells.words[row]) if words is not None]
    return figure(
        look.palette,
        [points],
        margin={"l": cells.left, "r": 0, "t": cells.top, "b": 0},
        xaxis={"range": [-0.5, max(wide, cells.least[0]) - 0.5], "visible": False},
        yaxis={"range": [max(high, cells.least[1]) - 0.5, -0.5], "visible": False},
        shapes=[
            cell(row, column, cells.strengths[row][column], look.palette.accent, half=cells.half)
            for row, column in places
        ],
        annotations=[*(column_head(i, word) for i, word in enumerate(cells.columns)), *told],
    )


def column_head(column: float, words: str, **more: Any) -> dict[str, Any]:
    """The name of a column, above the plot."""
    return text(column, 1, words, yref="paper", xanchor="center", yanchor="bottom", yshift=2, **more)
