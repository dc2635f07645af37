"""The data sources: where the numbers come from, how fresh they are, what to mend."""

from __future__ import annotations

from typing import Any

from coc.access.table import EVERY_LENS
from coc.ui import shell
from coc.ui.context import Context, context_of
from coc.ui.dom import html
from coc.ui.failures import STANDING
from coc.ui.feed_cards import feed_card, first_source
from coc.ui.marks import TONES, WORST_FIRST, feeds, icon
from coc.ui.page import PageSpec, Props, View

PAGE = PageSpec(
    name="sumber",
    path="/sumber",
    boards=("correspondence", "disposition", "wifi", "apps", "feeds"),
    title="sumber.title",
    lenses=EVERY_LENS,
)


def layout(**query: Any) -> Any:
    return shell.first_paint(PAGE, skeleton, render, **query)


def skeleton(ctx: Context) -> list[Any]:
    return [
        html.Div(
            [html.P(ctx.say("sumber.lead")), html.Div(id="sumber-summary", className="coc-summary")],
            className="coc-lead",
        ),
        html.Div(id="sumber-cards", className="coc-sources"),
    ]


def render(view: View) -> Props:
    """Cards with the worst state first, so that what needs a hand is on the first screen."""
    ctx = context_of(view)
    rows = sorted(feeds(ctx), key=_worst_first)
    return shell.header_props(ctx, PAGE) | {
        "sumber-summary": {"children": _summary(ctx, rows)},
        "sumber-cards": {"children": [feed_card(ctx, r) for r in rows] or [first_source(ctx)]},
    }


def _worst_first(row: dict[str, Any]) -> tuple[float, str]:
    """After those that fail come those that wait for a decision, then those that never gave anything and say why."""
    rank: float = WORST_FIRST.index(str(row["state"]))
    if row.get("error_code") in STANDING:
        rank = min(rank, 0.3)
    elif row["state"] == "never" and row.get("error_code"):
        rank = 0.5
    return rank, str(row["name"])


def _summary(ctx: Context, rows: list[dict[str, Any]]) -> list[Any]:
    """How many feeds wait for a decision, and how many are in each state, the worst first; with shape and word."""
    states = [str(row["state"]) for row in rows]
    waiting = sum(row.get("error_code") in STANDING for row in rows)
    return [
        *([_tally(ctx, "failing", waiting, ctx.say("sumber.decide"), tone="bad")] if waiting else []),
        *(
            _tally(ctx, state, states.count(state), ctx.say(f"state.{state}"), tone=TONES[state])
            for state in WORST_FIRST
            if state in states
        ),
    ]


def _tally(ctx: Context, shape: str, count: int, words: str, *, tone: str) -> Any:
    inside = [icon(shape), html.B(ctx.writer.number(count)), " ", words]
    return html.Span(inside, className="coc-tally", **{"data-tone": tone})
