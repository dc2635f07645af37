"""Districts where they lie, each with its wards: who of them uses the e-office week after week."""

from __future__ import annotations

from typing import Any

import pandas as pd

from coc.ui.context import Context
from coc.ui.dom import html
from coc.ui.marks import icon


def tile_map(ctx: Context) -> list[Any]:
    """A tile a district: its name, how many of its wards have the habit, a square a ward. Without places, in order."""
    listed = ctx.frame("units", "list")
    if listed is None:
        return []
    districts = listed[(listed["kind"] == "district") & listed["valid"].astype(bool)]
    habit = _habit(ctx)
    return [
        _tile(ctx, listed, habit, *row)
        for row in zip(*(districts[c] for c in ("unit", "name", "column", "row")), strict=True)
    ]


def _habit(ctx: Context) -> dict[str, float]:
    held = ctx.view.boards.get("adoption")
    if held is None:
        return {}
    mine = held.kpis[
        (held.kpis["id"] == "adoption.rate") & (held.kpis["window"] == ctx.view.window) & (held.kpis["state"] == "ok")
    ]
    return dict(zip(mine["unit"], mine["value"], strict=True))


def _tile(
    ctx: Context, listed: pd.DataFrame, habit: dict[str, float], code: str, name: str, column: float, row: float
) -> Any:
    wards = listed[(listed["parent"] == code) & listed["valid"].astype(bool)].sort_values("name")
    squares = [_ward(ctx, str(u), str(n), habit.get(u)) for u, n in zip(wards["unit"], wards["name"], strict=True)]
    active = sum(bool(habit.get(u)) for u in wards["unit"])
    own = habit.get(code)
    shape = "target-met" if own else "disabled"
    head = html.A(_short(name), className="coc-area-name", href=f"/opd/{code}", title=_told(ctx, name, own))
    told = f"{ctx.writer.number(active)}/{ctx.writer.number(len(wards))}"
    count = html.Span([icon(shape), told], className="coc-area-count", **{"data-tone": "good" if own else "idle"})
    place = {} if pd.isna(column) else {"style": {"gridColumn": int(column) + 1, "gridRow": int(row) + 1}}
    return html.Div(
        [html.Div([head, count], className="coc-area-head"), html.Div(squares, className="coc-wards")],
        className="coc-area",
        **place,
    )


def _ward(ctx: Context, code: str, name: str, habit: float | None) -> Any:
    state = "" if habit is None else "yes" if habit else "no"
    return html.A(
        html.Span(_told(ctx, name, habit), className="coc-sr"),
        href=f"/opd/{code}",
        title=_told(ctx, name, habit),
        className="coc-ward",
        **{"data-habit": state},
    )


def _told(ctx: Context, name: str, habit: float | None) -> str:
    word = "unknown" if habit is None else "yes" if habit else "no"
    return f"{name}: {ctx.say(f'opd.habit.long.{word}')}"


def _short(name: str) -> str:
    first, _, rest = name.partition(" ")
    return rest if first.casefold().startswith("kec") and rest else name
