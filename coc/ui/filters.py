"""What a viewer may choose of a page's figures: the unit and the window; `coc-live.js` fetches the choice's frame."""

from __future__ import annotations

from typing import Any

from coc.metrics.city import WINDOWS
from coc.ui.context import Context
from coc.ui.dom import html
from coc.ui.page import PageSpec


def filters(ctx: Context, page: PageSpec) -> Any:
    """The page's choices in one row. The public lens has no figures of units to choose."""
    return html.Div(
        [
            *([_units(ctx)] if "unit" in page.filters and ctx.view.lens != "public" else []),
            *([_windows(ctx)] if "window" in page.filters else []),
        ],
        className="coc-filters",
        role="group",
        **{"aria-label": ctx.say("filter.label")},
    )


def _units(ctx: Context) -> Any:
    names = ctx.frame("correspondence", "names")
    rows = [] if names is None else list(zip(names["code"], names["name"], strict=True))
    options = [("", ctx.say("filter.city", city=ctx.view.settings.city.name)), *rows]
    return html.Label(
        [
            html.Span(ctx.say("filter.unit"), className="coc-filter-name"),
            html.Select(
                [html.Option(name, value=code, selected=code == ctx.view.scope) for code, name in options],
                className="coc-select",
                **{"data-coc-choice": "unit"},
            ),
        ],
        className="coc-filter",
    )


def _windows(ctx: Context) -> Any:
    buttons = [
        html.Button(
            ctx.say("filter.days", days=window[:-1]),
            type="button",
            className="coc-choice",
            **{
                "data-coc-choice": "window",
                "data-coc-value": window,
                "aria-pressed": "true" if window == ctx.view.window else "false",
            },
        )
        for window in WINDOWS
    ]
    name = html.Span(ctx.say("filter.window"), className="coc-filter-name")
    return html.Div([name, html.Div(buttons, className="coc-choices")], className="coc-filter")
