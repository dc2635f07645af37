"""The data sources: where the numbers come from, how fresh they are, what to mend."""

from __future__ import annotations

from typing import Any

from coc.access.table import EVERY_LENS
from coc.ui import shell
from coc.ui.context import Context, context_of
from coc.ui.dom import html
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
        "sumber-summary": {"children": _summary(ctx, [str(r["state"]) for r in rows])},
        "sumber-cards": {"children": [feed_card(ctx, r) for r in rows] or [first_source(ctx)]},
    }


def _worst_first(row: dict[str, Any]) -> tuple[float, str]:
    """A source that never gave anything and says why comes right after those that fail."""
    broken = row["state"] == "never" and row.get("error_code")
    return 0.5 if broken else WORST_FIRST.index(str(row["state"])), str(row["name"])


def _summary(ctx: Context, states: list[str]) -> list[Any]:
    """How many feeds are in each state, the worst first; each with its shape and word."""
    return [
        html.Span(
            [icon(state), html.B(ctx.writer.number(states.count(state))), " ", ctx.say(f"state.{state}")],
            className="coc-tally",
            **{"data-tone": TONES[state]},
        )
        for state in WORST_FIRST
        if state in states
    ]
