"""Leaders: what waits for each office, and what became of its instructions. Offices, never officials."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from coc.access.sessions import LEADERS_SWITCH
from coc.domain.offices import OFFICES
from coc.figures import offices
from coc.figures.template import Figure, blank
from coc.metrics.offices import NOBODY
from coc.ui import shell, tiles
from coc.ui.cards import chart_card, chart_props
from coc.ui.context import Context, context_of
from coc.ui.dom import html
from coc.ui.filters import filters
from coc.ui.links import items
from coc.ui.marks import icon
from coc.ui.page import PageSpec, Props, View

PAGE = PageSpec(
    name="pimpinan",
    path="/pimpinan",
    boards=("leaders", "disposition", "offices", "feeds"),
    title="pimpinan.title",
    lenses=frozenset({"leader"}),
    filters=frozenset({"window"}),
    switched={"operator": LEADERS_SWITCH},
)

# chart -> (board, frame, figure, empty sentence); the order is the order on a phone
CHARTS: dict[str, tuple[str, str, Callable[..., Figure], str]] = {
    "ledger": ("offices", "ledger", offices.ledger, "empty.ledger"),
    "first": ("offices", "first", offices.first, "empty.first"),
    "given": ("offices", "given", offices.given, "empty.offices_given"),
    "voice": ("offices", "channels", offices.voice, "empty.offices_given"),
}
_DESKS = (*OFFICES, NOBODY)
# Where a chart's KPI is not recorded its frame has no row, and the words say why.
_RESTS_ON = {"ledger": "disposition.on_time_rate", "first": "leaders.first_disposition_hours_p50"}


def layout(**query: Any) -> Any:
    return shell.first_paint(PAGE, skeleton, render, **query)


def skeleton(ctx: Context) -> list[Any]:
    desks = [html.Div(id=f"pimpinan-desk-{_id(o)}", className="coc-tile", **{"data-tile": _id(o)}) for o in _DESKS]
    median = html.Div(id="pimpinan-median", className="coc-tile", **{"data-tile": "median"})
    return [
        html.Div([filters(ctx, PAGE), html.Div(id="pimpinan-mark")], className="coc-desks-head"),
        html.Section([*desks, median], className="coc-section coc-desks"),
        html.Section([chart_card(ctx.say, "pimpinan", c) for c in CHARTS], className="coc-section coc-desk-charts"),
    ]


def render(view: View) -> Props:
    ctx = context_of(view)
    props = shell.header_props(ctx, PAGE)
    waiting = ctx.frame("offices", "waiting")
    rows = {} if waiting is None else {str(row["office"]): row for row in waiting.to_dict("records")}
    for office in _DESKS:
        props[f"pimpinan-desk-{_id(office)}"] = _desk(ctx, office, rows.get(office))
    props["pimpinan-median"] = {"children": _median(ctx)}
    for name, (board, frame_name, draw, empty) in CHARTS.items():
        frame = ctx.frame(board, frame_name)
        mine = None if frame is None else frame[frame["window"] == view.window].reset_index(drop=True)
        figure = blank(ctx.colours) if mine is None else draw(mine, ctx.look)
        if name in _RESTS_ON and ctx.reading(_RESTS_ON[name]).state == "not_recorded":
            empty = f"empty.{name}.not_recorded"
        elif name == "voice" and ctx.frame("offices", "given") is not None and frame is None:
            empty = "empty.voice.not_recorded"
        note = ctx.say(f"chart.{name}.days", days=view.window[:-1])
        props |= chart_props(ctx.say, "pimpinan", name, figure, empty, note)
    props["pimpinan-mark"] = {"children": shell.section_mark(ctx, frozenset({"letters", "dispositions"}))}
    return props


def _id(office: str) -> str:
    return office or "nobody"


def _desk(ctx: Context, office: str, row: dict[Any, Any] | None) -> dict[str, Any]:
    """How many wait, the oldest, what is due soon and what is late already."""
    name = ctx.say(f"pimpinan.office.{office or 'nobody'}")
    if row is None:
        words = html.Span(ctx.say("pimpinan.not_recorded"), className="coc-unit")
        return {"children": _tile(ctx, office, name, [words], []), "data-tone": ""}
    count, late, soon = (0 if math.isnan(row[c]) else int(row[c]) for c in ("count", "overdue", "due_soon"))
    number = html.Span(ctx.writer.number(count), className="coc-value", **{"data-waiting": _id(office)})
    main = [html.Div([number, html.Span(ctx.say("pimpinan.waiting"), className="coc-unit")])]
    oldest = float(row["oldest"])
    if not math.isnan(oldest):
        main.append(
            html.Span(ctx.say("pimpinan.oldest", hours=ctx.writer.number(oldest, 1)), className="coc-desk-oldest")
        )
    told = [("target-missed", "bad", "pimpinan.late", late), ("late", "warn", "pimpinan.soon", soon)]
    foot = [
        html.Span([icon(shape), ctx.say(word, count=ctx.writer.number(n))], **{"data-tone": tone})
        for shape, tone, word, n in told
        if n
    ]
    if not count:
        foot = [html.Span([icon("target-met"), ctx.say("pimpinan.clear")], **{"data-tone": "good"})]
    return {"children": _tile(ctx, office, name, main, foot), "data-tone": "act" if late else ""}


def _tile(ctx: Context, office: str, name: str, main: list[Any], foot: list[Any]) -> list[Any]:
    kpi = "disposition.backlog" if office else "correspondence.undispositioned"
    href = items(ctx, kpi, to=office) if office else None
    words = html.A(name, href=href, className="coc-items") if href else html.Span(name)
    return [
        html.Div([words], className="coc-tile-label"),
        html.Div(main, className="coc-tile-main"),
        html.Div(foot, className="coc-tile-foot coc-desk-foot"),
    ]


def _median(ctx: Context) -> list[Any]:
    kpi = "leaders.first_disposition_hours_p50"
    foot = tiles.target_state(ctx, kpi) or [html.Span(ctx.say("filter.days", days=ctx.view.window[:-1]))]
    main = tiles.big(ctx, kpi, "hours", ctx.say("unit.hours"))
    return tiles.tile(ctx, ctx.say("pimpinan.median"), main, foot, kpi)
