"""Where dispositions wait: who holds the oldest, what has grown older than the line, how long follow-up takes."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from coc.figures.look import Look
from coc.figures.rows import HEAD, box, cell, column_head, head
from coc.figures.template import Figure, blank, figure, scatter, text

BUCKETS = ("0-1", "2-3", "4-5", "gt5")
ROWS = 9
_TOTAL = 118  # px for what is overdue of the whole
_HALF = (0.47, 0.44)
_BUBBLE = 34  # px across, the largest
_TICKS = (0, 4, 15, 37.5, 75, 150, 300, 600, 1200, 2400)
_FEW = 12.0  # where no bubble holds as many, the largest is not drawn at its largest


def holding(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: row (a unit's name), bucket, backlog, overdue, mine. A column an age in working days.

    The rows that hold most of the oldest come first; before them the chosen unit's, in bold. In a cell a red strip is
    as long as its overdue share; at the end of a row stands `overdue / backlog`.
    """
    table = _table(frame)
    if not table:
        return blank(look.palette)
    mine = set(frame.loc[frame["mine"].astype(bool), "row"])
    held = {name: [-backlog for backlog, _ in reversed(cells)] for name, cells in table.items()}
    order = sorted(table, key=lambda name: (name not in mine, held[name]))[:ROWS]
    colours = look.palette
    most = max(backlog for name in order for backlog, _ in table[name])
    shapes: list[dict[str, Any]] = []
    labels = [column_head(i, look.say(f"by_age.{bucket}")) for i, bucket in enumerate(BUCKETS)]
    for row, name in enumerate(order):
        labels.append(head(row, name, look, bold=name in mine))
        for column, (backlog, late) in enumerate(table[name]):
            shapes.append(cell(row, column, backlog / most, colours.accent, half=_HALF))
            left = column - _HALF[0]
            if late:
                end = left + 2 * _HALF[0] * late / backlog
                shapes.append(box((left, row + 0.32, end, row + _HALF[1]), colours.bad))
            if backlog:
                labels.append(text(column, row - 0.06, look.number(backlog, 0), xanchor="center", font=_fg(look)))
        labels.append(text(1, row, _of(table[name], look), xref="paper", xshift=_TOTAL, xanchor="right"))
    places = [(row, column) for row in range(len(order)) for column in range(len(BUCKETS))]
    values = [backlog for name in order for backlog, _ in table[name]]
    return figure(
        colours,
        [_unseen(look.say("by_unit.backlog"), places, values)],
        margin={"l": HEAD, "r": _TOTAL, "t": 28, "b": 0},
        xaxis={"range": [-0.5, len(BUCKETS) - 0.5], "visible": False},
        yaxis={"range": [max(len(order), 5) - 0.5, -0.5], "visible": False},
        shapes=shapes,
        annotations=labels,
    )


def _table(frame: pd.DataFrame) -> dict[str, list[tuple[int, int]]]:
    """By row its (backlog, overdue) in each bucket."""
    found: dict[str, list[tuple[int, int]]] = {}
    for name, bucket, backlog, late in zip(*(frame[c] for c in ("row", "bucket", "backlog", "overdue")), strict=True):
        row, at = found.setdefault(str(name), [(0, 0)] * len(BUCKETS)), BUCKETS.index(str(bucket))
        row[at] = (row[at][0] + int(backlog), row[at][1] + (0 if pd.isna(late) else int(late)))
    return found


def _of(row: list[tuple[int, int]], look: Look) -> str:
    """`overdue / backlog` of a whole row, what is overdue in red."""
    backlog, late = (sum(counts) for counts in zip(*row, strict=True))
    whole = f"<b>{look.number(backlog, 0)}</b>"
    return f"<span style='color:{look.palette.bad}'>{look.number(late, 0)}</span> / {whole}" if late else whole


def _unseen(name: str, places: list[tuple[int, int]], values: list[Any]) -> dict[str, Any]:
    """One invisible point a cell: the figure keeps its numbers for whoever reads the data and not the picture."""
    return scatter(
        name=name,
        x=[column for _, column in places],
        y=[row for row, _ in places],
        text=values,
        mode="markers",
        marker={"opacity": 0},
    )


def _fg(look: Look) -> dict[str, str]:
    return {"color": look.palette.fg}


def ageing(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: urgency, beyond, count, hours, line. Open items by age, a lane an urgency; bubbles say how many.

    `line`: the hours within which 85 % are followed up (NaN: none is known); older than it is red, and counted at the
    end of the lane. The age is drawn by its square root: hours and weeks in one picture.
    """
    if frame.empty:
        return blank(look.palette)
    colours = look.palette
    lanes = [u for u in URGENCIES if (frame["urgency"] == u).any()]
    rows = frame["urgency"].map({u: i for i, u in enumerate(lanes)})
    most, line = max(float(frame["count"].max()), _FEW), float(frame["line"].iloc[0])
    end = max(float(frame["hours"].max()), 0 if math.isnan(line) else line, 15.0)
    top = math.sqrt(end) * 1.06
    traces = []
    for beyond, colour, name in ((False, colours.accent, "ageing.within"), (True, colours.bad, "ageing.beyond")):
        mine = frame["beyond"].astype(bool) == beyond
        some = frame[mine]
        traces.append(
            scatter(
                name=look.say(name),
                x=[round(math.sqrt(h), 3) for h in some["hours"]],
                y=rows[mine].tolist(),
                text=some["count"].tolist(),
                mode="markers",
                marker={
                    "size": [round(max(6.0, _BUBBLE * math.sqrt(c / most)), 1) for c in some["count"]],
                    "color": colour,
                    "opacity": 0.8,
                    "line": {"width": 0},
                },
            )
        )
    labels = [head(i, look.say(f"urgency.{u}"), look, _URGENCY) for i, u in enumerate(lanes)]
    shapes: list[dict[str, Any]] = [_lane(i, colours.line) for i in range(len(lanes))]
    for i, urgency in enumerate(lanes):
        lane = frame[frame["urgency"] == urgency]
        cells = [(int(lane["count"].sum()), int(lane.loc[lane["beyond"].astype(bool), "count"].sum()))]
        labels.append(text(1, i, _of(cells, look), xref="paper", xshift=_OVER, xanchor="right"))
    if not math.isnan(line):
        at = math.sqrt(line)
        shapes.append(_upright(at, colours.fg))
        right = at < top * 0.55
        said = look.say("ageing.line", hours=look.number(line, 1))
        labels.append(
            text(at, 1, said, yref="paper", yanchor="bottom", yshift=2, xanchor="left" if right else "right",
                 xshift=-2 if right else 2, font=_fg(look))
        )  # fmt: skip
    ticks = _spaced([t for t in _TICKS if math.sqrt(t) <= top], top)
    return figure(
        colours,
        traces,
        margin={"l": _URGENCY, "r": _OVER, "t": 28, "b": 28},
        xaxis={
            "range": [-top * 0.03, top],
            "tickvals": [round(math.sqrt(t), 3) for t in ticks],
            "ticktext": [look.number(t, 0 if float(t).is_integer() else 1) for t in ticks],
            "tickangle": 0,
        },
        yaxis={"range": [max(len(lanes), 3) - 0.5, -0.5], "visible": False},
        shapes=shapes,
        annotations=labels,
    )


URGENCIES = ("amat_segera", "segera", "penting", "biasa", "unknown", "absent")
_URGENCY = 150  # px for an urgency's name
_OVER = 118  # px for what is older than the line


def _spaced(ticks: list[float], top: float) -> list[float]:
    """Those that do not touch on a phone."""
    kept: list[float] = []
    for tick in reversed(ticks):
        if not kept or math.sqrt(kept[-1]) - math.sqrt(tick) >= top * 0.22:
            kept.append(tick)
    return kept[::-1]


def _lane(row: int, colour: str) -> dict[str, Any]:
    line = {"color": colour, "width": 1}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": row, "y1": row, "layer": "below", "line": line}


def _upright(at: float, colour: str) -> dict[str, Any]:
    line = {"color": colour, "width": 2, "dash": "dash"}
    return {"type": "line", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1, "line": line}


def spread(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: row (a name), part (its block), count, p50, p85, p95 (working hours), in the order of the rows.

    A line from the median to p95 with p85 as its dot and its number; blocks of rows stand apart.
    """
    if frame.empty:
        return blank(look.palette)
    colours = look.palette
    places: list[float] = []
    at, block = 0.0, None
    for part in frame["part"]:
        at += 0.0 if block is None else 1.0 if part == block else 1.35
        places.append(round(at, 2))
        block = part
    p50, p85, p95 = ([round(float(v), 2) for v in frame[q]] for q in ("p50", "p85", "p95"))
    most = max(*p95, 1.0)
    labels = [head(y, str(name), look) for y, name in zip(places, frame["row"], strict=True)]
    labels += [
        text(1, y, f"<b>{look.number(value, 1)}</b>", xref="paper", xshift=_NUMBER, xanchor="right", font=_fg(look))
        for y, value in zip(places, p85, strict=True)
    ]
    strokes_x: list[float | None] = [v for a, b in zip(p50, p95, strict=True) for v in (a, b, None)]
    strokes_y: list[float | None] = [v for y in places for v in (y, y, None)]
    ticks = _even(most)
    return figure(
        colours,
        [
            scatter(
                name=look.say("spread.range"), x=strokes_x, y=strokes_y, mode="lines",
                line={"color": colours.faint, "width": 8},
            ),
            _points(look.say("spread.p50"), p50, places, {"symbol": "line-ns", "size": 16,
                    "line": {"color": colours.muted, "width": 3}}),
            _points(look.say("spread.p95"), p95, places, {"symbol": "line-ns", "size": 16,
                    "line": {"color": colours.muted, "width": 3}}),
            _points(look.say("spread.p85"), p85, places, {"size": 14, "color": colours.accent}),
        ],
        margin={"l": HEAD, "r": _NUMBER, "t": 6, "b": 28},
        xaxis={
            "range": [0, most * 1.03],
            "tickvals": ticks,
            "ticktext": [look.number(t, 0) for t in ticks],
            "tickangle": 0,
        },
        yaxis={"range": [max(places[-1], 4.0) + 0.5, -0.5], "visible": False},
        shapes=[_grid(t, colours.line) for t in ticks],
        annotations=labels,
    )  # fmt: skip


_NUMBER = 74  # px for p85 at the end of a row


def _points(name: str, xs: list[float], ys: list[float], marker: dict[str, Any]) -> dict[str, Any]:
    return scatter(name=name, x=xs, y=ys, mode="markers", marker=marker, cliponaxis=False)


def _grid(at: float, colour: str) -> dict[str, Any]:
    line = {"color": colour, "width": 1}
    return {"type": "line", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1, "layer": "below", "line": line}


def _even(most: float) -> list[float]:
    """Three or four round steps from 0."""
    power = 10.0 ** math.floor(math.log10(most))
    step = next(m * power for m in (0.25, 0.5, 1, 2, 2.5, 5, 10) if most / (m * power) <= 4)
    step = max(step, 1.0)
    return [round(i * step, 2) for i in range(int(most / step) + 1)]
