"""Links over the map, which is a picture: each site's mark leads to its worst point and tells what it is."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from coc.figures.template import Figure
from coc.ui.context import Context
from coc.ui.dom import html
from coc.ui.wifi_rows import point_path

# Of a large city the sites that are well have no link here: they are one of many, and a page may hold so much.
_MOST: Final = 150


def over(ctx: Context, figure: Figure, sites: pd.DataFrame) -> list[Any]:
    """An anchor over each mark that the figure told of (`layout.meta.places`), the worst on top."""
    places = {site: (x, y) for site, x, y in figure["layout"].get("meta", {}).get("places", [])}
    shown = sites if len(sites) <= _MOST else sites[sites["state"] != "up"].head(_MOST)
    return [_link(ctx, row, places[row["site"]]) for row in shown.to_dict("records") if row["site"] in places]


def _link(ctx: Context, row: dict[Any, Any], at: tuple[float, float]) -> Any:
    words = told(ctx, row)
    return html.A(
        href=point_path(str(row["ap"])),
        title=words,
        className="coc-map-link",
        style={"left": f"{at[0]:.2%}", "top": f"{at[1]:.2%}"},
        **{"aria-label": words, "data-state": row["state"]},
    )


def told(ctx: Context, row: dict[Any, Any]) -> str:
    """Name, kecamatan, and the points by state: Taman Rimba, Paal Merah: 1 padam, 2 aktif."""
    counts = [
        f"{ctx.writer.number(row[state])} {ctx.say(f'state.{state}').lower()}"
        for state in ("down", "degraded", "no_data", "up")
        if row[state]
    ]
    name = ", ".join(str(row[c]) for c in ("name", "area_name") if row[c])
    return f"{name}: {', '.join(counts)}"
