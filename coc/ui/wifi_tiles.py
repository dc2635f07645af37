"""The tiles of WiFi: points by state, availability with how much of it is known, the people on it."""

from __future__ import annotations

from typing import Any

from coc.ui import tiles
from coc.ui.context import Context, Reading
from coc.ui.dom import html
from coc.ui.marks import icon, null_words, value

STATES = ("up", "degraded", "down", "no_data")
_TONES = {"up": "good", "degraded": "warn", "down": "bad", "no_data": "idle"}
_WINDOWS = {"24h": "wifi.availability_24h", "7d": "", "30d": "wifi.availability_30d"}


def states(ctx: Context, href: str = "") -> list[Any]:
    """Four disjoint states, each with its shape, number and word. `href`: where the title leads."""
    readings = {state: ctx.reading(f"wifi.{state}") for state in STATES}
    size = tiles.size_of(*(tiles.figure_text(ctx, r, "count") for r in readings.values()), room=12)
    shown = []
    for state, reading in readings.items():
        number = value(reading, tiles.figure_text(ctx, reading, "count"), size)
        word = html.Span([icon(state), ctx.say(f"state.{state}")], className="coc-state-label")
        tone = _TONES[state] if reading.value else "idle"
        shown.append(html.Div([number, word], className="coc-state", **{"data-tone": tone}))
    title = titled(ctx, "kpi.wifi_points", readings["up"])
    label = tiles.labelled(ctx, title, *(f"wifi.{state}" for state in STATES), href=href)
    return [label, html.Div(shown, className="coc-states")]


def titled(ctx: Context, label: str, first: Reading) -> str:
    """The label of a tile of several numbers, with why they are null where they are."""
    return ctx.say(label) if first.value is not None else f"{ctx.say(label)}: {null_words(ctx, first)}"


def flapping(ctx: Context) -> list[Any]:
    """How many of the points, whatever their state, change it all the time; nothing where none does."""
    points = ctx.frame("network", "points")
    count = 0 if points is None else int(points["flapping"].sum())
    if not count:
        return []
    words = ctx.say("wifi.flapping.count", n=ctx.writer.number(count))
    return [html.Span([icon("flapping"), words], className="coc-flapping", **{"data-tone": "warn"})]


def availability(ctx: Context) -> list[Any]:
    """The share of known time, of three windows, each beside how much of the window is known."""
    frame = ctx.frame("network", "windows")
    rows = {} if frame is None else {w: (up, c) for w, up, c in frame.itertuples(index=False)}
    cells = [_window(ctx, name, kpi, *rows.get(name, (None, None))) for name, kpi in _WINDOWS.items()]
    label = tiles.labelled(ctx, ctx.say("wifi.availability"), *(k for k in _WINDOWS.values() if k))
    return [label, html.Div(cells, className="coc-states coc-windows")]


def _window(ctx: Context, name: str, kpi: str, up: float | None, coverage: float | None) -> Any:
    reading = ctx.reading(kpi) if kpi else None
    share = reading.value if reading is not None else up
    text = ctx.writer.percent(share)
    shown = html.Span(text, className="coc-value") if reading is None else value(reading, text)
    words = [html.Span(ctx.say(f"wifi.window.{name}")), html.Span(known(ctx, coverage), className="coc-known")]
    return html.Div([shown, html.Span(words, className="coc-state-label")], className="coc-state")


def known(ctx: Context, coverage: float | None) -> str:
    """How much of the time is known, in words; never without its availability."""
    return ctx.say("wifi.known", share=ctx.writer.percent(coverage, 0))


def clients(ctx: Context) -> list[Any]:
    """People on it now, against what the sites can hold."""
    kpi = "wifi.clients"
    areas, now = ctx.frame("network", "areas"), ctx.reading(kpi).value
    capacity = 0 if areas is None else int(areas["capacity"].sum())
    foot = []
    if capacity and now is not None:
        foot = [html.Span(ctx.say("wifi.of_capacity", capacity=ctx.writer.number(capacity)))]
    return tiles.tile(ctx, ctx.say("kpi.clients"), tiles.big(ctx, kpi, "count"), foot, kpi)
