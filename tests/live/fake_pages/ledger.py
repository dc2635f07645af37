"""A page for leaders, which a switch opens to operators; its callback is as much theirs."""

from __future__ import annotations

from typing import Any

from dash import Input, Output, callback, html

from coc.live.services import current
from coc.ui.page import PageSpec, Props, View

PAGE = PageSpec(
    name="ledger",
    path="/ledger",
    boards=("feeds",),
    title="sumber.title",
    lenses=frozenset({"leader"}),
    switched={"operator": "pimpinan.operators"},
)


def layout(**query: Any) -> Any:
    view = current().view("ledger", **query)
    return html.Div([html.Button("more", id="ledger-more"), html.P(id="ledger-said", **render(view)["ledger-said"])])


def render(view: View) -> Props:
    return {"ledger-said": {"children": "the leaders' own"}}


@callback(Output("ledger-said", "children"), Input("ledger-more", "n_clicks"), prevent_initial_call=True)
def more(clicks: int) -> str:
    return f"the leaders' own, {clicks}"
