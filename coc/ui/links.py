"""Where a figure leads: to the items behind it (`/telusur`), and from an item to the tree of its letter."""

from __future__ import annotations

import re
import string
from typing import Final
from urllib.parse import unquote, urlencode

from coc.access.table import OF_LETTERS
from coc.ui.context import Context

ITEMS_PATH: Final = "/telusur"
_PLAIN: Final = frozenset(string.ascii_letters + string.digits + "-_")
_ESCAPED: Final = re.compile(r"(?:~[0-9A-F]{2})+")
# Subjects whose figures have letters, dispositions or units behind them.
WITH_ITEMS: Final = frozenset({"correspondence", "disposition", "leaders", "adoption"})


def items(ctx: Context, kpi: str, **more: str) -> str | None:
    """The list behind a KPI's value in the view's scope and window, narrowed by `more`; an empty one narrows nothing.

    `more`: unit, window, age, office, to, channel, device, medium, kind, type, urgency. None where there is nothing to
    follow: a lens without letter rows, a KPI without items.
    """
    if ctx.view.lens not in OF_LETTERS or kpi.split(".")[0] not in WITH_ITEMS:
        return None
    asked = {"kpi": kpi, "unit": ctx.view.scope, "window": ctx.view.window, **more}
    return f"{ITEMS_PATH}?{urlencode({name: value for name, value in asked.items() if value})}"


def letter(source: str, id: str) -> str:
    """One letter's tree of dispositions. Any id is one segment of the path, and stays one behind any proxy."""
    return f"{ITEMS_PATH}/{segment(source)}/{segment(id)}"


def told(segment: str) -> str:
    """The inverse of a segment, as a browser gives it back; what nobody could have written is taken as it is."""
    return _ESCAPED.sub(lambda m: bytes.fromhex(m[0].replace("~", "")).decode("utf-8", "replace"), unquote(segment))


def segment(text: str) -> str:
    """Letters, digits, `-` and `_`; other bytes as ~XX: servers and proxies decode a percent each their own way."""
    return "".join(c if c in _PLAIN else "".join(f"~{byte:02X}" for byte in c.encode()) for c in text)
