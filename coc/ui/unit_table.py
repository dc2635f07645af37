"""The table of all units: its words and numbers are made here, its rows drawn, sorted and searched by coc-table.js.

A component a cell would be thousands, and Dash takes seconds to mount them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
import pandas as pd

from coc.figures.rows import fitting
from coc.figures.spark import spark
from coc.metrics.registry import registered
from coc.ui.context import Context, Reading
from coc.ui.dom import html
from coc.ui.explain import info
from coc.ui.marks import null_words
from coc.ui.targets import band_of
from coc.ui.tiles import figure_text
from coc.ui.unit_readings import Unit, units_of

# The first two are what most ask for: the past stands beside them.
KPIS: Final = (
    "disposition.overdue",
    "disposition.backlog",
    "disposition.followup_hours_p85",
    "disposition.on_time_rate",
    "correspondence.paperless_rate",
    "adoption.rate",
)
PUBLIC_KPIS: Final = (
    "disposition.overdue",
    "disposition.backlog",
    "disposition.due_soon",
    "correspondence.undispositioned",
    "correspondence.registered_today",
    "correspondence.completed_today",
)
_NAME: Final = 250  # px for a name on the wall
_WORST_FIRST: Final = "disposition.overdue"


@dataclass(frozen=True, slots=True)
class Past:
    """What the board `units` adds: the backlog of twelve weeks and before the window, by unit."""

    weeks: Mapping[str, list[float | None]]
    before: Mapping[str, int]


def past_of(ctx: Context) -> Past:
    weeks, past, before = (ctx.frame("units", name) for name in ("weeks", "past", "before"))
    if weeks is None:
        return Past({}, {})
    known = weeks["dispositions"].tolist()
    lines: dict[str, list[float | None]] = {}
    held = pd.DataFrame({"unit": [], "week": [], "backlog": []}) if past is None else past
    for unit, mine in held.groupby("unit"):
        values = dict(zip(mine["week"], mine["backlog"], strict=True))
        lines[str(unit)] = [float(values.get(i, 0)) if k else None for i, k in enumerate(known)]
    stood: dict[str, int] = {}
    if before is not None:
        then = before[before["window"] == ctx.view.window]
        stood = {str(u): int(n) for u, n in zip(then["unit"], then["backlog"], strict=True)}
    return Past(lines, stood)


Cell = dict[str, Any]  # what coc-table.js takes; what is "" or absent is not drawn


def head(ctx: Context) -> list[Any]:
    """The table's head: words that sort, and what each figure is."""
    public = ctx.view.lens == "public"
    kpis = PUBLIC_KPIS if public else KPIS
    heads = [_head(ctx, "unit"), *(_head(ctx, kpi, kpi=kpi) for kpi in kpis[:2])]
    if not public:
        heads += [_head(ctx, "change", "coc-number coc-wide"), _head(ctx, "past", "coc-wide", sorts=False)]
    return [html.Tr([*heads, *(_head(ctx, kpi, kpi=kpi) for kpi in kpis[2:])])]


def rows(ctx: Context) -> str:
    """The body as JSON, the units with most overdue first."""
    public = ctx.view.lens == "public"
    kpis = PUBLIC_KPIS if public else KPIS
    past = None if public else past_of(ctx)
    units = sorted(units_of(ctx, kpis), key=_worst_first)
    return orjson.dumps([_row(ctx, unit, kpis, past) for unit in units]).decode()


def _worst_first(unit: Unit) -> tuple[float, float, str]:
    overdue, backlog = (unit.reading(kpi).value for kpi in (_WORST_FIRST, "disposition.backlog"))
    return -(-1.0 if overdue is None else overdue), -(-1.0 if backlog is None else backlog), unit.name


def _head(ctx: Context, name: str, class_name: str = "", kpi: str = "", *, sorts: bool = True) -> Any:
    words = ctx.say(f"opd.column.{name}")
    button = html.Button(words, type="button", className="coc-sort") if sorts else html.Span(words)
    more = [html.Span([button, info(ctx, kpi)], className="coc-th")] if kpi else [button]
    sort = {"aria-sort": "descending"} if name == _WORST_FIRST else {}
    return html.Th(more, scope="col", className=class_name or ("coc-number" if kpi else ""), **sort)


def _row(ctx: Context, unit: Unit, kpis: tuple[str, ...], past: Past | None) -> Cell:
    cells = [_cell(ctx, unit, kpi) for kpi in kpis[:2]]
    if past is not None:
        cells += [_change(ctx, unit, past), _line(ctx, unit, past)]
    cells += [_adoption(ctx, unit) if kpi == "adoption.rate" else _cell(ctx, unit, kpi) for kpi in kpis[2:]]
    short = fitting(unit.name, unit.code, _NAME)
    return {"name": unit.name, "short": short, "href": f"/opd/{unit.code}", "cells": cells}


def _line(ctx: Context, unit: Unit, past: Past) -> Cell:
    """The backlog at the ends of twelve weeks, and now."""
    line, now = past.weeks.get(unit.code), unit.reading("disposition.backlog").value
    source = spark([*line, now], ctx.colours) if line else None
    return {"class": "coc-wide", "image": source or ""}


def _change(ctx: Context, unit: Unit, past: Past) -> Cell:
    """The backlog against the moment when the window opened."""
    now = unit.reading("disposition.backlog").value
    if now is None:
        return {"class": "coc-wide coc-number", "text": "–", "sort": ""}
    change = now - past.before.get(unit.code, 0)
    mark = "rise" if change > 0 else "fall" if change < 0 else "same"
    tone = "warn" if change > 0 else "good" if change < 0 else "idle"
    told = {"text": ctx.writer.signed(change), "icon": mark, "tone": tone, "sort": str(change)}
    return {"class": "coc-wide coc-number", **told}


def _cell(ctx: Context, unit: Unit, kpi: str) -> Cell:
    reading, measure = unit.reading(kpi), registered()[kpi].measure
    text = figure_text(ctx, reading, measure)
    if reading.value is None:
        return _of(reading, text) | {"title": null_words(ctx, reading)}
    shown = _of(reading, text + (ctx.writer.percent_sign if measure == "rate" else ""))
    state = _state(ctx, reading)
    if state in ("near", "missed"):
        tone = {"near": "warn", "missed": "bad"}[state]
        return shown | {"icon": f"target-{state}", "said": ctx.say(f"opd.target.{state}"), "tone": tone}
    return shown | ({"tone": "bad"} if kpi == _WORST_FIRST and reading.value and state is None else {})


def _state(ctx: Context, reading: Reading) -> str | None:
    band = band_of(ctx.view.settings.targets, registered()[reading.id], reading.unit)
    return None if band is None or reading.value is None else band.state(reading.value)


def _adoption(ctx: Context, unit: Unit) -> Cell:
    """A habit or none: a shape and a word."""
    reading = unit.reading("adoption.rate")
    if reading.value is None:
        return _of(reading, "–") | {"title": null_words(ctx, reading)}
    word, shape, tone = ("yes", "target-met", "good") if reading.value else ("no", "disabled", "idle")
    return _of(reading, ctx.say(f"opd.habit.{word}")) | {"icon": shape, "tone": tone}


def _of(reading: Reading, text: str) -> Cell:
    """A KPI's cell with the attributes that every shown KPI has."""
    masked = {"masked": "lt5"} if reading.state == "masked" else {}
    kpi = {"kpi": reading.id, "unit": reading.unit, "value": reading.raw}
    return {"class": "coc-number", "text": text, "sort": reading.raw, **kpi, **masked}
