"""Letters by what they are and where: their mix, paper by unit, age of what waits, this window beside an earlier one.

All are rows: a word on the left, a number on the right, a bar that starts at zero.
"""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from coc.figures.look import Look, safe, short
from coc.figures.template import Figure, bar, blank, figure, scatter, text, with_rows

MOST_TYPES: Final = 9
FEWEST: Final = 5  # eligible letters that a unit is ranked by its rate with
RANKED: Final = 7
_MIXED: Final = {
    "kind": ("incoming", "outgoing", "memo"),
    "urgency": ("amat_segera", "segera", "penting", "biasa", "unknown"),
    "medium": ("electronic", "paper"),
}
_NAME_LIMIT: Final = 29
Line = tuple[str, int, str]  # the word, how many, the value it stands for
_HALF: Final = 0.5


def types(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: field, value, count. Letters by type, the most frequent first; the rest in one row that says how many.

    "" among the values stands for rare types that were counted together already.
    """
    mine = frame[frame["field"] == "type"]
    order = mine[mine["value"] != ""].sort_values(["count", "value"], ascending=[False, True])
    shown = MOST_TYPES + (len(order) == MOST_TYPES + 1 == len(mine))  # one other has room for its name
    top, rest = order.head(shown), order.iloc[shown:]
    lines = [(_word(look, "type", v), int(n), str(v)) for v, n in zip(top["value"], top["count"], strict=True)]
    others = int(mine["count"].sum() - top["count"].sum())
    if others:
        number = len(rest) if len(rest) == len(mine) - len(top) else 0
        lines.append((look.say("mix.more", number=number) if number else look.say("mix.others"), others, ""))
    return _shares([("type", "", lines)], look, MOST_TYPES + 1)


def mix(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: field, value, count. Letters by kind, urgency and medium, in the order that people know them in."""
    sections = []
    for field, words in _MIXED.items():
        mine = frame[frame["field"] == field].set_index("value")["count"]
        known = [(_word(look, field, w), int(mine.get(w, 0)), w) for w in words if w in mine or w != "unknown"]
        if mine.sum():
            sections.append((field, look.say(f"mix.{field}"), known))
    return _shares(sections, look, sum(1 + len(words) for words in _MIXED.values()))


def _word(look: Look, field: str, value: str) -> str:
    """The word for a value of a letter's field; a type that a city added itself is shown as its source writes it."""
    message = f"letter.{field}.{value}"
    said = look.say(message)
    return safe(short(value.replace("_", " ").capitalize(), _NAME_LIMIT)) if said == message else said


def _shares(sections: list[tuple[str, str, list[Line]]], look: Look, places: int) -> Figure:
    """Rows of a share of their section each: field, title, lines. A title, where there is one, takes a row."""
    if not any(count for *_, lines in sections for _, count, _ in lines):
        return blank(look.palette)
    colours = look.palette
    rows: list[int] = []
    shares: list[float] = []
    labels: list[dict[str, Any]] = []
    linked: list[tuple[float, float, str, str]] = []
    row = 0
    for field, title, lines in sections:
        if title:
            labels.append(text(0, row, title, xref="paper"))
            row += 1
        whole = sum(count for _, count, _ in lines)
        for word, count, value in lines:
            share = count / whole
            number = f"{look.number(count, 0)}  <b>{look.percent(share, 0)}</b>"
            labels.append(text(0, row, word, xref="paper", xshift=8, font={"color": colours.fg}))
            labels.append(text(1, row, number, xref="paper", xanchor="right", font={"color": colours.fg}))
            if value and count:
                linked.append((row - 0.5, row + 0.5, field, value))
            rows.append(row)
            shares.append(round(share, 4))
            row += 1
    strip = bar(name=look.say("mix.share"), orientation="h", x=shares, y=rows, width=0.86)
    strip["marker"] = {"color": colours.faint, "opacity": 0.55}
    drawn = figure(
        colours,
        [strip],
        xaxis={"range": [0, max(shares)], "visible": False},
        # As many places always: with three types the bars do not swell.
        yaxis={"range": [max(places, row) - 0.5, -0.5], "visible": False},
        annotations=labels,
    )
    return with_rows(drawn, linked)


def paperless(frame: pd.DataFrame, look: Look, chosen: str = "") -> Figure:
    """`frame`: unit, name, electronic, eligible; unit "" is the city. Units by their paperless rate, the lowest first.

    Units with fewer than 5 eligible letters are not ranked; they and the rest are counted in the last row. `chosen` has
    its row whatever its rank. The tick on each bar is the city's rate.
    """
    rated = frame[frame["eligible"] > 0].assign(rate=lambda f: f["electronic"] / f["eligible"])
    city, units = rated[rated["unit"] == ""], rated[rated["unit"] != ""]
    ranked = units[(units["eligible"] >= FEWEST) | (units["unit"] == chosen)]
    ranked = ranked.sort_values(["rate", "eligible", "name"], ascending=[True, False, True])
    top = ranked.head(RANKED)
    if chosen in set(ranked["unit"]) and chosen not in set(top["unit"]):
        top = pd.concat([top.head(RANKED - 1), ranked[ranked["unit"] == chosen]])
    if top.empty:
        return blank(look.palette)
    colours = look.palette
    lines = [
        (safe(name if len(name) <= _NAME_LIMIT else unit), float(rate), int(letters), unit == chosen)
        for unit, name, rate, letters in zip(
            top["unit"], top["name"].astype(str), top["rate"], top["eligible"], strict=True
        )
    ]
    rest = units[~units["unit"].isin(top["unit"])]
    if len(rest):
        letters = int(rest["eligible"].sum())
        words = look.say("paperless.others", number=look.number(len(rest), 0))
        lines.append((words, float(rest["electronic"].sum()) / letters, letters, False))
    labels: list[dict[str, Any]] = []
    for row, (name, rate, letters, mine) in enumerate(lines):
        strong = {"color": colours.accent if mine else colours.fg if row < len(top) else colours.muted}
        place = {"xref": "paper", "yanchor": "bottom", "yshift": 5, "font": strong}
        of = look.say("paperless.of", rate=f"<b>{look.percent(rate, 0)}</b>", count=look.number(letters, 0))
        labels.append(text(0, row - 0.1, f"<b>{name}</b>" if mine else name, **place))
        labels.append(text(1, row - 0.1, of, xanchor="right", **place))
    strip = bar(
        name=look.say("paperless.rate"),
        orientation="h",
        x=[round(rate, 4) for _, rate, _, _ in lines],
        y=list(range(len(lines))),
        width=0.22,
        marker={"color": [colours.accent if mine else colours.faint for *_, mine in lines]},
    )
    # A line from nothing to everything under each bar: a rate of 0 is a place on it, not an absence.
    track = {"type": "line", "x0": 0, "x1": 1, "layer": "below", "line": {"color": colours.line, "width": 3}}
    ticks = [track | {"y0": row, "y1": row} for row in range(len(lines))]
    for rate in city["rate"].astype(float):
        ticks += [_tick(rate, row, colours.fg) for row in range(len(lines))]
        said = look.say("paperless.city", rate=look.percent(rate, 0))
        side = {"xanchor": "right", "xshift": 2} if rate > _HALF else {"xshift": -2}
        labels.append(text(rate, len(lines) - 1, said, yshift=-16, **side))
    drawn = figure(
        colours,
        [strip],
        margin={"l": 0, "r": 0, "t": 20, "b": 20},  # for the words above the first bar and below the last
        xaxis={"range": [0, 1], "visible": False},
        yaxis={"range": [RANKED + 0.2, -0.3], "visible": False},
        shapes=ticks,
        annotations=labels,
    )
    # A row is its words and the bar below them.
    return with_rows(drawn, [(row - 0.8, row + 0.2, "unit", str(unit)) for row, unit in enumerate(top["unit"])])


def _tick(at: float, row: int, colour: str) -> dict[str, Any]:
    ends = {"x0": at, "x1": at, "y0": row - 0.14, "y1": row + 0.14}
    return {"type": "line", **ends, "line": {"color": colour, "width": 3}}


def waiting(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: from_hours, to_hours (NaN: no end), over, count. Letters by age in working hours, the oldest last.

    A line with its word parts what is older than the limit; that part is red.
    """
    if frame.empty or not frame["count"].any():
        return blank(look.palette)
    colours = look.palette
    rows = frame.sort_values("from_hours").reset_index(drop=True)
    over = rows["over"].astype(bool).tolist()
    counts = rows["count"].astype(int).tolist()
    limit = over.index(True)
    # The line of the limit and its word take a row.
    places = [i + 1.0 * past for i, past in enumerate(over)]
    labels = [
        text(0, place, _ages(start, end, look), xref="paper", xshift=-_AGE_ROOM)
        for place, start, end in zip(places, rows["from_hours"], rows["to_hours"], strict=True)
    ]
    labels += [
        text(count, place, f"<b>{look.number(count, 0)}</b>", xshift=8, font={"color": colours.fg})
        for place, count in zip(places, counts, strict=True)
    ]
    hours = _hours(float(rows["from_hours"].iloc[limit]), look)
    at = places[limit] - 0.6
    labels.append(
        text(0, at, look.say("waiting.limit", hours=hours), xref="paper", xshift=-_AGE_ROOM, yanchor="bottom")
    )
    strip = bar(name=look.say("waiting.letters"), orientation="h", x=counts, y=places, width=0.6)
    strip["marker"] = {"color": [colours.bad if past else colours.faint for past in over]}
    rule = {"type": "line", "xref": "paper", "x0": -0.6, "x1": 1.2, "y0": at, "y1": at}
    drawn = figure(
        colours,
        [strip],
        margin={"l": _AGE_ROOM, "r": 14 + 11 * len(look.number(max(counts), 0)), "t": 0, "b": 0},
        xaxis={"range": [0, max(counts)], "visible": False},
        yaxis={"range": [len(rows) + 0.5, -0.5], "visible": False},
        shapes=[rule | {"line": {"color": colours.muted, "width": 2, "dash": "dash"}}],
        annotations=labels,
    )
    late = [(at, len(rows) + 0.5, "over", "")] if any(n for n, past in zip(counts, over, strict=True) if past) else []
    return with_rows(drawn, late)


_AGE_ROOM: Final = 84  # px for `16-40`


def _hours(value: float, look: Look) -> str:
    return look.number(value, 0 if float(value).is_integer() else 1)


def _ages(start: float, end: float, look: Look) -> str:
    if pd.isna(end):
        return f"> {_hours(start, look)}"
    return f"≤ {_hours(end, look)}" if not start else f"{_hours(start, look)}–{_hours(end, look)}"


def compared(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: period (now, before), working_days, begun, registered, dispositioned, completed (sums of the period).

    Each per working day: a bar now, a tick before, and what changed. Nothing where one side has no working day or the
    letters do not reach back that far.
    """
    sides = {str(row["period"]): row for row in frame.to_dict("records")}
    now, before = sides.get("now"), sides.get("before")
    if now is None or before is None or not (before["begun"] and now["working_days"] and before["working_days"]):
        return blank(look.palette)
    colours = look.palette
    names = [n for n in ("registered", "dispositioned", "completed") if n in frame]
    pairs = [(float(now[n]) / now["working_days"], float(before[n]) / before["working_days"]) for n in names]
    labels: list[dict[str, Any]] = []
    for row, (name, (rate, was)) in enumerate(zip(names, pairs, strict=True)):
        place = {"xref": "paper", "yanchor": "bottom", "yshift": 7}
        said = look.say("compare.was", value=f"<b>{_rate(rate, look)}</b>", before=_rate(was, look))
        labels.append(text(0, row - 0.14, look.say(f"flow.{name}"), font={"color": colours.fg}, **place))
        labels.append(text(1, row - 0.14, said + _change(rate, was, look), xanchor="right", **place))
    strip = bar(
        name=look.say("compare.now"),
        orientation="h",
        x=[round(rate, 3) for rate, _ in pairs],
        y=list(range(len(pairs))),
        width=0.26,
        marker={"color": colours.accent},
    )
    tick = {"symbol": "line-ns", "size": 11, "line": {"color": colours.fg, "width": 4}}
    marks = scatter(
        name=look.say("compare.before"),
        x=[round(was, 3) for _, was in pairs],
        y=list(range(len(pairs))),
        mode="markers",
        marker=tick,
    )
    most = max(value for pair in pairs for value in pair)
    return figure(
        colours,
        [strip, marks],
        margin={"l": 0, "r": 4, "t": 22, "b": 0},
        xaxis={"range": [0, (most or 1) * 1.01], "visible": False},
        yaxis={"range": [2.3, -0.4], "visible": False},
        annotations=labels,
    )


def _rate(value: float, look: Look) -> str:
    return look.number(value, 0 if value >= 100 else 1)


def _change(rate: float, was: float, look: Look) -> str:
    """What changed, in percent; nothing where there was nothing."""
    if not was:
        return ""
    change = rate / was - 1
    sign = "+" if change > 0 else "−" if change < 0 else ""
    return f"  {sign}{look.percent(abs(change), 0)}"
