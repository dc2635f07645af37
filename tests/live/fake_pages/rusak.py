"""A page whose layout fails."""

from __future__ import annotations

from typing import Any

from coc.access.table import EVERY_LENS
from coc.ui.page import PageSpec, Props, View

PAGE = PageSpec(name="rusak", path="/rusak", boards=("feeds",), title="sumber.title", lenses=EVERY_LENS)


def layout(**_: Any) -> Any:
    raise ValueError("a layout that fails")


def render(view: View) -> Props:
    return {"rusak-title": {"children": view.page}}
