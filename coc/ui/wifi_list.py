"""What is down, longest first: where it is, since when, and what is known of why."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from coc.figures.look import ended, short
from coc.ui.context import Context, moment_of
from coc.ui.dom import html
from coc.ui.marks import age, icon
from coc.ui.wifi_rows import broken, point_path

MOST: Final = 24
ON_A_WALL: Final = 8  # the rows that fit there (assets/coc.page-wifi.css hides the others)
_NAME, _PLACE = 27, 30  # characters that fit on a wall
FAULT: Final = "fault"
_TONES: Final = {"down": "bad", "no_data": "idle", "degraded": "warn", "up": "good"}


def listed(ctx: Context) -> list[Any]:
    """The rows, and how many more there are than are shown; a sentence where nothing is down."""
    points = ctx.frame("network", "points")
    if points is None:
        return [html.Div([icon("empty"), html.Span(ctx.say("empty.network"))], className="coc-empty")]
    rows = broken(points)
    if rows.empty:
        return [html.Div([icon("target-met"), html.Span(ctx.say("wifi.none_down"))], className="coc-empty")]
    shown = [_row(ctx, row) for row in rows.head(MOST).to_dict("records")]
    return [
        html.Ol(shown, className="coc-downs"),
        *_more(ctx, len(rows), ON_A_WALL, "coc-more-wall"),
        *_more(ctx, len(rows), MOST, "coc-more-desk"),
    ]


def _more(ctx: Context, count: int, fit: int, where: str) -> list[Any]:
    if count <= fit:
        return []
    return [html.Div(ctx.say("wifi.more", n=ctx.writer.number(count - fit)), className=f"coc-more {where}")]


def _row(ctx: Context, row: dict[Any, Any]) -> Any:
    state = str(row["state"])
    name = html.A(
        ended(str(row["name"]), _NAME),
        title=str(row["name"]),
        href=point_path(str(row["ap"])),
        className="coc-down-name",
    )
    since = moment_of(row["since"])
    long = [ctx.say(f"state.{state}"), " ", age(ctx, since, "")] if since else ctx.say("wifi.never_seen")
    return html.Li(
        [
            icon(state),
            html.Span([name, *flapping_mark(ctx, row)], className="coc-down-what"),
            html.Span(short(place(ctx, row), _PLACE), className="coc-down-where"),
            html.Span(cause_words(ctx, row), className="coc-down-cause"),
            html.Span(long, className="coc-down-since", title=_when(ctx, since)),
        ],
        **{"data-tone": _TONES[state], "data-ap": str(row["ap"]), "data-state": state},
    )


def _when(ctx: Context, since: Any) -> str:
    return ctx.writer.moment(since, ctx.view.now) if since else ""


def flapping_mark(ctx: Context, row: dict[Any, Any]) -> list[Any]:
    if not row["flapping"]:
        return []
    return [html.Span([icon("flapping"), ctx.say("wifi.flapping")], className="coc-flapping", **{"data-tone": "warn"})]


def place(ctx: Context, row: dict[Any, Any]) -> str:
    """The site, where the point is not named after it, and the kecamatan, as far as they are known."""
    site = "" if str(row["name"]).casefold().startswith(str(row["site_name"]).casefold()) else row["site_name"]
    known = [str(words) for words in (site, row["area_name"]) if words]
    return ", ".join(known) or ctx.say("wifi.no_site")


def cause_words(ctx: Context, row: dict[Any, Any]) -> str:
    """The word of a present outage's cause; "" where none is known."""
    cause = row.get("cause")
    if row.get("state") == "no_data" and cause == FAULT:
        return ""  # that nothing is heard is told already
    message = f"wifi.cause.{cause}"
    return ctx.say(message) if cause and not pd.isna(cause) and ctx.say.has(message) else ""
