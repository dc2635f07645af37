"""A sparkline as an SVG data URI: two weeks in 300 bytes, drawn by the browser without plotly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from urllib.parse import quote

from coc.figures.palette import Palette

_W, _H, _PAD = 120, 36, 4


def spark(values: Sequence[float | None], colours: Palette) -> str | None:
    """A line over `values` (oldest first, null is a gap) with its last point marked; None where there is no line."""
    known = [v for v in values if v is not None and not math.isnan(v)]
    if len(known) < 2:
        return None
    low, high = min(known), max(known)
    if low == high:
        low, high = low - 1, high + 1  # level: drawn in the middle
    step = (_W - 2 * _PAD) / (len(values) - 1)
    path, pen = "", "M"
    end = (0.0, 0.0)
    for i, value in enumerate(values):
        if value is None or math.isnan(value):
            pen = "M"
            continue
        end = (_PAD + i * step, _H - _PAD - (value - low) / (high - low) * (_H - 2 * _PAD))
        path += f"{pen}{end[0]:.0f} {end[1]:.1f}"
        pen = "L"
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_W} {_H}'>"
        f"<path d='{path}' fill='none' stroke='{colours.muted}' stroke-width='2' stroke-linejoin='round'/>"
        f"<circle cx='{end[0]:.0f}' cy='{end[1]:.1f}' r='3.6' fill='{colours.accent}'/></svg>"
    )
    return "data:image/svg+xml," + quote(svg, safe=" /:='.,")
