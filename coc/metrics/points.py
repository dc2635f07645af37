"""Which access points and services count, and what each of them is doing now."""

from __future__ import annotations

import pandas as pd

from coc.domain.datasets import Dataset
from coc.metrics.city import City
from coc.metrics.facts import once
from coc.metrics.states import SILENT, Track, availability, present_states, track


def _named(table: pd.DataFrame, sampled: pd.Series[str]) -> pd.DataFrame:
    """A listing by source_id, the last row of each, and after it what only samples name (with null columns)."""
    listed = table.drop_duplicates("source_id", keep="last")
    unlisted = pd.unique(sampled[~sampled.isin(listed["source_id"])].dropna())
    return listed.set_index("source_id").reindex([*listed["source_id"], *sorted(unlisted)])


def access_points(city: City) -> pd.DataFrame:
    """The access points that count: ap (index), name, site, site_name, area (null where unknown).

    Those listed, but for those of retired sites (an unknown site is not retired), and those that samples alone name.
    """

    def find() -> pd.DataFrame:
        sites = city.sites.drop_duplicates("source_id", keep="last").set_index("source_id")
        found = _named(city.access_points[["source_id", "site", "name"]], city.ap_samples["ap"])
        retired = found["site"].isin(sites.index[sites["status"] == "retired"])
        found = found[~retired]
        found["name"] = found["name"].fillna(found.index.to_series())
        found["site_name"] = found["site"].map(sites["name"]).astype("str")
        found["area"] = found["site"].map(sites["area"]).astype("str")
        return found.rename_axis("ap")

    return once(city, "access_points", find)


def services(city: City) -> pd.DataFrame:
    """The services that count: service (index), name, owner_unit; those listed and those that samples alone name."""

    def find() -> pd.DataFrame:
        found = _named(city.services[["source_id", "name", "owner_unit"]], city.service_samples["service"])
        found["name"] = found["name"].fillna(found.index.to_series())
        return found.rename_axis("service")

    return once(city, "services", find)


def population(city: City, dataset: Dataset) -> pd.DataFrame:
    return access_points(city) if dataset is Dataset.AP_SAMPLES else services(city)


def tracked(city: City, dataset: Dataset) -> Track:
    """The samples of what counts. Services as the COC's own room sees them: samples with a vantage are left out."""

    def find() -> Track:
        if dataset is Dataset.AP_SAMPLES:
            samples = city.ap_samples
            return track(samples[samples["ap"].isin(access_points(city).index)], city.now)
        samples = city.service_samples
        return track(samples[samples["vantage"].isna()], city.now)

    return once(city, f"track-{dataset.value}", find)


def states(city: City, dataset: Dataset) -> pd.DataFrame:
    """`present_states` of the whole population, on its index; one without samples is no_data."""

    def find() -> pd.DataFrame:
        found = present_states(tracked(city, dataset), city.now, city.limits.ap).set_index("entity")
        found = found.reindex(population(city, dataset).index)
        found["state"] = found["state"].fillna(SILENT)
        found["flapping"] = found["flapping"].astype("boolean").fillna(False).astype(bool)
        return found

    return once(city, f"states-{dataset.value}", find)


def availability_24h(city: City, dataset: Dataset) -> pd.DataFrame:
    """`availability` of the last 24 h of the whole population, on its index; 0 s known where there is no sample."""

    def find() -> pd.DataFrame:
        found = availability(tracked(city, dataset), city.now, 24, city.limits.ap).set_index("entity")
        return found.reindex(population(city, dataset).index).fillna(0.0)

    return once(city, f"availability-{dataset.value}", find)
