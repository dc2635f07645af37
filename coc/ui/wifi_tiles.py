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


def rate(ctx: Context) -> list[Any]:
    """What all points carry now, and what that is for each client on them."""
    points = ctx.frame("network", "points")
    told = None if points is None else points[points["bps"].notna() & points["clients"].notna()]
    people = 0 if told is None else int(told["clients"].sum())
    each = None if told is None or not people else float(told["bps"].sum()) / people / 1e6
    main = [html.Div([_number(ctx, each, 2, ""), _unit(ctx, "wifi.mbps", each)])]
    foot: list[Any] = []
    if told is not None and each is not None:
        foot = [html.Span(ctx.say("wifi.rate.of", n=ctx.writer.number(len(told)), clients=ctx.writer.number(people)))]
    return _plain(ctx.say("wifi.rate"), main, foot)


def over(ctx: Context) -> list[Any]:
    """Sites that were fuller than they can hold, and for how many hours together."""
    sites = ctx.frame("network", "sites")
    full = None if sites is None else int((sites["over"] > 0).sum())
    unit = html.Span("" if sites is None else ctx.say("wifi.over.of", n=ctx.writer.number(len(sites))))
    main = [html.Div([_number(ctx, full, 0, "bad" if full else ""), html.Span(unit, className="coc-unit")])]
    total = 0 if sites is None else int(sites["over"].sum())
    foot = [html.Span(ctx.say("wifi.over.hours", n=ctx.writer.number(total)))] if full else []
    return _plain(ctx.say("wifi.over"), main, foot)


def low_use(ctx: Context) -> list[Any]:
    """Points that fewer clients a day use than the limit, of those that are known well enough to say so."""
    points, limit = ctx.frame("network", "points"), ctx.view.settings.limits.low_use_clients_per_day
    judged = 0 if points is None else int(points["clients_day"].notna().sum())
    low = None if points is None or not judged else int((points["clients_day"] < limit).sum())
    words = ctx.say("wifi.low.of", n=ctx.writer.number(judged)) if judged else ctx.say("null.no_data")
    main = [html.Div([_number(ctx, low, 0, ""), html.Span(words, className="coc-unit")])]
    return _plain(ctx.say("wifi.low"), main, [html.Span(ctx.say("wifi.low.limit", limit=ctx.writer.number(limit)))])


def _number(ctx: Context, value_: float | None, decimals: int, tone: str) -> Any:
    return html.Span(ctx.writer.number(value_, decimals), className="coc-value", **{"data-tone": tone})


def _unit(ctx: Context, message: str, value_: float | None) -> Any:
    return html.Span(ctx.say(message if value_ is not None else "null.no_data"), className="coc-unit")


def _plain(label: str, main: list[Any], foot: list[Any]) -> list[Any]:
    """A tile of a number that is no KPI."""
    return [
        html.Div(html.Span(label), className="coc-tile-label"),
        html.Div(main, className="coc-tile-main"),
        html.Div(foot, className="coc-tile-foot"),
    ]
