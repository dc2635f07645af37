"""The leaders' offices: what became of their instructions, what they gave and how, how soon letters had a direction."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from coc.domain.offices import DONE, LATE, OFFICES, ON_TIME, OVERDUE, WAITING
from coc.figures.look import Look
from coc.figures.rows import Matrix, box, head, matrix
from coc.figures.template import Figure, blank, figure, scatter, text

GROUPS: Final = ("perintah", "telaah", "koordinasi", "agenda", "keputusan", "informasi", "arsip", "lainnya")
_NAME: Final = 112
_SHOWN: Final = (ON_TIME, LATE, WAITING, OVERDUE)
_BAR: Final = (0.2, 0.38)  # below a row's middle
_WORDS: Final = 0.2  # above it
_HALF: Final = (0.46, 0.42)


def ledger(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: office, state, count. A bar an office: answered on time, late, not yet, not yet and past the due.

    The numbers stand in the bar's order; what had no due is with what was on time.
    """
    if frame.empty:
        return blank(look.palette)
    colours = look.palette
    shades = dict(zip(_SHOWN, (colours.accent, colours.warn, colours.faint, colours.bad), strict=True))
    inks = dict(zip(_SHOWN, (colours.fg, colours.warn, colours.fg, colours.bad), strict=True))
    table = _by_office(frame.assign(state=frame["state"].replace(DONE, ON_TIME)), "state")
    most = max(sum(states.values()) for states in table.values())
    shapes: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    totals = []
    for row, (office, states) in enumerate(table.items()):
        left = 0
        told = []
        for state in _SHOWN:
            count = states.get(state, 0)
            ink = inks[state] if count else colours.muted
            told.append(f"<span style='color:{ink}'><b>{look.number(count, 0)}</b></span>")
            if count:
                shapes.append(box((left, row + _BAR[0], left + count, row + _BAR[1]), shades[state]))
            left += count
        totals.append(left)
        labels.append(text(0, row - _WORDS, look.say(f"desk.{office}"), font={"color": colours.fg}))
        labels.append(text(most, row - _WORDS, " · ".join(told), xanchor="right"))
    return _rows(look, list(table), totals, shapes, labels, [0, most])


def first(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: office, letters, hours. How long letters waited for a first direction, by who gave it."""
    if frame.empty:
        return blank(look.palette)
    colours = look.palette
    rows = {o: frame[frame["office"] == o] for o in OFFICES if (frame["office"] == o).any()}
    hours = {office: float(mine["hours"].iloc[0]) for office, mine in rows.items()}
    most = max(*hours.values(), 1e-9)
    shapes, labels = [], []
    for row, (office, mine) in enumerate(rows.items()):
        letters = look.say("first.letters", count=look.number(int(mine["letters"].iloc[0]), 0))
        told = f"<b>{look.number(hours[office], 1)}</b> {look.say('first.hours')}   {letters}"
        labels.append(text(0, row - _WORDS, look.say(f"desk.{office}"), font={"color": colours.fg}))
        labels.append(text(most, row - _WORDS, told, xanchor="right"))
        shapes.append(box((0, row + _BAR[0], most, row + _BAR[1]), colours.line))
        shapes.append(box((0, row + _BAR[0], hours[office], row + _BAR[1]), colours.accent))
    return _rows(look, list(rows), list(hours.values()), shapes, labels, [0, most])


def voice(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: office, channel, count. The share of an office's dispositions that was spoken."""
    if frame.empty:
        return blank(look.palette)
    colours, table = look.palette, _by_office(frame, "channel")
    shapes, labels, shares = [], [], []
    for row, (office, channels) in enumerate(table.items()):
        total = sum(channels.values())
        share = channels.get("voice", 0) / total
        shares.append(round(share, 4))
        told = f"<b>{look.percent(share, 0)}</b>   {look.say('voice.of', count=look.number(total, 0))}"
        labels.append(text(0, row - _WORDS, look.say(f"desk.{office}"), font={"color": colours.fg}))
        labels.append(text(1, row - _WORDS, told, xanchor="right"))
        shapes.append(box((0, row + _BAR[0], 1, row + _BAR[1]), colours.line))
        shapes.append(box((0, row + _BAR[0], share, row + _BAR[1]), colours.accent))
    return _rows(look, list(table), shares, shapes, labels, [0, 1])


def given(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: office, group, count. A row a kind of instruction, a column an office, darker where there are more."""
    if frame.empty:
        return blank(look.palette)
    colours, table = look.palette, _by_office(frame, "group")
    groups = [g for g in GROUPS if any(g in mine for mine in table.values())]
    most = max(count for mine in table.values() for count in mine.values())
    counts = [[mine.get(group, 0) for mine in table.values()] for group in groups]
    ink = {"color": colours.fg}
    return matrix(
        Matrix(
            heads=[head(row, look.say(f"group.{group}"), look, _NAME) for row, group in enumerate(groups)],
            columns=[look.say(f"desk.{office}.short") for office in table],
            strengths=[[count / most for count in row] for row in counts],
            words=[
                [text(i, row, look.number(n, 0), xanchor="center", font=ink) if n else None for i, n in enumerate(mine)]
                for row, mine in enumerate(counts)
            ],
            values=counts,
            half=_HALF,
            least=(3, 6),
            left=_NAME,
            top=26,
        ),
        look,
    )


def _by_office(frame: pd.DataFrame, column: str) -> dict[str, dict[str, int]]:
    """Counts by office, the highest first, and word."""
    found: dict[str, dict[str, int]] = {}
    for office in OFFICES:
        mine = frame[frame["office"] == office]
        if len(mine):
            found[office] = {str(w): int(n) for w, n in zip(mine[column], mine["count"], strict=True)}
    return found


def _rows(
    look: Look,
    offices: list[str],
    values: list[float] | list[int],
    shapes: list[dict[str, Any]],
    labels: list[dict[str, Any]],
    span: list[float],
) -> Figure:
    """Rows of words over a bar; the points that carry the values are not seen."""
    names = [look.say(f"desk.{office}") for office in offices]
    points = scatter(x=values, y=list(range(len(offices))), text=names, mode="markers", marker={"opacity": 0})
    return figure(
        look.palette,
        [points],
        xaxis={"range": span, "visible": False},
        yaxis={"range": [max(len(offices), 4) - 0.5, -0.6], "visible": False},
        shapes=shapes,
        annotations=labels,
    )
