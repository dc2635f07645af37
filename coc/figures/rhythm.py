"""When dispositions come and go, day by day, and at which hours of the week they are given."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from coc.figures.look import Look
from coc.figures.rows import box
from coc.figures.scale import nice_ceiling
from coc.figures.template import Figure, bar, blank, figure, scatter, text

HOURS = tuple(f"h{hour:02}" for hour in range(24))
_DAY = 50  # px for a weekday's name
_LOWER = 0.56  # share of the height that the bars have


def balance(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: day (ISO, a step's first), arrived, departed, backlog, working; one row a day, or one a week.

    Below: arrivals as bars, departures as the accent line, on one scale from 0. Above: the backlog at the end of each
    step, between its own least and most. Days without work are banded.
    """
    days = frame.sort_values("day").reset_index(drop=True)
    if days.empty or not days[["arrived", "departed", "backlog"]].to_numpy().any():
        return blank(look.palette)
    colours, xs = look.palette, list(range(len(days)))
    arrived, departed, backlog = (days[c].astype(int).tolist() for c in ("arrived", "departed", "backlog"))
    top = nice_ceiling(float(max(*arrived, *departed, 1)))
    low, high = min(backlog), max(backlog)
    room = max((high - low) * 0.35, 1.0)
    last = len(xs) - 1
    traces = [
        bar(name=look.say("balance.arrived"), x=xs, y=arrived, width=0.7, marker={"color": colours.faint}),
        scatter(
            name=look.say("balance.departed"), x=xs, y=departed, line={"color": colours.accent, "width": 3},
            mode="lines" if last else "markers",
        ),
        scatter(
            name=look.say("balance.backlog"), x=xs, y=backlog, yaxis="y2", line={"color": colours.fg, "width": 3},
            mode="lines" if last else "markers",
        ),
    ]  # fmt: skip
    ends = {"xref": "x", "yref": "y2"}
    labels = [
        text(0, 1, look.say("balance.backlog"), xref="paper", yref="paper", yanchor="top", font=_of(colours.fg)),
        text(last, backlog[-1], f"<b>{look.number(backlog[-1], 0)}</b>", xshift=8, font=_of(colours.fg), **ends),
        text(0, backlog[0], look.number(backlog[0], 0), xshift=-8, xanchor="right", **ends),
        text(0, _LOWER, look.say("balance.arrived"), xref="paper", yref="paper", yanchor="bottom"),
        text(1, _LOWER, look.say("balance.departed"), xref="paper", yref="paper", xanchor="right", yanchor="bottom",
             font=_of(colours.accent)),
    ]  # fmt: skip
    return figure(
        colours,
        traces,
        margin={"l": 66, "r": _END, "t": 0, "b": 28},
        xaxis={"range": [-0.6, last + 0.6], "anchor": "y", **_ticks(days["day"].tolist(), look)},
        yaxis={
            "range": [0, top * 1.02],
            "domain": [0, _LOWER],
            "tickvals": [0, top / 2, top],
            "ticktext": ["0", look.number(top / 2, 0 if top >= 4 else 1), look.number(top, 0)],
        },
        yaxis2={
            "range": [low - room, high + room * 1.6],
            "domain": [_LOWER + 0.12, 1],
            "visible": False,
            "anchor": "x",
        },
        shapes=_closed(days, look),
        annotations=labels,
    )


_END = 74  # px for the last backlog


def _of(colour: str) -> dict[str, str]:
    return {"color": colour}


def _ticks(days: list[str], look: Look) -> dict[str, Any]:
    """Three dates at most, none at the very edges where it would lie on what is beside."""
    last = len(days) - 1
    places = sorted({round(last * share) for share in (0.1, 0.5, 0.9)})
    words = [look.day(date.fromisoformat(days[i])) for i in places]
    return {"tickvals": places, "ticktext": words, "tickangle": 0}


def _closed(days: pd.DataFrame, look: Look) -> list[dict[str, Any]]:
    """A band behind each run of steps without a working day."""
    closed = [i for i, works in enumerate(days["working"]) if not int(works)]
    runs: list[list[int]] = []
    for i in closed:
        if runs and runs[-1][-1] == i - 1:
            runs[-1].append(i)
        else:
            runs.append([i])
    band = {"type": "rect", "yref": "paper", "y0": 0, "y1": _LOWER, "layer": "below", "line": {"width": 0}}
    return [band | {"x0": run[0] - 0.5, "x1": run[-1] + 0.5, "fillcolor": look.palette.band} for run in runs]


def week(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: weekday (0 Monday), office (24 digits, 1: working time), h00 ... h23. Seven rows of 24 cells.

    Darker is more; in the accent what was given in working time, in grey what was not.
    """
    rows = frame.sort_values("weekday").reset_index(drop=True)
    counts = rows[list(HOURS)].to_numpy(dtype="int64") if len(rows) else None
    if counts is None or not counts.any():
        return blank(look.palette)
    colours, most = look.palette, float(counts.max())
    shapes: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    for row, (weekday, office) in enumerate(zip(rows["weekday"], rows["office"], strict=True)):
        labels.append(text(0, row, look.say(f"week.day.{int(weekday)}"), xref="paper", xshift=-_DAY))
        for hour, count in enumerate(counts[row].tolist()):
            works = str(office)[hour] == "1"
            corners = (hour - 0.5 + _SEAM, row - 0.5 + _SEAM, hour + 0.5 - _SEAM, row + 0.5 - _SEAM)
            if works:
                shapes.append(box(corners, colours.band))
            if count:
                strength = 0.18 + 0.82 * (count / most) ** 0.5
                shapes.append(box(corners, colours.accent if works else colours.muted, round(strength, 2)))
    ticks = [6, 12, 18]
    return figure(
        colours,
        [
            scatter(
                name=look.say("week.given"),
                x=[hour for _ in range(len(rows)) for hour in range(24)],
                y=[row for row in range(len(rows)) for _ in range(24)],
                text=counts.ravel().tolist(),
                mode="markers",
                marker={"opacity": 0},
            )
        ],
        margin={"l": _DAY, "r": 0, "t": 0, "b": 28},
        xaxis={
            "range": [-0.5, 23.5],
            "tickvals": ticks,
            "ticktext": [look.say("week.hour", hour=f"{t:02}") for t in ticks],
            "tickangle": 0,
        },
        yaxis={"range": [len(rows) - 0.5, -0.5], "visible": False},
        shapes=shapes,
        annotations=labels,
    )


_SEAM = 0.06
