"""The frames behind /wifi: every access point with what is known of it; the same by kecamatan, kind of site and window.

City-wide, of the access points that count (`points.access_points`); shares 0..1, NaN where nothing is known.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from coc.domain.datasets import Dataset
from coc.domain.instants import Floats, to_micros
from coc.metrics import points as network
from coc.metrics.city import City
from coc.metrics.facts import Positions, once
from coc.metrics.outages import FAULT, affected, outages, present_causes
from coc.metrics.states import SILENT, STATES
from coc.metrics.wifi_areas import districts, placed
from coc.metrics.wifi_people import clients_a_day, rates, share

APS: Final = Dataset.AP_SAMPLES
WINDOWS: Final = {"24h": 24, "7d": 7 * 24, "30d": 30 * 24}  # by the clock, back from now
_COUNTS: Final = (*STATES, "flapping")


def sited(city: City) -> pd.DataFrame:
    """The access points that count, with their site: ap (index), name, site, site_name, site_kind, area, area_name,
    owner_unit, capacity (of the site, NaN: unknown), lat, lon.
    """

    def find() -> pd.DataFrame:
        found = network.access_points(city)
        sites = city.sites.drop_duplicates("source_id", keep="last")
        at = pd.Index(sites["source_id"]).get_indexer(pd.Index(found["site"]))
        listed = city.access_points.drop_duplicates("source_id", keep="last")
        place = pd.Index(listed["source_id"]).get_indexer(found.index)
        area, area_name = placed(sites["area"])
        columns = {
            "name": found["name"],
            "site": _words(found["site"]),
            "site_name": _taken(_words(sites["name"]), at, ""),
            "site_kind": _taken(_words(sites["site_kind"]), at, ""),
            "area": _taken(area, at, ""),
            "area_name": _taken(area_name, at, ""),
            "owner_unit": _taken(_words(sites["unit"]), at, ""),
            "capacity": _taken(sites["capacity"].to_numpy(dtype="float64", na_value=np.nan), at, np.nan),
            "lat": _taken(listed["lat"].to_numpy(), place, np.nan),
            "lon": _taken(listed["lon"].to_numpy(), place, np.nan),
        }
        return pd.DataFrame(columns, index=found.index)

    return once(city, "sited", find)


def _words(column: pd.Series[Any]) -> npt.NDArray[Any]:
    """Texts, "" where there is none."""
    return np.where(column.isna().to_numpy(), "", column.to_numpy(dtype=object))


def _taken(values: npt.NDArray[Any], at: Positions, missing: Any) -> Any:
    """Values by position; `missing` where that is -1."""
    held = np.append(values, np.array([missing], dtype=values.dtype))[at]
    return pd.array(held, dtype="str") if held.dtype == object else held


def points(city: City) -> pd.DataFrame:
    """One row an access point: what `sited` and `points.states` have (ap a column), up_24h, coverage_24h, ... _30d.

    clients: of the present sample, null where that is no longer present; bps: its rx + tx in bit/s. clients_day: as in
    `wifi_people`. cause: of what is down or no_data, as far as it is known (`outages`), "" of the rest.
    """

    def find() -> pd.DataFrame:
        found = sited(city).join(network.states(city, APS))
        found["clients"] = found["clients"].mask(found["state"] == SILENT)
        for name, hours in WINDOWS.items():
            known = network.known(city, APS, hours)
            up, down = known["up_seconds"].to_numpy(), known["down_seconds"].to_numpy()
            found[f"up_{name}"] = share(up, up + down)
            found[f"coverage_{name}"] = known["coverage"].to_numpy()
        found["cause"] = present_causes(city).reindex(found.index).astype("str").fillna("")
        found["clients_day"] = clients_a_day(city)
        taken, bps = rates(city)
        found["bps"] = np.where((taken == to_micros(found["at"])) & (found["state"] != SILENT), bps, np.nan)
        return found.rename_axis("ap").reset_index()

    return once(city, "wifi_points", find)


def windows(city: City) -> pd.DataFrame:
    """Of all points together: window (24h, 7d, 30d), up_share, coverage."""
    groups = np.zeros(len(sited(city)), dtype=np.intp)
    rows = [(name, *(float(v[0]) for v in _availability(city, hours, groups, 1))) for name, hours in WINDOWS.items()]
    return pd.DataFrame(rows, columns=["window", "up_share", "coverage"])


def _availability(city: City, hours: int, groups: Positions, n: int) -> tuple[Floats, Floats]:
    """By group: up / (up + down), and known time / all time."""
    known = network.known(city, APS, hours)
    up = np.bincount(groups, weights=known["up_seconds"], minlength=n)
    down = np.bincount(groups, weights=known["down_seconds"], minlength=n)
    whole = 3600.0 * hours * np.bincount(groups, minlength=n)
    return share(up, up + down), share(up + down, whole)


def areas(city: City) -> pd.DataFrame:
    """By kecamatan: area, name, area_lat, area_lon, column, row and what `_grouped` counts; those without a point, too.

    An area that the reference table does not know has no place; "" is that of points without any.
    """
    known, found = districts(), sited(city)
    more = pd.Index(found["area"].unique()).difference(pd.Index(known["area"]))
    names = pd.concat(
        [known.rename(columns={"area_name": "name"}), pd.DataFrame({"area": more, "name": more})], ignore_index=True
    )
    return names.join(_grouped(city, pd.Index(names["area"]).get_indexer(found["area"]), len(names)))


def kinds(city: City) -> pd.DataFrame:
    """By kind of site, the most points first: kind ("": unknown) and what `_grouped` counts."""
    codes, names = pd.factorize(sited(city)["site_kind"])
    frame = pd.DataFrame({"kind": pd.Series(names, dtype="str")}).join(_grouped(city, codes, len(names)))
    return frame.sort_values(["points", "kind"], ascending=[False, True]).reset_index(drop=True)


def _grouped(city: City, groups: npt.NDArray[Any], n: int) -> pd.DataFrame:
    """By group: points, sites, up, degraded, down, no_data (disjoint), flapping, clients, capacity (of the sites that
    tell theirs), used (of those, clients / capacity), up_24h, coverage_24h, up_30d, coverage_30d.
    """
    found, groups = points(city), np.asarray(groups, dtype=np.intp)
    columns: dict[str, Any] = {"points": np.bincount(groups, minlength=n)}
    state = found["state"].to_numpy()
    columns["sites"] = _of_sites(found, groups, n, np.ones(len(found)))
    for name in _COUNTS:
        mine = found["flapping"].to_numpy(dtype=bool) if name == "flapping" else state == name
        columns[name] = np.bincount(groups, weights=mine, minlength=n).astype("int64")
    clients = found["clients"].to_numpy(dtype="float64", na_value=0.0)
    columns["clients"] = np.bincount(groups, weights=clients, minlength=n).astype("int64")
    capacity = found["capacity"].to_numpy()
    told = ~np.isnan(capacity)
    columns["capacity"] = _of_sites(found, groups, n, np.where(told, capacity, 0.0))
    columns["used"] = share(np.bincount(groups, weights=clients * told, minlength=n), columns["capacity"])
    for name in ("24h", "30d"):
        columns[f"up_{name}"], columns[f"coverage_{name}"] = _availability(city, WINDOWS[name], groups, n)
    return pd.DataFrame(columns)


def _of_sites(found: pd.DataFrame, groups: Positions, n: int, values: Floats) -> npt.NDArray[np.int64]:
    """Summed over sites, each once; a point without a site has none."""
    first = ~found["site"].duplicated().to_numpy() & (found["site"] != "").to_numpy()
    return np.bincount(groups[first], weights=values[first], minlength=n).astype("int64")


def causes(city: City) -> pd.DataFrame:
    """What befell access points in 31 days and was no fault of a point's own: ap, start, end (NaT: goes on), cause.

    As `outages` tells it; what of a point's down time is in none of these rows was a fault.
    """
    events = outages(city)
    events = events[(events["cause"] != FAULT).to_numpy()][["event", "start", "end", "cause"]]
    members = affected(city)
    found = members[members["event"].isin(events["event"])].merge(events, on="event")
    return found[["ap", "start", "end", "cause"]].sort_values(["ap", "start"]).reset_index(drop=True)
