"""What the page of letters draws: of the board's cubes the rows of the view's unit and window, each day there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

import pandas as pd

from coc.domain import reference
from coc.ui.context import Context

BOARD: Final = "letters"
_STAGES: Final = ("registered", "dispositioned", "completed")


def of_view(ctx: Context, chart: str) -> pd.DataFrame | None:
    """The frame behind a chart of the page, in the view's unit and window; None where there is nothing to draw."""
    found = _CHARTS[chart](ctx)
    return None if found is None or found.empty else found


def any_letters(ctx: Context) -> bool:
    """Whether there is a letter at all: without one nothing waits, but nobody should be told so."""
    board, frame = ("correspondence", "flow") if ctx.view.lens == "public" else (BOARD, "mix")
    return ctx.frame(board, frame) is not None


def by_day(ctx: Context, days: int) -> pd.DataFrame | None:
    """The latest `days` with today, a row each: day, working, partial, ramadan, note, and the counts of letters.

    The public sees the city's thirty days of the board that everybody has.
    """
    if ctx.view.lens == "public":
        return _public(ctx, days)
    calendar, counts = ctx.frame(BOARD, "days"), ctx.frame(BOARD, "flow")
    if calendar is None or counts is None:
        return None
    return _with_corrected(ctx, _each_day(calendar.tail(days), _of_unit(ctx, counts)))


def _with_corrected(ctx: Context, days: pd.DataFrame) -> pd.DataFrame:
    """Of the city's days those that were published otherwise; what is published of a unit is told by the API alone."""
    marks = None if ctx.view.scope else ctx.frame("correspondence", "corrected")
    if marks is None:
        return days
    changed = {str(day)[:10] for day in marks["day"]}
    return days.assign(corrected=[str(day)[:10] in changed for day in days["day"]])


def _public(ctx: Context, days: int) -> pd.DataFrame | None:
    found = None if ctx.view.scope else ctx.frame("correspondence", "flow")
    if found is None:
        return None
    dates = [date.fromisoformat(str(day)[:10]) for day in found["day"]]
    fasting = [any(first <= day <= last for first, last in reference.ramadan().values()) for day in dates]
    whole = found.assign(day=[day.isoformat() for day in dates], ramadan=fasting)
    return whole.sort_values("day").tail(days)


def _each_day(calendar: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    whole = calendar.merge(counts.drop(columns="unit"), on="day", how="left")
    named = [c for c in counts.columns if c in _STAGES]
    return whole.assign(**{c: whole[c].fillna(0).astype("int64") for c in named})


def _of_unit(ctx: Context, frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["unit"] == ctx.view.scope]


def _of_window(ctx: Context, frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["window"] == ctx.view.window]


def _days_of(ctx: Context) -> int:
    return int(ctx.view.window[:-1])


def _stages(ctx: Context) -> pd.DataFrame | None:
    """The sums since the window's first day, with what was open when it began."""
    calendar, counts = ctx.frame(BOARD, "days"), ctx.frame(BOARD, "stages")
    if calendar is None or counts is None:
        return None
    mine, shown = _of_unit(ctx, counts), calendar.tail(_days_of(ctx))[["day", "partial"]]
    first = str(shown["day"].iloc[0])
    whole = _each_day(shown, mine)
    before = mine[mine["day"] < first]
    done = int(before["completed"].sum())
    for name in _STAGES:
        whole[name] = whole[name].cumsum() + int(before[name].sum()) - done
    return whole


def _rows(frame: str, *, unit: bool, window: bool) -> Callable[[Context], pd.DataFrame | None]:
    def select(ctx: Context) -> pd.DataFrame | None:
        found = ctx.frame(BOARD, frame)
        if found is not None and unit:
            found = _of_unit(ctx, found)
        return found if found is None or not window else _of_window(ctx, found)

    return select


def _mix(*fields: str) -> Callable[[Context], pd.DataFrame | None]:
    whole = _rows("mix", unit=True, window=True)

    def select(ctx: Context) -> pd.DataFrame | None:
        found = whole(ctx)
        return None if found is None else found[found["field"].isin(fields)]

    return select


_CHARTS: Final[Mapping[str, Callable[[Context], pd.DataFrame | None]]] = {
    "letter_flow": lambda ctx: by_day(ctx, _days_of(ctx)),
    "letter_cumulative": _stages,
    "letter_types": _mix("type"),
    "letter_mix": _mix("kind", "urgency", "medium"),
    "letter_paperless": _rows("paperless", unit=False, window=True),
    "letter_waiting": _rows("waiting", unit=True, window=False),
    "letter_calendar": lambda ctx: by_day(ctx, 90),
    "letter_compare": _rows("compared", unit=True, window=True),
}
