"""One unit: its figures against target, median and past, what it holds by age, its habit and its types of letters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from coc.access.table import EVERY_LENS
from coc.figures import units
from coc.figures.template import Figure, blank
from coc.ui import shell, unit_card
from coc.ui.cards import chart_card, chart_props
from coc.ui.context import Context, context_of
from coc.ui.dom import html
from coc.ui.filters import filters
from coc.ui.page import PageSpec, Props, View

PAGE = PageSpec(
    name="unit",
    path="/opd/<unit>",
    boards=("correspondence", "disposition", "adoption", "units", "feeds"),
    title="unit.title",
    lenses=EVERY_LENS,
    filters=frozenset({"window"}),
)

# chart -> (board, frame, figure, empty sentence)
CHARTS: dict[str, tuple[str, str, Callable[..., Figure], str]] = {
    "habit": ("units", "past", units.habit, "unit.habit.empty"),
    "held": ("units", "ages", units.ages, "unit.held.empty"),
}


def layout(unit: str = "", **query: Any) -> Any:
    from coc.live import services

    reader = services.current().reader
    if unit in reader.units():
        return shell.first_paint(PAGE, skeleton, render, unit=unit, **query)
    view = services.current().view(PAGE.name, **query)
    nearest = reader.nearest_unit(unit)
    return shell.compose(
        PAGE,
        lambda ctx: [unit_card.unknown(ctx, unit, nearest)],
        lambda v: shell.header_props(context_of(v), PAGE),
        view,
    )


def skeleton(ctx: Context) -> list[Any]:
    public = ctx.view.lens == "public"
    figures = html.Section(
        html.Div(html.Table(id="unit-figures", className="coc-units"), className="coc-units-box"),
        className="coc-card coc-card-figures",
        **{"data-tile": "figures"},
    )
    more = [] if public else [*(chart_card(ctx.say, "unit", c) for c in CHARTS), _types(ctx)]
    return [
        html.Div(
            [
                html.Div(
                    [
                        html.H2(id="unit-name", className="coc-unit-name"),
                        html.Div(id="unit-kind", className="coc-quiet"),
                    ]
                ),
                filters(ctx, PAGE),
            ],
            className="coc-unit-head",
        ),
        html.Div([figures, *more], className="coc-unit-grid"),
    ]


def _types(ctx: Context) -> Any:
    head = html.Div(
        [
            html.H2(ctx.say("unit.types"), className="coc-card-title"),
            html.Div(ctx.say("unit.types.note"), className="coc-card-note"),
        ],
        className="coc-card-head",
    )
    body = html.Ul(id="unit-types", className="coc-types")
    return html.Section([head, body], className="coc-card coc-card-figures", **{"data-tile": "types"})


def render(view: View) -> Props:
    ctx = context_of(view)
    name, kind = _named(ctx)
    props = shell.header_props(ctx, PAGE) | {
        "unit-name": {"children": name},
        "unit-kind": {"children": kind},
        "unit-figures": {"children": unit_card.figures(ctx)},
    }
    if view.lens == "public":
        return props
    for chart, (_, _, draw, empty) in CHARTS.items():
        frame = _frame(ctx, chart)
        figure = blank(ctx.colours) if frame is None else draw(frame, ctx.look)
        props |= chart_props(ctx.say, "unit", chart, figure, empty, _note(ctx, chart))
    return props | {"unit-types": {"children": unit_card.types(ctx)}}


def _named(ctx: Context) -> tuple[str, str]:
    names = ctx.frame("correspondence", "names")
    mine = None if names is None else names[names["code"] == ctx.view.scope]
    if mine is None or mine.empty:
        return ctx.view.scope, ""
    kind = f"kind.{mine['kind'].iloc[0]}"
    return str(mine["name"].iloc[0]), ctx.say(kind) if ctx.say.has(kind) else ""


def _note(ctx: Context, chart: str) -> str:
    limit = ctx.view.settings.limits.adoption_letters_per_week
    return ctx.say(f"chart.{chart}.of", limit=ctx.writer.number(limit))


def _frame(ctx: Context, chart: str) -> pd.DataFrame | None:
    if chart == "held":
        ages = ctx.frame("units", "ages")
        mine = None if ages is None else ages[ages["unit"] == ctx.view.scope]
        return None if mine is None or mine.empty else mine
    weeks = unit_card.weeks_of(ctx)
    if weeks is None:
        return None
    limit = ctx.view.settings.limits.adoption_letters_per_week
    return weeks.assign(known=weeks["letters"], limit=limit)[
        ["monday", "registered", "known", "counts", "habit", "limit"]
    ]
