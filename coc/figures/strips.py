"""Ninety days of one entity as a strip of bars, an SVG data URI: a page of them is a few kilobytes and no plotly.

A day says what it was by its shape as well as by its colour: a whole bar was up; a foot on it grows with the time it
was down; a narrow bar was measured for less than half of the day; a hatched stump was not measured at all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from coc.figures.palette import Palette

STEP: Final = 4  # of which a bar takes 3
HEIGHT: Final = 28
MEASURED: Final = 0.5  # of a day; below, the bar is narrow
SLIGHT: Final = 0.99  # up for as much of a day: a flaw, not a failure
_LEAST: Final = 7  # a foot that a wall can see
_STUMP: Final = 9
_HATCH = (
    "<pattern id='h' width='4' height='4' patternUnits='userSpaceOnUse'>"
    "<path d='M0 4L4 0' stroke='{colour}' stroke-width='1.2'/></pattern>"
)


def strip(days: Sequence[tuple[float, float]], colours: Palette) -> str:
    """`days`: up share (NaN: unknown) and coverage, oldest first."""
    paths: dict[str, list[str]] = {"whole": [], "slight": [], "bad": [], "unknown": []}
    for n, (up, coverage) in enumerate(days):
        at, wide = n * STEP, STEP - 1
        if math.isnan(up) or coverage <= 0:
            paths["unknown"].append(f"M{at} {HEIGHT - _STUMP}h{wide}v{_STUMP}h-{wide}z")
            continue
        if coverage < MEASURED:
            wide -= 2
        foot = foot_of(up)
        paths["whole"].append(f"M{at} 0h{wide}v{HEIGHT - foot}h-{wide}z" if foot < HEIGHT else "")
        if foot:
            paths["slight" if up >= SLIGHT else "bad"].append(f"M{at} {HEIGHT - foot}h{wide}v{foot}h-{wide}z")
    fills = {"whole": colours.accent, "slight": colours.warn, "bad": colours.bad, "unknown": "url(#h)"}
    drawn = "".join(f"<path d='{''.join(paths[name])}' fill='{fill}'/>" for name, fill in fills.items() if paths[name])
    size = len(days) * STEP
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{size}' height='{HEIGHT}' viewBox='0 0 {size} {HEIGHT}'>"
        f"<defs>{_HATCH.format(colour=colours.muted)}</defs>{drawn}</svg>"
    )
    return "data:image/svg+xml," + quote(svg, safe=" /:='.,")


def foot_of(up: float) -> int:
    """How much of a bar's height a day's down time takes: all of it for a day that was down, some for any at all."""
    if up >= 1:
        return 0
    return min(HEIGHT, round(_LEAST + (HEIGHT - _LEAST) * math.sqrt(1 - up)))
