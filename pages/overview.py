"""The overview: the whole city on one wall screen, and what it rests on at the bottom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from coc.access.table import EVERY_LENS
from coc.figures import correspondence, dispositions, network
from coc.figures.template import blank
from coc.ui import coincidence, shell, tiles, wifi_rows, wifi_tiles
from coc.ui.cards import chart_card, chart_props
from coc.ui.context import Context, context_of
from coc.ui.dom import html
from coc.ui.marks import icon, value
from coc.ui.page import PageSpec, Props, View

PAGE = PageSpec(
    name="overview",
    path="/",
    boards=("correspondence", "disposition", "wifi", "apps", "coincidence", "feeds"),
    title="overview.title",
    lenses=EVERY_LENS,
)

_MAIL = frozenset({"letters", "dispositions"})
# Figures beside which it is told what else was down, the first that moved.
_MOVED = ("correspondence.registered_today", "disposition.net_flow", "disposition.followup_hours_p50")
_NETWORK = frozenset({"ap_samples", "access_points", "sites", "services", "service_samples"})

Filled = list[Any]


def _today(kpi: str, label: str) -> Callable[[Context], Filled]:
    """A count of today beside the last working day's, over two weeks of working days."""

    def fill(ctx: Context) -> Filled:
        past = _working(ctx, ctx.trend(kpi))
        last = past["value"].iloc[-1] if len(past) else None
        shown = None if last is None or pd.isna(last) else ctx.writer.number(float(last))
        foot = [html.Span(ctx.say("foot.last_day", value=shown))] if shown else []
        main = tiles.big(ctx, kpi, "count")
        return tiles.tile(ctx, ctx.say(label), main + tiles.line(ctx, past, None), foot, kpi)

    return fill


def _rate(kpi: str, label: str) -> Callable[[Context], Filled]:
    """A rate against its target, or against a week ago where no target is set."""

    def fill(ctx: Context) -> Filled:
        now, past = ctx.reading(kpi).value, ctx.trend(kpi)
        change = tiles.change_since(past, now, 7)
        foot = (
            tiles.target_state(ctx, kpi)
            or tiles.delta(ctx, None if change is None else change * 100, "foot.points_week", 1, "up")
            or [html.Span(ctx.say("foot.window"))]
        )
        main = tiles.big(ctx, kpi, "rate") + tiles.line(ctx, past, now)
        return tiles.tile(ctx, ctx.say(label), main, foot, kpi)

    return fill


def _stock(kpi: str, label: str, foot_of: Callable[[Context], Filled]) -> Callable[[Context], Filled]:
    """What stands open now, over the ends of past days."""

    def fill(ctx: Context) -> Filled:
        main = tiles.big(ctx, kpi, "count") + tiles.line(ctx, ctx.trend(kpi), ctx.reading(kpi).value)
        return tiles.tile(ctx, ctx.say(label), main, foot_of(ctx), kpi)

    return fill


def _since_yesterday(kpi: str) -> Callable[[Context], Filled]:
    def foot(ctx: Context) -> Filled:
        target = tiles.target_state(ctx, kpi)
        change = tiles.change_since(ctx.trend(kpi), ctx.reading(kpi).value, 1)
        return target or tiles.delta(ctx, change, "foot.since_yesterday", 0, "down")

    return foot


def _older_than(ctx: Context) -> Filled:
    hours = ctx.view.settings.limits.first_disposition_working_hours
    shown = ctx.writer.number(hours, 0 if float(hours).is_integer() else 1)
    return [html.Span(ctx.say("foot.older_than", hours=shown))]


def _due_soon(ctx: Context) -> Filled:
    soon = ctx.reading("disposition.due_soon").value
    pair = tiles.small(ctx, "disposition.due_soon", "count", ctx.say("foot.due_soon"))
    return [html.Span([icon("late"), pair], **{"data-tone": "warn" if soon else "idle"})]


def _followup(ctx: Context) -> Filled:
    kpi = "disposition.followup_hours_p85"
    main = tiles.big(ctx, kpi, "hours", ctx.say("unit.hours"))
    foot = [
        tiles.small(ctx, "disposition.followup_hours_p50", "hours", ctx.say("foot.p50"), words_first=True),
        tiles.small(ctx, "disposition.followup_hours_p95", "hours", ctx.say("foot.p95"), words_first=True),
    ]
    return tiles.tile(ctx, ctx.say("kpi.followup"), main, foot, kpi)


def _wifi_points(ctx: Context) -> Filled:
    return wifi_tiles.states(ctx, wifi_rows.POINTS_PATH)


def _clients(ctx: Context) -> Filled:
    hours = ctx.frame("wifi", "by_hour")
    past = pd.DataFrame({"value": [] if hours is None else hours.sort_values("at")["clients"]})
    kpi, availability = "wifi.clients", "wifi.availability_24h"
    main = tiles.big(ctx, kpi, "count") + tiles.line(ctx, past, ctx.reading(kpi).value)
    foot = [tiles.small(ctx, availability, "rate", ctx.say("kpi.apps_availability"))]
    return tiles.tile(ctx, ctx.say("kpi.clients"), main, foot, kpi, availability, href=wifi_rows.POINTS_PATH)


def _apps(ctx: Context) -> Filled:
    up, down = ctx.reading("apps.up"), ctx.reading("apps.down")
    numbers = [tiles.figure_text(ctx, r, "count") for r in (up, down)]
    size = tiles.size_of(*numbers, "  ")  # two words stand beside them
    word = html.Span([icon("down"), ctx.say("unit.apps_down")], className="coc-unit")
    unit = html.Span(ctx.say("unit.apps_up"), className="coc-unit")
    main = [
        html.Div([value(up, numbers[0], size), unit], className="coc-apps-up"),
        html.Div(
            [value(down, numbers[1], size), word],
            className="coc-apps-down",
            **{"data-tone": "bad" if down.value else "idle"},
        ),
    ]
    others = _neither_up_nor_down(ctx)
    words = ctx.say("kpi.apps_availability_short" if others else "kpi.apps_availability")
    foot = [*others, tiles.small(ctx, "apps.availability_24h", "rate", words)]
    kpis = ("apps.up", "apps.down", "apps.availability_24h")
    return tiles.tile(ctx, wifi_tiles.titled(ctx, "kpi.apps", up), main, foot, *kpis, href="/aplikasi")


def _neither_up_nor_down(ctx: Context) -> Filled:
    """Applications that are slow or silent: the two numbers above would not add up without a word of them."""
    table = ctx.frame("apps", "services")
    if table is None or table.empty or ctx.reading("apps.up").value is None:
        return []
    counts = table["state"].value_counts()
    return [
        html.Span([icon(state), f" {ctx.writer.number(int(n))} ", ctx.say(f"state.{state}").lower()])
        for state in ("degraded", "no_data")
        if (n := counts.get(state, 0))
    ]


def _to_wifi(ctx: Context, message: str) -> Any:
    return html.A(ctx.say(message), href=wifi_rows.POINTS_PATH, className="coc-items")


def _working(ctx: Context, past: pd.DataFrame) -> pd.DataFrame:
    """Only the days the city worked: weekends would draw a comb."""
    flow = ctx.frame("correspondence", "flow")
    if flow is None or past.empty:
        return past
    open_days = pd.to_datetime(flow.loc[flow["working"].astype(bool), "day"])
    return past[past["day"].isin(open_days)].reset_index(drop=True)


# name of the tile -> what fills it. The order is the order on the phone.
_MAIL_TILES: dict[str, Callable[[Context], Filled]] = {
    "registered": _today("correspondence.registered_today", "kpi.registered_today"),
    "completed": _today("correspondence.completed_today", "kpi.completed_today"),
    "paperless": _rate("correspondence.paperless_rate", "kpi.paperless_rate"),
    "undispositioned": _stock("correspondence.undispositioned", "kpi.undispositioned", _older_than),
    "backlog": _stock("disposition.backlog", "kpi.backlog", _since_yesterday("disposition.backlog")),
    "overdue": _stock("disposition.overdue", "kpi.overdue", _due_soon),
    "ontime": _rate("disposition.on_time_rate", "kpi.on_time_rate"),
    "followup": _followup,
}
_NETWORK_TILES: dict[str, Callable[[Context], Filled]] = {
    "points": _wifi_points,
    "clients": _clients,
    "apps": _apps,
}
# A number on these is something to act on, once it is not 0.
_ACT = {"overdue": "disposition.overdue", "undispositioned": "correspondence.undispositioned"}

# chart -> (board, frame, figure, empty sentence)
CHARTS: dict[str, tuple[str, str, Callable[..., Any], str]] = {
    "flow": ("correspondence", "flow", correspondence.flow, "empty.mail"),
    "by_age": ("disposition", "by_age", dispositions.backlog_by_age, "empty.backlog"),
    "channels": ("disposition", "channels", dispositions.channels, "empty.channels"),
    "by_unit": ("disposition", "by_unit", dispositions.backlog_by_unit, "empty.backlog"),
    "wifi": ("wifi", "by_hour", network.wifi_by_hour, "empty.network"),
    "latency": ("apps", "latency", network.app_latency, "empty.network"),
}


def layout(**query: Any) -> Any:
    return shell.first_paint(PAGE, skeleton, render, **query)


def skeleton(ctx: Context) -> list[Any]:
    return [
        _section(ctx, "mail", list(_MAIL_TILES), ("flow", "by_unit", "by_age", "channels")),
        _section(ctx, "network", list(_NETWORK_TILES), ("wifi", "latency")),
        html.Footer(id="overview-trust", className="coc-trust", **{"aria-label": ctx.say("section.trust")}),
    ]


def render(view: View) -> Props:
    ctx = context_of(view)
    props = shell.header_props(ctx, PAGE)
    for name, fill in (_MAIL_TILES | _NETWORK_TILES).items():
        act = name in _ACT and bool(ctx.reading(_ACT[name]).value)
        props[f"overview-{name}"] = {"children": fill(ctx), "data-tone": "act" if act else ""}
    props["overview-wifi-note"] = {"children": _to_wifi(ctx, "chart.wifi.note")}
    for name, (board, frame_name, draw, empty) in CHARTS.items():
        frame = ctx.frame(board, frame_name)
        figure = blank(ctx.colours) if frame is None else draw(frame, ctx.look)
        missing = "empty.mail" if frame is None and empty == "empty.backlog" else empty
        props |= chart_props(ctx.say, "overview", name, figure, missing)
    props["overview-mail-mark"] = {"children": shell.section_mark(ctx, _MAIL)}
    props["overview-coincidence"] = {"children": coincidence.beside(ctx, *_MOVED, most=1)}
    props["overview-network-mark"] = {"children": shell.section_mark(ctx, _NETWORK)}
    props["overview-trust"] = {"children": shell.trust_strip(ctx)}
    return props


def _section(ctx: Context, name: str, tile_names: list[str], charts: tuple[str, ...]) -> Any:
    beside = [html.Div(id="overview-coincidence", className="coc-beside")] if name == "mail" else []
    title = html.Div(ctx.say(f"section.{name}"), className="coc-section-title")
    head = html.Div(
        [title, *beside, html.Div(id=f"overview-{name}-mark")],
        className="coc-section-head",
    )
    slots = [html.Div(id=f"overview-{t}", className=f"coc-tile coc-tile-{t}", **{"data-tile": t}) for t in tile_names]
    cards = [chart_card(ctx.say, "overview", chart) for chart in charts]
    return html.Section([head, *slots, *cards], className=f"coc-section coc-section-{name}")
