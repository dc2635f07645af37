"""One unit: whether it uses the e-office week after week, and what it holds by age."""

from __future__ import annotations

from typing import Any

import pandas as pd

from coc.figures.dispositions import backlog_by_age
from coc.figures.look import Look
from coc.figures.template import Figure, bar, blank, figure, text

_BUCKETS = ("0-1", "2-3", "4-5", "gt5")


def ages(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: bucket (its place), backlog, overdue. What the unit holds, by age in working days."""
    named = frame.assign(bucket=[_BUCKETS[int(i)] for i in frame["bucket"]])
    return backlog_by_age(named[["bucket", "backlog", "overdue"]], look)


def habit(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: monday, registered, known, counts, habit, limit. A bar a week, and the line that makes it a habit.

    The weeks that adoption looks at are in the accent where they reach the line, in red where they do not; a week with
    too few working days is pale; one before anything was known is not drawn.
    """
    if frame.empty or not frame["known"].any():
        return blank(look.palette)
    colours, limit = look.palette, float(frame["limit"].iloc[0])
    values = [int(n) if known else None for n, known in zip(frame["registered"], frame["known"], strict=True)]
    top = max(limit * 1.4, *(v or 0 for v in values))

    def colour(value: int | None, counts: bool, looked_at: bool) -> str:
        if not counts:
            return colours.line
        if not looked_at:
            return colours.faint
        return colours.accent if (value or 0) >= limit else colours.bad

    shades = [colour(v, bool(c), bool(h)) for v, c, h in zip(values, frame["counts"], frame["habit"], strict=True)]
    xs = list(range(len(values)))
    labels: list[dict[str, Any]] = [
        text(x, v, look.number(v, 0), xanchor="center", yanchor="bottom", font={"color": colours.fg})
        for x, v in zip(xs, values, strict=True)
        if v is not None
    ]
    days = xs[1 :: max(1, len(xs) // 4)]  # the first would stick out of a phone
    labels += [text(x, 0, look.day(frame["monday"].iloc[x]), yref="paper", xanchor="center", yshift=-16) for x in days]
    return figure(
        colours,
        [bar(name=look.say("unit.habit.letters"), x=xs, y=values, width=0.7, marker={"color": shades})],
        margin={"l": 0, "r": 0, "t": 28, "b": 30},
        xaxis={"range": [-0.6, len(xs) - 0.4], "visible": False},
        yaxis={"range": [0, top], "visible": False},
        shapes=[
            {
                **{"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": limit, "y1": limit, "layer": "above"},
                "line": {"color": colours.muted, "width": 2, "dash": "dot"},
            }
        ],
        annotations=labels,
    )
