"""Public WiFi: access points by present state, clients, availability, the programme (DOMAIN, KPIs). City-wide only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from coc.domain.datasets import Dataset
from coc.metrics.city import City, WindowName
from coc.metrics.points import known, states
from coc.metrics.registry import Better, kpi
from coc.metrics.scoped import Scoped, city_alone
from coc.metrics.sites import installed, sites
from coc.metrics.states import DEGRADED, DOWN, SILENT, UP

_DATASETS = (Dataset.AP_SAMPLES, Dataset.ACCESS_POINTS, Dataset.SITES)
_SITES = Dataset.SITES
_UP = "ap_samples.up"
_APS = Dataset.AP_SAMPLES


def _state_count(state: str, better: Better, *inputs: str) -> None:
    def points_in_state(city: City, _window: WindowName) -> Scoped:
        return city_alone(int((states(city, _APS)["state"] == state).sum()))

    points_in_state.__doc__ = f"Access points of sites that are not retired whose present state is {state}."
    kpi(
        f"wifi.{state}",
        measure="count",
        better=better,
        datasets=_DATASETS,
        inputs=(_UP, *inputs),
        scope="city",
        windowed=False,
    )(points_in_state)


_state_count(UP, "up")
# Nobody is degraded where nobody measures latency or loss: that is not recorded, not zero.
_state_count(DEGRADED, "down", "ap_samples.latency_ms|ap_samples.loss")
_state_count(DOWN, "down")
_state_count(SILENT, "down")


@kpi(
    "wifi.clients",
    measure="count",
    better=None,
    datasets=_DATASETS,
    inputs=(_UP, "ap_samples.clients"),
    scope="city",
    windowed=False,
)
def clients(city: City, _window: WindowName) -> Scoped:
    """Sum of `clients` of the present samples of access points that are not no_data; null counts 0."""
    found = states(city, _APS)
    return city_alone(float(found.loc[found["state"] != SILENT, "clients"].sum()))


def _availability(name: str, hours: int) -> None:
    def availability(city: City, _window: WindowName) -> Scoped:
        seconds = known(city, _APS, hours)
        up, down = float(seconds["up_seconds"].sum()), float(seconds["down_seconds"].sum())
        return city_alone(up / (up + down) if up + down > 0 else np.nan)

    availability.__doc__ = f"""Sum of up time / (sum of up + down time) over access points, 0..1.

    In the last {hours} h by the clock. As measured: a sample holds to the next one's `at` or its hold; the rest is
    no-data, in neither; a down spell of `limits.ap.min_down_seconds` or less counts as up.
    """
    kpi(name, measure="rate", better="up", datasets=_DATASETS, inputs=(_UP,), scope="city", windowed=False)(
        availability
    )


_availability("wifi.availability_24h", 24)
_availability("wifi.availability_30d", 30 * 24)


def _site_count(name: str, inputs: tuple[str, ...], says: str, rows: Callable[[City], pd.Series[bool]]) -> None:
    def count(city: City, _window: WindowName) -> Scoped:
        return city_alone(int(rows(city).sum()))

    count.__doc__ = says
    kpi(name, measure="count", better="up", datasets=(_SITES,), inputs=inputs, scope="city", windowed=False)(count)


_site_count(
    "wifi.installed",
    ("sites.status",),
    "Sites that are active, or not retired with installed_at <= now.",
    installed,
)
_site_count(
    "wifi.target",
    ("sites.status",),
    "Sites that are not retired: what the programme is to install.",
    lambda city: sites(city)["status"] != "retired",
)
_site_count(
    "wifi.schools_served",
    ("sites.status", "sites.site_kind"),
    "Active sites whose site_kind is school.",
    lambda city: (sites(city)["status"] == "active") & (sites(city)["site_kind"] == "school"),
)
