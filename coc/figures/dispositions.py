"""Dispositions: who holds them, how long they wait, how they are given."""

from __future__ import annotations

from typing import Any

import pandas as pd

from coc.figures.look import Look, safe
from coc.figures.template import Figure, bar, blank, figure, scatter, text

TOP_UNITS = 10
_NAME_LIMIT = 32  # characters that fit beside the numbers; a longer name shows its code
_BUCKETS = ("0-1", "2-3", "4-5", "gt5")
_DEVICES = ("phone", "laptop", "desktop", "unknown")
_CHANNELS = ("text", "scanned_signature", "voice", "e_signature", "unknown")


def backlog_by_unit(frame: pd.DataFrame, look: Look) -> Figure:
    """The units that hold most, the overdue part in red; `overdue / backlog`.

    `frame`: unit, name, backlog, overdue; where some are hidden, they are NaN and `backlog_masked`, `overdue_masked`
    say how (lt5: 1 to 4), and rows with a hidden backlog come last, by name. A row without a unit stands for them all.
    """
    order = frame.assign(hidden=frame["backlog"].isna(), tie=frame["name"].where(frame["backlog"].isna(), ""))
    order = order.sort_values(
        ["hidden", "backlog", "overdue", "tie", "unit"], ascending=[True, False, False, True, True]
    )
    top = order.head(TOP_UNITS)
    if top.empty:
        return blank(look.palette)
    colours = look.palette
    rows = list(range(len(top)))
    overdue, backlog = _counts(top["overdue"]), _counts(top["backlog"])
    strip = {"orientation": "h", "width": 0.24, "y": rows}
    rest = [None if b is None or o is None else b - o for b, o in zip(backlog, overdue, strict=True)]
    whole = [b if o is None else None for b, o in zip(backlog, overdue, strict=True)]
    labels = []
    for row, name, numbers in zip(rows, _names(top, look), _numbers(top, look), strict=True):
        common = {"xref": "paper", "yanchor": "bottom", "yshift": 4, "font": {"color": colours.fg}}
        labels.append(text(0, row - 0.12, safe(name), **common))
        labels.append(text(1, row - 0.12, numbers, xanchor="right", **common | {"font": {"color": colours.muted}}))
    traces = [
        bar(name=look.say("by_unit.overdue"), x=overdue, marker={"color": colours.bad}, **strip),
        bar(name=look.say("by_unit.open"), x=rest, marker={"color": colours.faint}, **strip),
    ]
    if any(b is not None for b in whole):
        traces.append(bar(name=look.say("by_unit.backlog"), x=whole, marker={"color": colours.faint}, **strip))
    return figure(
        colours,
        traces,
        barmode="stack",
        xaxis={"range": [0, max((b for b in backlog if b is not None), default=1)], "visible": False},
        # Ten places always: with three units the bars do not swell.
        yaxis={"range": [TOP_UNITS - 0.72, -0.82], "visible": False},
        annotations=labels,
    )


def _counts(column: pd.Series[Any]) -> list[int | None]:
    return [None if pd.isna(count) else int(count) for count in column]


def _names(top: pd.DataFrame, look: Look) -> list[str]:
    pairs = zip(top["name"].astype(str), top["unit"].astype(str), strict=True)
    return [look.say("by_unit.all") if not unit else n if len(n) <= _NAME_LIMIT else unit for n, unit in pairs]


def _numbers(top: pd.DataFrame, look: Look) -> list[str]:
    """What stands at the end of each row: what is overdue, in red, of what is open."""
    kinds = {c: top.get(f"{c}_masked", pd.Series("", index=top.index)) for c in ("backlog", "overdue")}
    found = []
    for held, late, held_kind, late_kind in zip(
        _counts(top["backlog"]), _counts(top["overdue"]), kinds["backlog"], kinds["overdue"], strict=True
    ):
        numbers = _shown(held, held_kind, look)
        if late or late_kind == "lt5":
            red = f"<span style='color:{look.palette.bad}'>{_shown(late, late_kind, look, bold=False)}</span>"
            numbers = f"{red} / {numbers}"
        found.append(numbers)
    return found


def _shown(count: int | None, kind: str, look: Look, *, bold: bool = True) -> str:
    if count is None:
        return safe(look.say("null.lt5" if kind == "lt5" else "null.masked"))
    number = look.number(count, 0)
    return f"<b>{number}</b>" if bold else number


def backlog_by_age(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: bucket, backlog, overdue. Open dispositions by age in working days."""
    by_bucket = frame.set_index("bucket").reindex(_BUCKETS).fillna(0).astype({"backlog": int, "overdue": int})
    if not by_bucket["backlog"].sum():
        return blank(look.palette)
    colours = look.palette
    backlog, overdue = by_bucket["backlog"].tolist(), by_bucket["overdue"].tolist()
    xs = list(range(len(_BUCKETS)))
    top = max(backlog)
    return figure(
        colours,
        [
            bar(name=look.say("by_unit.overdue"), x=xs, y=overdue, width=0.72, marker={"color": colours.bad}),
            bar(
                name=look.say("by_unit.open"),
                x=xs,
                y=[b - o for b, o in zip(backlog, overdue, strict=True)],
                width=0.72,
                marker={"color": colours.faint},
            ),
        ],
        barmode="stack",
        margin={"l": 0, "r": 0, "t": 28, "b": 30},
        xaxis={"range": [-0.5, 3.5], "tickvals": xs, "ticktext": [look.say(f"by_age.{b}") for b in _BUCKETS]},
        yaxis={"range": [0, top], "visible": False},
        annotations=[
            text(x, b, look.number(b, 0), xanchor="center", yanchor="bottom", font={"color": colours.fg})
            for x, b in zip(xs, backlog, strict=True)
        ],
    )


def channels(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: channel, device, count. A table of shares: a row a channel, a column a device, darker is more."""
    counts = frame.pivot_table(index="channel", columns="device", values="count", aggfunc="sum", fill_value=0)
    total = float(counts.to_numpy().sum()) if len(counts) else 0.0
    if not total:
        return blank(look.palette)
    devices = [d for d in _DEVICES if d in counts and (counts[d].sum() or d != "unknown")]
    order = [c for c in _CHANNELS if c in counts.index and counts.loc[c].sum()]
    shares = (counts.reindex(index=order, columns=devices) / total).to_numpy().tolist()
    colours = look.palette
    strongest = max(max(row) for row in shares)
    cells: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    for r, (channel, row) in enumerate(zip(order, shares, strict=True)):
        labels.append(
            text(0, r, look.say(f"channel.{channel}"), xref="paper", xshift=-_ROW_HEAD, font={"color": colours.fg})
        )
        for c, share in enumerate(row):
            cells.append(_cell(r, c, 0.08 + 0.42 * share / strongest, colours.accent))
            labels.append(text(c, r, look.percent(share, 0), xanchor="center", font={"color": colours.fg}))
    heads = [
        text(c, 1, look.say(f"device.{d}"), yref="paper", xanchor="center", yanchor="bottom")
        for c, d in enumerate(devices)
    ]
    # One invisible point a cell: the figure keeps its numbers for whoever reads the data and not the picture.
    points = scatter(
        name=look.say("channels.share"),
        x=[c for _ in order for c in range(len(devices))],
        y=[r for r in range(len(order)) for _ in devices],
        text=[round(share, 4) for row in shares for share in row],
        mode="markers",
        marker={"opacity": 0},
    )
    return figure(
        colours,
        [points],
        margin={"l": _ROW_HEAD, "r": 0, "t": 28, "b": 0},
        xaxis={"range": [-0.5, len(devices) - 0.5], "visible": False},
        yaxis={"range": [len(order) - 0.5, -0.5], "visible": False},
        shapes=cells,
        annotations=labels + heads,
    )


_ROW_HEAD = 134  # px for the channel's name


def _cell(row: int, column: int, strength: float, colour: str) -> dict[str, Any]:
    return {
        "type": "rect",
        "x0": column - 0.48,
        "x1": column + 0.48,
        "y0": row - 0.46,
        "y1": row + 0.46,
        "layer": "below",
        "line": {"width": 0},
        "fillcolor": colour,
        "opacity": round(strength, 2),
    }
