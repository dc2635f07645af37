"""From where people are: each application as each place sees it, its share of the last 24 hours and its state now."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from coc.ui.apps_rows import APP, UP, chosen, entities, href_of, number
from coc.ui.context import Context
from coc.ui.dom import html
from coc.ui.marks import TONES, icon

_MEASURED: Final = 0.5  # of the day; below, a share is worth little
_PLACES: Final = 5  # columns that a wall has room for, the COC's own room among them


def table(ctx: Context) -> list[Any]:
    """Head and body; empty where no application was seen from anywhere."""
    frame = chosen(ctx, "vantages")
    if frame is None:
        return []
    places = places_of(frame)
    cells = {(r["service"], r["vantage"]): r for r in frame.to_dict("records")}
    names = [
        html.Th(html.Span(place or ctx.say("apps.room")), scope="col", className="coc-number", title=place)
        for _, place in places
    ]
    rows = []
    for entity in entities(ctx, APP):
        seen = [cells.get((entity.id, vantage)) for vantage, _ in places]
        name = html.A(entity.name, href=href_of(entity.id), className="coc-app-name")
        # A place that sees what the others do not: the application is well, the way to it is not.
        rows.append(html.Tr([html.Th(name, scope="row"), *(_cell(ctx, cell) for cell in seen)]))
    return [html.Thead(html.Tr([html.Th(ctx.say("apps.column.name"), scope="col"), *names])), html.Tbody(rows)]


def places_of(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Vantages with their names: the COC's own room, then those that see most applications."""
    counts = frame.groupby(["vantage", "place"], as_index=False).size()
    counts["room"] = counts["vantage"] == ""
    counts = counts.sort_values(["room", "size", "place"], ascending=[False, False, True]).head(_PLACES)
    return list(zip(counts["vantage"].astype(str), counts["place"].astype(str), strict=True))


def note(ctx: Context) -> str:
    """How many places look, what is left out of the table, and how much of the day was measured at least."""
    frame = chosen(ctx, "vantages")
    if frame is None:
        return ""
    count = frame["vantage"].nunique()
    if count <= 1:
        return ctx.say("apps.vantages.room_only")
    least = ctx.writer.percent(float(frame["coverage"].min()), 0)
    n = ctx.writer.number
    return ctx.say("apps.vantages.note", n=n(count), shown=n(min(count, _PLACES)), least=least)


def _cell(ctx: Context, cell: dict[Any, Any] | None) -> Any:
    if cell is None:
        return html.Td(ctx.writer.number(None), className="coc-number coc-quiet")
    up, coverage = number(cell["up_share"]), number(cell["coverage"]) or 0.0
    state = str(cell["state"])
    said = ctx.say(
        "apps.vantage.said",
        state=ctx.say(f"state.{state}"),
        coverage=ctx.writer.percent(coverage, 0),
    )
    return html.Td(
        html.Span(
            [*([] if state == UP else [icon(state)]), ctx.writer.percent(up, 1)],
            className="coc-vantage",
            **{"data-tone": TONES[state]},
        ),
        className="coc-number coc-quiet" if coverage < _MEASURED else "coc-number",
        title=said,
        **{"data-vantage": str(cell["vantage"]), "data-state": state},
    )
