"""The schools that still wait for their WiFi, in words: a card that a phone reads in whole and a wall at a glance."""

from __future__ import annotations

import math
from typing import Any, Final

import pandas as pd

from coc.ui.cards import empty_state, file_link
from coc.ui.context import Context
from coc.ui.dom import html
from coc.ui.marks import icon
from coc.ui.page import Props

ON_A_WALL: Final = 8  # rows; the stylesheet hides the others there
MOST: Final = 30


def school_card(ctx: Context, page: str, chart: str) -> Any:
    """The card, empty: `<page>-list` takes the rows, `<page>-list-empty` what stands in their place."""
    side = html.Div(
        [html.Div(id=f"{page}-list-note", className="coc-card-note"), file_link(ctx.say, page, chart)],
        className="coc-card-side",
    )
    return html.Section(
        [
            html.Div(
                [html.H2(ctx.say(f"chart.{chart}"), className="coc-card-title"), side],
                className="coc-card-head",
            ),
            html.Div(
                [
                    html.Ul(id=f"{page}-list", className="coc-schools"),
                    html.Div(id=f"{page}-list-empty", className="coc-empty", hidden=True),
                ],
                className="coc-card-body coc-schools-body",
                tabIndex=0,
            ),
        ],
        className=f"coc-card coc-card-{chart}",
        **{"data-tile": chart},
    )


def school_props(ctx: Context, page: str, frame: pd.DataFrame | None, empty: str) -> Props:
    """`frame`: name, area, stage, target, days (past the target, NaN without one), in the order to show."""
    nothing = frame is None or frame.empty
    return {
        f"{page}-list": {"children": [] if frame is None else _rows(ctx, frame)},
        f"{page}-list-note": {"children": None if nothing else ctx.say("program.schools.note")},
        f"{page}-list-empty": empty_state(ctx.say(empty)) if nothing else {"children": None, "hidden": True},
    }


def _rows(ctx: Context, frame: pd.DataFrame) -> list[Any]:
    shown = frame.head(MOST)
    rows = [
        _row(ctx, str(name), str(area), str(stage), float(days))
        for name, area, stage, days in zip(shown["name"], shown["area"], shown["stage"], shown["days"], strict=True)
    ]
    return [*rows, *_more(ctx, len(frame), ON_A_WALL, "coc-schools-more-wall"), *_more(ctx, len(frame), MOST, "")]


def _row(ctx: Context, name: str, area: str, stage: str, days: float) -> Any:
    """A school: its name and kecamatan, its stage where it is more than planned, how long it waits."""
    late = days > 0
    wait = [icon("late")] if late else []
    words = ctx.say("program.school.no_target")
    if not math.isnan(days):
        words = ctx.say("program.school.late" if late else "program.school.ahead", days=ctx.writer.number(abs(days)))
    return html.Li(
        [
            html.Span(name, className="coc-school-name"),
            html.Span(area, className="coc-school-area"),
            html.Span(ctx.say(f"stage.{stage}"), className="coc-school-stage"),
            html.Span([*wait, words], className="coc-school-wait", **{"data-tone": "act" if late else "idle"}),
        ]
    )


def _more(ctx: Context, number: int, shown: int, class_name: str) -> list[Any]:
    if number <= shown:
        return []
    words = ctx.say("program.schools.more", count=ctx.writer.number(number - shown))
    return [html.Li(words, className=f"coc-schools-more {class_name}".strip())]
