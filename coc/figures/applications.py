"""One application or link: how long it was down each day, and how quickly it answered over the day from each place."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

from coc.figures.look import Look, safe, short, spread
from coc.figures.scale import nice_ceiling
from coc.figures.template import Figure, bar, blank, figure, scatter, text

_MINUTES: Final = 1440
_LEAST_TOP: Final = 30  # minutes: a day with two of them is not a wall of red
_STEP: Final = pd.Timedelta(minutes=30)
_LINES: Final = 4
_GAP: Final = 0.13


def down_minutes(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: day (ISO), up_share, coverage; oldest first. Minutes down each day; a day without data is shaded."""
    if frame.empty or not (frame["coverage"] > 0).any():
        return blank(look.palette)
    colours = look.palette
    days = [date.fromisoformat(day) for day in frame["day"]]
    down = ((1 - frame["up_share"]) * frame["coverage"] * _MINUTES).round(1).fillna(0).tolist()
    worst = max(down)
    top = nice_ceiling(max(worst, _LEAST_TOP))
    unknown = (frame["coverage"] <= 0).tolist()
    labels = []
    if worst > 0:
        place = down.index(worst)
        side = "right" if place > len(days) * 0.45 else "left"
        said = look.say("service.worst", day=look.day(days[place]), n=look.number(worst, 0))
        shift = -8 if side == "right" else 8
        labels.append(text(place, worst, said, xanchor=side, xshift=shift, yshift=-4, font={"color": colours.fg}))
    else:
        labels.append(text(len(days) / 2, top / 2, look.say("service.never_down"), xanchor="center"))
    months = [n for n, day in enumerate(days) if day.day == 1 and 3 <= n <= len(days) - 4]
    return figure(
        colours,
        [bar(x=list(range(len(days))), y=down, marker={"color": colours.bad}, name=look.say("state.down"))],
        margin={"l": 74, "r": 10, "t": 14, "b": 30},
        bargap=0.2,
        xaxis={
            "range": [-0.7, len(days) - 0.3],
            "tickvals": months,
            "ticktext": [look.day(days[n]) for n in months],
            "tickangle": 0,
        },
        yaxis={
            "range": [0, top * 1.08],
            "tickvals": [0, top / 2, top],
            "ticktext": [look.number(v, 0) for v in (0, top / 2, top)],
        },
        shapes=[_rule(v, colours.line) for v in (0, top / 2, top)] + _bands(unknown, colours.band),
        annotations=labels,
    )


def latency(frame: pd.DataFrame, look: Look, limit: float) -> Figure:
    """`frame`: place, at (half hours), p50, the first place foremost. `limit`: over it an answer counts as slow."""
    if frame.empty or frame["p50"].isna().all():
        return blank(look.palette)
    colours = look.palette
    places = frame["place"].drop_duplicates().tolist()[:_LINES]
    last = frame["at"].max()
    first = last - 47 * _STEP
    wide = frame[frame["place"].isin(places)].pivot_table(index="at", columns="place", values="p50", aggfunc="median")
    wide = wide.reindex(pd.date_range(first, last, freq=_STEP))
    places = [p for p in places if p in wide.columns]
    top = nice_ceiling(float(np.nanquantile(wide.to_numpy(), 0.99)) * 1.1)
    shades = [colours.accent, colours.fg, colours.muted, colours.faint]
    traces = [
        scatter(
            name=safe(place),
            x0=0,
            dx=1,
            y=[None if pd.isna(v) else round(min(float(v), top)) for v in wide[place]],
            mode="lines+markers" if wide[place].notna().sum() < 3 else "lines",
            connectgaps=False,
            line={"color": shade, "width": 4 if n == 0 else 2},
        )
        for n, (place, shade) in reversed(list(enumerate(zip(places, shades, strict=False))))
    ]
    ends = [float(wide[p].dropna().tail(4).median()) for p in places]
    named = zip(places, spread(ends, top * _GAP), shades, strict=False)
    labels = [
        text(
            1,
            min(y, top),
            safe(short(p, 18)),
            xref="paper",
            xshift=10,
            font={"color": c if c != colours.faint else colours.muted},
        )
        for p, y, c in named
    ]
    shapes = [_rule(v, colours.line) for v in (0, top / 2, top)]
    if limit <= top:
        shapes.append(_rule(limit, colours.warn, "dash"))
        labels.append(text(0, limit, look.say("service.slow"), yshift=12, font={"color": colours.warn}))
    hours = range(7, 48, 16)
    return figure(
        colours,
        traces,
        margin={"l": 84, "r": 180, "t": 12, "b": 30},
        xaxis={
            "range": [0, 47],
            "tickvals": list(hours),
            "ticktext": [look.hour((first + n * _STEP).to_pydatetime()) for n in hours],
            "tickangle": 0,
        },
        yaxis={
            "range": [0, top * 1.04],
            "tickvals": [0, top / 2, top],
            "ticktext": ["0", look.number(top / 2, 0), f"{look.number(top, 0)} {look.say('measure.ms')}"],
        },
        shapes=shapes,
        annotations=labels,
    )


def _rule(level: float, colour: str, dash: str = "solid") -> dict[str, Any]:
    line = {"color": colour, "width": 1, "dash": dash}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": level, "y1": level, "layer": "below", "line": line}


def _bands(unknown: list[bool], colour: str) -> list[dict[str, Any]]:
    """One for each run of days without data."""
    edges = np.flatnonzero(np.diff(np.array([False, *unknown, False], dtype=int)))
    box = {
        "type": "rect",
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "layer": "below",
        "line": {"width": 0},
        "fillcolor": colour,
    }
    return [box | {"x0": int(a) - 0.5, "x1": int(b) - 0.5} for a, b in zip(edges[::2], edges[1::2], strict=True)]
