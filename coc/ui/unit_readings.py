"""Every unit's figures of one view, by unit: what a table of units is made of."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from coc.boards.board import CITY
from coc.ui.context import Context, Reading


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of the list, with its readings by KPI."""

    code: str
    name: str
    readings: Mapping[str, Reading]

    def reading(self, kpi: str) -> Reading:
        return self.readings.get(kpi) or Reading(kpi, None, "no_data", self.code)


def units_of(ctx: Context, kpis: Collection[str]) -> list[Unit]:
    """The units of the list with these KPIs, by name. What the lens may not see is masked, as its boards are."""
    names = ctx.frame("correspondence", "names")
    if names is None:
        return []
    found: dict[str, dict[str, Reading]] = {}
    for board in {kpi.split(".")[0] for kpi in kpis}:
        held = ctx.view.boards.get(board)
        if held is None or held.kpis.empty:
            continue
        rows = held.kpis
        mine = rows[(rows["unit"] != CITY) & (rows["window"] == ctx.view.window) & rows["id"].isin(list(kpis))]
        masks = held.frames.get("masks")
        kinds = (
            {} if masks is None else dict(zip(zip(masks["id"], masks["unit"], strict=True), masks["kind"], strict=True))
        )
        for kpi, unit, value, state in zip(mine["id"], mine["unit"], mine["value"], mine["state"], strict=True):
            number = None if value is None or math.isnan(value) else float(value)
            kind = kinds.get((kpi, unit), "")
            found.setdefault(unit, {})[kpi] = Reading(str(kpi), number, str(state), str(unit), str(kind))
    return [
        Unit(str(code), str(name), found.get(code, {})) for code, name in zip(names["code"], names["name"], strict=True)
    ]
