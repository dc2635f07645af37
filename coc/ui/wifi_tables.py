"""WiFi by kecamatan and by kind of site: how many points are well, how well they were, how full they are."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from coc.ui.context import Context
from coc.ui.dom import html
from coc.ui.marks import icon
from coc.ui.wifi_tiles import STATES

_TONES: Final = {"up": "good", "degraded": "warn", "down": "bad", "no_data": "idle"}
# What a phone leaves to the CSV.
_WIDE: Final = frozenset({"up", "degraded", "no_data", "up_30d", "used"})


def by_area(ctx: Context) -> list[Any]:
    """A row a kecamatan, by name; those without a point say so, and what lies nowhere comes last."""
    frame = ctx.frame("network", "areas")
    if frame is None:
        return []
    named = frame.assign(shown=[str(n) or ctx.say("wifi.no_area") for n in frame["name"]])
    return _table(ctx, "area", named.assign(last=named["name"] == "").sort_values(["last", "shown"]))


def by_kind(ctx: Context) -> list[Any]:
    frame = ctx.frame("network", "kinds")
    return [] if frame is None else _table(ctx, "kind", frame.assign(shown=[kind(ctx, str(k)) for k in frame["kind"]]))


def kind(ctx: Context, code: str) -> str:
    """The word of a kind of site; one that we have no word for is as its source writes it."""
    message = f"wifi.kind.{code}"
    return ctx.say(message) if ctx.say.has(message) else code.replace("_", " ") or ctx.say("wifi.no_kind")


def _table(ctx: Context, of: str, rows: pd.DataFrame) -> list[Any]:
    names = ("points", *STATES, "up_24h", "up_30d", "clients", "used")
    heads = [html.Th(ctx.say(f"wifi.table.{of}"), scope="col")]
    heads += [html.Th(_head(ctx, n), scope="col", className=_class(n)) for n in names]
    body = [html.Tr([html.Th(r["shown"], scope="row"), *_cells(ctx, r)]) for r in rows.to_dict("records")]
    return [html.Thead(html.Tr(heads)), html.Tbody(body)]


def _head(ctx: Context, name: str) -> Any:
    if name in STATES:
        return html.Span([icon(name), ctx.say(f"state.{name}")], className="coc-cell-in", **{"data-tone": _TONES[name]})
    return ctx.say(f"wifi.table.{name}")


def _class(name: str) -> str:
    return "coc-number coc-wide" if name in _WIDE else "coc-number"


def _cells(ctx: Context, row: dict[Any, Any]) -> list[Any]:
    number = ctx.writer.number
    cells = [html.Td(number(row["points"]), className="coc-number")]
    for state in STATES:
        tone = _TONES[state] if row[state] and state in ("degraded", "down") else ""
        shown = html.Span(number(row[state]), className="coc-cell")
        inside = html.Span(shown, className="coc-cell-in", **{"data-tone": tone})
        quiet = "" if row[state] else " coc-quiet"
        cells.append(html.Td(inside, className=_class(state) + quiet))
    for window in ("24h", "30d"):
        share = html.Span(ctx.writer.percent(row[f"up_{window}"]), className="coc-share")
        known = html.Span(ctx.writer.percent(row[f"coverage_{window}"], 0), className="coc-quiet")
        cells.append(html.Td([share, " ", known], className=_class(f"up_{window}")))
    cells.append(html.Td(number(row["clients"]), className="coc-number"))
    cells.append(html.Td(ctx.writer.percent(row["used"], 0), className=_class("used")))
    return cells
