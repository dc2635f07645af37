"""How much the WiFi is used: by hour of the city's day, and against what a site can hold."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from coc.domain.instants import HOUR, NAT, Bools, Floats, Micros, to_index, to_micros
from coc.metrics.city import City
from coc.metrics.facts import Positions, now_of, once
from coc.metrics.points import access_points
from coc.metrics.wifi_frames import points
from coc.metrics.wifi_people import ENOUGH, share
from coc.metrics.wifi_strips import entities

DAYS: Final = 7  # whose hours are looked at
_HOURS: Final = DAYS * 24


def _hours(city: City) -> tuple[Micros, Positions, Positions, Floats, Floats]:
    """The last `DAYS` x 24 complete clock hours: their starts; of each row point, hour, seconds known, clients x s."""

    def find() -> tuple[Micros, Positions, Positions, Floats, Floats]:
        last = now_of(city) // HOUR * HOUR
        starts = last - HOUR * np.arange(_HOURS, 0, -1)
        frame = city.known_hours
        place, mine = entities(city, frame)
        hour = (to_micros(frame["at"]) - starts[0]) // HOUR
        rows = np.flatnonzero(mine & (hour >= 0) & (hour < _HOURS))
        known = (frame["up_seconds"].to_numpy() + frame["down_seconds"].to_numpy())[rows]
        return starts, place[rows], hour[rows], known, frame["client_seconds"].to_numpy()[rows]

    return once(city, "wifi_hours", find)


def hours(city: City) -> pd.DataFrame:
    """By hour of the city's day, over the last 7 x 24 complete hours: hour (0..23), clients, most, last.

    clients: how many people were on at once, the mean over the days; most: of the fullest of them; last: of the newest.
    An hour of which less than a quarter is known, of all points together, is in none; NaN where no hour is left.
    """
    starts, _, hour, known, people = _hours(city)
    size = len(access_points(city))
    each = share(people, known)  # of a point known for a part of an hour, its mean while known
    total = np.bincount(hour, weights=np.nan_to_num(each), minlength=_HOURS)
    coverage = np.bincount(hour, weights=known, minlength=_HOURS) / max(size * 3600.0, 1.0)
    total = np.where(coverage >= ENOUGH, total, np.nan)
    of_day = to_index(starts).tz_convert(city.calendars.zone).hour.to_numpy()
    grid = np.full((24, DAYS + 1), np.nan)
    # The newest last; where a clock was moved an hour of the day may come an eighth time, or a sixth.
    for h in range(24):
        mine = total[of_day == h][-DAYS:]
        grid[h, DAYS - len(mine) : DAYS] = mine
    some = ~np.isnan(grid)
    counted = some.sum(axis=1)
    return pd.DataFrame(
        {
            "hour": np.arange(24),
            "clients": share(np.where(some, grid, 0.0).sum(axis=1), counted.astype("float64")),
            "most": np.where(counted > 0, np.where(some, grid, -1.0).max(axis=1), np.nan),
            "last": grid[:, DAYS - 1],
        }
    )


def sites(city: City) -> pd.DataFrame:
    """Every site that tells its capacity, those over it longest first: site, name, area_name, kind, capacity, clients
    (now), peak (of the last 7 x 24 complete hours the fullest one's mean), at (its start), over (hours whose mean was
    over the capacity), known (hours of which a quarter is known).
    """
    found = points(city)
    codes, names = pd.factorize(found["site"])
    first = np.flatnonzero(~pd.Series(codes).duplicated().to_numpy())
    capacity = found["capacity"].to_numpy()[first]
    starts, place, hour, known, people = _hours(city)
    cell = codes[place] * _HOURS + hour
    shape = (len(names), _HOURS)
    total = np.bincount(cell, weights=np.nan_to_num(share(people, known)), minlength=shape[0] * _HOURS).reshape(shape)
    time = np.bincount(cell, weights=known, minlength=shape[0] * _HOURS).reshape(shape)
    size = np.bincount(codes, minlength=len(names))[:, None] * 3600.0
    seen: Bools = time >= np.maximum(size, 1.0) * ENOUGH
    total = np.where(seen, total, -1.0)
    best = total.argmax(axis=1)
    peak = total[np.arange(len(names)), best]
    clients = np.bincount(codes, weights=found["clients"].to_numpy(dtype="float64", na_value=0.0), minlength=len(names))
    told = capacity > 0
    over = (total > capacity[:, None]).sum(axis=1)
    full = np.where(peak < 0, 0.0, peak) / np.where(told, capacity, 1.0)
    order = np.lexsort((names.to_numpy(dtype=object), -full, -over))
    order = order[told[order] & (names[order] != "")]
    rows = found.iloc[first[order]]
    table: dict[str, Any] = {"site": rows["site"].array}
    for new, old in (("name", "site_name"), ("area_name", "area_name"), ("kind", "site_kind")):
        table[new] = rows[old].array
    known_peak = peak[order] >= 0
    table |= {
        "capacity": capacity[order],
        "clients": clients[order].astype("int64"),
        "peak": np.where(known_peak, peak[order], np.nan),
        "at": to_index(np.where(known_peak, starts[best[order]], NAT)),
        "over": over[order],
        "known": seen.sum(axis=1)[order],
    }
    return pd.DataFrame(table)
