"""Which installed sites people use: installed alone is a number that flatters (decision 118).

An access point counts its clients, not its visitors. One client for one hour is a client-hour, and a site's *clients a
day* are the client-hours of its points on a mean day: five of them are five people who stay an hour each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from coc.domain.datasets import Dataset
from coc.domain.instants import DAY, Floats, to_micros
from coc.metrics.city import City
from coc.metrics.facts import once
from coc.metrics.points import access_points
from coc.metrics.sites import programme

DAYS: Final = 30  # complete UTC days that are looked at
ENOUGH_DAYS: Final = 7.0  # of known time a point must have, or nobody can say
UNKNOWN: Final = 0
LOW: Final = 1
USED: Final = 2
STATES: Final = ("unknown", "low", "used")
_CLIENTS: Final = "ap_samples.clients"
_DAY_SECONDS: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Use:
    """By place of the programme's sites. `clients`: a day, NaN where no point is known well enough."""

    clients: Floats
    state: np.ndarray[Any, np.dtype[np.int64]]


def use(city: City) -> Use:
    """Used: clients a day >= `limits.low_use_clients_per_day`. Low: fewer, and every point of the site is known.

    A site of which one point is not known for `ENOUGH_DAYS`, and the others have too few, may be used: unknown. So is
    every site of a city whose sources count no clients.
    """

    def find() -> Use:
        ids = pd.Index(programme(city).rows["source_id"])
        number = len(ids)
        if _CLIENTS not in city.provided:
            return Use(np.full(number, np.nan), np.zeros(number, dtype="int64"))
        points = point_clients(city)
        site = ids.get_indexer(pd.Index(points["site"]))
        ours = site >= 0
        known = ours & points["clients"].notna().to_numpy()
        judged = np.bincount(site[known], minlength=number)
        whole = judged == np.bincount(site[ours], minlength=number)
        people = np.bincount(site[known], weights=points["clients"].to_numpy()[known], minlength=number)
        clients = np.where(judged > 0, people, np.nan)
        enough = clients >= city.limits.low_use_clients_per_day
        return Use(clients, np.where(enough, USED, np.where((judged > 0) & whole, LOW, UNKNOWN)))

    return once(city, "site_use", find)


def point_clients(city: City) -> pd.DataFrame:
    """The access points that count (index ap): site, clients (a day, NaN where not known well enough).

    Of known time alone, down time included: what nobody measured is not taken for empty.
    """
    points = access_points(city)
    days = city.known_days
    today = int(to_micros(city.now)) // DAY * DAY
    at = to_micros(days["at"])
    mine = (
        (days["dataset"] == Dataset.AP_SAMPLES.value).to_numpy(dtype=bool) & (at < today) & (at >= today - DAYS * DAY)
    )
    rows = days[mine]
    index = points.index
    place = index.get_indexer(pd.Index(rows["entity"].astype("str")))
    ours = place >= 0
    seconds = (rows["up_seconds"] + rows["down_seconds"]).to_numpy(dtype="float64")
    known = np.bincount(place[ours], weights=seconds[ours], minlength=len(index))
    held = np.bincount(
        place[ours], weights=rows["client_seconds"].to_numpy(dtype="float64")[ours], minlength=len(index)
    )
    enough = known >= ENOUGH_DAYS * _DAY_SECONDS
    a_day = np.where(enough, held / np.where(enough, known, 1.0) * 24, np.nan)
    return pd.DataFrame({"site": points["site"], "clients": a_day}, index=index)
