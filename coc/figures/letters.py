"""Letters over the days: the flow with its holidays by name, the cumulative flow, a calendar of volume."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Any, Final

import pandas as pd

from coc.figures import correspondence
from coc.figures.look import Look, spread
from coc.figures.scale import nice_ceiling
from coc.figures.template import Figure, blank, figure, scatter, text

flow = partial(correspondence.flow, named=True)

_STAGES: Final = ("registered", "dispositioned", "completed")
_ROOM: Final = 168  # px to the right of the last day, for what waits in each band
_GAP: Final = 0.29  # share of the height that one label of two lines needs


def cumulative(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: day, registered, dispositioned, completed (sums since the window's first day, each not above the one
    before it), partial. Between two lines lie the letters that wait: a band that widens is the bottleneck.

    The letters that were open when the window began are in the first two sums, or the bands would be too narrow.
    """
    if frame.empty or not frame["registered"].any():
        return blank(look.palette)
    colours = look.palette
    days = frame.sort_values("day").reset_index(drop=True)
    xs = list(range(len(days)))
    sums = {name: days[name].astype(int).tolist() for name in _STAGES}
    top = nice_ceiling(float(max(sums["registered"])))
    shades = {"registered": colours.muted, "dispositioned": colours.fg, "completed": colours.accent}
    bands = {"registered": colours.band, "dispositioned": colours.faint}
    traces: list[Any] = []
    for name in reversed(_STAGES):
        fill = {"fill": "tonexty", "fillcolor": bands[name]} if name in bands else {}
        width = 4 if name == "completed" else 2
        line = {"color": shades[name], "width": width, "shape": "linear"}
        traces.append(scatter(name=look.say(f"flow.{name}"), x=xs, y=sums[name], mode="lines", line=line, **fill))
    ends = {name: sums[name][-1] for name in _STAGES}
    waits = (
        ("wait.disposition", ends["registered"] - ends["dispositioned"], ends["registered"], colours.muted),
        ("wait.completion", ends["dispositioned"] - ends["completed"], ends["dispositioned"], colours.fg),
        ("wait.done", ends["completed"] - sums["completed"][0], ends["completed"], colours.accent),
    )
    places = spread([float(at) for _, _, at, _ in waits], top * _GAP)
    lift = min(0.0, top * 0.95 - max(places))  # of two lines, one stands above its place
    labels = [
        text(
            1,
            place + lift,
            look.say(message, count=f"<b>{look.number(count, 0)}</b>"),
            xref="paper",
            xshift=10,
            align="left",
            font={"color": colour},
        )
        for place, (message, count, _, colour) in zip(places, waits, strict=True)
    ]
    return figure(
        colours,
        traces,
        margin={"l": 66, "r": _ROOM, "t": 18, "b": 30},
        xaxis={"range": [0, len(xs) - 1] if len(xs) > 1 else [-1, 1], **_dates(days, look)},
        yaxis={
            "range": [0, top * 1.04],
            "tickvals": [0, top / 2, top],
            "ticktext": [look.number(v, 0) for v in (0, top / 2, top)],
        },
        shapes=[_rule(level, colours.line) for level in (top / 2, top)],
        annotations=labels,
    )


def _dates(days: pd.DataFrame, look: Look) -> dict[str, Any]:
    """Some dates along the days, `today` at the end."""
    found = [date.fromisoformat(str(d)[:10]) for d in days["day"]]
    last = len(found) - 1
    step = max(1, round(len(found) / 4))
    places = [i for i in range(step // 2, last, step) if last - i >= step * 0.7]
    words = [look.day(found[i]) for i in places]
    if len(days) and bool(days["partial"].iloc[-1]):
        places, words = [*places, last], [*words, look.say("flow.today")]
    return {"tickvals": places, "ticktext": words, "tickangle": 0}


def _rule(level: float, colour: str) -> dict[str, Any]:
    line = {"color": colour, "width": 1}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": level, "y1": level, "layer": "below", "line": line}


def calendar(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: day, registered, working, partial, note. A square a day, weeks as columns from Monday; stronger is more.

    The strength is squared: working days differ by a tenth, and from weekends by ten times.

    Holidays of the week carry a dot, today, which is not over, an outline.
    """
    if frame.empty or not frame["registered"].any():
        return blank(look.palette)
    colours = look.palette
    rows = frame.sort_values("day").reset_index(drop=True)
    days = [date.fromisoformat(str(d)[:10]) for d in rows["day"]]
    monday = days[0] - timedelta(days=days[0].weekday())
    weeks = [(day - monday).days // 7 for day in days]
    counts = rows["registered"].astype(int).tolist()
    most = max(counts)
    today = rows["partial"].astype(bool).tolist()
    off = [bool(note) and day.weekday() < 5 for note, day in zip(rows["note"], days, strict=True)]
    cells = [
        _cell(week, day.weekday(), 0.05 + 0.85 * (count / most) ** 2, colours.accent, colours.fg if open_ else None)
        for week, day, count, open_ in zip(weeks, days, counts, today, strict=True)
    ]
    names = [text(0, i, look.say(f"weekday.{i}"), xref="paper", xshift=-46) for i in range(7)]
    dates = [
        text(week - 0.5, 1, look.day(monday + timedelta(weeks=week)), yref="paper", yshift=3, yanchor="bottom")
        for week in range(1 if days[0].weekday() else 0, weeks[-1] - 1, 4)
    ]
    # The numbers stay in the figure for whoever reads the data; the dots of holidays are what is seen.
    points = scatter(
        name=look.say("flow.registered"), x=weeks, y=[d.weekday() for d in days], text=counts, mode="markers"
    )
    points["marker"] = {"size": 9, "color": colours.fg, "opacity": [1.0 if closed else 0.0 for closed in off]}
    return figure(
        colours,
        [points],
        margin={"l": 46, "r": 2, "t": 30, "b": 2},
        xaxis={"range": [-0.5, weeks[-1] + 0.5], "visible": False},
        yaxis={"range": [6.5, -0.5], "visible": False},
        shapes=cells,
        annotations=names + dates,
    )


def _cell(week: int, weekday: int, strength: float, colour: str, edge: str | None) -> dict[str, Any]:
    line = {"width": 2, "color": edge} if edge else {"width": 0}
    ends = {"x0": week - 0.45, "x1": week + 0.45, "y0": weekday - 0.44, "y1": weekday + 0.44}
    fill = _faded(colour, strength)  # not the shape's opacity: the outline of today is no paler for a quiet morning
    return {"type": "rect", **ends, "layer": "below", "line": line, "fillcolor": fill}


def _faded(colour: str, strength: float) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{strength:.2f})"
