"""Links over the rows of a chart, which is a picture: each to the items behind its row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coc.figures.template import Figure
from coc.ui.dom import html

# Of a field and a value: the address, and what it is called; None where there is nothing to follow.
Leads = Callable[[str, str], tuple[str, str] | None]


def row_links(figure: Figure, leads: Leads) -> list[Any]:
    """An anchor over each row that the figure told of (`with_rows`) and that leads somewhere.

    The picture is laid out in pixels of the wall and scaled by `--k`: so are the margins here.
    """
    layout = figure["layout"]
    rows = layout.get("meta", {}).get("rows", [])
    found = []
    for first, last, field, value in rows:
        lead = leads(field, value)
        if lead is not None:
            href, words = lead
            style = {"top": _at(layout, first), "bottom": _at(layout, last, from_below=True)}
            found.append(html.A(href=href, title=words, className="coc-row-link", style=style, **{"aria-label": words}))
    return found


def _at(layout: dict[str, Any], y: float, *, from_below: bool = False) -> str:
    """Where a value of the y axis lies, as a CSS length from the top of the chart, or from its bottom."""
    margin = {"t": 0, "b": 0} | layout.get("margin", {})
    bottom, top = layout["yaxis"]["range"]
    share = (y - top) / (bottom - top)
    share, near = (1 - share, margin["b"]) if from_below else (share, margin["t"])
    room = margin["t"] + margin["b"]
    return f"calc({near}px * var(--k) + (100% - {room}px * var(--k)) * {max(share, 0):.4f})"
