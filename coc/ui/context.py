"""What every part of a page needs from the view: words, numbers, colours, and the readings of its boards."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import pandas as pd

from coc.boards.board import CITY, Board
from coc.figures.look import Look
from coc.figures.palette import Palette, palette
from coc.ui.format import Writer
from coc.ui.i18n import Translator, t
from coc.ui.page import View


@dataclass(frozen=True, slots=True)
class Reading:
    """One KPI as the board has it; `value` None with the state that says why.

    `unit`: "" for the city. `kind`: how a masked one is labelled, "lt5" or "complement", "" where nothing is told.
    """

    id: str
    value: float | None
    state: str
    unit: str = ""
    kind: str = ""

    @property
    def raw(self) -> str:
        """`data-value`: the whole value, "" for null."""
        if self.value is None:
            return ""
        return str(int(self.value)) if self.value.is_integer() else repr(self.value)


@dataclass(frozen=True)
class Context:
    """Built once per render from the view."""

    view: View
    writer: Writer
    say: Translator
    colours: Palette
    look: Look
    readings: dict[str, Reading] = field(default_factory=dict)

    def reading(self, kpi: str) -> Reading:
        return self.readings.get(kpi) or Reading(kpi, None, "no_data")

    def frame(self, board: str, name: str) -> pd.DataFrame | None:
        """A board's frame, or None where the board is not there yet or the frame is empty."""
        held = self.view.boards.get(board)
        frame = held.frames.get(name) if held else None
        return None if frame is None or frame.empty else frame

    def as_of(self, boards: Iterable[str]) -> datetime | None:
        """The oldest input of these boards."""
        known = [b.as_of for name in boards if (b := self.view.boards.get(name)) and b.as_of]
        return min(known, default=None)

    def trend(self, kpi: str) -> pd.DataFrame:
        """The past days of a KPI: day, value; oldest first, today left out."""
        frame = self.frame(kpi.split(".")[0], "trend")
        if frame is None:
            return pd.DataFrame({"day": [], "value": []})
        days = frame.loc[frame["id"] == kpi, ["day", "value"]].assign(day=lambda f: pd.to_datetime(f["day"]))
        today = pd.Timestamp(self.writer.local(self.view.now).date())
        return days[days["day"] < today].sort_values("day").reset_index(drop=True)


def context_of(view: View) -> Context:
    writer = Writer(view.language, ZoneInfo(view.settings.city.time_zone))
    say, colours = t(view.language), palette(view.theme)
    look = Look(colours, say, writer.number, writer.percent, writer.hour, writer.short_date)
    return Context(view, writer, say, colours, look, _readings(view))


def _readings(view: View) -> dict[str, Reading]:
    readings: dict[str, Reading] = {}
    for board in view.boards.values():
        kpis = board.kpis
        if kpis.empty:
            continue
        mine = kpis[(kpis["unit"] == (view.scope or CITY)) & (kpis["window"] == view.window)]
        kinds = _kinds(board, view.scope)
        for kpi, value, state in zip(mine["id"], mine["value"], mine["state"], strict=True):
            number = None if value is None or math.isnan(value) else float(value)
            readings[str(kpi)] = Reading(str(kpi), number, str(state), view.scope, kinds.get(str(kpi), ""))
    return readings


def _kinds(board: Board, unit: str) -> dict[str, str]:
    """How the unit's masked KPIs are labelled, by KPI."""
    masks = board.frames.get("masks")
    if masks is None or not unit:
        return {}
    mine = masks[masks["unit"] == unit]
    return dict(zip(mine["id"], mine["kind"], strict=True))


def moment_of(value: object) -> datetime | None:
    """A board's time cell as an aware datetime; None for NaT, None and absent."""
    if value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    at = pd.Timestamp(value)  # type: ignore[arg-type]
    return None if pd.isna(at) else at.to_pydatetime()
