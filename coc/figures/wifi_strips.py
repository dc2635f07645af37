"""The day of access points as strips: what was not up stands out of a thin line by height and colour."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from coc.domain.instants import to_micros
from coc.figures.look import Look, ended, safe
from coc.figures.template import Figure, bar, blank, figure, text, with_rows

HOURS: Final = 24
ROWS: Final = 10  # as many as a wall can read
_MINUTE: Final = 60_000_000
_NAME: Final = 240  # pixels for names
_SHARE: Final = 86
# How high each state stands in its row: told without its colour, too.
_HEIGHT: Final = {"up": 0.12, "no_data": 0.3, "degraded": 0.5, "down": 0.84}


def strips(frame: pd.DataFrame, look: Look, now: datetime, rows: int = ROWS) -> Figure:
    """`frame`: ap, name, up_24h (of the day, NaN: unknown), start, end, span (its state), in order of the rows.

    A point without a bad hour has one row whose start is null. Times are drawn as minutes before now.
    """
    if frame.empty:
        return blank(look.palette)
    points = frame.drop_duplicates("ap").head(rows).reset_index(drop=True)
    place = {ap: -float(i) for i, ap in enumerate(points["ap"])}
    colours = look.palette
    traces = [_rail(len(points), look)]
    spans = frame[frame["start"].notna() & frame["ap"].isin(place)]
    for state, colour in (("no_data", colours.muted), ("degraded", colours.warn), ("down", colours.bad)):
        mine = spans[spans["span"] == state]
        if len(mine):
            traces.append(_spans(mine, state, colour, place, now, look))
    drawn = figure(
        colours,
        traces,
        margin={"l": _NAME if rows > 1 else 8, "r": _SHARE, "t": 4, "b": 30},
        barmode="overlay",
        xaxis={"range": [-HOURS * 60, 0], **hour_axis(now, look)},
        yaxis={"range": [0.5 - rows, 0.5], "visible": False},
        annotations=_words(points, look, named=rows > 1),
    )
    return with_rows(drawn, [(0.5 - i, -0.5 - i, "ap", str(ap)) for i, ap in enumerate(points["ap"])])


def _rail(n: int, look: Look) -> dict[str, Any]:
    """Up, for as long as nothing else is drawn over it."""
    return bar(
        name=look.say("state.up"),
        orientation="h",
        y=[-i for i in range(n)],
        base=[-HOURS * 60] * n,
        x=[HOURS * 60] * n,
        width=_HEIGHT["up"],
        marker={"color": look.palette.accent, "opacity": 0.55},
    )


def _spans(
    mine: pd.DataFrame, state: str, colour: str, place: dict[str, float], now: datetime, look: Look
) -> dict[str, Any]:
    moment = round(now.timestamp() * 1e6)
    start = (to_micros(mine["start"]) - moment) / _MINUTE
    end = (to_micros(mine["end"]) - moment) / _MINUTE
    # A spell of five minutes is two pixels wide on a wall; what is shorter than that is drawn as long.
    length = np.maximum(end - start, 5.0)
    marker: dict[str, Any] = {"color": colour}
    if state == "no_data":
        # Nothing is known: an open box on the ground, where the others are filled.
        marker = {"color": look.palette.surface, "line": {"color": colour, "width": 2}}
    return bar(
        name=look.say(f"state.{state}"),
        orientation="h",
        y=[place[ap] for ap in mine["ap"]],
        base=[round(float(v), 1) for v in start],
        x=[round(float(v), 1) for v in length],
        width=_HEIGHT[state],
        marker=marker,
    )


def _words(points: pd.DataFrame, look: Look, *, named: bool) -> list[dict[str, Any]]:
    names = [
        text(
            0,
            -i,
            safe(ended(str(name), 23)),
            xref="paper",
            xshift=-10,
            xanchor="right",
            font={"color": look.palette.fg},
        )
        for i, name in enumerate(points["name"])
    ]
    shares = [
        text(1, -i, "–" if pd.isna(up) else look.percent(float(up), 1), xref="paper", xshift=10)
        for i, up in enumerate(points["up_24h"])
    ]
    return names + shares if named else shares


def hour_axis(now: datetime, look: Look) -> dict[str, Any]:
    """Whole hours of the clock, every sixth, none at the edges where it would be cut."""
    whole = now.replace(minute=0, second=0, microsecond=0)
    ats = [whole - timedelta(hours=h) for h in range(HOURS - 3, 0, -6)]
    return {
        "tickvals": [round((at - now).total_seconds() / 60, 1) for at in ats],
        "ticktext": [look.hour(at) for at in ats],
        "tickangle": 0,
    }
