"""The city's WiFi where it stands: kecamatan as cells, a mark a site, its worst state by shape and colour."""

from __future__ import annotations

import math
from typing import Any, Final

import pandas as pd

from coc.figures.cells import Polygon, cells
from coc.figures.labels import Room
from coc.figures.look import Look, safe, short
from coc.figures.template import SIZE, Figure, blank, figure, scatter, text

# The worst last, so that it is drawn on top.
_DRAWN: Final = ("up", "no_data", "degraded", "down")
# symbol and size: the shapes of the page's icons; what a person must act on is large.
_MARKS: Final[dict[str, tuple[str, float]]] = {
    "up": ("circle", 11),
    "no_data": ("circle-open", 16),
    "degraded": ("triangle-up", 19),
    "down": ("square", 20),
}
# As a phone lays it out: words that are free there are free on the wall.
_NARROW: Final = (560.0, 560.0)
_NAMED: Final = 8
_EDGE: Final = 0.03
_FEW: Final = 60  # sites; of more each mark is smaller


def sites_map(frame: pd.DataFrame, look: Look, areas: pd.DataFrame | None = None) -> Figure:
    """`frame`: site, name, lat, lon, state (the worst of its points), points, down. `areas`: name, area_lat, area_lon.

    `layout.meta.places`: [site, share from the left, share from the top] of each mark, for links over the picture.
    """
    placed = frame[frame["lat"].notna() & frame["lon"].notna()]
    known = _known(areas)
    if placed.empty:
        return blank(look.palette)
    shapes = cells(tuple((lon, lat) for _, lat, lon in known)) if known else ()
    view = _View.over(shapes, placed)
    room = Room(*_NARROW, SIZE)
    traces = [_cell(polygon, look) for polygon in shapes]
    for state in _DRAWN:
        mine = placed[placed["state"] == state]
        if len(mine):
            traces.append(_marks(mine, state, look, small=len(placed) > _FEW))
    notes = _names(placed, view, room, look) + _districts(known, shapes, view, room)
    drawn = figure(
        look.palette,
        traces,
        xaxis={"range": [view.west, view.east], "visible": False},
        yaxis={"range": [view.south, view.north], "visible": False},
        annotations=notes,
    )
    places = [
        [str(site), *view.share(lat, lon)]
        for site, lat, lon in zip(placed["site"], placed["lat"], placed["lon"], strict=True)
    ]
    drawn["layout"]["meta"] = {"places": places}
    return drawn


def _known(areas: pd.DataFrame | None) -> list[tuple[str, float, float]]:
    if areas is None:
        return []
    mine = areas[areas["area_lat"].notna() & areas["area_lon"].notna()]
    return list(zip(mine["name"].astype(str), mine["area_lat"], mine["area_lon"], strict=True))


class _View:
    """What the picture shows of the earth: as wide as high, a degree of either the same length (near the equator)."""

    def __init__(self, west: float, east: float, south: float, north: float) -> None:
        half = max(east - west, north - south, 0.002) / 2 * (1 + 2 * _EDGE)
        x, y = (west + east) / 2, (south + north) / 2
        self.west, self.east, self.south, self.north = (round(v, 5) for v in (x - half, x + half, y - half, y + half))

    @classmethod
    def over(cls, shapes: tuple[Polygon, ...], placed: pd.DataFrame) -> _View:
        xs = [x for polygon in shapes for x, _ in polygon] + placed["lon"].tolist()
        ys = [y for polygon in shapes for _, y in polygon] + placed["lat"].tolist()
        return cls(min(xs), max(xs), min(ys), max(ys))

    def share(self, lat: float, lon: float) -> tuple[float, float]:
        """From the left and from the top, 0..1."""
        across = (lon - self.west) / (self.east - self.west)
        return round(across, 4), round((self.north - lat) / (self.north - self.south), 4)


def _cell(polygon: Polygon, look: Look) -> dict[str, Any]:
    closed = [*polygon, polygon[0]] if polygon else []
    return scatter(
        x=[round(x, 5) for x, _ in closed],
        y=[round(y, 5) for _, y in closed],
        mode="lines",
        fill="toself",
        fillcolor=look.palette.band,
        line={"width": 1, "color": look.palette.line},
    )


def _marks(mine: pd.DataFrame, state: str, look: Look, *, small: bool) -> dict[str, Any]:
    colours = look.palette
    colour = {"up": colours.accent, "no_data": colours.muted, "degraded": colours.warn, "down": colours.bad}[state]
    symbol, size = _MARKS[state]
    sizes = [round(size * (0.85 if small else 1.0) * math.sqrt(1 + 0.12 * (n - 1)), 1) for n in mine["points"]]
    line = {"width": 3, "color": colour} if state == "no_data" else {"width": 2, "color": colours.surface}
    return scatter(
        name=look.say(f"state.{state}"),
        x=[round(float(v), 5) for v in mine["lon"]],
        y=[round(float(v), 5) for v in mine["lat"]],
        mode="markers",
        marker={"symbol": symbol, "size": sizes, "color": colour, "line": line, "opacity": 1},
    )


def _names(placed: pd.DataFrame, view: _View, room: Room, look: Look) -> list[dict[str, Any]]:
    """The sites that are down, as many as have room; they keep their place before any other word."""
    wide, high = _NARROW
    rank = {state: len(_DRAWN) - i for i, state in enumerate(_DRAWN)}
    worst = placed.assign(rank=placed["state"].map(rank)).sort_values(["rank", "since", "site"])
    marks = [(view.share(la, lo), s) for la, lo, s in zip(worst["lat"], worst["lon"], worst["state"], strict=True)]
    for (x, y), state in marks:
        room.take(x * wide, y * high, _MARKS[state][1] / 2)
    found: list[dict[str, Any]] = []
    for (x, y), state, name in zip(*zip(*marks, strict=True), worst["name"], strict=True):
        if state != "down" or len(found) == _NAMED:
            break
        words = short(str(name), 20)
        spot = room.place(words, [(x * wide + dx, y * high + dy, a) for dx, dy, a in _SPOTS])
        if spot is not None:
            dx, dy, anchor = _SPOTS[spot]
            note = text(_x(view, x), _y(view, y), safe(words), xanchor=anchor, xshift=dx, yshift=-dy)
            found.append(note | {"font": {"color": look.palette.fg}})
    return found


_SPOTS: Final = ((16, 0, "left"), (-16, 0, "right"), (0, -24, "center"), (0, 24, "center"), (14, -18, "left"),
                 (14, 18, "left"), (-14, -18, "right"), (-14, 18, "right"))  # fmt: skip


def _districts(
    known: list[tuple[str, float, float]], shapes: tuple[Polygon, ...], view: _View, room: Room
) -> list[dict[str, Any]]:
    """The names of kecamatan in their cells, as near the middle as there is room."""
    wide, high = _NARROW
    found = []
    for (name, lat, lon), polygon in zip(known, shapes, strict=True):
        x, y = view.share(lat, lon)
        edge = [(across * wide, down * high) for across, down in (view.share(v, u) for u, v in polygon)]
        spots = _around(edge, (x * wide, y * high))
        spot = room.place(name, [(u, v, "center") for u, v in spots])
        if spot is not None:
            u, v = spots[spot]
            found.append(text(_x(view, u / wide), _y(view, v / high), safe(name), xanchor="center"))
    return found


def _around(polygon: Polygon, middle: tuple[float, float]) -> list[tuple[float, float]]:
    """Places inside the polygon, well off its edge, the nearest to the middle first."""
    steps = range(-_FAR, _FAR + 1, _NEAR)
    spots = [(middle[0] + dx, middle[1] + dy) for dx in steps for dy in steps]
    inside = [s for s in spots if _within(polygon, (s[0] - 26, s[1])) and _within(polygon, (s[0] + 26, s[1]))]
    return sorted(inside, key=lambda s: (math.dist(s, middle), s))


def _within(polygon: Polygon, at: tuple[float, float]) -> bool:
    """Whether a convex polygon, whichever way round, holds a point."""
    sides = [
        (q[0] - p[0]) * (at[1] - p[1]) - (q[1] - p[1]) * (at[0] - p[0])
        for p, q in zip(polygon, polygon[1:] + polygon[:1], strict=True)
    ]
    return all(s >= 0 for s in sides) or all(s <= 0 for s in sides)


_FAR, _NEAR = 84, 12


def _x(view: _View, share: float) -> float:
    return round(view.west + share * (view.east - view.west), 5)


def _y(view: _View, share: float) -> float:
    return round(view.north - share * (view.north - view.south), 5)
