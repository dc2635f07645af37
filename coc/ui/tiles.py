"""KPI tiles: one number that matters, its unit, its past, what changed, where it should be."""

from __future__ import annotations

from typing import Any

import pandas as pd

from coc.figures.spark import spark
from coc.ui.context import Context, Reading
from coc.ui.dom import html
from coc.ui.marks import icon, null_words, value

Children = list[Any]
_ROOM = 6  # characters of a big number that fit: 12.345


def figure_text(ctx: Context, reading: Reading, measure: str) -> str:
    """The number without its unit: counts whole, rates and hours with one decimal; "< 5" where that is all it says."""
    if reading.value is None:
        return ctx.say("null.lt5") if reading.kind == "lt5" else ctx.writer.number(None)
    if measure == "rate":
        return ctx.writer.percent_number(reading.value)
    return ctx.writer.number(reading.value, 1 if measure == "hours" else 0)


def tile(label: str, main: Children, foot: Children) -> Children:
    """The three rows of a tile."""
    return [
        html.Div(label, className="coc-tile-label"),
        html.Div(main, className="coc-tile-main"),
        html.Div(foot, className="coc-tile-foot"),
    ]


def big(ctx: Context, kpi: str, measure: str, unit: str = "") -> Children:
    """The number with its unit beside it; a null is an en dash with the words of its state."""
    reading = ctx.reading(kpi)
    shown: Children = [figure_text(ctx, reading, measure)]
    if reading.value is None:
        return [html.Div([value(reading, shown), html.Span(null_words(ctx, reading), className="coc-unit")])]
    sign = ctx.writer.percent_sign.strip() if measure == "rate" else unit
    if sign:
        shown.append(html.Span(sign, className="coc-unit"))
    return [value(reading, shown, size_of(shown[0]))]


def size_of(*numbers: str, room: int = _ROOM) -> str:
    """The class of a tile's numbers: smaller where their digits would not fit in a row."""
    return "coc-value" if sum(map(len, numbers)) <= room else "coc-value coc-value-long"


def small(ctx: Context, kpi: str, measure: str, words: str, *, words_first: bool = False) -> Any:
    """A second number of a tile, with its words."""
    reading = ctx.reading(kpi)
    text = figure_text(ctx, reading, measure)
    if measure == "rate" and reading.value is not None:
        text += ctx.writer.percent_sign
    number = value(reading, text, "coc-small-value")
    return html.Span([words, " ", number] if words_first else [number, " ", words], className="coc-pair")


def line(ctx: Context, past: pd.DataFrame, now: float | None) -> Children:
    """The sparkline of past days and now (None: a day that is not over), or nothing where there is no past."""
    values = [None if pd.isna(v) else float(v) for v in past["value"]]
    source = spark(values if now is None else [*values, now], ctx.colours)
    return [html.Img(src=source, className="coc-spark", alt="")] if source else []


def delta(ctx: Context, change: float | None, message: str, decimals: int, better: str | None) -> Children:
    """What changed: an arrow, the difference, since when. Nothing where one side is unknown."""
    if change is None:
        return []
    if round(change, decimals) == 0:
        return [html.Span([icon("same"), ctx.say("foot.same_yesterday") if decimals == 0 else ctx.say("delta.same")])]
    up = change > 0
    worse = better is not None and up == (better == "down")
    words = ctx.say(message, value=ctx.writer.signed(change, decimals))
    told = ctx.say("delta.worse" if worse else "delta.better") if better else None
    tone = {"data-tone": "warn" if worse else "good"} if better else {}
    return [html.Span([icon("rise" if up else "fall"), words], className="coc-delta", title=told, **tone)]


def change_since(past: pd.DataFrame, now: float | None, days: int) -> float | None:
    """Now minus the value `days` days back; None where either is unknown."""
    if now is None or len(past) < days or pd.isna(past["value"].iloc[-days]):
        return None
    return now - float(past["value"].iloc[-days])


def target_state(ctx: Context, kpi: str, measure: str, better: str) -> Children:
    """Where the number stands against its target, with a shape and words; nothing without a target."""
    target = ctx.view.settings.targets.get(kpi)
    now = ctx.reading(kpi).value
    if target is None or target.target is None or now is None:
        return []
    sign = -1 if better == "down" else 1
    met = now * sign >= target.target * sign
    near = target.warn is not None and now * sign >= target.warn * sign
    state, tone = ("met", "good") if met else ("near", "warn") if near else ("missed", "bad")
    shown = (
        ctx.writer.percent(target.target, 0 if round(target.target * 100, 6).is_integer() else 1)
        if measure == "rate"
        else ctx.writer.number(target.target, 0 if target.target.is_integer() else 1)
    )
    suffix = "_over" if sign < 0 and not met else ""
    words = ctx.say(f"target.{state}{suffix}", value=shown)
    return [html.Span([icon(f"target-{state}"), words], className="coc-target", **{"data-tone": tone})]
