"""Small marks used on every page: icons, state pills, ages, feed marks, KPI values.

A state is never said by colour alone: each has its own shape and its word.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pandas as pd

from coc.ui.context import Context, Reading, moment_of
from coc.ui.dom import html

WORST_FIRST = ("failing", "frozen", "late", "never", "fresh", "disabled")
# state -> tone: what a person must act on is bad, what may become so is warn, the rest is quiet.
TONES = {
    "fresh": "good",
    "late": "warn",
    "frozen": "warn",
    "failing": "bad",
    "never": "idle",
    "disabled": "idle",
    "up": "good",
    "degraded": "warn",
    "down": "bad",
    "no_data": "idle",
}


def icon(name: str) -> Any:
    """A shape drawn by CSS (`coc-icon-<name>`); the word beside it carries the meaning for a reader's voice."""
    return html.Span(className=f"coc-icon coc-icon-{name}", **{"aria-hidden": "true"})


def pill(ctx: Context, state: str) -> Any:
    return html.Span(
        [icon(state), html.Span(ctx.say(f"state.{state}"), className="coc-state-word")],
        className="coc-pill",
        **{"data-tone": TONES.get(state, "idle")},
    )


def age(ctx: Context, at: datetime | None, field: str = "as_of") -> Any:
    """How old `at` is. The client script goes on counting from `data-age-of`, against the server's now.

    `field` names the feed's time that it is the age of: a pull that brings nothing new moves it without an epoch.
    """
    if at is None:
        return html.Span(ctx.say("feed.not_yet"), className="coc-age")
    seconds = (ctx.view.now - at).total_seconds()
    return html.Span(
        ctx.writer.age(seconds), className="coc-age", **{"data-age-of": at.isoformat(), "data-age-field": field}
    )


def value(reading: Reading, children: Any, class_name: str = "coc-value") -> Any:
    """A KPI's figure with its id, its whole value, and its unit where it is of one."""
    hidden = {"data-masked": "lt5"} if reading.state == "masked" else {}
    unit = {"data-unit": reading.unit} if reading.unit else {}
    attributes = {"data-kpi": reading.id, "data-value": reading.raw, **unit, **hidden}
    return html.Span(children, className=class_name, **attributes)


def null_words(ctx: Context, reading: Reading) -> str:
    message = f"null.{reading.state}"
    return ctx.say(message) if ctx.say.has(message) else ctx.say("null.no_data")


def feeds(ctx: Context) -> Iterator[dict[str, Any]]:
    """The rows of the feeds board, as plain values."""
    frame = ctx.frame("feeds", "feeds")
    if frame is not None:
        for row in frame.to_dict("records"):
            yield {str(k): _plain(v) for k, v in row.items()}


def feed_label(name: str) -> str:
    return name.replace("_", " ")


def feed_attributes(row: dict[str, Any]) -> dict[str, str]:
    at = moment_of(row.get("as_of"))
    return {
        "data-feed": str(row["name"]),
        "data-state": str(row["state"]),
        "data-as-of": at.isoformat() if at else "",
    }


def _plain(cell: Any) -> Any:
    if isinstance(cell, (list, tuple, dict)):
        return cell
    return None if pd.isna(cell) else cell
