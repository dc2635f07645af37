"""One unit's figures against its target, the city's median and its own past; its types of letters; an unknown unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pandas as pd

from coc.figures.spark import spark
from coc.metrics.registry import registered
from coc.ui import tiles
from coc.ui.context import Context
from coc.ui.dom import html
from coc.ui.explain import info
from coc.ui.links import items
from coc.ui.marks import icon, null_words, value
from coc.ui.targets import band, written

KPIS: Final = (
    "disposition.backlog",
    "disposition.overdue",
    "disposition.due_soon",
    "disposition.on_time_rate",
    "disposition.followup_hours_p50",
    "disposition.followup_hours_p85",
    "correspondence.registered_today",
    "correspondence.completed_today",
    "correspondence.undispositioned",
    "correspondence.paperless_rate",
    "adoption.breadth",
)
PUBLIC_KPIS: Final = (
    "disposition.backlog",
    "disposition.overdue",
    "disposition.due_soon",
    "correspondence.registered_today",
    "correspondence.completed_today",
    "correspondence.undispositioned",
)

_Past = Callable[[pd.DataFrame], "pd.Series[Any]"]
_PAST: Final[dict[str, _Past]] = {
    "disposition.backlog": lambda f: f["backlog"],
    "disposition.overdue": lambda f: f["overdue"],
    "disposition.on_time_rate": lambda f: f["on_time"] / f["due"].where(f["due"] > 0),
    "disposition.followup_hours_p85": lambda f: f["p85"],
    "correspondence.paperless_rate": lambda f: f["electronic"] / f["eligible"].where(f["eligible"] > 0),
}


def weeks_of(ctx: Context) -> pd.DataFrame | None:
    """The 12 weeks with the unit's own counts, 0 where it had nothing; None where the board is not there."""
    weeks, past = ctx.frame("units", "weeks"), ctx.frame("units", "past")
    if weeks is None:
        return None
    columns = ["registered", "eligible", "electronic", "due", "on_time", "backlog", "overdue"]
    held = pd.DataFrame(columns=["unit", "week", *columns, "p85"]) if past is None else past
    mine = held[held["unit"] == ctx.view.scope].set_index("week").reindex(range(len(weeks)))
    mine[columns] = mine[columns].astype("float64").fillna(0)
    return pd.concat([weeks.reset_index(drop=True), mine.drop(columns="unit").reset_index(drop=True)], axis=1)


def figures(ctx: Context) -> list[Any]:
    """The table: figure, value, target, the median of units, twelve weeks."""
    public = ctx.view.lens == "public"
    names = ("figure", "value") if public else ("figure", "value", "target", "median", "past")
    wide = {"past": "coc-wide", "median": "coc-number coc-wide", "figure": ""}
    heads = [html.Th(ctx.say(f"unit.column.{n}"), scope="col", className=wide.get(n, "coc-number")) for n in names]
    weeks = None if public else weeks_of(ctx)
    rows = [_row(ctx, kpi, weeks, public=public) for kpi in (PUBLIC_KPIS if public else KPIS)]
    return [html.Thead(html.Tr(heads)), html.Tbody(rows)]


def _row(ctx: Context, kpi: str, weeks: pd.DataFrame | None, *, public: bool) -> Any:
    name, href = ctx.say(f"kpi.{kpi}.name"), items(ctx, kpi)
    words = html.A(name, href=href, className="coc-items") if href else html.Span(name)
    cells = [
        html.Th(html.Span([words, info(ctx, kpi)], className="coc-th"), scope="row"),
        html.Td(_value(ctx, kpi), className="coc-number"),
    ]
    if not public:
        cells += [
            html.Td(_target(ctx, kpi), className="coc-number"),
            html.Td(_median(ctx, kpi), className="coc-number coc-quiet coc-wide"),
            html.Td(_line(ctx, kpi, weeks), className="coc-wide"),
        ]
    return html.Tr(cells)


def _value(ctx: Context, kpi: str) -> list[Any]:
    reading, measure = ctx.reading(kpi), registered()[kpi].measure
    text = tiles.figure_text(ctx, reading, measure)
    if reading.value is None:
        return [value(reading, text, "coc-cell"), html.Span(f" {null_words(ctx, reading)}", className="coc-quiet")]
    return [html.B(value(reading, _with_unit(ctx, text, measure), "coc-cell"))]


def _with_unit(ctx: Context, text: str, measure: str) -> str:
    if measure == "rate":
        return text + ctx.writer.percent_sign
    return f"{text} {ctx.say('unit.hours')}" if measure == "hours" else text


def _target(ctx: Context, kpi: str) -> list[Any]:
    found = tiles.target_state(ctx, kpi)
    own = band(ctx, kpi)
    return found or ([] if own is None else [html.Span(written(ctx.writer, own.target, registered()[kpi].measure))])


def _median(ctx: Context, kpi: str) -> str:
    medians, measure = ctx.frame("units", "medians"), registered()[kpi].measure
    if medians is None:
        return ""
    mine = medians[(medians["id"] == kpi) & (medians["window"] == ctx.view.window)]["value"]
    if mine.empty or np.isnan(mine.iloc[0]):
        return ""
    number = float(mine.iloc[0])
    text = (
        ctx.writer.percent_number(number)
        if measure == "rate"
        else ctx.writer.number(number, 1 if measure == "hours" else 0)
    )
    return _with_unit(ctx, text, measure)


def _line(ctx: Context, kpi: str, weeks: pd.DataFrame | None) -> Any:
    if weeks is None or kpi not in _PAST:
        return None
    known = weeks["letters" if kpi.startswith("correspondence.") else "dispositions"].astype(bool)
    past = _PAST[kpi](weeks).where(known)
    source = spark([None if pd.isna(v) else float(v) for v in past], ctx.colours)
    return html.Img(src=source, alt="", className="coc-spark") if source else None


def types(ctx: Context) -> list[Any]:
    """Every configured type: how many letters of it in 90 days, or that there is none."""
    frame, known = ctx.frame("units", "types"), ctx.view.settings.letter_types
    mine = (
        {}
        if frame is None
        else {
            str(t): int(n)
            for u, t, n in zip(frame["unit"], frame["type"], frame["letters"], strict=True)
            if u == ctx.view.scope
        }
    )
    found = []
    for kind in dict.fromkeys(known):
        count, message = mine.get(kind, 0), f"letter.type.{kind}"
        name = ctx.say(message) if ctx.say.has(message) else kind.replace("_", " ").capitalize()
        shown = html.B(ctx.writer.number(count)) if count else html.Span(ctx.say("unit.types.none"))
        shape = icon("target-met" if count else "disabled")
        found.append(html.Li([shape, html.Span(name), shown], **{"data-tone": "good" if count else "idle"}))
    return found


def unknown(ctx: Context, asked: str, nearest: str | None) -> Any:
    """There is no such unit: which was meant, perhaps, and where all are."""
    near = [html.P([ctx.say("unit.nearest"), " ", html.A(nearest, href=f"/opd/{nearest}")])] if nearest else []
    return html.Div(
        [html.H2(ctx.say("unit.unknown", unit=asked[:40])), *near, html.P(html.A(ctx.say("unit.all"), href="/opd"))],
        className="coc-message",
    )
