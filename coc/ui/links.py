"""Where a figure leads: to the items behind it (`/telusur`), and from an item to the tree of its letter."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlencode

from coc.access.table import OF_LETTERS
from coc.ui.context import Context

ITEMS_PATH: Final = "/telusur"
# Subjects whose figures have letters, dispositions or units behind them.
WITH_ITEMS: Final = frozenset({"correspondence", "disposition", "leaders", "adoption"})


def items(ctx: Context, kpi: str, **more: str) -> str | None:
    """The list behind a KPI's value in the view's scope and window, narrowed by `more`; an empty one narrows nothing.

    `more`: unit, window, age, office, channel, device, medium, kind, type, urgency. None where there is nothing to
    follow: a lens without letter rows, a KPI without items.
    """
    if ctx.view.lens not in OF_LETTERS or kpi.split(".")[0] not in WITH_ITEMS:
        return None
    asked = {"kpi": kpi, "unit": ctx.view.scope, "window": ctx.view.window, **more}
    return f"{ITEMS_PATH}?{urlencode({name: value for name, value in asked.items() if value})}"


def letter(source: str, id: str) -> str:
    """One letter's tree of dispositions. Any id is one segment of the path."""
    return f"{ITEMS_PATH}/{quote(source, safe='')}/{quote(id, safe='')}"
