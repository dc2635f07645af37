"""Dispositions: where they wait and for how long, whether they go as fast as they come, who hands them to whom, how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from coc.access.table import EVERY_LENS
from coc.figures import chosen, dispositions, handling, handover, rhythm
from coc.figures.template import blank
from coc.ui import coincidence, shell, tiles
from coc.ui.cards import chart_card, chart_props
from coc.ui.context import Context, context_of
from coc.ui.dom import html
from coc.ui.filters import filters
from coc.ui.links import items
from coc.ui.marks import icon, value
from coc.ui.page import PageSpec, Props, View

PAGE = PageSpec(
    name="disposisi",
    path="/disposisi",
    boards=("disposition", "handling", "desks", "correspondence", "coincidence", "feeds"),
    title="disposisi.title",
    lenses=EVERY_LENS,
    filters=frozenset({"unit", "window"}),
)

Filled = list[Any]

# chart -> (board, frame, figure, empty sentence)
CHARTS: dict[str, tuple[str, str, Callable[..., Any], str]] = {
    "by_age": ("disposition", "by_age", dispositions.backlog_by_age, "empty.backlog"),
    "holding": ("handling", "ages", handling.holding, "empty.backlog"),
    "ageing": ("handling", "ageing", handling.ageing, "empty.backlog"),
    "spread": ("handling", "spread", handling.spread, "empty.followed_up"),
    "balance": ("handling", "balance", rhythm.balance, "empty.moved"),
    "handover": ("handling", "handover", handover.handover, "empty.given"),
    "means": ("handling", "means", handover.means, "empty.given"),
    "week": ("handling", "week", rhythm.week, "empty.given"),
}
_PUBLIC = ("by_age",)
_MOVED = ("disposition.net_flow", "disposition.followup_hours_p50")  # beside them: what else was down
# What a chart rests on: where it is not recorded, the chart says so.
_RESTS_ON = {
    "by_age": "disposition.backlog",
    "holding": "disposition.backlog",
    "ageing": "disposition.backlog",
    "spread": "disposition.followup_hours_p85",
    "balance": "disposition.net_flow",
    "week": "disposition.outside_hours_share",
}
# Where a chart leads: to the items behind it.
_LEADS_TO: dict[str, tuple[str, dict[str, str]]] = {
    "holding": ("disposition.backlog", {}),
    "ageing": ("disposition.backlog", {"age": "gt5"}),
    "spread": ("disposition.followup_hours_p85", {}),
    "balance": ("disposition.net_flow", {}),
    "week": ("disposition.outside_hours_share", {}),
}
_NOT_RECORDED = {"week": "disposisi.not_recorded.hour"}
_LIGHTS = {"ok": ("up", "good"), "unstable": ("degraded", "warn"), "no_outflow": ("down", "bad")}


def _backlog(ctx: Context) -> Filled:
    kpi = "disposition.backlog"
    change = None if ctx.view.scope else tiles.change_since(ctx.trend(kpi), ctx.reading(kpi).value, 1)
    foot = tiles.target_state(ctx, kpi) or tiles.delta(ctx, change, "foot.since_yesterday", 0, "down")
    return tiles.tile(ctx, ctx.say("kpi.backlog"), tiles.big(ctx, kpi, "count"), foot, kpi)


def _overdue(ctx: Context) -> Filled:
    kpi, due_soon = "disposition.overdue", "disposition.due_soon"
    soon = ctx.reading(due_soon).value
    pair = tiles.small(ctx, due_soon, "count", ctx.say("foot.due_soon"))
    foot = [html.Span([icon("late"), pair], **{"data-tone": "warn" if soon else "idle"})]
    return tiles.tile(ctx, ctx.say("kpi.overdue"), tiles.big(ctx, kpi, "count"), foot, kpi, due_soon)


def _on_time(ctx: Context) -> Filled:
    kpi = "disposition.on_time_rate"
    foot = tiles.target_state(ctx, kpi) or [_days(ctx)]
    return tiles.tile(ctx, ctx.say("kpi.on_time_rate"), tiles.big(ctx, kpi, "rate"), foot, kpi)


def _followup(ctx: Context) -> Filled:
    main = tiles.big(ctx, "disposition.followup_hours_p85", "hours", ctx.say("unit.hours"))
    foot = [
        tiles.small(ctx, f"disposition.followup_hours_p{p}", "hours", ctx.say(f"disposisi.p{p}"), words_first=True)
        for p in (50, 95)
    ]
    kpis = [f"disposition.followup_hours_p{p}" for p in (85, 50, 95)]
    return tiles.tile(ctx, ctx.say("disposisi.kpi.p85"), main, foot, *kpis)


def _net_flow(ctx: Context) -> Filled:
    reading, label = ctx.reading("disposition.net_flow"), ctx.say("disposisi.kpi.net_flow")
    if reading.value is None:
        return tiles.tile(ctx, label, tiles.big(ctx, reading.id, "count"), [_days(ctx)], reading.id)
    text = ctx.writer.signed(reading.value)
    main = [html.Div(value(reading, text, tiles.size_of(text)))]
    way = "grows" if reading.value > 0 else "shrinks" if reading.value < 0 else "stays"
    mark = {"grows": "rise", "shrinks": "fall", "stays": "same"}[way]
    tone = {"grows": "warn", "shrinks": "good", "stays": "idle"}[way]
    foot = [html.Span([icon(mark), ctx.say(f"disposisi.{way}")], className="coc-delta", **{"data-tone": tone})]
    return tiles.tile(ctx, label, main, foot, reading.id)


def _days_to_clear(ctx: Context) -> Filled:
    """The days, and the light that says whether they can be believed: its shape and its word."""
    reading = ctx.reading("disposition.days_to_clear")
    light = _LIGHTS.get(reading.state)
    label = ctx.say("disposisi.kpi.days_to_clear")
    if reading.value is not None:
        main = tiles.big(ctx, reading.id, "hours", ctx.say("disposisi.working_days"))
    elif light is None:
        return tiles.tile(ctx, label, tiles.big(ctx, reading.id, "hours"), [], reading.id)
    else:
        main = [html.Div(value(reading, ctx.writer.number(None)))]
    shape, tone = light or _LIGHTS["ok"]
    words = ctx.say(f"disposisi.light.{reading.state}")
    foot = [html.Span([icon(shape), words], className="coc-light", **{"data-tone": tone, "data-light": reading.state})]
    return tiles.tile(ctx, label, main, foot, reading.id)


def _outside(ctx: Context) -> Filled:
    kpi = "disposition.outside_hours_share"
    return tiles.tile(ctx, ctx.say("disposisi.kpi.outside"), tiles.big(ctx, kpi, "rate"), [_days(ctx)], kpi)


def _days(ctx: Context) -> Any:
    return html.Span(ctx.say("filter.days", days=ctx.view.window[:-1]))


_TILES: dict[str, Callable[[Context], Filled]] = {
    "backlog": _backlog,
    "overdue": _overdue,
    "ontime": _on_time,
    "followup": _followup,
    "netflow": _net_flow,
    "clear": _days_to_clear,
    "outside": _outside,
}


def layout(**query: Any) -> Any:
    return shell.first_paint(PAGE, skeleton, render, **query)


def skeleton(ctx: Context) -> list[Any]:
    slots = [html.Div(id=f"disposisi-{t}", className=f"coc-tile coc-tile-{t}", **{"data-tile": t}) for t in _TILES]
    cards = [chart_card(ctx.say, "disposisi", chart) for chart in _charts(ctx)]
    return [
        html.Div(
            [
                filters(ctx, PAGE),
                html.Div(id="disposisi-coincidence", className="coc-beside"),
                html.Div(id="disposisi-mark"),
            ],
            className="coc-handling-head",
        ),
        html.Section(slots, className="coc-section coc-handling-tiles"),
        html.Section(cards, className=f"coc-section coc-handling-charts coc-handling-{len(cards)}"),
    ]


def render(view: View) -> Props:
    ctx = context_of(view)
    props = shell.header_props(ctx, PAGE)
    for name, fill in _TILES.items():
        act = name == "overdue" and bool(ctx.reading("disposition.overdue").value)
        props[f"disposisi-{name}"] = {"children": fill(ctx), "data-tone": "act" if act else ""}
    for name in _charts(ctx):
        props |= _chart(ctx, name)
    props["disposisi-coincidence"] = {"children": coincidence.beside(ctx, *_MOVED)}
    props["disposisi-mark"] = {"children": shell.section_mark(ctx, frozenset({"letters", "dispositions"}))}
    return props


def _charts(ctx: Context) -> tuple[str, ...]:
    """The public lens has no figures by unit or office, but the published one."""
    public = ctx.view.lens == "public"
    return tuple(name for name in CHARTS if (name in _PUBLIC) == public)


def _chart(ctx: Context, name: str) -> Props:
    _, _, draw, empty = CHARTS[name]
    frame = frame_of(ctx, name)
    figure = blank(ctx.colours) if frame is None else draw(frame, ctx.look)
    if name in _RESTS_ON and ctx.reading(_RESTS_ON[name]).state == "not_recorded":
        figure, empty = blank(ctx.colours), _NOT_RECORDED.get(name, "disposisi.not_recorded.completion")
    elif ctx.reading("disposition.backlog").state == "no_data":
        empty = "empty.mail"
    props = chart_props(ctx.say, "disposisi", name, figure, empty, _note(ctx, name))
    kpi, more = _LEADS_TO.get(name, ("", {}))
    note, href = props.get(f"disposisi-{name}-note"), items(ctx, kpi, **more)
    if note and href:
        note["children"] = html.A(note["children"], href=href, className="coc-items")
    return props


def _note(ctx: Context, name: str) -> str:
    """What the head says of unit and period, and of what is not known; "" where the note is always the same."""
    missing = {
        "holding": "disposition.overdue",
        "ageing": "disposition.followup_hours_p85",
        "handover": "disposition.followup_hours_p50",
    }.get(name)
    unknown = missing is not None and ctx.reading(missing).state == "not_recorded"
    days = ctx.view.window[:-1]
    tails = [".unknown"] if unknown else [f".{days}", *([".unit"] if ctx.view.scope else [])]
    said = next((m for m in (f"disposisi.note.{name}{t}" for t in (*tails, "")) if ctx.say.has(m)), "")
    return ctx.say(said, days=days) if said else ""


def frame_of(ctx: Context, name: str) -> pd.DataFrame | None:
    """The chosen rows behind a chart; None where its board has none."""
    board, frame_name, _, _ = CHARTS[name]
    # Who may see the leaders' offices one by one has them on a board of their own.
    frame = ctx.frame("desks", frame_name) if name == "handover" or (name == "means" and not ctx.view.scope) else None
    frame = ctx.frame(board, frame_name) if frame is None else frame
    if frame is None:
        return None
    scope, window, lines = ctx.view.scope, ctx.view.window, ctx.frame("handling", "lines")
    select: dict[str, Callable[[], pd.DataFrame]] = {
        "holding": lambda: chosen.holding(frame, scope, _names(ctx)),
        "ageing": lambda: chosen.ageing(frame, lines, scope),
        "spread": lambda: chosen.spread(frame, scope, window, _names(ctx), ctx.say),
        "balance": lambda: chosen.balance(frame, scope, window),
        "handover": lambda: chosen.handover(frame, lines, scope, window, _names(ctx), ctx.say),
        "means": lambda: chosen.means(frame, scope, window),
        "week": lambda: chosen.of(frame, scope, window),
    }
    return select[name]() if name in select else frame


def _names(ctx: Context) -> dict[str, str]:
    names = ctx.frame("correspondence", "names")
    return {} if names is None else dict(zip(names["code"], names["name"], strict=True))
