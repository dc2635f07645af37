"""Public WiFi: what works now, what does not and for how long; how much it is used; where it is good and where not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from coc.access.table import EVERY_LENS
from coc.figures import wifi_map, wifi_strips, wifi_use
from coc.figures.template import Figure, blank
from coc.ui import shell, wifi_list, wifi_map_links, wifi_rows, wifi_tables, wifi_tiles
from coc.ui.cards import chart_card, chart_props
from coc.ui.context import Context, context_of
from coc.ui.dom import html
from coc.ui.page import PageSpec, Props, View
from coc.ui.row_links import row_links
from coc.ui.wifi_tabs import AREAS, NOW, PARTS, USE, tabs

PAGE = PageSpec(
    name="wifi",
    path="/wifi",
    boards=("wifi", "network", "feeds"),
    title="wifi.title",
    lenses=EVERY_LENS,
    parts=PARTS,
)
_DATASETS = frozenset({"ap_samples", "access_points", "sites"})

# chart -> (board, frame, figure, empty sentence)
CHARTS: dict[str, tuple[str, str, Callable[..., Figure], str]] = {
    "map": ("network", "points", wifi_map.sites_map, "wifi.empty.map"),
    "strips": ("network", "points", wifi_strips.strips, "empty.network"),
    "hours": ("network", "hours", wifi_use.hours, "wifi.empty.hours"),
    "full": ("network", "sites", wifi_use.full, "wifi.empty.full"),
    "gets": ("network", "points", wifi_use.gets, "wifi.empty.gets"),
    "low": ("network", "points", wifi_use.low, "wifi.empty.low"),
}
_OF_PART = {NOW: ("map", "strips"), USE: ("hours", "full", "gets", "low"), AREAS: ()}
_NOT_WELL = ("down", "no_data", "degraded")
# Where the rows of a chart lead: to the point's page.
_LINKED = frozenset({"strips", "gets", "low"})
_TILES: dict[str, Callable[[Context], list[Any]]] = {
    "states": wifi_tiles.states,
    "availability": wifi_tiles.availability,
    "clients": wifi_tiles.clients,
}


def layout(**query: Any) -> Any:
    return shell.first_paint(PAGE, skeleton, render, **query)


def skeleton(ctx: Context) -> list[Any]:
    part = ctx.view.part or NOW
    head = html.Div([tabs(ctx, part), html.Div(id="wifi-mark")], className="coc-wifi-head")
    return [head, *_BODIES[part](ctx)]


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
        html.Section(
            [chart_card(ctx.say, "wifi", "map", links), downs, _card(ctx, "strips")],
            className="coc-section coc-wifi-now",
        ),
    ]


def _card(ctx: Context, name: str) -> Any:
    links = [html.Div(id=f"wifi-{name}-links", className="coc-row-links")] if name in _LINKED else []
    return chart_card(ctx.say, "wifi", name, *links)


def _use(ctx: Context) -> list[Any]:
    slots = [html.Div(id=f"wifi-{t}", className=f"coc-tile coc-tile-{t}", **{"data-tile": t}) for t in _USE_TILES]
    return [
        html.Section(slots, className="coc-section coc-wifi-use-tiles"),
        html.Section([_card(ctx, name) for name in _OF_PART[USE]], className="coc-section coc-wifi-use"),
    ]


def _areas(ctx: Context) -> list[Any]:
    cards = []
    for name in _TABLES:
        title = html.H2(ctx.say(f"wifi.{name}.title"), className="coc-card-title")
        note = html.Div(ctx.say("wifi.table.note"), className="coc-card-note")
        table = html.Div(html.Table(id=f"wifi-{name}", className="coc-units coc-wifi-table"), className="coc-units-box")
        body = [html.Div([title, note], className="coc-card-head"), table]
        cards.append(html.Section(body, className=f"coc-card coc-card-{name}", **{"data-tile": name}))
    return [html.Section(cards, className="coc-section coc-wifi-areas")]


_BODIES: dict[str, Callable[[Context], list[Any]]] = {NOW: _now, USE: _use, AREAS: _areas}
_TABLES: dict[str, Callable[[Context], list[Any]]] = {"areas": wifi_tables.by_area, "kinds": wifi_tables.by_kind}
_USE_TILES: dict[str, Callable[[Context], list[Any]]] = {
    "clients": wifi_tiles.clients,
    "rate": wifi_tiles.rate,
    "over": wifi_tiles.over,
    "lowuse": wifi_tiles.low_use,
}


def render(view: View) -> Props:
    ctx, part = context_of(view), view.part or NOW
    props = shell.header_props(ctx, PAGE)
    props["wifi-mark"] = {"children": [*wifi_tiles.flapping(ctx), *shell.section_mark(ctx, _DATASETS)]}
    for name in _OF_PART[part]:
        props |= _chart(ctx, name)
    return props | _PROPS[part](ctx)


def _now_props(ctx: Context) -> Props:
    props: Props = {f"wifi-{name}": {"children": fill(ctx)} for name, fill in _TILES.items()}
    points = ctx.frame("network", "points")
    counts = {} if points is None else points["state"].value_counts().to_dict()
    said = [ctx.say(f"wifi.down.{s}", n=ctx.writer.number(counts.get(s, 0))) for s in _NOT_WELL]
    props["wifi-down"] = {"children": wifi_list.listed(ctx)}
    props["wifi-down-note"] = {"children": "" if points is None else ", ".join(said)}
    return props


def _use_props(ctx: Context) -> Props:
    return {f"wifi-{name}": {"children": fill(ctx)} for name, fill in _USE_TILES.items()}


def _areas_props(ctx: Context) -> Props:
    return {f"wifi-{name}": {"children": fill(ctx)} for name, fill in _TABLES.items()}


_PROPS: dict[str, Callable[[Context], Props]] = {NOW: _now_props, USE: _use_props, AREAS: _areas_props}


def _chart(ctx: Context, name: str) -> Props:
    _, _, draw, empty = CHARTS[name]
    frame = frame_of(ctx, name)
    if frame is None:
        return chart_props(ctx.say, "wifi", name, blank(ctx.colours), empty)
    more = {"map": (ctx.frame("network", "areas"),), "strips": (ctx.view.now,)}.get(name, ())
    figure = draw(frame, ctx.look, *more)
    props = chart_props(ctx.say, "wifi", name, figure, empty, _note(ctx, name, frame))
    if name == "map":
        props["wifi-map-links"] = {"children": wifi_map_links.over(ctx, figure, frame)}
    elif name in _LINKED:
        props[f"wifi-{name}-links"] = {"children": row_links(figure, _leads(frame))}
    return props


def _leads(frame: pd.DataFrame) -> Callable[[str, str], tuple[str, str] | None]:
    names = dict(zip(frame["ap"], frame["name"], strict=True))
    return lambda _field, ap: (wifi_rows.point_path(ap), str(names.get(ap, ap)))


def _note(ctx: Context, name: str, frame: pd.DataFrame) -> str:
    """How many more there are than are drawn, where some are."""
    if name == "strips":
        return _shown(ctx, frame["ap"].nunique(), wifi_strips.ROWS)
    if name == "low":
        return _shown(ctx, len(frame), wifi_use.ROWS)
    return _shown(ctx, len(frame), wifi_use.ROWS, "sites") if name == "full" else ""


def _shown(ctx: Context, count: int, drawn: int, of: str = "points") -> str:
    if count <= drawn:
        return ctx.say(f"wifi.shown.all.{of}", n=ctx.writer.number(count))
    return ctx.say(f"wifi.shown.{of}", n=ctx.writer.number(drawn), all=ctx.writer.number(count))


def frame_of(ctx: Context, name: str) -> pd.DataFrame | None:
    """The rows behind a chart; None where its board has none."""
    board, frame_name, _, _ = CHARTS[name]
    frame = ctx.frame(board, frame_name)
    if frame is None:
        return None
    select: dict[str, Callable[[], pd.DataFrame]] = {
        "map": lambda: wifi_rows.by_site(frame),
        "strips": lambda: wifi_rows.day_of(frame, ctx.frame("network", "strips")),
        "gets": lambda: wifi_rows.gets_least(frame),
        "low": lambda: wifi_rows.little_used(frame, ctx.view.settings.limits.low_use_clients_per_day),
    }
    return select[name]() if name in select else frame
