"""From which office to which unit dispositions go and how long they stay there; by what means they are given."""

from __future__ import annotations

from typing import Any

import pandas as pd

from coc.figures.look import Look, safe, short
from coc.figures.rows import Matrix, box, column_head, head, matrix
from coc.figures.template import Figure, blank, figure, scatter, text

CHANNELS = ("text", "scanned_signature", "voice", "e_signature", "unknown")
DEVICES = ("phone", "laptop", "desktop", "unknown")
REST = "*"
ALL = ""
RANKS = ("leaders", "walikota", "wakil_walikota", "sekda")  # their columns stay where they are
_RANKS = {office: place for place, office in enumerate(RANKS)} | {"*": len(RANKS) + 1, "own": len(RANKS) + 2}
CITY = "city"  # all offices of the whole city
_HALF = (0.47, 0.44)
_OFFICE = 118  # px for an office's name
_NAME = 12  # characters of a column's head
_TURNED = 2  # rows: one unit and all together
_MANY = 1000  # of so many a cell has no room for tenths of an hour beside them
_THOUSANDS = 10_000  # from here on a cell counts in thousands
_UNIT = 162  # px for a unit's name


def desk(office: str, look: Look) -> str:
    """The word for a kind of office; one that we have none for shows its code."""
    if office == ALL:
        return look.say("desk.all")
    if office == CITY:
        return look.say("spread.city")
    if office == REST:
        return look.say("desk.rest")
    word = look.say(f"desk.{office}")
    return office.replace("_", " ").capitalize() if word == f"desk.{office}" else word


def handover(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: office, to, name, count, hours (median of follow-up, NaN: none), slow (hours the line has; NaN).

    A row a unit, a column an office: how many, and the median working hours they stayed; amber where that is over the
    line. Offices and units that gave and were given most come first, the rest folded and all together last.
    """
    if frame.empty or not frame["count"].sum():
        return blank(look.palette)
    inner = frame[frame["to"] != ALL]
    offices = _order(inner, "office")
    units = _order(inner, "to") + ([ALL] if (frame["to"] == ALL).any() else [])
    names = dict(zip(frame["to"], frame["name"].astype(str), strict=True))
    pairs = zip(frame["office"], frame["to"], zip(frame["count"], frame["hours"], strict=True), strict=True)
    cells = {(office, to): (int(count), float(hours)) for office, to, (count, hours) in pairs}
    # Of a single unit the offices are the rows: there may be as many as there are.
    turned = len(units) <= _TURNED
    rows, columns = (offices, units) if turned else (units, offices)
    heads = [names[u] for u in units] if turned else [desk(o, look) for o in offices]
    tails = [desk(o, look) for o in offices] if turned else [names[u] for u in units]
    line = float(frame["slow"].iloc[0])
    most = max((count for (_, to), (count, _) in cells.items() if to not in (ALL, REST)), default=1)
    pairs_of = [[(other, of) if turned else (of, other) for other in columns] for of in rows]  # unit, office
    found = [[cells.get((office, to), (0, float("nan"))) for to, office in row] for row in pairs_of]
    return matrix(
        Matrix(
            heads=[
                head(row, word, look, _UNIT, quiet=not turned and of in (ALL, REST))
                for row, (of, word) in enumerate(zip(rows, tails, strict=True))
            ],
            columns=[safe(short(word, 26 if turned else _NAME)) for word in heads],
            strengths=[
                [0.0 if to in (ALL, REST) else min(count / most, 1) for (to, _), (count, _) in zip(*row, strict=True)]
                for row in zip(pairs_of, found, strict=True)
            ],
            words=[
                [_pair(row, i, count, hours, line, look) if count else None for i, (count, hours) in enumerate(mine)]
                for row, mine in enumerate(found)
            ],
            values=[[count for count, _ in mine] for mine in found],
            half=_HALF,
            least=(2, 5),
            left=_UNIT,
        ),
        look,
    )


def _order(frame: pd.DataFrame, column: str) -> list[str]:
    """Offices by rank, then the largest first; what is folded, and a unit's own, last."""
    total = frame.groupby(column)["count"].sum().sort_values(ascending=False, kind="stable")
    return sorted((str(w) for w in total.index if total[w]), key=lambda w: _RANKS.get(w, len(RANKS)))


def _pair(row: int, column: int, count: int, hours: float, line: float, look: Look) -> dict[str, Any]:
    """How many, and beside it the hours."""
    whole = look.number(count, 0) if count < _THOUSANDS else look.say("handover.thousands", n=round(count / 1000))
    number = f"<b>{whole}</b>"
    if pd.isna(hours):
        return text(column, row, number, xanchor="center", font={"color": look.palette.fg})
    slow = hours > line
    wait = look.number(hours, 1 if hours < 10 and count < _MANY else 0)
    told = f"<b>{wait}</b>" if slow else wait
    words = f"{number} <span style='color:{look.palette.warn if slow else look.palette.muted}'>{told}</span>"
    return text(column, row, words, xanchor="center", font={"color": look.palette.fg})


def means(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: office ("city": all of them), channel, device, count. A column a channel: its share of the office's.

    Under each share a strip is cut by device: phone in the accent, laptop in grey, desktop in dark grey.
    """
    total = frame.groupby("office")["count"].sum() if len(frame) else pd.Series(dtype="int64")
    if not total.sum():
        return blank(look.palette)
    colours = look.palette
    offices = sorted(_order(frame, "office"), key=lambda office: office == CITY)
    channels = [c for c in CHANNELS if frame.loc[frame["channel"] == c, "count"].sum()]
    table = frame.groupby(["office", "channel", "device"])["count"].sum().to_dict()
    shapes: list[dict[str, Any]] = []
    labels = [column_head(i, look.say(f"means.{c}")) for i, c in enumerate(channels)]
    shares: list[float] = []
    shades = dict(zip(DEVICES, (colours.accent, colours.muted, colours.faint, colours.line), strict=True))
    for row, office in enumerate(offices):
        labels.append(head(row, desk(office, look), look, _OFFICE))
        for column, channel in enumerate(channels):
            by_device = [int(table.get((office, channel, d), 0)) for d in DEVICES]
            mine, whole = sum(by_device), int(total[office])
            shares.append(round(mine / whole, 4))
            if not mine:
                continue
            labels.append(
                text(column, row - 0.1, look.percent(mine / whole, 0), xanchor="center", font={"color": colours.fg})
            )
            left = column - 0.42
            for device, count in zip(DEVICES, by_device, strict=True):
                right = left + 0.84 * count / mine
                if count:
                    shapes.append(box((left, row + 0.24, right, row + 0.38), shades[device]))
                left = right
    points = scatter(
        name=look.say("channels.share"),
        x=[c for _ in offices for c in range(len(channels))],
        y=[r for r in range(len(offices)) for _ in channels],
        text=shares,
        mode="markers",
        marker={"opacity": 0},
    )
    return figure(
        colours,
        [points],
        margin={"l": _OFFICE, "r": 0, "t": 28, "b": 0},
        xaxis={"range": [-0.5, max(len(channels), 3) - 0.5], "visible": False},
        yaxis={"range": [max(len(offices), 4) - 0.5, -0.5], "visible": False},
        shapes=shapes,
        annotations=labels,
    )
