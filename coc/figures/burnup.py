"""Installed WiFi sites against the plan by month, and what is still to come at the pace of the last half year."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import pandas as pd

from coc.figures.look import Look, spread
from coc.figures.scale import nice_ceiling
from coc.figures.template import Figure, blank, figure, scatter, text

_ROOM: Final = 142  # px right of the last month, for the names of lines
_GAP: Final = 0.28  # share of the height that a label of two lines needs
_MOST_YEARS: Final = 5  # named on the axis
_LATE: Final = 0.62  # of the width: from here on today's words stand left of it


def burnup(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: at (ISO day), planned, installed (NaN after today), forecast (NaN before today, or all), today (bool).

    Steps, for a site is installed on a day. The plan is grey, what is installed the accent, the forecast dotted: it is
    no measurement.
    """
    if frame.empty or not frame[["planned", "installed"]].fillna(0).to_numpy().any():
        return blank(look.palette)
    colours = look.palette
    rows = frame.sort_values("at").reset_index(drop=True)
    xs = [date.fromisoformat(d).toordinal() for d in rows["at"]]
    now = int(rows["today"].to_numpy().argmax())
    top = nice_ceiling(float(rows[["planned", "installed", "forecast"]].max().max()))
    done = [None if pd.isna(v) else int(v) for v in rows["installed"]]
    there, due = done[now] or 0, int(rows["planned"].iloc[now])
    traces = [
        _line(look.say("programme.plan"), xs, rows["planned"].astype(int).tolist(), colours.muted, 3),
        _line(look.say("programme.installed"), xs[: now + 1], done[: now + 1], colours.accent, 5),
    ]
    ends = [(look.say("programme.plan_end", count=look.number(int(rows["planned"].iloc[-1]), 0)), colours.muted)]
    heights = [float(rows["planned"].iloc[-1])]
    ahead = rows["forecast"].iloc[now:]
    if ahead.notna().all() and len(ahead) > 1:
        values = [round(float(v), 1) for v in ahead]
        traces.append(_line(look.say("programme.forecast"), xs[now:], values, colours.accent, 3, dash="dot"))
        ends.append((look.say("programme.forecast_end", count=look.number(round(values[-1]), 0)), colours.accent))
        heights.append(values[-1])
    places = spread(heights, top * _GAP)
    labels = [
        text(1, min(place, top), words, xref="paper", xshift=12, align="left", font={"color": colour})
        for place, (words, colour) in zip(places, ends, strict=True)
    ]
    labels += _today(xs, now, there, due, look)
    return figure(
        colours,
        traces,
        margin={"l": 58, "r": _ROOM, "t": 30, "b": 30},
        xaxis={"range": [xs[0], max(xs[-1], xs[0] + 1)], **_years(xs)},
        yaxis={
            "range": [0, top * 1.04],
            "tickvals": [0, top / 2, top],
            "ticktext": [look.number(v, 0) for v in (0, top / 2, top)],
        },
        shapes=[_rule(level, colours.line) for level in (top / 2, top)] + [_upright(xs[now], colours.fg)],
        annotations=labels,
    )


def _line(name: str, xs: list[int], ys: list[Any], colour: str, width: int, dash: str = "solid") -> dict[str, Any]:
    shape = "linear" if dash == "dot" else "hv"
    return scatter(
        name=name, x=xs, y=ys, mode="lines", line={"color": colour, "width": width, "shape": shape, "dash": dash}
    )


def _today(xs: list[int], now: int, there: int, due: int, look: Look) -> list[dict[str, Any]]:
    """The word over today's line, and under the curve how far what is installed stands from the plan."""
    colours, gap = look.palette, due - there
    word = "programme.behind" if gap > 0 else "programme.ahead" if gap < 0 else "programme.on_plan"
    said = look.say(word, count=look.number(abs(gap), 0))
    left = (xs[now] - xs[0]) / max(xs[-1] - xs[0], 1) > _LATE or now == len(xs) - 1
    side = {"xanchor": "right", "xshift": -10} if left else {"xanchor": "left", "xshift": 10}
    return [
        text(xs[now], 1, look.say("flow.today"), yref="paper", xanchor="center", yanchor="bottom", yshift=2),
        text(
            xs[now],
            0,
            f"<b>{look.say('programme.installed_now', count=look.number(there, 0))}</b><br>{said}",
            yanchor="bottom",
            yshift=8,
            align="right" if left else "left",
            font={"color": colours.fg},
            **side,
        ),
    ]


def _years(xs: list[int]) -> dict[str, Any]:
    """The first days of years, so many as have room."""
    first, last = date.fromordinal(xs[0]).year + 1, date.fromordinal(xs[-1]).year
    step = -(-max(last - first + 1, 1) // _MOST_YEARS)
    years = list(range(first, last + 1, step))
    return {"tickvals": [date(y, 1, 1).toordinal() for y in years], "ticktext": [str(y) for y in years], "tickangle": 0}


def _rule(level: float, colour: str) -> dict[str, Any]:
    line = {"color": colour, "width": 1}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": level, "y1": level, "layer": "below", "line": line}


def _upright(at: int, colour: str) -> dict[str, Any]:
    line = {"color": colour, "width": 2, "dash": "dash"}
    return {"type": "line", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1, "layer": "below", "line": line}
