"""Which access points, services and links count, and what each of them is doing now."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from coc.domain.datasets import SAMPLED, Dataset
from coc.domain.instants import Bools
from coc.metrics.city import City
from coc.metrics.facts import once
from coc.metrics.maintenance import MAINTENANCE, windows_of
from coc.metrics.past import Past, availability, past_of, present
from coc.metrics.states import SILENT, Track, track


def _named(table: pd.DataFrame, sampled: pd.Series[str]) -> pd.DataFrame:
    """A listing by source_id, the last row of each, and after it what only samples name (with null columns)."""
    listed = table.drop_duplicates("source_id", keep="last")
    unlisted = pd.unique(sampled[~sampled.isin(listed["source_id"])].dropna())
    return listed.set_index("source_id").reindex([*listed["source_id"], *sorted(unlisted)])


def past(city: City, dataset: Dataset) -> Past:
    """What is known of the dataset's entities; of services as the COC's own room sees them, from no other vantage."""
    return once(city, f"past-{dataset.value}", lambda: _every_past(city, dataset).of_room())


def _every_past(city: City, dataset: Dataset) -> Past:
    """Of every vantage."""

    def find() -> Past:
        if dataset in city.pasts:
            return city.pasts[dataset]
        seen = track(_samples(city, dataset), city.now)
        keys = list(zip(seen.entities, seen.vantages, strict=True))
        closed, _ = windows_of(city, dataset, keys, MAINTENANCE)
        return past_of(seen, city.now, city.limits.ap, closed)

    return once(city, f"every-past-{dataset.value}", find)


def _samples(city: City, dataset: Dataset) -> pd.DataFrame:
    if dataset is Dataset.AP_SAMPLES:
        return city.ap_samples
    return city.service_samples if dataset is Dataset.SERVICE_SAMPLES else city.link_samples


def _sampled(city: City, dataset: Dataset) -> pd.Series[str]:
    """Every entity that some sample names."""
    named = _samples(city, dataset)[SAMPLED[dataset][0]]
    known = _every_past(city, dataset)
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


def links(city: City) -> pd.DataFrame:
    """The links that count: link (index), name, site, unit, provider; those listed and those that samples name."""

    def find() -> pd.DataFrame:
        columns = ["source_id", "name", "site", "unit", "provider"]
        found = _named(city.links[columns], _sampled(city, Dataset.LINK_SAMPLES))
        found["name"] = found["name"].fillna(found.index.to_series())
        return found.rename_axis("link")

    return once(city, "links", find)


def population(city: City, dataset: Dataset) -> pd.DataFrame:
    if dataset is Dataset.AP_SAMPLES:
        return access_points(city)
    return services(city) if dataset is Dataset.SERVICE_SAMPLES else links(city)


def tracked(city: City) -> Track:
    """The samples of services, as the COC's own room sees them."""
    room = city.service_samples["vantage"].isna()
    return once(city, "track", lambda: track(city.service_samples[room], city.now))


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


def vantage_states(city: City) -> pd.DataFrame:
    """`present_states` of every service from every vantage it was seen from: service, vantage, state, flapping, ...

    vantage: a site or a link, "" the COC's own room. A pair without samples has no row.
    """
    return once(city, "vantage_states", lambda: _by_vantage(city, present(_every_past(city, Dataset.SERVICE_SAMPLES))))


def vantage_known(city: City, hours: int) -> pd.DataFrame:
    """Known time of every service from every vantage in the last `hours`: service, vantage, up_seconds, ..., coverage.

    As `availability`; the pairs are those of `vantage_states`.
    """

    def find() -> pd.DataFrame:
        past = _every_past(city, Dataset.SERVICE_SAMPLES)
        return _by_vantage(city, availability(past, city.now, hours, city.limits.ap))

    return once(city, f"vantage_known-{hours}", find)


def _by_vantage(city: City, found: pd.DataFrame) -> pd.DataFrame:
    """Of rows by every entity that was sampled: those of services that count, with their vantage."""
    past = _every_past(city, Dataset.SERVICE_SAMPLES)
    vantages: pd.Series[Any] = pd.Series(past.vantages[past.sampled], dtype="str")
    found = found.rename(columns={"entity": "service"})
    found.insert(1, "vantage", vantages)
    counts = found["service"].isin(services(city).index)
    return found[counts].sort_values(["service", "vantage"]).reset_index(drop=True)
