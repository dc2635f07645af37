"""`/export/chart/<page>/<chart>.csv`: the rows that a chart draws, in the viewer's lens, a unit and a window."""

from __future__ import annotations

from typing import Final

import pandas as pd

from coc.access import Viewer
from coc.live.paging import Page
from coc.live.services import Services
from coc.ui.context import Context, context_of
from coc.ui.page import View

SUFFIX: Final = ".csv"


def chart_of(services: Services, viewer: Viewer, page: str, file: str) -> str | None:
    """The chart that a file is of; None where there is no such page for this viewer, or no such chart on it."""
    name = file.removesuffix(SUFFIX)
    if name == file or page not in services.pages or not services.is_for(page, viewer.lens):
        return None
    return name if name in services.pages[page].charts else None


def rows_of(page: Page, chart: str, view: View) -> pd.DataFrame:
    """What the chart draws; its frame without rows where there is nothing."""
    ctx = context_of(view)
    found = page.frame_of(ctx, chart) if page.frame_of else _chosen(ctx, *page.charts[chart])
    if found is not None:
        return found
    board, name = page.charts[chart]
    held = view.boards.get(board)
    whole = held.frames.get(name) if held else None
    return pd.DataFrame() if whole is None else whole.iloc[:0]


def _chosen(ctx: Context, board: str, name: str) -> pd.DataFrame | None:
    """Of a frame by unit or window those of the view: of the city the row of the city, where it has one."""
    frame = ctx.frame(board, name)
    if frame is None:
        return None
    if "unit" in frame and (ctx.view.scope or (frame["unit"] == "").any()):
        frame = frame[frame["unit"] == ctx.view.scope]
    return frame[frame["window"] == ctx.view.window] if "window" in frame else frame
