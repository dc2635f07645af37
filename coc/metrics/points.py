"""Which access points and services count, and what each of them is doing now."""

from __future__ import annotations

import numpy as np
import pandas as pd

from coc.domain.datasets import Dataset
from coc.domain.instants import Bools
from coc.metrics.city import City
from coc.metrics.facts import once
from coc.metrics.past import Past, availability, past_of, present
from coc.metrics.states import SILENT, Track, track


def _named(table: pd.DataFrame, sampled: pd.Series[str]) -> pd.DataFrame:
    """A listing by source_id, the last row of each, and after it what only samples name (with null columns)."""
    listed = table.drop_duplicates("source_id", keep="last")
    unlisted = pd.unique(sampled[~sampled.isin(listed["source_id"])].dropna())
    return listed.set_index("source_id").reindex([*listed["source_id"], *sorted(unlisted)])


def past(city: City, dataset: Dataset) -> Past:
    """What is known of the dataset's entities; of services as the COC's own room sees them, from no other vantage."""

    def find() -> Past:
        if dataset in city.pasts:
            return city.pasts[dataset]
        return past_of(_samples(city, dataset), city.now, city.limits.ap)

    return once(city, f"past-{dataset.value}", find)


def _samples(city: City, dataset: Dataset) -> pd.DataFrame:
    if dataset is Dataset.AP_SAMPLES:
        return city.ap_samples
    return city.service_samples[city.service_samples["vantage"].isna()]


def _sampled(city: City, dataset: Dataset) -> pd.Series[str]:
    """Every entity that some sample names."""
    named = city.ap_samples["ap"] if dataset is Dataset.AP_SAMPLES else city.service_samples["service"]
    known = past(city, dataset)
    return pd.Series([*pd.unique(named.dropna()), *known.entities[known.sampled]], dtype="str")


def access_points(city: City) -> pd.DataFrame:
    """The access points that count: ap (index), name, site, site_name, area (null where unknown).

    Those listed, but for those of retired sites (an unknown site is not retired), and those that samples alone name.
    """

    def find() -> pd.DataFrame:
        sites = city.sites.drop_duplicates("source_id", keep="last").set_index("source_id")
        found = _named(city.access_points[["source_id", "site", "name"]], _sampled(city, Dataset.AP_SAMPLES))
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
        found = _named(city.services[["source_id", "name", "owner_unit"]], _sampled(city, Dataset.SERVICE_SAMPLES))
        found["name"] = found["name"].fillna(found.index.to_series())
        return found.rename_axis("service")

    return once(city, "services", find)


def population(city: City, dataset: Dataset) -> pd.DataFrame:
    return access_points(city) if dataset is Dataset.AP_SAMPLES else services(city)


def tracked(city: City) -> Track:
    """The samples of services, as the COC's own room sees them."""
    return once(city, "track", lambda: track(_samples(city, Dataset.SERVICE_SAMPLES), city.now))


def counted(city: City, dataset: Dataset) -> Bools:
    """By position in `past`: whether the entity is of the population."""
    return once(
        city,
        f"counted-{dataset.value}",
        lambda: np.asarray(past(city, dataset).entities.isin(population(city, dataset).index)),
    )


def states(city: City, dataset: Dataset) -> pd.DataFrame:
    """`present_states` of the whole population, on its index; one without samples is no_data."""

    def find() -> pd.DataFrame:
        found = present(past(city, dataset)).set_index("entity")
        found = found.reindex(population(city, dataset).index)
        found["state"] = found["state"].fillna(SILENT)
        found["flapping"] = found["flapping"].astype("boolean").fillna(False).astype(bool)
        return found

    return once(city, f"states-{dataset.value}", find)


def known(city: City, dataset: Dataset, hours: int) -> pd.DataFrame:
    """`availability` of the last `hours` of the whole population, on its index; 0 s known where there is no sample."""

    def find() -> pd.DataFrame:
        found = availability(past(city, dataset), city.now, hours, city.limits.ap).set_index("entity")
        return found.reindex(population(city, dataset).index).fillna(0.0)

    return once(city, f"availability-{dataset.value}-{hours}", find)
