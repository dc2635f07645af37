"""Our plotly template: transparent, no grid, no legend, no title; what carries nothing is not drawn.

Sizes are pixels of the 1920x1080 wall. A chart is laid out at that size and scaled by CSS, so that 3840x2160 is the
same picture twice as sharp and a phone the same picture smaller.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from coc.figures.palette import Palette

FONT = "Inter, Liberation Sans, Arial, sans-serif"
SIZE = 18  # px at 1080p: the smallest text on the wall
GRAPH_CONFIG: dict[str, Any] = {"displayModeBar": False, "staticPlot": True, "responsive": True}


Figure = dict[str, Any]  # a plotly figure as plotly.js takes it; tests validate each with `go.Figure`


@cache
def template(colours: Palette) -> dict[str, Any]:
    axis = {"showgrid": False, "zeroline": False, "showline": False, "ticks": "", "fixedrange": True}
    return {
        "layout": {
            "font": {"family": FONT, "size": SIZE, "color": colours.muted},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "showlegend": False,
            "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
            "xaxis": axis,
            "yaxis": axis,
            "hovermode": False,
            "annotationdefaults": {"showarrow": False, "xanchor": "left", "yanchor": "middle"},
        }
    }


def figure(colours: Palette, traces: list[dict[str, Any]], **layout: Any) -> Figure:
    """A figure on our template. `uirevision` is constant: a refresh patches the drawn picture.

    Plain dicts: a wall repaints with every epoch, and `go.Figure` takes 60 ms to check what tests check.
    """
    return {"data": traces, "layout": {"template": template(colours), "uirevision": "coc", **layout}}


def with_rows(drawn: Figure, rows: list[tuple[float, float, str, str]]) -> Figure:
    """The figure told what its rows are: from and to on the y axis, a field and its value. A page may link them."""
    drawn["layout"]["meta"] = {"rows": [list(row) for row in rows]}
    return drawn


def bar(**trace: Any) -> dict[str, Any]:
    return {"type": "bar", **trace}


def scatter(**trace: Any) -> dict[str, Any]:
    return {"type": "scatter", **trace}


def blank(colours: Palette) -> Figure:
    """Nothing to draw: the page shows the empty state in its place."""
    return figure(colours, [], xaxis={"visible": False}, yaxis={"visible": False})


def text(at_x: Any, at_y: Any, words: str, **more: Any) -> dict[str, Any]:
    """A direct label as an annotation."""
    return {"x": at_x, "y": at_y, "text": words, **more}
