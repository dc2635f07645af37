"""Public WiFi: what works now, what does not and for how long; how much it is used; where it is good and where not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from coc.access.table import EVERY_LENS
from coc.figures import wifi_map
from coc.figures.template import Figure, blank
from coc.ui import shell, wifi_list, wifi_map_links, wifi_rows, wifi_tiles
from coc.ui.cards import chart_card, chart_props
from coc.ui.context import Context, context_of
from coc.ui.dom import html
from coc.ui.page import PageSpec, Props, View

NOW, USE, AREAS = "sekarang", "pemakaian", "wilayah"
PAGE = PageSpec(
    name="wifi",
    path="/wifi",
    boards=("wifi", "network", "feeds"),
    title="wifi.title",
    lenses=EVERY_LENS,
    parts=(NOW, USE, AREAS),
)
_DATASETS = frozenset({"ap_samples", "access_points", "sites"})

# chart -> (board, frame, figure, empty sentence)
CHARTS: dict[str, tuple[str, str, Callable[..., Figure], str]] = {
    "map": ("network", "points", wifi_map.sites_map, "wifi.empty.map"),
}
_OF_PART = {NOW: ("map",), USE: (), AREAS: ()}
_TILES: dict[str, Callable[[Context], list[Any]]] = {
    "states": wifi_tiles.states,
    "availability": wifi_tiles.availability,
    "clients": wifi_tiles.clients,
}


def layout(**query: Any) -> Any:
    return shell.first_paint(PAGE, skeleton, render, **query)


def skeleton(ctx: Context) -> list[Any]:
    part = ctx.view.part or NOW
    head = html.Div([_tabs(ctx, part), html.Div(id="wifi-mark")], className="coc-wifi-head")
    return [head, *_BODIES[part](ctx)]


def _tabs(ctx: Context, part: str) -> Any:
    """The sections of the page, each an address of its own."""
    links = [
        html.A(
            ctx.say(f"wifi.part.{name}"),
            href=PAGE.path if name == NOW else f"{PAGE.path}?view={name}",
            className="coc-tab",
            **({"aria-current": "page"} if name == part else {}),
        )
        for name in PAGE.parts
    ]
    return html.Nav(links, className="coc-tabs", **{"aria-label": ctx.say("wifi.parts")})


def _now(ctx: Context) -> list[Any]:
    slots = [html.Div(id=f"wifi-{t}", className=f"coc-tile coc-tile-{t}", **{"data-tile": t}) for t in _TILES]
    links = html.Div(id="wifi-map-links", className="coc-map-links")
    title = html.Div(
        [
            html.H2(ctx.say("wifi.down.title"), className="coc-card-title"),
            html.Div(id="wifi-down-note", className="coc-card-note"),
        ],
        className="coc-card-head",
    )
    downs = html.Section(
        [title, html.Div(id="wifi-down", className="coc-downs-box")],
        className="coc-card coc-card-down",
        **{"data-tile": "down"},
    )
    return [
        html.Section(slots, className="coc-section coc-wifi-tiles"),
        html.Section([chart_card(ctx.say, "wifi", "map", links), downs], className="coc-section coc-wifi-now"),
    ]


_BODIES: dict[str, Callable[[Context], list[Any]]] = {NOW: _now}


def render(view: View) -> Props:
    ctx, part = context_of(view), view.part or NOW
    props = shell.header_props(ctx, PAGE)
    props["wifi-mark"] = {"children": [*wifi_tiles.flapping(ctx), *shell.section_mark(ctx, _DATASETS)]}
    for name in _OF_PART[part]:
        props |= _chart(ctx, name)
    return props | (_now_props(ctx) if part == NOW else {})


def _now_props(ctx: Context) -> Props:
    props: Props = {f"wifi-{name}": {"children": fill(ctx)} for name, fill in _TILES.items()}
    points = ctx.frame("network", "points")
    counts = {} if points is None else points["state"].value_counts().to_dict()
    said = [ctx.say(f"wifi.down.{s}", n=ctx.writer.number(counts.get(s, 0))) for s in ("down", "no_data")]
    props["wifi-down"] = {"children": wifi_list.listed(ctx)}
    props["wifi-down-note"] = {"children": "" if points is None else ", ".join(said)}
    return props


def _chart(ctx: Context, name: str) -> Props:
    _, _, draw, empty = CHARTS[name]
    frame = frame_of(ctx, name)
    if frame is None:
        return chart_props(ctx.say, "wifi", name, blank(ctx.colours), empty)
    if name == "map":
        figure = draw(frame, ctx.look, ctx.frame("network", "areas"))
        props = chart_props(ctx.say, "wifi", name, figure, empty)
        return props | {"wifi-map-links": {"children": wifi_map_links.over(ctx, figure, frame)}}
    return chart_props(ctx.say, "wifi", name, draw(frame, ctx.look), empty)


def frame_of(ctx: Context, name: str) -> pd.DataFrame | None:
    """The rows behind a chart; None where its board has none."""
    board, frame_name, _, _ = CHARTS[name]
    frame = ctx.frame(board, frame_name)
    if frame is None or name != "map":
        return frame
    return wifi_rows.by_site(frame)
