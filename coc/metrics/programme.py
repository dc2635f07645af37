"""The programme of free WiFi in frames: by month, site kind, kecamatan and funding, and which schools still wait."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from coc.domain.instants import Bools, Floats
from coc.metrics.city import City
from coc.metrics.site_use import LOW, STATES, USED, use
from coc.metrics.sites import NO_DAY, STAGES, Days, area_names, areas_of, programme


def by_kind(city: City) -> pd.DataFrame:
    """`_groups` by site kind as the source has it, "" where it has none; the largest target first."""
    kinds = programme(city).rows["site_kind"].fillna("")
    found = _groups(city, kinds, "kind")
    return found.sort_values(["target", "kind"], ascending=[False, True], kind="stable").reset_index(drop=True)


def by_area(city: City) -> pd.DataFrame:
    """`_groups` by kecamatan in the order of their codes, with its `name`; "" where none is known."""
    found = _groups(city, areas_of(programme(city).rows["area"]), "area")
    found.insert(1, "name", found["area"].map(area_names()).fillna(found["area"]).astype("str"))
    return found.sort_values("area", key=lambda area: area.replace("", "~")).reset_index(drop=True)


def _groups(city: City, key: pd.Series[Any], column: str) -> pd.DataFrame:
    """<column>, the four stages, installed, target, used and low (of the installed, see `site_use`), late."""
    rows, used = programme(city), use(city)
    places, words = pd.factorize(key, sort=True)
    number = len(words)

    def count(which: Bools) -> Days:
        return np.bincount(places[which], minlength=number)

    stages = {stage: count(rows.stage == i) for i, stage in enumerate(STAGES)}
    return pd.DataFrame(
        {
            column: pd.Series(pd.array(list(words), dtype="str")),
            **stages,
            "installed": count(rows.installed),
            "target": np.bincount(places, minlength=number),
            "used": count(rows.installed & (used.state == USED)),
            "low": count(rows.installed & (used.state == LOW)),
            "late": count(rows.late),
        }
    )


def funding(city: City) -> pd.DataFrame:
    """Sources of funding: funding ("" where none is told), installed, target; the largest first."""
    rows = programme(city)
    places, words = pd.factorize(rows.rows["funding"].fillna("").str.strip(), sort=True)
    found = pd.DataFrame(
        {
            "funding": pd.Series(pd.array(list(words), dtype="str")),
            "installed": np.bincount(places[rows.installed], minlength=len(words)),
            "target": np.bincount(places, minlength=len(words)),
        }
    )
    return found.sort_values(["target", "funding"], ascending=[False, True], kind="stable").reset_index(drop=True)


def waiting_schools(city: City) -> pd.DataFrame:
    """Schools that are not active: site, name, area (its name), stage, target (date as text), days.

    `days`: since the target, negative while it lies ahead, NaN without one; the longest past its target comes first,
    those without a target last.
    """
    rows = programme(city)
    places = np.flatnonzero(rows.school & ~rows.active)
    target = rows.target[places]
    days: Floats = np.where(target == NO_DAY, np.nan, float(rows.today) - target)
    mine = rows.rows.iloc[places].reset_index(drop=True)
    area = areas_of(mine["area"])
    found = pd.DataFrame(
        {
            "site": mine["source_id"].astype("str"),
            "name": mine["name"].astype("str"),
            "area": area.map(area_names()).fillna(area).astype("str"),
            "stage": pd.Series(pd.array(STAGES, dtype="str").take(rows.stage[places])),
            "target": pd.Series(_dates(target), dtype="str"),
            "days": days,
        }
    )
    return found.sort_values(["days", "name"], ascending=[False, True], na_position="last").reset_index(drop=True)


def site_use(city: City) -> pd.DataFrame:
    """Installed sites, the least used first: site, name, kind, clients (a day, NaN unknown), state of `site_use`.

    Those of which nobody can say come last.
    """
    rows, used = programme(city), use(city)
    places = np.flatnonzero(rows.installed)
    mine = rows.rows.iloc[places]
    found = pd.DataFrame(
        {
            "site": mine["source_id"].astype("str").to_numpy(),
            "name": mine["name"].astype("str").to_numpy(),
            "kind": mine["site_kind"].fillna("").astype("str").to_numpy(),
            "clients": np.round(used.clients[places], 1),
            "state": pd.Series(pd.array(STATES, dtype="str").take(used.state[places])),
        }
    )
    order = np.lexsort((found["name"], found["clients"].fillna(np.inf), found["state"] == STATES[0]))
    return found.iloc[order].reset_index(drop=True)


def totals(city: City) -> pd.DataFrame:
    """One row of what the page says beside the KPIs; none where there is no programme.

    Counts: the stages, installed, target, used, low, unknown (installed, use not known), late, schools, schools_served,
    undated (installed, nobody says when), no_target (no target_at). `limit`: clients a day that make a site used.
    """
    rows, used = programme(city), use(city)
    if not len(rows.rows):
        return pd.DataFrame()
    there = rows.installed
    counts = {stage: rows.stage == i for i, stage in enumerate(STAGES)} | {
        "installed": there,
        "target": np.ones(len(there), dtype=bool),
        "used": there & (used.state == USED),
        "low": there & (used.state == LOW),
        "unknown": there & (used.state != USED) & (used.state != LOW),
        "late": rows.late,
        "schools": rows.school,
        "schools_served": rows.school & rows.active,
        "undated": there & (rows.since == NO_DAY),
        "no_target": rows.target == NO_DAY,
    }
    told = {name: [int(which.sum())] for name, which in counts.items()}
    return pd.DataFrame({**told, "limit": [city.limits.low_use_clients_per_day]})


def _dates(days: Days) -> list[str | None]:
    return [None if d == NO_DAY else str(np.datetime64(int(d), "D")) for d in days]
