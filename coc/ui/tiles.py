"""KPI tiles: one number that matters, its unit, its past, what changed, where it should be."""

from __future__ import annotations

from typing import Any

import pandas as pd

from coc.figures.spark import spark
from coc.metrics.registry import registered
from coc.ui.context import Context, Reading
from coc.ui.dom import html
from coc.ui.explain import info
from coc.ui.links import items
from coc.ui.marks import icon, null_words, value
from coc.ui.targets import band, written

Children = list[Any]
_ROOM = 6  # characters of a big number that fit: 12.345


def figure_text(ctx: Context, reading: Reading, measure: str) -> str:
    """The number without its unit: counts whole, rates and hours with one decimal; "< 5" where that is all it says."""
    if reading.value is None:
        return ctx.say("null.lt5") if reading.kind == "lt5" else ctx.writer.number(None)
    if measure == "rate":
        return ctx.writer.percent_number(reading.value)
    return ctx.writer.number(reading.value, 1 if measure == "hours" else 0)


def tile(ctx: Context, label: str, main: Children, foot: Children, *kpis: str, href: str | None = None) -> Children:
    """The three rows of a tile. `kpis`: what it shows, if any. `href`: where it leads, else to the items behind it."""
    return [
        labelled(ctx, label, *kpis, href=href),
        html.Div(main, className="coc-tile-main"),
        html.Div(foot, className="coc-tile-foot"),
    ]


def labelled(ctx: Context, label: str, *kpis: str, href: str | None = None) -> Any:
    """The first row alone: the words and the "i".

    The words lead to `href`, else to what is counted where the viewer may see that.
    """
    href = href or (items(ctx, kpis[0]) if kpis else None)
    words = html.A(label, href=href, className="coc-items") if href else html.Span(label)
    return html.Div([words, info(ctx, *kpis)] if kpis else words, className="coc-tile-label")


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


def target_state(ctx: Context, kpi: str) -> Children:
    """Where the number stands against the target of its scope, with a shape and words; nothing without a target."""
    found, now = band(ctx, kpi), ctx.reading(kpi).value
    if found is None or now is None:
        return []
    state = found.state(now)
    words = ctx.say(_WORDS[state, found.better], value=written(ctx.writer, found.target, registered()[kpi].measure))
    shape = [] if state == "noted" else [icon(f"target-{state}")]
    return [html.Span([*shape, words], className="coc-target", **{"data-tone": _TONES[state]})]


_TONES = {"met": "good", "near": "warn", "missed": "bad", "noted": "idle"}
_WORDS = {
    ("met", "up"): "target.met",
    ("met", "down"): "target.met",
    ("near", "up"): "target.near",
    ("near", "down"): "target.near_over",
    ("missed", "up"): "target.missed",
    ("missed", "down"): "target.missed_over",
    ("noted", None): "target.noted",
}
