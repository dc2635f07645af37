"""Alerts: what needs a hand now, what happened before, when an alert comes, and whether its messages arrived."""

from __future__ import annotations

from typing import Any

from coc.access.table import EVERY_LENS
from coc.ui import alert_cards as cards
from coc.ui import shell
from coc.ui.context import Context, context_of
from coc.ui.dom import html
from coc.ui.page import PageSpec, Props, View

PAGE = PageSpec(
    name="peringatan",
    path="/peringatan",
    boards=("alerts", "delivery", "feeds"),
    title="peringatan.title",
    lenses=EVERY_LENS,
)
_PARTS = ("now", "past", "rules", "delivery")


def layout(**query: Any) -> Any:
    return shell.first_paint(PAGE, skeleton, render, **query)


def skeleton(ctx: Context) -> list[Any]:
    return [
        html.Section(
            [
                html.Div(
                    [
                        html.Div(
                            [
                                html.H2(ctx.say(f"peringatan.{part}"), className="coc-card-title"),
                                html.Div(id=f"peringatan-{part}-note", className="coc-alert-note"),
                            ],
                            className="coc-alert-head",
                        ),
                        html.Div(id=f"peringatan-{part}", className="coc-alert-body"),
                    ],
                    className=f"coc-card coc-alert-{part}",
                    id=f"peringatan-{part}-card",
                    **{"data-tile": f"alerts-{part}"},
                )
                for part in _PARTS
            ],
            className="coc-alerts",
        )
    ]


def render(view: View) -> Props:
    ctx = context_of(view)
    firing, delivery = cards.firing(ctx), cards.delivery(ctx)
    return shell.header_props(ctx, PAGE) | {
        "peringatan-now": {"children": cards.now(ctx, firing)},
        "peringatan-now-note": {"children": cards.tallies(ctx, firing)},
        "peringatan-past": {"children": cards.past(ctx)},
        "peringatan-rules": {"children": cards.rules(ctx)},
        "peringatan-rules-note": {"children": ctx.say("peringatan.basis")},
        "peringatan-delivery": {"children": delivery},
        "peringatan-delivery-card": {"hidden": delivery is None},
    }
