"""Access points as a page lists them: by site for the map, the broken ones longest first, and where each leads."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from coc.ui.links import segment

POINTS_PATH: Final = "/wifi"
# How bad a state is for a site that has several points.
WORST: Final = {"up": 0, "no_data": 1, "degraded": 2, "down": 3}
SITE: Final = ["site", "name", "area_name", "lat", "lon", "state", "since", "points", *WORST, "ap"]


def point_path(ap: str) -> str:
    """The page of one access point."""
    return f"{POINTS_PATH}/{segment(ap)}"


def by_site(points: pd.DataFrame) -> pd.DataFrame:
    """A row a site (a point without one is its own), by name: `SITE`.

    lat, lon: the middle of its points. state: the worst of them; since: the longest of those; ap: that point.
    """
    alone = (points["site"] == "").to_numpy()
    key = np.where(alone, points["ap"].to_numpy(dtype=object), points["site"].to_numpy(dtype=object))
    codes, names = pd.factorize(key)
    n = len(names)
    rank = points["state"].map(WORST).to_numpy(dtype="int64")
    since = points["since"].fillna(pd.Timestamp.max.tz_localize("UTC")).to_numpy(dtype="datetime64[us]")
    # The worst point of each site, of those the one that has been so longest.
    order = np.lexsort((since, -rank, codes))
    first = order[np.unique(codes[order], return_index=True)[1]]
    worst = points.iloc[first].reset_index(drop=True)
    counts = {s: np.bincount(codes[rank == r], minlength=n) for s, r in WORST.items()}
    name = worst["name"].where((worst["site"] == "") | (worst["site_name"] == ""), worst["site_name"])
    found = pd.DataFrame({"site": pd.Series(names, dtype="str"), "name": name})
    for column in ("area_name", "state", "since", "ap"):
        found[column] = worst[column]
    for column in ("lat", "lon"):
        found[column] = _means(codes, points[column].to_numpy(dtype="float64"), n)
    found["points"] = np.bincount(codes, minlength=n)
    return found.assign(**counts)[SITE].sort_values(["name", "site"]).reset_index(drop=True)


def _means(codes: Any, values: Any, n: int) -> Any:
    known = ~np.isnan(values)
    total = np.bincount(codes[known], weights=values[known], minlength=n)
    count = np.bincount(codes[known], minlength=n)
    return np.divide(total, count, out=np.full(n, np.nan), where=count > 0)


def broken(points: pd.DataFrame) -> pd.DataFrame:
    """The points that are not well: those that are down longest first, after them those without data, then degraded."""
    mine = points[points["state"] != "up"]
    later = mine["state"].map({"down": 0, "no_data": 1, "degraded": 2})
    order = mine.assign(later=later).sort_values(["later", "since", "ap"])
    return order.drop(columns="later").reset_index(drop=True)


def day_of(points: pd.DataFrame, strips: pd.DataFrame | None) -> pd.DataFrame:
    """The day of every point, the worst first: ap, name, site_name, area_name, state, up_24h, coverage_24h, start, end,
    span (the state of that time); a row a span, and one with a null start for a point without.

    Worst: down for longest, then without data, then degraded.
    """
    rows = pd.DataFrame(columns=["ap", "start", "end", "state"]) if strips is None else strips
    length = (rows["end"] - rows["start"]).dt.total_seconds() if len(rows) else pd.Series([], dtype="float64")
    codes = pd.Index(points["ap"]).get_indexer(pd.Index(rows["ap"]))
    n = len(points)
    lost = {}
    for state in ("down", "no_data", "degraded"):
        mine = (rows["state"] == state).to_numpy(dtype=bool) & (codes >= 0)
        lost[state] = np.bincount(codes[mine], weights=length.to_numpy()[mine], minlength=n)
    order = np.lexsort((points["ap"].to_numpy(dtype=object), -lost["degraded"], -lost["no_data"], -lost["down"]))
    columns = ["ap", "name", "site_name", "area_name", "state", "up_24h", "coverage_24h"]
    listed = points[columns].iloc[order].reset_index(drop=True)
    return listed.merge(rows.rename(columns={"state": "span"}), on="ap", how="left")


FEW_CLIENTS: Final = 3  # on a point with fewer, what each of them gets says nothing of the point


def gets_least(points: pd.DataFrame) -> pd.DataFrame:
    """The points with some people on them, by what each of those gets now, the least first: ap, name, site_name,
    area_name, clients, bps, per_client (bit/s).
    """
    clients = points["clients"].to_numpy(dtype="float64", na_value=0.0)
    mine = points[(clients >= FEW_CLIENTS) & points["bps"].notna()]
    found = mine[["ap", "name", "site_name", "area_name", "clients", "bps"]]
    found = found.assign(per_client=found["bps"] / found["clients"].astype("float64"))
    return found.sort_values(["per_client", "ap"]).reset_index(drop=True)


def little_used(points: pd.DataFrame, limit: float) -> pd.DataFrame:
    """The points with fewer clients a day than `limit`, the fewest first: ap, name, site_name, area_name, clients_day,
    limit.
    """
    mine = points[points["clients_day"] < limit]
    found = mine[["ap", "name", "site_name", "area_name", "clients_day"]].assign(limit=float(limit))
    return found.sort_values(["clients_day", "ap"]).reset_index(drop=True)
