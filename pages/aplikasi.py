"""Applications and the city's links: what is up, for how long, from where, what went wrong, which certificate ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from coc.access.table import EVERY_LENS
from coc.figures import network
from coc.figures.template import blank
from coc.ui import apps_incidents, apps_summary, apps_table, apps_vantages, shell
from coc.ui.apps_rows import chosen, entities
from coc.ui.cards import chart_card, chart_props, empty_state, file_link, file_of, keyed
from coc.ui.context import Context, context_of
from coc.ui.dom import html
from coc.ui.filters import filters
from coc.ui.page import PageSpec, Props, View

PAGE = PageSpec(
    name="aplikasi",
    path="/aplikasi",
    boards=("apps", "applications", "correspondence", "feeds"),
    title="apps.title",
    lenses=EVERY_LENS,
    filters=frozenset({"unit"}),
)

_FEEDS = frozenset({"services", "service_samples", "links", "link_samples"})
_TABLES = ("days", "incidents", "vantages")

# chart -> (board, frame, figure, empty sentence); three of them are tables with a file of their own.
CHARTS: dict[str, tuple[str, str, Callable[..., Any] | None, str]] = {
    "slowest": ("apps", "latency", network.app_latency, "empty.network"),
    "days": ("applications", "days", None, ""),
    "incidents": ("applications", "incidents", None, ""),
    "vantages": ("applications", "vantages", None, ""),
}


def layout(**query: Any) -> Any:
    return shell.first_paint(PAGE, skeleton, render, **query)


def skeleton(ctx: Context) -> list[Any]:
    tiles = [
        html.Div(id=f"aplikasi-{t}", className=f"coc-tile coc-tile-{t}", **{"data-tile": t}) for t in apps_summary.TILES
    ]
    table = html.Table([html.Thead(id="aplikasi-head"), html.Tbody(id="aplikasi-rows")], className="coc-units coc-apps")
    return [
        html.Div(
            [html.Div(id="aplikasi-headline"), html.Div(id="aplikasi-mark"), filters(ctx, PAGE)],
            className="coc-apps-head",
        ),
        html.Div(tiles, className="coc-apps-tiles"),
        _card(ctx, "days", html.Div([table, _empty("days")], className="coc-units-box", tabIndex=0)),
        html.Div(
            [
                _card(ctx, "incidents", html.Ul(id="aplikasi-incidents", className="coc-incidents", tabIndex=0)),
                _card(
                    ctx,
                    "vantages",
                    html.Div(
                        [html.Table(id="aplikasi-vantages", className="coc-units coc-vantages"), _empty("vantages")],
                        className="coc-units-box",
                        tabIndex=0,
                    ),
                ),
                chart_card(ctx.say, "aplikasi", "slowest"),
            ],
            className="coc-apps-side",
        ),
    ]


def _empty(name: str) -> Any:
    return html.Div(id=f"aplikasi-{name}-empty", className="coc-empty", hidden=True)


def _card(ctx: Context, name: str, body: Any) -> Any:
    side = [html.Div(id=f"aplikasi-{name}-note", className="coc-card-note"), file_link(ctx.say, "aplikasi", name)]
    head = html.Div(
        [html.H2(ctx.say(f"chart.{name}"), className="coc-card-title"), html.Div(side, className="coc-card-side")],
        className="coc-card-head",
    )
    return html.Section([head, body], className=f"coc-card coc-card-{name}", **{"data-tile": name})


def render(view: View) -> Props:
    ctx = context_of(view)
    rows, seen = apps_table.rows(ctx), apps_vantages.table(ctx)
    incidents = apps_incidents.records(ctx)
    nothing = {"children": None, "hidden": True}
    words = "apps.of_no_unit" if view.scope and ctx.frame("applications", "listed") is not None else "empty.network"
    props = shell.header_props(ctx, PAGE) | {
        "aplikasi-headline": {"children": apps_summary.headline(ctx)},
        "aplikasi-mark": {"children": shell.section_mark(ctx, _FEEDS)},
        "aplikasi-head": {"children": apps_table.head(ctx) if rows else None},
        "aplikasi-rows": {"children": rows},
        "aplikasi-days-empty": nothing if rows else empty_state(ctx.say(words)),
        "aplikasi-days-note": {"children": keyed(ctx.say("apps.days.note"))},
        "aplikasi-incidents": {"children": apps_incidents.lines(ctx)},
        "aplikasi-incidents-note": {"children": apps_incidents.note(ctx, incidents) if rows else ""},
        "aplikasi-vantages": {"children": seen},
        "aplikasi-vantages-empty": nothing if seen else empty_state(ctx.say(words)),
        "aplikasi-vantages-note": {"children": apps_vantages.note(ctx)},
    }
    for name, fill in apps_summary.TILES.items():
        children, tone = fill(ctx)
        props[f"aplikasi-{name}"] = {"children": children, "data-tone": tone}
    for name in _TABLES:
        props[f"aplikasi-{name}-csv"] = {"href": file_of(view, name)}
    frame = frame_of(ctx, "slowest")
    figure = blank(ctx.colours) if frame is None else network.app_latency(frame, ctx.look)
    return props | chart_props(ctx.say, "aplikasi", "slowest", figure, "empty.network")


def frame_of(ctx: Context, chart: str) -> pd.DataFrame | None:
    """The rows of a chart or a table, of the view's unit."""
    if chart != "slowest":
        return chosen(ctx, chart)
    frame = ctx.frame("apps", "latency")
    if frame is None or not ctx.view.scope:
        return frame
    mine = frame[frame["service"].isin([e.id for e in entities(ctx)])]
    return None if mine.empty else mine
