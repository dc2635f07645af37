"""WiFi and applications over the last 24 hours."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from coc.figures.look import Look, safe, short, spread
from coc.figures.scale import nice_ceiling, share_floor
from coc.figures.template import Figure, blank, figure, scatter, text

_KNOWN_ENOUGH = 0.25  # an hour with less of it measured is a gap, not a value
_NAMED_LINES = 3
_SILENT = 0.5  # with fewer of its probes answered, an application was away and not only slow
_GAP = 0.19
_WORDS = 10  # hours that a label covers


def wifi_by_hour(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: at (hour's start, UTC), up_share, coverage. An hour that was not measured is a gap with a band."""
    hours = frame.sort_values("at").reset_index(drop=True)
    if hours.empty or hours["up_share"].isna().all():
        return blank(look.palette)
    colours = look.palette
    thin = (hours["coverage"] < _KNOWN_ENOUGH) & (hours.index < len(hours) - 1)
    known = hours["up_share"].mask(thin)
    lowest = float(known.min())
    floor = share_floor(lowest)
    low = int(np.nanargmin(known.to_numpy()))
    values = [None if pd.isna(v) else round(float(v), 4) for v in known]
    line = scatter(
        name=look.say("wifi.availability"),
        x0=0,
        dx=1,
        y=values,
        mode="lines",
        connectgaps=False,
        line={"color": colours.accent, "width": 4, "shape": "hvh"},
    )
    ends = [floor, (floor + 1) / 2, 1.0]
    decimals = 0 if round((1 - floor) * 50, 6).is_integer() else 1
    bands, notes = _gaps(values, look, (floor + 1) / 2)
    labels = []
    if lowest < 1:
        said = look.say("wifi.lowest", share=look.percent(lowest, 1), hour=look.hour(_at(hours["at"].iloc[low])))
        side = _free_side(values, low)
        labels.append(text(low + side * 0.9, lowest, said, xanchor="left" if side > 0 else "right", **_strong(look)))
    return figure(
        colours,
        [line],
        margin={"l": 74, "r": 6, "t": 12, "b": 30},
        xaxis={"range": [-0.5, len(hours) - 0.5], **_hours(hours["at"], look, 6)},
        yaxis={
            "range": [floor - (1 - floor) * 0.22, 1 + (1 - floor) * 0.04],
            "tickvals": ends,
            "ticktext": [look.percent(e, decimals) for e in ends],
        },
        shapes=[_rule(level, colours.line) for level in ends] + bands,
        annotations=labels + notes,
    )


def app_latency(frame: pd.DataFrame, look: Look) -> Figure:
    """`frame`: service, name, at (15 min), p50 (ms), up_share. The slowest few by name, the rest a grey crowd.

    Medians of half hours. A red tick on the base line: an application that did not answer in that quarter of an hour.
    """
    if frame.empty or frame["p50"].isna().all():
        return blank(look.palette)
    colours = look.palette
    wide = frame.pivot_table(index="at", columns="service", values="p50", aggfunc="median").sort_index()
    # Half hours: a wall reads no more, and the frame is half the bytes.
    wide = wide.resample("30min").median()
    names = frame.drop_duplicates("service").set_index("service")["name"].astype(str)
    slowest = wide.tail(12).median().fillna(wide.median()).sort_values(ascending=False).head(_NAMED_LINES)
    # One spike of a timeout must not press all other lines flat.
    top = nice_ceiling(float(wide[slowest.index].quantile(0.98).max()) * 1.05)
    crowd = [s for s in wide.columns if s not in slowest.index]
    shades = [colours.accent, colours.fg, colours.muted]
    drawn = [(s, colours.faint, 1.5) for s in crowd] + list(zip(slowest.index, shades, (4, 2, 2), strict=False))[::-1]
    traces: list[Any] = [
        scatter(
            name=safe(names[service]),
            x0=0,
            dx=1,
            y=[None if pd.isna(v) else round(min(float(v), top)) for v in wide[service]],
            mode="lines" if len(wide) > 1 else "markers",  # a line of one half hour is nothing to see
            **({} if len(wide) > 1 else {"marker": {"color": colour, "size": 4 * width}}),
            connectgaps=False,
            line={"color": colour, "width": width},
        )
        for service, colour, width in drawn
    ]
    silent = _silent(frame, wide.index)
    if silent:
        traces.append(
            scatter(
                name=look.say("apps.silent"),
                x=silent,
                y=[top * 0.035] * len(silent),
                mode="markers",
                marker={"symbol": "square", "size": 9, "color": colours.bad},
            )
        )
    ends = [_last(wide[s]) for s in slowest.index]
    places = spread(ends, top * _GAP)
    labels = [
        text(1, min(p, top), safe(short(names[s], 16)), xref="paper", xshift=10, font={"color": colour})
        for s, p, colour in zip(slowest.index, places, shades, strict=False)
    ]
    return figure(
        colours,
        traces,
        margin={"l": 92, "r": 160, "t": 12, "b": 30},
        xaxis={"range": [0, len(wide) - 1] if len(wide) > 1 else [-1, 1], **_hours(wide.index.to_series(), look, 16)},
        yaxis={
            "range": [0, top * 1.04],
            "tickvals": [0, top / 2, top],
            "ticktext": ["0", look.number(top / 2, 0), f"{look.number(top, 0)} {look.say('measure.ms')}"],
        },
        shapes=[_rule(level, colours.line) for level in (0, top / 2, top)],
        annotations=labels,
    )


def _free_side(values: list[float | None], low: int) -> int:
    """Beside the lowest hour, right (1) or left (-1): where the words do not lie over a gap, else where room is."""
    right, left = values[low + 1 : low + _WORDS], values[max(0, low - _WORDS + 1) : low]
    roomy = {1: len(right) == _WORDS - 1, -1: len(left) == _WORDS - 1}
    clear = {1: None not in right, -1: None not in left}
    return max((1, -1), key=lambda side: (roomy[side], clear[side]))


def _strong(look: Look) -> dict[str, Any]:
    return {"font": {"color": look.palette.fg}}


def _last(column: pd.Series[float]) -> float:
    known = column.dropna()
    return float(known.tail(4).median()) if len(known) else 0.0


def _silent(frame: pd.DataFrame, buckets: pd.Index[Any]) -> list[int]:
    quiet = frame.loc[frame["up_share"].fillna(1) < _SILENT, "at"].unique()
    return sorted({int(i) for i in buckets.get_indexer(pd.DatetimeIndex(quiet).floor("30min")) if i >= 0})


def _at(value: Any) -> datetime:
    return pd.Timestamp(value).to_pydatetime()


def _hours(ats: pd.Series[Any], look: Look, every: int) -> dict[str, Any]:
    """The hour at every `every`-th step, none at the very edges where it would be cut."""
    steps = range(every // 2, len(ats), every)
    return {"tickvals": list(steps), "ticktext": [look.hour(_at(ats.iloc[i])) for i in steps], "tickangle": 0}


def _rule(level: float, colour: str) -> dict[str, Any]:
    line = {"color": colour, "width": 1}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": level, "y1": level, "layer": "below", "line": line}


def _gaps(values: list[float | None], look: Look, middle: float) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    bands: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    start: int | None = None
    for i, value in enumerate([*values, 0.0]):
        if value is None and start is None:
            start = i
        elif value is not None and start is not None:
            band = {"type": "rect", "yref": "paper", "x0": start - 0.5, "x1": i - 0.5, "y0": 0, "y1": 1}
            bands.append(
                band | {"layer": "below", "line": {"width": 0}, "fillcolor": look.palette.band},
            )
            sideways = {} if i - start >= 5 else {"textangle": -90}
            notes.append(text((start + i - 1) / 2, middle, look.say("state.no_data"), xanchor="center", **sideways))
            start = None
    return bands, notes
