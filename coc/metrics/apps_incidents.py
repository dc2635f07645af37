"""What went wrong with applications and links in the last 31 days: when, for how long, and why as far as known."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from coc.domain.instants import NAT, to_micros
from coc.metrics import points
from coc.metrics.apps_frames import APP, LINK, ROOM
from coc.metrics.city import City
from coc.metrics.facts import once
from coc.metrics.outages import outages

_KINDS: Final = {"service": APP, "link": LINK}
_COLUMNS: Final = ["kind", "service", "name", "unit", "start", "end", "cause", "planned", "spells"]
_SPAN: Final = 1 << 52  # microseconds: more than a hundred years since 1970


def incidents(city: City) -> pd.DataFrame:
    """One row an outage: kind, service, name, unit, start, end, cause, planned, spells, status, reason.

    end: NaT while it goes on. cause: as `outages` tells it. planned: what config says of the maintenance or the power
    cut. spells: how often it fell. status, reason: what the first failed answer was; null where no source says. What
    goes on comes first, the longest before; then the newest. That nothing was heard of an application is no outage.
    """
    return once(city, "apps_incidents", lambda: _incidents(city))


def _incidents(city: City) -> pd.DataFrame:
    events = outages(city)
    mine = events["kind"].isin(list(_KINDS)) & ~events["silent"].astype(bool)
    found = events[mine].rename(columns={"entity": "service", "reason": "planned"}).reset_index(drop=True)
    owners = [points.services(city)["owner_unit"], points.links(city)["unit"]]
    unit = [found["service"].map(owner) for owner in owners]
    found["unit"] = unit[0].where((found["kind"] == "service").to_numpy(), unit[1]).astype("str")
    found["kind"] = found["kind"].map(_KINDS).astype("str")
    of_room = city.reasons[(city.reasons["vantage"] == ROOM).to_numpy(dtype=bool)]
    return in_order(with_reasons(found[_COLUMNS], of_room))


def with_reasons(events: pd.DataFrame, reasons: pd.DataFrame) -> pd.DataFrame:
    """`status` and `reason` of the first turn to down within each event of an application."""
    names = pd.Index(pd.unique(reasons["service"]))
    turn = names.get_indexer(pd.Index(reasons["service"])) * _SPAN + to_micros(reasons["at"])
    order = np.argsort(turn)
    code = np.where(events["kind"] == APP, names.get_indexer(pd.Index(events["service"])), -1)
    start, end = (to_micros(events[column]) for column in ("start", "end"))
    first = np.searchsorted(turn[order], code * _SPAN + start)
    last = np.searchsorted(turn[order], code * _SPAN + np.where(end == NAT, _SPAN - 1, end), side="right")
    row = np.append(order, -1)[np.where((code >= 0) & (first < last), first, -1)]
    return events.assign(
        status=pd.array([*reasons["status"], pd.NA], dtype="Int64")[row],
        reason=pd.Series([*reasons["reason"], None], dtype="str").iloc[row].to_numpy(),
    ).astype({"reason": "str"})


def in_order(events: pd.DataFrame) -> pd.DataFrame:
    """What goes on, from the longest; then what is over, from the newest."""
    start, over = to_micros(events["start"]), events["end"].notna().to_numpy(dtype=bool)
    order = np.lexsort((np.where(over, -start, start), over))
    return events.iloc[order].reset_index(drop=True)
