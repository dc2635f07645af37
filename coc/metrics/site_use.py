"""Which installed sites people use: installed alone is a number that flatters (decision 118).

A site's clients a day are those of its points together (`wifi_people.clients_a_day`): client-hours on a mean day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from coc.domain.instants import Floats
from coc.metrics.city import City
from coc.metrics.facts import once
from coc.metrics.points import access_points
from coc.metrics.sites import programme
from coc.metrics.wifi_people import clients_a_day

UNKNOWN: Final = 0
LOW: Final = 1
USED: Final = 2
STATES: Final = ("unknown", "low", "used")
_CLIENTS: Final = "ap_samples.clients"


@dataclass(frozen=True, slots=True)
class Use:
    """By place of the programme's sites. `clients`: a day, NaN where no point is known well enough."""

    clients: Floats
    state: np.ndarray[Any, np.dtype[np.int64]]


def use(city: City) -> Use:
    """Used: clients a day >= `limits.low_use_clients_per_day`. Low: fewer, and every point of the site is known.

    A site of which one point is not known well enough, and the others have too few, may be used: unknown. So is every
    site of a city whose sources count no clients.
    """

    def find() -> Use:
        ids = pd.Index(programme(city).rows["source_id"])
        number = len(ids)
        if _CLIENTS not in city.provided:
            return Use(np.full(number, np.nan), np.zeros(number, dtype="int64"))
        site, each = ids.get_indexer(pd.Index(access_points(city)["site"])), clients_a_day(city)
        ours = site >= 0
        known = ours & ~np.isnan(each)
        judged = np.bincount(site[known], minlength=number)
        whole = judged == np.bincount(site[ours], minlength=number)
        people = np.bincount(site[known], weights=each[known], minlength=number)
        clients = np.where(judged > 0, people, np.nan)
        enough = clients >= city.limits.low_use_clients_per_day
        return Use(clients, np.where(enough, USED, np.where((judged > 0) & whole, LOW, UNKNOWN)))

    return once(city, "site_use", find)
