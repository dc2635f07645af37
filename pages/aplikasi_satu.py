"""One application or link: what it does now, ninety days of it, its day from each place, what went wrong and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from coc.access.table import EVERY_LENS
from coc.figures import applications
from coc.figures.template import Figure, blank
from coc.ui import apps_incidents, service_card, shell
from coc.ui.cards import chart_card, chart_props
from coc.ui.context import Context, context_of
from coc.ui.dom import html
from coc.ui.links import told
from coc.ui.page import PageSpec, Props, View

PAGE = PageSpec(
    name="service",
    path="/aplikasi/<service>",
    boards=("applications", "correspondence", "feeds"),
    title="service.title",
    lenses=EVERY_LENS,
    of="service",
)

# chart -> (board, frame, figure, empty sentence)
CHARTS: dict[str, tuple[str, str, Callable[..., Figure], str]] = {
    "service_days": ("applications", "days", applications.down_minutes, "empty.network"),
    "service_latency": ("service", "latency", applications.latency, "service.latency.empty"),
}


def layout(service: str = "", **query: Any) -> Any:
    from coc.live import services

    asked, here = told(service), services.current()
    if asked in here.reader.services():
        return shell.first_paint(PAGE, skeleton, render, service=asked, **query)
    view = here.view(PAGE.name, **query)
    return shell.compose(
        PAGE,
        lambda ctx: [service_card.unknown(ctx, asked)],
        lambda v: shell.header_props(context_of(v), PAGE),
        view,
    )


def skeleton(ctx: Context) -> list[Any]:
    back = html.A(ctx.say("service.back"), href="/aplikasi", className="coc-back")
    return [
        html.Div([back, html.Div(id="service-head", className="coc-unit-head")], className="coc-point-head"),
        html.Section(id="service-facts", className="coc-card coc-service-facts", **{"data-tile": "facts"}),
        html.Div(
            [
                *(chart_card(ctx.say, "service", name) for name in CHARTS),
                _card(ctx, "incidents", html.Ul(id="service-incidents", className="coc-incidents", tabIndex=0)),
                _card(ctx, "places", html.Ul(id="service-places", className="coc-places")),
            ],
            className="coc-service-grid",
        ),
    ]


def _card(ctx: Context, name: str, body: Any) -> Any:
    head = html.Div(
        [
            html.H2(ctx.say(f"service.{name}"), className="coc-card-title"),
            html.Div(ctx.say(f"service.{name}.note"), className="coc-card-note"),
        ],
        className="coc-card-head",
    )
    return html.Section([head, body], className=f"coc-card coc-card-{name}", **{"data-tile": name})


def render(view: View) -> Props:
    ctx = context_of(view)
    props = shell.header_props(ctx, PAGE)
    entity = service_card.entity_of(ctx)
    limit = view.settings.limits.ap.degraded.latency_ms
    for name, (_, _, draw, empty) in CHARTS.items():
        frame, more = frame_of(ctx, name), (limit,) if name == "service_latency" else ()
        figure = blank(ctx.colours) if frame is None else draw(frame, ctx.look, *more)
        props |= chart_props(ctx.say, "service", name, figure, empty)
    if entity is None:
        return props | {"service-head": {"children": ctx.say("null.no_data")}}
    return props | {
        "service-head": {"children": service_card.head(ctx, entity)},
        "service-facts": {"children": service_card.facts(ctx, entity)},
        "service-incidents": {"children": apps_incidents.lines(ctx, entity.id, entity.kind)},
        "service-places": {"children": service_card.places(ctx, entity)},
    }


def frame_of(ctx: Context, chart: str) -> pd.DataFrame | None:
    """The rows behind a chart: the entity's own; None where there are none."""
    board, name, _, _ = CHARTS[chart]
    frame = ctx.frame(board, name)
    entity = service_card.entity_of(ctx)
    if frame is None or entity is None:
        return None
    if chart == "service_latency":
        return service_card.with_places(ctx, entity, frame)
    mine = frame[(frame["kind"] == entity.kind) & (frame["service"] == entity.id)]
    return None if mine.empty else mine
