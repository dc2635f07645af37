"""The WiFi programme in rows: stages against target, what is used beside what is installed, the least used, funding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pandas as pd

from coc.figures.look import Look, safe, short
from coc.figures.rows import box
from coc.figures.template import Figure, blank, figure, scatter, text

STAGES: Final = ("active", "idle", "installing", "planned")  # from what is done to what is not
MOST_KINDS: Final = 8
MOST_AREAS: Final = 12
MOST_SITES: Final = 9
MOST_FUNDS: Final = 4
_NAME: Final = 30  # characters of a row's name
_BAR: Final = (0.2, 0.38)  # below a row's middle
_WORDS: Final = 0.16  # above it
_RIGHT: Final = {"xanchor": "right"}
_COLUMNS: Final = {"used": 0, "active": 82, "installed": 148}  # px from the right, of their ends
Row = tuple[str, str, list[tuple[float, str, float]], float]  # name, told, parts (length, colour, opacity), value


def by_kind(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: kind, the stages, installed, target, used, low. A bar a kind, as long as its target, cut by stage."""
    return _stages(frame, "kind", lambda row: kind_word(look, str(row["kind"])), MOST_KINDS, look)


def by_area(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: area, name, the stages, installed, target, used, low. The same by kecamatan."""
    return _stages(
        frame,
        "area",
        lambda row: safe(short(str(row["name"]), _NAME)) or look.say("programme.no_area"),
        MOST_AREAS,
        look,
    )


def kind_word(look: Look, kind: str) -> str:
    """The word for a site kind; one that the city made itself is shown as its register writes it."""
    if not kind:
        return look.say("programme.no_kind")
    message = f"site.kind.{kind}"
    said = look.say(message)
    return safe(short(kind.replace("_", " ").capitalize(), _NAME)) if said == message else said


def _stages(frame: pd.DataFrame, column: str, word: Callable[[pd.Series[Any]], str], most: int, look: Look) -> Figure:
    if frame.empty or not frame["target"].any():
        return blank(look.palette)
    folded = _folded(frame, column, most)
    rows: list[Row] = []
    labels = [
        text(1, 1, look.say(f"programme.{c}"), xref="paper", yref="paper", xshift=-shift, yanchor="bottom", **_RIGHT)
        for c, shift in _COLUMNS.items()
    ]
    for place, (_, mine) in enumerate(folded.iterrows()):
        number = int(mine["folded"])
        name = look.say("programme.more", number=number) if number else word(mine)
        parts = [(float(mine[s]), _ink(s, look), 1.0) for s in STAGES]
        rows.append((name, "", parts, float(mine["installed"])))
        labels += [_count(place, mine, c, shift, look) for c, shift in _COLUMNS.items()]
    drawn = _drawn(rows, look, float(folded["target"].max()), min(most, 6))
    keys = "   ".join(f"<span style='color:{_ink(s, look)}'>■</span> {look.say(f'programme.key.{s}')}" for s in STAGES)
    labels.append(text(0, 0, keys, xref="paper", yref="paper", yanchor="top", yshift=-4))
    drawn["layout"]["annotations"] += labels
    drawn["layout"]["margin"] = {"l": 0, "r": 0, "t": 24, "b": 26}
    return drawn


def _ink(stage: str, look: Look) -> str:
    """The colour of a stage's part of a bar."""
    colours = look.palette
    shades = {"active": colours.accent, "idle": colours.warn, "installing": colours.muted, "planned": colours.faint}
    return shades[stage]


def _count(row: int, mine: pd.Series[Any], column: str, shift: int, look: Look) -> dict[str, Any]:
    """A number of the row; what is installed stands over its target."""
    nobody = column == "used" and mine["installed"] and not mine["used"] + mine["low"]  # nobody measured it: not 0
    words = look.number(float("nan") if nobody else int(mine[column]), 0)
    if column == "installed":
        whole = look.number(int(mine["target"]), 0)
        words = f"<b>{words}</b> <span style='color:{look.palette.muted}'>/ {whole}</span>"
    return text(1, row - _WORDS, words, xref="paper", xshift=-shift, font={"color": look.palette.fg}, **_RIGHT)


def _folded(frame: pd.DataFrame, column: str, most: int) -> pd.DataFrame:
    """At most `most` rows, in their order: the smallest targets are one row, which says how many they are."""
    marked = frame.assign(folded=0)
    if len(frame) <= most:
        return marked
    kept = marked.nlargest(most - 1, "target").index
    rest = marked.drop(kept)
    sums: dict[str, Any] = {c: rest[c].sum() for c in (*STAGES, "installed", "target", "used", "low")}
    last = pd.DataFrame([sums | {column: "", "name": "", "folded": len(rest)}])
    return pd.concat([marked.loc[sorted(kept)], last], ignore_index=True)


def use(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: name, clients (a day, NaN: not known), state (unknown, low, used), limit; the least used first.

    A row for each of the least used sites; the tick is the limit from which on a site counts as used.
    """
    known = frame[frame["clients"].notna()] if len(frame) else frame
    if known.empty:
        return blank(look.palette)
    colours = look.palette
    shown = known.head(MOST_SITES)
    limit = float(shown["limit"].iloc[0])
    most = max(float(shown["clients"].max()), limit * 1.5, 1.0)
    rows: list[Row] = []
    for name, clients, state in zip(shown["name"], shown["clients"], shown["state"], strict=True):
        low = state == "low"
        number = f"<b>{look.number(float(clients), 1 if clients < 10 else 0)}</b>"
        told = f"{look.say('programme.low')}  {number}" if low else number
        parts = [(float(clients), colours.warn if low else colours.accent, 1.0)]
        rows.append((safe(short(str(name), _NAME)), told, parts, float(clients)))
    drawn = _drawn(rows, look, most, MOST_SITES)
    line = {"color": colours.fg, "width": 3}
    drawn["layout"]["shapes"] += [
        {"type": "line", "x0": limit, "x1": limit, "y0": row + _BAR[0] - 0.06, "y1": row + _BAR[1] + 0.06, "line": line}
        for row in range(len(rows))
    ]
    return drawn


def funding(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: funding, installed, target. A bar a source of funds: what it has installed of what it is to."""
    if frame.empty or not frame["target"].any():
        return blank(look.palette)
    colours, whole = look.palette, int(frame["target"].sum())
    shown = frame.head(MOST_FUNDS if len(frame) <= MOST_FUNDS else MOST_FUNDS - 1)
    rest = frame.iloc[len(shown) :]
    lines = [
        (safe(short(str(f), _NAME)) or look.say("programme.no_funding"), int(i), int(t))
        for f, i, t in zip(shown["funding"], shown["installed"], shown["target"], strict=True)
    ]
    if len(rest):
        words = look.say("programme.more", number=len(rest))
        lines.append((words, int(rest["installed"].sum()), int(rest["target"].sum())))
    rows: list[Row] = []
    for name, there, target in lines:
        told = look.say(
            "programme.fund",
            share=f"<b>{look.percent(target / whole, 0)}</b>",
            installed=look.number(there, 0),
            target=look.number(target, 0),
        )
        parts = [(float(there), colours.accent, 1.0), (float(target - there), colours.faint, 1.0)]
        rows.append((name, told, parts, float(target)))
    return _drawn(rows, look, float(max(t for _, _, t in lines)), MOST_FUNDS)


def _drawn(rows: list[Row], look: Look, most: float, places: int) -> Figure:
    """Words over bars; the points that carry the values are not seen. Few rows do not swell beyond `places`."""
    colours = look.palette
    shapes: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    for row, (name, told, parts, _) in enumerate(rows):
        labels.append(text(0, row - _WORDS, name, xref="paper", font={"color": colours.fg}))
        if told:
            labels.append(text(1, row - _WORDS, told, xref="paper", xanchor="right"))
        shapes.append(box((0, row + _BAR[0], most, row + _BAR[1]), colours.band))
        left = 0.0
        for length, colour, opacity in parts:
            if length > 0:
                shapes.append(box((left, row + _BAR[0], left + length, row + _BAR[1]), colour, opacity))
            left += length
    points = scatter(
        x=[value for *_, value in rows],
        y=list(range(len(rows))),
        text=[name for name, *_ in rows],
        mode="markers",
        marker={"opacity": 0},
    )
    return figure(
        colours,
        [points],
        xaxis={"range": [0, most], "visible": False},
        yaxis={"range": [max(len(rows), places) - 0.55, -0.6], "visible": False},
        shapes=shapes,
        annotations=labels,
    )
