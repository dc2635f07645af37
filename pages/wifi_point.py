"""One access point: what it does now and since when, its day as measured, when it was down, what is around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from coc.access.table import EVERY_LENS
from coc.figures import wifi_point, wifi_strips
from coc.figures.template import Figure, blank
from coc.ui import shell, wifi_card, wifi_list, wifi_rows, wifi_spells
from coc.ui.cards import chart_card, chart_props
from coc.ui.context import Context, context_of, moment_of
from coc.ui.dom import html
from coc.ui.links import told
from coc.ui.page import PageSpec, Props, View

PAGE = PageSpec(
    name="point",
    path="/wifi/<ap>",
    boards=("network", "correspondence", "feeds"),
    title="point.title",
    lenses=EVERY_LENS,
    of="point",
)

# chart -> (board, frame, figure, empty sentence)
CHARTS: dict[str, tuple[str, str, Callable[..., Figure], str]] = {
    "point_day": ("network", "points", wifi_strips.strips, "empty.network"),
    "point_clients": ("point", "samples", wifi_point.clients, "point.empty"),
    "point_latency": ("point", "samples", wifi_point.latency, "point.empty"),
    "point_loss": ("point", "samples", wifi_point.loss, "point.empty"),
}


def layout(ap: str = "", **query: Any) -> Any:
    from coc.live import services

    asked, here = told(ap), services.current()
    if asked in here.reader.points():
        return shell.first_paint(PAGE, skeleton, render, ap=asked, **query)
    view = here.view(PAGE.name, **query)
    return shell.compose(
        PAGE,
        lambda ctx: [wifi_card.unknown(ctx, asked)],
        lambda v: shell.header_props(context_of(v), PAGE),
        view,
    )


def skeleton(ctx: Context) -> list[Any]:
    back = html.A(ctx.say("point.back"), href=wifi_rows.POINTS_PATH, className="coc-back")
    return [
        html.Div([back, html.Div(id="point-head", className="coc-unit-head")], className="coc-point-head"),
        html.Section(id="point-facts", className="coc-card coc-point-facts", **{"data-tile": "facts"}),
        html.Section(
            [
                *(chart_card(ctx.say, "point", name) for name in CHARTS),
                _card(
                    ctx,
                    "spells",
                    html.Div(html.Table(id="point-spells", className="coc-units"), className="coc-units-box"),
                ),
                _card(ctx, "around", html.Div(id="point-near", className="coc-near-box")),
            ],
            className="coc-section coc-point-grid",
        ),
    ]


def _card(ctx: Context, name: str, body: Any) -> Any:
    title = html.H2(ctx.say(f"point.{name}"), className="coc-card-title")
    note = html.Div(ctx.say(f"point.{name}.note"), className="coc-card-note")
    head = html.Div([title, note], className="coc-card-head")
    return html.Section([head, body], className=f"coc-card coc-card-{name}", **{"data-tile": name})


def render(view: View) -> Props:
    ctx = context_of(view)
    props = shell.header_props(ctx, PAGE)
    row = wifi_card.point_of(ctx)
    for name in CHARTS:
        props |= _chart(ctx, name, row)
    if row is None:
        return props | {"point-head": {"children": ctx.say("null.no_data")}}
    return props | {
        "point-head": {"children": wifi_card.head(ctx, row)},
        "point-facts": {"children": html.Div(wifi_card.facts(ctx, row), className="coc-states coc-windows")},
        "point-spells": {"children": wifi_spells.table(ctx, _spells(ctx, row))},
        "point-near": {"children": wifi_card.neighbours(ctx, row)},
    }


def _spells(ctx: Context, row: wifi_card.Row) -> pd.DataFrame:
    turns = ctx.frame("point", "turns")
    silent = moment_of(row["since"]) if row["state"] == "no_data" else None
    found = wifi_spells.spells(_no_turns() if turns is None else turns, ctx.view.now, silent)
    causes = ctx.frame("network", "causes")
    if causes is None:
        return found.assign(cause=wifi_list.FAULT)
    return wifi_spells.with_causes(found, causes[causes["ap"] == ctx.view.scope])


def _no_turns() -> pd.DataFrame:
    return pd.DataFrame({"at": pd.Series([], dtype="datetime64[us, UTC]"), "state": pd.Series([], dtype="str")})


def _chart(ctx: Context, name: str, row: wifi_card.Row | None) -> Props:
    _, _, draw, empty = CHARTS[name]
    frame = frame_of(ctx, name)
    if frame is None:
        return chart_props(ctx.say, "point", name, blank(ctx.colours), empty)
    if name == "point_day":
        return chart_props(ctx.say, "point", name, draw(frame, ctx.look, ctx.view.now, 1), empty)
    limit = _limit(ctx, name, row)
    return chart_props(ctx.say, "point", name, draw(frame, ctx.look, ctx.view.now, limit), empty)


def _limit(ctx: Context, name: str, row: wifi_card.Row | None) -> float | None:
    """The line that a chart is held against."""
    degraded = ctx.view.settings.limits.ap.degraded
    if name == "point_clients":
        return None if row is None or pd.isna(row["capacity"]) else float(row["capacity"])
    return float(degraded.latency_ms if name == "point_latency" else degraded.loss)


def frame_of(ctx: Context, name: str) -> pd.DataFrame | None:
    """The rows behind a chart: the point's own; None where there are none."""
    board, frame_name, _, _ = CHARTS[name]
    frame = ctx.frame(board, frame_name)
    if frame is None or name != "point_day":
        return frame
    mine = frame[frame["ap"] == ctx.view.scope]
    return None if mine.empty else wifi_rows.day_of(mine, ctx.frame("network", "strips"))
