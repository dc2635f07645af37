"""City applications: services by state, availability, latency (DOMAIN, KPIs); a unit's are those it owns."""

from __future__ import annotations

import numpy as np

from coc.domain.datasets import Dataset
from coc.domain.instants import DAY
from coc.metrics.city import City, WindowName
from coc.metrics.facts import Positions, once, positions
from coc.metrics.points import known, services, states, tracked
from coc.metrics.registry import Better, kpi
from coc.metrics.scoped import Durations, Scoped, counted, ratio, scoped, total
from coc.metrics.states import DOWN, UP

_DATASETS = (Dataset.SERVICE_SAMPLES, Dataset.SERVICES)
_INPUTS = ("service_samples.up",)


def _owner(city: City) -> Positions:
    return once(city, "service_owner", lambda: positions(city, services(city)["owner_unit"]))


def _state_count(state: str, better: Better) -> None:
    def services_in_state(city: City, _window: WindowName) -> Scoped:
        rows = (states(city, Dataset.SERVICE_SAMPLES)["state"] == state).to_numpy(dtype=bool)
        return counted(city, _owner(city), rows)

    services_in_state.__doc__ = f"Services whose present state, as the COC's own room sees them, is {state}; by owner."
    kpi(f"apps.{state}", measure="count", better=better, datasets=_DATASETS, inputs=_INPUTS, windowed=False)(
        services_in_state
    )


_state_count(UP, "up")
_state_count(DOWN, "down")


@kpi("apps.availability_24h", measure="rate", better="up", datasets=_DATASETS, inputs=_INPUTS, windowed=False)
def availability(city: City, _window: WindowName) -> Scoped:
    """Sum of up time / (sum of up + down time) over services, in the last 24 h by the clock (0..1), as for WiFi."""
    found, owner = known(city, Dataset.SERVICE_SAMPLES, 24), _owner(city)

    up, down = (total(city, owner, found[c].to_numpy(dtype="float64")) for c in ("up_seconds", "down_seconds"))
    return scoped(ratio(up, up + down))


@kpi(
    "apps.latency_ms_p95",
    measure="ms",
    better="down",
    datasets=_DATASETS,
    inputs=("service_samples.latency_ms",),
    windowed=False,
)
def latency(city: City, _window: WindowName) -> Scoped:
    """95 % of the samples with up = true in the last 24 h by the clock answered within this many ms; by owner.

    In [now - 24 h, now], as the COC's own room measured; linear interpolation; a null latency is left out.
    """
    t = tracked(city)
    answers = np.flatnonzero(t.up & (t.taken >= t.now - DAY) & ~np.isnan(t.latency))
    places = services(city).index.get_indexer(t.entities)
    owners = _owner(city)[places[t.entity[answers]]]
    return Durations.of(owners, t.taken[answers], t.latency[answers]).quantile(city, 0.95)
