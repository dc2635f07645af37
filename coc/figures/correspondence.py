"""Letters: the flow by working day."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from coc.figures.look import Look, safe, short, spread
from coc.figures.scale import nice_ceiling
from coc.figures.template import Figure, bar, blank, figure, scatter, text

_LABEL_ROOM = 140  # px to the right of the last day, for the names of the lines
_GAP = 0.17  # share of the height that one label needs
_NAMED_RUN = 5  # days of leave in a row
_FEW = 6  # days, each with room for its date
_UPRIGHT = 22  # characters of a name set upright
_SERIES = ("registered", "dispositioned", "completed")


def flow(frame: pd.DataFrame, look: Look, *, named: bool = False) -> Figure:
    """`frame`: day, registered, dispositioned, completed, working, partial, note. Letters a day, working days only.

    Registered are bars, dispositioned a thin line, completed the accent; what is no column of the frame is not drawn.
    A named holiday keeps its place as a band, with its name in it where `named`. Today, not over yet, is outlined and
    its segment dotted, so that a morning does not look like a collapse. Columns that may be there: `ramadan`, whose
    days get a line above them, and `corrected`, of days whose figures changed after they were over.
    """
    days = _shown(frame)
    names = [name for name in _SERIES if name in days]
    if days.empty or not days[names].to_numpy().any() or not days["working"].any():
        return blank(look.palette)
    colours = look.palette
    open_days = days[days["working"]]
    xs = open_days.index.tolist()
    top = nice_ceiling(float(open_days[names].to_numpy().max()))
    partial = bool(open_days["partial"].iloc[-1])
    last = len(xs) - 2 if partial and len(xs) > 1 else len(xs) - 1
    values = {name: open_days[name].astype(int).tolist() for name in names}
    fills = [colours.faint] * len(xs)
    if partial:
        fills[-1] = "rgba(0,0,0,0)"
    shades = {"registered": colours.muted, "dispositioned": colours.fg, "completed": colours.accent}
    traces: list[Any] = [
        bar(
            name=look.say("flow.registered"),
            x=xs,
            y=values["registered"],
            width=0.64,
            marker={"color": fills, "line": {"color": colours.faint, "width": [0] * (len(xs) - 1) + [2 * partial]}},
        )
    ]
    for name in names[1:]:
        width = 4 if name == "completed" else 2
        traces += _line(look.say(f"flow.{name}"), xs, values[name], last, shades[name], width)
    places = spread([float(values[name][last]) for name in names], top * _GAP)
    places = [place - max(0.0, max(places) - top) for place in places]
    labels = [
        text(1, place, look.say(f"flow.{name}"), xref="paper", xshift=10, font={"color": shades[name]})
        for name, place in zip(names, places, strict=True)
    ]
    bands, notes = _holidays(days, look, named=named)
    fasts, fast_words = _ramadan(days, look)
    marks, mark_words = _corrected(days, values["registered"], top, look)
    return figure(
        colours,
        traces + marks,
        margin={"l": 58, "r": _LABEL_ROOM, "t": 36 if fasts or marks else 12, "b": 30},
        xaxis={"range": [-0.6, len(days) - 0.4], **_ticks(days, look)},
        yaxis={"range": [0, top * 1.04], "tickvals": [0, top / 2, top], "ticktext": _counts(top, look)},
        shapes=[_rule(level, colours.line) for level in (top / 2, top)] + bands + fasts,
        annotations=labels + notes + fast_words + mark_words,
    )


def _shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Working days, and holidays that fell on a weekday."""
    if frame.empty:
        return frame
    day = pd.to_datetime(frame["day"])
    kept = frame["working"].astype(bool) | ((frame["note"].fillna("") != "") & (day.dt.day_of_week < 5))
    shown = frame.assign(day=day.dt.date, working=frame["working"].astype(bool), note=frame["note"].fillna(""))
    return shown[kept].sort_values("day").reset_index(drop=True)


def _line(name: str, xs: list[int], ys: list[int], last: int, colour: str, width: int) -> list[dict[str, Any]]:
    whole = scatter(name=name, x=xs[: last + 1], y=ys[: last + 1], mode="lines", line={"color": colour, "width": width})
    if last == len(xs) - 1:
        return [whole]
    today = scatter(
        name=name,
        x=xs[last:],
        y=ys[last:],
        mode="lines+markers",
        line={"color": colour, "width": width, "dash": "dot"},
        marker={"color": colour, "size": [0, width * 2 + 4]},
    )
    return [whole, today]


def _ticks(days: pd.DataFrame, look: Look) -> dict[str, Any]:
    """A date at a week's first shown day, `today` at the end; none where two would touch on a phone."""
    dates: list[date] = days["day"].tolist()
    today = len(dates) - 1 if bool(days["partial"].iloc[-1]) else None
    room = max(2.5, len(dates) * 0.27)
    places: list[int] = []
    words: list[str] = []
    for i, day in enumerate(dates):
        first = i > 0 and day.isocalendar().week != dates[i - 1].isocalendar().week
        if len(dates) <= _FEW and i != today:
            places.append(i)
            words.append(look.day(day))
            continue
        far = (not places or i - places[-1] >= room) and (today is None or today - i >= room)
        if first and far:
            places.append(i)
            words.append(look.day(day))
    if today is not None:
        places.append(today)
        words.append(look.say("flow.today"))
    return {"tickvals": places, "ticktext": words, "tickangle": 0}


def _counts(top: float, look: Look) -> list[str]:
    return ["0", look.number(top / 2, 0 if top >= 4 else 1), look.number(top, 0)]


def _rule(level: float, colour: str) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": level,
        "y1": level,
        "layer": "below",
        "line": {"color": colour, "width": 1},
    }


def _runs(places: list[int]) -> list[list[int]]:
    """Places that follow each other, together."""
    runs: list[list[int]] = []
    for i in places:
        if runs and runs[-1][-1] == i - 1:
            runs[-1].append(i)
        else:
            runs.append([i])
    return runs


def _holidays(days: pd.DataFrame, look: Look, *, named: bool) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A band per run of holidays, with a word in it."""
    bands, notes = [], []
    for run in _runs(days.index[~days["working"]].tolist()):
        bands.append(
            {
                "type": "rect",
                "yref": "paper",
                "x0": run[0] - 0.5,
                "x1": run[-1] + 0.5,
                "y0": 0,
                "y1": 1,
                "layer": "below",
                "line": {"width": 0},
                "fillcolor": look.palette.band,
            }
        )
        # A narrow band has room for words set upright, a long leave for its name.
        wide = len(run) >= _NAMED_RUN
        # Of a feast and the leave around it the shortest name is the feast's own.
        name = min(days["note"].iloc[run], key=lambda note: (len(note), note))
        limit = 3 * len(run) if wide else _UPRIGHT
        words = safe(short(name, limit)) if wide or named else look.say("flow.holiday")
        upright = {} if wide else {"textangle": -90}
        notes.append(text((run[0] + run[-1]) / 2, 0, words, xanchor="center", yanchor="bottom", **upright))
    return bands, notes


def _ramadan(days: pd.DataFrame, look: Look) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A line with its word above the days of shorter hours."""
    if "ramadan" not in days or not days["ramadan"].any():
        return [], []
    lines, words = [], []
    for run in _runs(days.index[days["ramadan"].astype(bool)].tolist()):
        ends = {"x0": run[0] - 0.4, "x1": run[-1] + 0.4, "y0": 1, "y1": 1}
        lines.append({"type": "line", "yref": "paper", **ends, "line": {"color": look.palette.muted, "width": 3}})
        at = min(max((run[0] + run[-1]) / 2, len(days) * 0.08), len(days) * 0.92)
        words.append(text(at, 1, look.say("flow.ramadan"), yref="paper", yshift=5, xanchor="center", yanchor="bottom"))
    return lines, words


def _corrected(
    days: pd.DataFrame, registered: list[int], top: float, look: Look
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A small diamond over each day that was corrected later, and the word for it once, beside the plot."""
    if "corrected" not in days:
        return [], []
    heights = pd.Series(registered, index=days.index[days["working"]])
    at = [i for i in heights.index if bool(days["corrected"].loc[i])]
    if not at:
        return [], []
    mark = {"symbol": "diamond", "size": 9, "color": look.palette.warn}
    ys = [min(float(heights[i]) + top * 0.06, top) for i in at]
    word = text(1, 1, f"◆ {look.say('flow.corrected')}", xref="paper", yref="paper", xshift=10, yshift=16)
    drawn = scatter(name=look.say("flow.corrected"), x=at, y=ys, mode="markers", marker=mark)
    return [drawn], [word | {"font": {"color": look.palette.warn}}]
