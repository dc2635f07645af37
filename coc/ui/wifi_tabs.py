"""The sections of the WiFi pages: three of `/wifi`, and the programme, which is a page of its own."""

from __future__ import annotations

from typing import Any, Final

from coc.ui.context import Context
from coc.ui.dom import html

NOW, USE, AREAS = "sekarang", "pemakaian", "wilayah"
PARTS: Final = (NOW, USE, AREAS)
PROGRAM: Final = "program"
_PATHS: Final = {NOW: "/wifi", **{p: f"/wifi?view={p}" for p in (USE, AREAS)}, PROGRAM: "/wifi/program"}


def tabs(ctx: Context, current: str) -> Any:
    """Each section an address of its own."""
    links = [
        html.A(
            ctx.say(f"wifi.part.{name}"),
            href=path,
            className="coc-tab",
            **({"aria-current": "page"} if name == current else {}),
        )
        for name, path in _PATHS.items()
    ]
    return html.Nav(links, className="coc-tabs", **{"aria-label": ctx.say("wifi.parts")})
