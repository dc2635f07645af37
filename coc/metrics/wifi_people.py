"""People on an access point: how many in a day, and how much each of them gets.

No device is ever known (DOMAIN, Privacy), so people are counted by how many are on at once: a *client-hour* is one
client for an hour, and "clients a day" are client-hours in a day of known time (decision 111).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from coc.domain.instants import DAY, NAT, Floats, Micros, to_micros
from coc.metrics.city import City
from coc.metrics.facts import now_of
from coc.metrics.points import access_points
from coc.metrics.wifi_strips import entities

LOW_USE_DAYS: Final = 30
ENOUGH: Final = 0.25  # of the time that something is judged by: with less of it known it is not
_DAY_SECONDS: Final = 86_400.0


def share(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Floats:
    """Part / whole, NaN where there is no whole."""
    found: Floats = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return found


def clients_a_day(city: City) -> Floats:
    """By access point: client-hours in a day of known time, over the last 30 days of UTC with today.

    NaN where less than a quarter of the time is known.
    """
    frame = city.known_days
    place, mine = entities(city, frame)
    rows = np.flatnonzero(mine & (to_micros(frame["at"]) >= now_of(city) - LOW_USE_DAYS * DAY))
    n = len(access_points(city))
    seconds = (frame["up_seconds"].to_numpy() + frame["down_seconds"].to_numpy())[rows]
    known = np.bincount(place[rows], weights=seconds, minlength=n) / _DAY_SECONDS
    hours = np.bincount(place[rows], weights=frame["client_seconds"].to_numpy()[rows], minlength=n) / 3600.0
    return share(hours, np.where(known >= ENOUGH * LOW_USE_DAYS, known, 0.0))


def rates(city: City) -> tuple[Micros, Floats]:
    """By access point: when its newest sample at hand was taken (NAT: none is), and rx + tx in bit/s (NaN: unknown).

    One that tells only one direction tells too little.
    """
    index = access_points(city).index
    rows = city.ap_samples
    at = to_micros(rows["at"])
    order = np.argsort(at, kind="stable")
    order = order[at[order] <= now_of(city)]
    place = index.get_indexer(pd.Index(rows["ap"]))[order]
    order, place = order[place >= 0], place[place >= 0]
    both = rows["rx_bps"].to_numpy(dtype="float64") + rows["tx_bps"].to_numpy(dtype="float64")
    taken, bps = np.full(len(index), NAT), np.full(len(index), np.nan)
    taken[place], bps[place] = at[order], both[order]  # the newest comes last
    return taken, bps
