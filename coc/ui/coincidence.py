"""One line beside the figures of letters and dispositions: what moved, and what was down on the same day.

Worded as coincidence. Its title says how often chance alone makes such a line (`coc.metrics.coincidence`).
"""

from __future__ import annotations

from collections.abc import Hashable
from datetime import date
from typing import Any, Final

from coc.metrics.coincidence import RATE
from coc.ui.context import Context
from coc.ui.dom import html
from coc.ui.marks import icon

_PAGES: Final = {"service": "/aplikasi", "link": "/aplikasi", "area": "/wifi"}
_HOURS: Final = ("disposition.followup_hours_p50",)


def beside(ctx: Context, *kpis: str, most: int = 2) -> list[Any]:
    """Of the first of these figures that has one; nothing where none has, or where a unit is looked at.

    `most`: how many are named, the rest are a number; with one the line is as short as can be.
    """
    frame = ctx.frame("coincidence", "beside")
    if frame is None or ctx.view.scope:
        return []
    for kpi in kpis:
        found = frame[frame["kpi"] == kpi]
        if not found.empty:
            return [_line(ctx, kpi, found.to_dict("records"), most)]
    return []


def _line(ctx: Context, kpi: str, found: list[dict[Hashable, Any]], most: int) -> Any:
    say, writer = ctx.say, ctx.writer
    decimals = 1 if kpi in _HOURS else 0
    first, day = found[0], date.fromisoformat(str(found[0]["day"]))
    moved = say(
        f"coincidence.{kpi}",
        day=writer.short_date(day) if most == 1 else f"{writer.weekday(day)} {writer.short_date(day)}",
        value=writer.number(first["value"], decimals),
        usual=writer.number(first["usual"], decimals),
    )
    links: list[Any] = []
    for row in found[:most]:
        down = say(f"coincidence.{row['kind']}", name=row["name"], hours=writer.number(row["hours"], 1))
        links += [", ", html.A(down, href=_PAGES[row["kind"]], className="coc-items")]
    if len(found) > most:
        links.append(say("coincidence.more", n=len(found) - most))
    return html.P(
        [icon("late"), html.Span([moved, " ", html.B(say("coincidence.beside")), " ", *links[1:]])],
        className="coc-coincidence",
        title=say("coincidence.title", rate=writer.percent(RATE, 0)),
        **{"data-coincidence": kpi},
    )
