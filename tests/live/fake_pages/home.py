"""A small page with a figure, a chart and the feeds' marks."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
from dash import dcc, html

from coc.access.table import EVERY_LENS
from coc.live.services import current
from coc.ui.page import PageSpec, Props, View

PAGE = PageSpec(
    name="home",
    path="/",
    boards=("correspondence", "feeds"),
    title="overview.title",
    lenses=EVERY_LENS,
    filters=frozenset({"unit"}),
)

CHARTS = {"chart": ("feeds", "feeds")}


def layout(**query: Any) -> Any:
    view = current().view("home", **query)
    props = render(view)
    parts = [
        html.P(id="home-value", **props["home-value"]),
        html.P(id="home-scope", **props["home-scope"]),
        html.Div(id="home-feeds", **props["home-feeds"]),
        dcc.Graph(id="home-chart", config={"displayModeBar": False}, **props["home-chart"]),
        html.Span("-", **{"data-clock": ""}),
        dcc.Link("other", href="/lain", id="home-link"),
    ]
    return html.Div(parts)


def render(view: View) -> Props:
    kpis = view.boards["correspondence"].kpis
    value = kpis.loc[(kpis["id"] == "correspondence.registered_today") & (kpis["unit"] == view.scope), "value"]
    shown = float(value.iloc[0]) if len(value) else None
    if shown == 666:
        raise ValueError("a render that fails")
    feeds = view.boards["feeds"].frames.get("feeds")
    rows = [] if feeds is None else feeds.to_dict("records")
    return {
        "home-value": {"children": str(shown), "data-kpi": "correspondence.registered_today", "data-value": str(shown)},
        "home-scope": {"children": f"{view.lens} {view.language} {view.theme} {view.scope or 'kota'}"},
        "home-feeds": {"children": [_mark(r) for r in rows]},
        "home-chart": {"figure": go.Figure(go.Scatter(x=[1, 2], y=[1, shown or 0]))},
    }


def _mark(row: dict[str, Any]) -> Any:
    at = row["as_of"].isoformat()
    marks = {"data-feed": row["name"], "data-state": row["state"], "data-as-of": at}
    said = html.Code(str(row["error_detail"]), className="detail")
    return html.Div([html.Span("?", className="age", **{"data-age-of": at}), said], **marks)
