"""The audit log, for administrators: who did what, when, from where. Its lines come by callback, never in a frame."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from dash import Input, Output, State, callback, ctx

from coc.access.table import OF_ADMINS
from coc.live import services
from coc.ui import audit_lines, shell
from coc.ui.context import Context, context_of
from coc.ui.dom import dcc, html
from coc.ui.page import PageSpec, Props, View

PAGE = PageSpec(name="audit", path="/audit", boards=(), title="audit.title", lenses=OF_ADMINS)


def layout(**query: Any) -> Any:
    return shell.first_paint(PAGE, skeleton, render, **query)


def skeleton(context: Context) -> list[Any]:
    say = context.say
    return [
        html.Div([html.P(say("audit.lead")), html.Div(id="audit-chain", role="status")], className="coc-lead"),
        html.Div(audit_lines.filters(context), className="coc-audit-filters"),
        html.Div(id="audit-lines", className="coc-audit-lines"),
        html.Div(
            [
                html.Button(say("audit.newer"), id="audit-newer", className="coc-button", disabled=True),
                html.Button(say("audit.older"), id="audit-older", className="coc-button", disabled=True),
            ],
            className="coc-audit-turn",
        ),
        dcc.Store(id="audit-stand", data={"language": say.language}),
    ]


def render(view: View) -> Props:
    return shell.header_props(context_of(view), PAGE)


@callback(
    Output("audit-lines", "children"),
    Output("audit-chain", "children"),
    Output("audit-stand", "data"),
    Output("audit-newer", "disabled"),
    Output("audit-older", "disabled"),
    Input("audit-who", "value"),
    Input("audit-group", "value"),
    Input("audit-outcome", "value"),
    Input("audit-days", "value"),
    Input("audit-newer", "n_clicks"),
    Input("audit-older", "n_clicks"),
    State("audit-stand", "data"),
)
def show(who: str, group: str, outcome: str, days: str, newer: int, older: int, stand: Any) -> tuple[Any, ...]:  # noqa: ARG001 - the buttons speak by `triggered_id`
    now = services.current()
    asked = audit_lines.Asked(who, group, outcome, days, ctx.triggered_id, stand or {})
    zone = ZoneInfo(now.settings.city.time_zone)
    return audit_lines.answer(now.audit_log, services.viewer_in_hand(), asked, zone)
