"""One look at what a process has built: boards and the city behind them -> findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import pandas as pd

from coc.alerts.findings import CITY, Finding, Key
from coc.alerts.judge import Figures, of_feeds, of_figures, values_of
from coc.alerts.machine import State
from coc.alerts.network import MAINTENANCE, Network, of_network
from coc.boards import Snapshot
from coc.boards.city import ALL, PUBLIC
from coc.domain.datasets import Dataset
from coc.metrics import outages, points
from coc.metrics.city import City
from coc.metrics.registry import registered
from coc.settings.alerts import Rule
from coc.settings.models import Settings

# Of a KPI frame, the (id, unit) of units whose figure the public may see (`coc.access.published`).
Shown = Callable[[pd.DataFrame], frozenset[tuple[str, str]]]
_POINT_COLUMNS: Final = ["state", "name", "site", "site_name", "area"]


Values = dict[tuple[str, str, str], tuple[float, str]]


@dataclass(frozen=True, slots=True)
class Looked:
    findings: list[Finding]


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of a board's figures; good while `kpis` are the board's."""

    kpis: pd.DataFrame
    values: Values
    shown: frozenset[tuple[str, str]]


class Eye:
    """Looks at one snapshot after another, and reads anew only the figures that changed."""

    def __init__(self, settings: Settings, rules: Mapping[str, Rule], shown: Shown) -> None:
        self._targets, self._rules, self._show = settings.targets, rules, shown
        self._specs = registered()
        self._wanted = {rule.kpi for rule in rules.values() if rule.kpi}
        self._boards = {kpi.split(".")[0] for kpi in self._wanted}
        self._of_units = any(rule.kpi and rule.unit for rule in rules.values())
        self._of_network = any(rule.ap_state or rule.service_state for rule in rules.values())
        self._read: dict[str, _Read] = {}
        self._network: tuple[City | None, Network | None] = (None, None)

    def look(self, snapshot: Snapshot, held: Mapping[Key, State]) -> Looked:
        """Figures are the public population's: what a secret letter does to a figure fires nothing."""
        city = snapshot.cities.get(ALL)
        found = list(of_figures(self._rules, self._figures(snapshot, city), self._specs, self._targets))
        feeds = snapshot.boards.get(("feeds", ALL))
        if feeds is not None:
            found += of_feeds(self._rules, feeds.frames["feeds"])
        if city is not None and self._of_network:
            found += of_network(self._rules, self._seen(city), held.values())
        return Looked(found)

    def _seen(self, city: City) -> Network:
        before, network = self._network
        if network is None or before is not city:
            network = network_of(city)
            self._network = (city, network)
        return network

    def _figures(self, snapshot: Snapshot, city: City | None) -> Figures:
        values: Values = {}
        shown: frozenset[tuple[str, str]] = frozenset()
        for (name, population), board in snapshot.boards.items():
            if population == PUBLIC and name in self._boards:
                read = self._of_board(name, board.kpis)
                values |= read.values
                shown |= read.shown
        names = dict(city.unit_names) if city is not None and self._of_units else {}
        units = [unit for unit in dict.fromkeys(unit for _, unit, _ in values) if unit != CITY]
        return Figures(values, units, names, shown)

    def _of_board(self, name: str, kpis: pd.DataFrame) -> _Read:
        held = self._read.get(name)
        if held is None or held.kpis is not kpis:
            mine = kpis[kpis["id"].isin(list(self._wanted))]
            if not self._of_units:
                mine = mine[mine["unit"] == CITY]
            shown = self._show(kpis) if self._of_units and len(kpis) else frozenset()
            held = self._read[name] = _Read(kpis, values_of(mine), shown)
        return held


def network_of(city: City) -> Network:
    """What is down, slow or not heard of now, with the outages that it is part of."""
    told = outages.outages(city)
    now = told[told["end"].isna()]
    members = outages.affected(city)
    mine = members[members["event"].isin(now["event"])]
    causes = outages.present_causes(city)
    states = points.states(city, Dataset.AP_SAMPLES)
    aps = points.access_points(city).assign(state=states["state"])[_POINT_COLUMNS]
    services = points.services(city).assign(state=points.states(city, Dataset.SERVICE_SAMPLES)["state"])
    return Network(
        now.astype({"kind": "str", "entity": "str"}),
        {str(event): tuple(aps.astype("str")) for event, aps in mine.groupby("event")["ap"]},
        aps,
        services[["state", "name"]],
        frozenset(causes.index[causes == MAINTENANCE].astype("str")),
    )
