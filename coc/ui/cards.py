"""Chart cards: a question as the title, the picture, and what is said when there is nothing to draw."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from coc.figures.template import GRAPH_CONFIG, Figure
from coc.ui.dom import dcc, html
from coc.ui.i18n import Translator
from coc.ui.marks import icon
from coc.ui.page import Props, View

FILES: Final = "/export/chart"
DEFAULT_WINDOW: Final = "30d"


def chart_card(say: Translator, page: str, name: str, *over: Any) -> Any:
    """The frame of a chart: ids `<page>-<name>` (the graph), `<page>-<name>-note` (its unit and period),
    `<page>-<name>-empty` (what stands in its place) and `<page>-<name>-csv` (the link to the rows behind it).

    `over`: what lies over the picture. A note that depends on the view has no message `chart.<name>.note`:
    `chart_props` brings it.
    """
    note = f"chart.{name}.note"
    return html.Section(
        [
            html.Div(
                [
                    html.H2(say(f"chart.{name}"), className="coc-card-title"),
                    html.Div(
                        [
                            html.Div(
                                keyed(say(note)) if say.has(note) else None,
                                id=f"{page}-{name}-note",
                                className="coc-card-note",
                            ),
                            file_link(say, page, name),
                        ],
                        className="coc-card-side",
                    ),
                ],
                className="coc-card-head",
            ),
            html.Div(
                [
                    html.Div(
                        dcc.Graph(
                            id=f"{page}-{name}",
                            config=GRAPH_CONFIG,
                            responsive=True,
                            className="coc-graph",
                        ),
                        className="coc-graph-stage",
                    ),
                    *over,
                    html.Div(id=f"{page}-{name}-empty", className="coc-empty", hidden=True),
                ],
                className="coc-card-body",
            ),
        ],
        className=f"coc-card coc-card-{name}",
        **{"data-tile": name},
    )


def file_link(say: Translator, page: str, name: str) -> Any:
    """The link to the rows behind a chart or a list, with the id `<page>-<name>-csv`."""
    words = say("chart.csv", chart=say(f"chart.{name}"))
    return html.A(
        "CSV",
        id=f"{page}-{name}-csv",
        href=f"{FILES}/{page}/{name}.csv",
        className="coc-csv",
        title=words,
        **{"aria-label": words},
    )


def with_files(props: Props, view: View) -> Props:
    """The props of a render, with each chart's link to the rows of the view's unit or point and window."""
    graphs = [i for i, its in props.items() if "figure" in its and f"{i}-empty" in props]
    return props | {f"{g}-csv": {"href": file_of(view, g.removeprefix(f"{view.page}-"))} for g in graphs}


def file_of(view: View, name: str) -> str:
    """The address of the rows behind one of the page's charts, of the view's unit or point and window."""
    asked = {view.of: view.scope, "window": view.window if view.window != DEFAULT_WINDOW else ""}
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{FILES}/{view.page}/{name}.csv{'?' if query else ''}{query}"


def chart_props(say: Translator, page: str, name: str, figure: Figure, empty: str, note: str = "") -> Props:
    """The figure, or the sentence `empty` (a message id) over nothing where the figure has no trace.

    `note`: what the head says of unit and period, where the view decides it.
    """
    return {
        f"{page}-{name}": {"figure": figure},
        f"{page}-{name}-empty": empty_state(say(empty)) if not figure["data"] else {"children": None, "hidden": True},
        **({f"{page}-{name}-note": {"children": keyed(note)}} if note else {}),
    }


def empty_state(sentence: str) -> dict[str, Any]:
    return {"children": [icon("empty"), html.Span(sentence)], "hidden": False}


def keyed(note: str) -> list[Any]:
    """A note whose *starred* words carry the mark of the red in the picture: a label where a legend would be."""
    parts = note.split("*")
    return [html.Span(part, className="coc-key") if i % 2 else part for i, part in enumerate(parts) if part]
