"""How much the WiFi is used: the day's curve, sites against what they can hold, and who gets how much."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pandas as pd

from coc.figures.look import Look
from coc.figures.rows import head
from coc.figures.scale import nice_ceiling
from coc.figures.template import Figure, bar, blank, figure, scatter, text, with_rows

ROWS: Final = 9
_NAME: Final = 262
_NUMBER: Final = 190


def hours(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: hour (0..23, the city's), clients, most: a bar an hour, a tick at its fullest day, the peak named."""
    if frame.empty or frame["clients"].isna().all():
        return blank(look.palette)
    colours = look.palette
    peak = int(np.nanargmax(frame["clients"].to_numpy()))
    top = nice_ceiling(float(frame["most"].max()) * 1.12)
    shades = [colours.accent if h == peak else colours.faint for h in range(24)]
    bars = bar(
        name=look.say("wifi.hours.mean"),
        x=frame["hour"].tolist(),
        y=[None if math.isnan(v) else round(v) for v in frame["clients"]],
        width=0.72,
        marker={"color": shades},
    )
    ticks = scatter(
        name=look.say("wifi.hours.most"),
        x=frame["hour"].tolist(),
        y=[None if math.isnan(v) else round(v) for v in frame["most"]],
        mode="markers",
        marker={"symbol": "line-ew", "size": 16, "line": {"width": 3, "color": colours.muted}},
    )
    people = float(frame["clients"].iloc[peak])
    words = look.say("wifi.hours.peak", hour=_clock(look, peak), clients=look.number(people, 0))
    side = "left" if peak < 12 else "right"
    note = text(peak, top, words, xanchor=side, yanchor="top", font={"color": colours.fg})
    return figure(
        colours,
        [bars, ticks],
        margin={"l": 74, "r": 6, "t": 8, "b": 30},
        xaxis={
            "range": [-0.6, 23.6],
            "tickvals": [3, 8, 13, 18, 23 - 0.4],
            "ticktext": [_clock(look, h) for h in (3, 8, 13, 18, 23)],
            "tickangle": 0,
        },
        yaxis={
            "range": [0, top * 1.05],
            "tickvals": [0, top / 2, top],
            "ticktext": [look.number(v, 0) for v in (0, top / 2, top)],
        },
        shapes=[_rule(level, colours.line) for level in (0, top / 2, top)],
        annotations=[note],
    )


def _clock(look: Look, hour: int) -> str:
    """An hour of the city's day as its language writes it: 14.00, 14:00."""
    sign = "." if "." in look.hour(datetime(2024, 1, 1, tzinfo=UTC)) else ":"
    return f"{hour:02d}{sign}00"


def _rule(level: float, colour: str) -> dict[str, Any]:
    line = {"color": colour, "width": 1}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": level, "y1": level, "layer": "below", "line": line}


def full(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: name, capacity, peak (NaN: unknown), over, known, as `wifi_use.sites` orders them.

    A bar is the fullest hour's share of the capacity; what is over it is red beyond the line of 100 %.
    """
    rows = frame[frame["peak"].notna()].head(ROWS)
    if rows.empty:
        return blank(look.palette)
    shares = [float(p) / float(c) for p, c in zip(rows["peak"], rows["capacity"], strict=True)]
    ends = [
        look.say("wifi.full.over", share=look.percent(s, 0), hours=look.number(o, 0))
        if o
        else look.say("wifi.full.within", share=look.percent(s, 0))
        for s, o in zip(shares, rows["over"], strict=True)
    ]
    top = max(1.15, *shares)
    drawn = _rows(rows["name"], [min(s, 1.0) for s in shares], ends, look, top)
    over = [max(s - 1.0, 0.0) for s in shares]
    if any(over):
        extra = bar(
            name=look.say("wifi.full.beyond"),
            orientation="h",
            y=list(range(len(rows))),
            base=[1.0] * len(rows),
            x=[round(v, 3) for v in over],
            width=0.56,
            marker={"color": look.palette.bad},
        )
        drawn["data"].append(extra)
    line = {"color": look.palette.fg, "width": 2}
    mark = {"type": "line", "x0": 1, "x1": 1, "y0": -0.5, "y1": len(rows) - 0.5, "line": line}
    drawn["layout"]["shapes"] = [mark]
    return drawn


def gets(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: ap, name, clients, per_client (bit/s), those that get least first."""
    rows = frame.head(ROWS)
    if rows.empty:
        return blank(look.palette)
    values = [float(v) / 1e6 for v in rows["per_client"]]
    ends = [
        look.say("wifi.gets.end", rate=look.number(v, 2 if v < 1 else 1), clients=look.number(c, 0))
        for v, c in zip(values, rows["clients"], strict=True)
    ]
    return _linked(rows, _rows(rows["name"], values, ends, look, max(*values, 0.01)))


def low(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: ap, name, clients_day, limit: the points that fewer people use than the limit, the fewest first."""
    rows = frame.head(ROWS)
    if rows.empty:
        return blank(look.palette)
    values = [float(v) for v in rows["clients_day"]]
    ends = [look.say("wifi.low.end", n=look.number(v, 1)) for v in values]
    return _linked(rows, _rows(rows["name"], values, ends, look, float(rows["limit"].iloc[0])))


def _rows(names: pd.Series[Any], values: Sequence[float], ends: list[str], look: Look, top: float) -> Figure:
    """Bars from zero with the name to the left and the numbers to the right."""
    trace = bar(
        orientation="h",
        y=list(range(len(values))),
        x=[round(v, 3) for v in values],
        width=0.56,
        marker={"color": look.palette.accent},
    )
    labels = [head(i, str(name), look, _NAME) for i, name in enumerate(names)]
    labels += [text(1, i, end, xref="paper", xshift=10) for i, end in enumerate(ends)]
    return figure(
        look.palette,
        [trace],
        barmode="overlay",
        margin={"l": _NAME, "r": _NUMBER, "t": 0, "b": 0},
        xaxis={"range": [0, top], "visible": False},
        yaxis={"range": [max(len(values), ROWS) - 0.5, -0.5], "visible": False},
        annotations=labels,
    )


def _linked(rows: pd.DataFrame, drawn: Figure) -> Figure:
    return with_rows(drawn, [(i - 0.5, i + 0.5, "ap", str(ap)) for i, ap in enumerate(rows["ap"])])
