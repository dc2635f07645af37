"""One access point's day as measured: people, latency, loss; where nothing was measured the line has a gap."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import numpy as np
import pandas as pd

from coc.domain.instants import to_micros
from coc.figures.look import Look
from coc.figures.scale import nice_ceiling
from coc.figures.template import Figure, blank, figure, scatter, text
from coc.figures.wifi_strips import HOURS, hour_axis

_STEP: Final = 5  # minutes a point of the line stands for
_BUCKETS: Final = HOURS * 60 // _STEP


def clients(frame: pd.DataFrame, look: Look, now: datetime, limit: float | None = None) -> Figure:
    """`frame`: at, clients. `limit`: what the site holds, drawn where it is near."""
    return _line(frame, "clients", look, now, limit, lambda v: look.number(v, 0))


def latency(frame: pd.DataFrame, look: Look, now: datetime, limit: float | None = None) -> Figure:
    """`frame`: at, up, latency_ms. `limit`: from where on a point is degraded. What is not answered took no time."""
    return _line(
        frame[frame["up"].astype(bool)],
        "latency_ms",
        look,
        now,
        limit,
        lambda v: f"{look.number(v, 0)} {look.say('measure.ms')}",
    )


def loss(frame: pd.DataFrame, look: Look, now: datetime, limit: float | None = None) -> Figure:
    """`frame`: at, loss (0..1). `limit`: from where on a point is degraded."""
    return _line(frame, "loss", look, now, limit, lambda v: look.percent(v, 0), whole=1.0)


def _line(
    frame: pd.DataFrame,
    column: str,
    look: Look,
    now: datetime,
    limit: float | None,
    written: Any,
    whole: float | None = None,
) -> Figure:
    values = _means(frame, column, now)
    if np.isnan(values).all():
        return blank(look.palette)
    colours = look.palette
    most = float(np.nanmax(values))
    near = limit is not None and limit <= most * 2.5
    top = _top(max(most, limit or 0.0) if near else most, whole)
    line = scatter(
        name=column,
        x0=-HOURS * 60 + _STEP / 2,
        dx=_STEP,
        y=[None if np.isnan(v) else round(float(v), 3) for v in values],
        mode="lines",
        connectgaps=False,
        line={"color": colours.accent, "width": 2.5},
    )
    shapes, notes = [_rule(0, colours.line), _rule(top, colours.line)], []
    if near and limit:
        shapes.append(_rule(limit, colours.warn))
        said = look.say(f"point.limit.{column}", limit=written(limit))
        notes.append(text(0, limit, said, xref="paper", xshift=6, yanchor="bottom", font={"color": colours.warn}))
    return figure(
        colours,
        [line],
        margin={"l": 86, "r": 6, "t": 14, "b": 30},
        xaxis={"range": [-HOURS * 60, 0], **hour_axis(now, look)},
        yaxis={"range": [0, top], "tickvals": [0, top], "ticktext": [written(0), written(top)]},
        shapes=shapes,
        annotations=notes,
    )


def _means(frame: pd.DataFrame, column: str, now: datetime) -> Any:
    """The mean of each five minutes back from now; NaN where nothing was measured."""
    values = frame[column].to_numpy(dtype="float64", na_value=np.nan)
    ago = (round(now.timestamp() * 1e6) - to_micros(frame["at"])) / 60e6
    place = _BUCKETS - 1 - np.floor(ago / _STEP).astype("int64")
    known = ~np.isnan(values) & (place >= 0) & (place < _BUCKETS)
    total = np.bincount(place[known], weights=values[known], minlength=_BUCKETS)
    count = np.bincount(place[known], minlength=_BUCKETS)
    return np.divide(total, count, out=np.full(_BUCKETS, np.nan), where=count > 0)


def _top(most: float, whole: float | None) -> float:
    if whole is not None:
        return next((t for t in (0.05, 0.1, 0.25, 0.5) if most <= t * whole * 0.95), whole)
    return nice_ceiling(most * 1.1)


def _rule(level: float, colour: str) -> dict[str, Any]:
    line = {"color": colour, "width": 1}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": level, "y1": level, "layer": "below", "line": line}
