"""Units: all of them in one table, and the districts with their wards where they lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coc.access.table import EVERY_LENS
from coc.figures.template import Figure
from coc.ui import shell
from coc.ui.context import Context, context_of
from coc.ui.dom import dcc, html
from coc.ui.filters import filters
from coc.ui.page import PageSpec, Props, View
from coc.ui.unit_map import tile_map
from coc.ui.unit_readings import units_of
from coc.ui.unit_table import head, rows

PAGE = PageSpec(
    name="opd",
    path="/opd",
    boards=("correspondence", "disposition", "adoption", "units", "feeds"),
    title="opd.title",
    lenses=EVERY_LENS,
    filters=frozenset({"window"}),
)

CHARTS: dict[str, tuple[str, str, Callable[..., Figure], str]] = {}


def layout(**query: Any) -> Any:
    return shell.first_paint(PAGE, skeleton, render, **query)


def skeleton(ctx: Context) -> list[Any]:
    return [
        html.Div([filters(ctx, PAGE), _search(ctx), html.Div(id="opd-mark")], className="coc-units-head"),
        html.Section(
            [
                html.Div(
                    [
                        html.H2(ctx.say("opd.table"), className="coc-card-title"),
                        html.Div(id="opd-note", className="coc-card-note"),
                    ],
                    className="coc-card-head",
                ),
                html.Div(
                    html.Table(
                        [html.Thead(id="opd-head"), html.Tbody(id="opd-rows")],
                        className="coc-units",
                        **{"data-coc-table": ""},
                    ),
                    className="coc-units-box",
                    tabIndex=0,
                ),
            ],
            className="coc-card coc-card-units",
            **{"data-tile": "units"},
        ),
        *([] if ctx.view.lens == "public" else [_map(ctx)]),
    ]


def _search(ctx: Context) -> Any:
    """Filled in by whoever looks, read by coc-table.js: not a filter of the frame, which is everybody's."""
    label = html.Span(ctx.say("opd.search"), className="coc-filter-name")
    field = dcc.Input(
        id="opd-search",
        type="search",
        placeholder=ctx.say("opd.search.hint"),
        className="coc-select",
        autoComplete="off",
    )
    return html.Label([label, field], className="coc-filter")


def _map(ctx: Context) -> Any:
    head = html.Div(
        [
            html.H2(ctx.say("opd.map"), className="coc-card-title"),
            html.Div(ctx.say("opd.map.note"), className="coc-card-note"),
        ],
        className="coc-card-head",
    )
    return html.Section(
        [head, html.Div(id="opd-map", className="coc-areas")],
        className="coc-card coc-card-areas",
        **{"data-tile": "areas"},
    )


def render(view: View) -> Props:
    ctx = context_of(view)
    units = units_of(ctx, ())
    note = (
        ctx.say("opd.note", count=ctx.writer.number(len(units)), days=view.window[:-1])
        if units
        else ctx.say("empty.mail")
    )
    props = shell.header_props(ctx, PAGE) | {
        "opd-head": {"children": head(ctx)},
        "opd-rows": {"data-coc-rows": rows(ctx)},
        "opd-note": {"children": note},
        "opd-mark": {"children": shell.section_mark(ctx, frozenset({"letters", "dispositions", "units"}))},
    }
    if view.lens != "public":
        props["opd-map"] = {"children": tile_map(ctx)}
    return props
