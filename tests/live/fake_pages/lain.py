"""Another page, with a callback that fails on request."""

from __future__ import annotations

from typing import Any

from dash import Input, Output, callback, html

from coc.access.table import EVERY_LENS
from coc.live.services import current
from coc.ui.page import PageSpec, Props, View

PAGE = PageSpec(name="lain", path="/lain", boards=("feeds",), title="sumber.title", lenses=EVERY_LENS)


def layout(**query: Any) -> Any:
    view = current().view("lain", **query)
    button = html.Button("fail", id="lain-fail")
    return html.Div([html.H1(id="lain-title", **render(view)["lain-title"]), button, html.P("before", id="lain-said")])


def render(view: View) -> Props:
    return {"lain-title": {"children": f"lain {view.language}"}}


@callback(Output("lain-said", "children"), Input("lain-fail", "n_clicks"), prevent_initial_call=True)
def fail(clicks: int) -> str:
    raise ValueError(f"click {clicks}")
