"""One look at what a process has built: boards and the city behind them -> findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import pandas as pd

from coc.alerts.findings import Finding, Key
from coc.alerts.judge import Figures, figures_of, of_feeds, of_figures
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


@dataclass(frozen=True, slots=True)
class Looked:
    findings: list[Finding]


def look(
    snapshot: Snapshot, settings: Settings, rules: Mapping[str, Rule], held: Mapping[Key, State], shown: Shown
) -> Looked:
    """Figures are the public population's: what a secret letter does to a figure fires nothing."""
    city = snapshot.cities.get(ALL)
    found = list(of_figures(rules, _figures(snapshot, rules, city, shown), registered(), settings.targets))
    feeds = snapshot.boards.get(("feeds", ALL))
    if feeds is not None:
        found += of_feeds(rules, feeds.frames["feeds"])
    if city is not None and any(rule.ap_state or rule.service_state for rule in rules.values()):
        found += of_network(rules, network_of(city), held.values())
    return Looked(found)


def _figures(snapshot: Snapshot, rules: Mapping[str, Rule], city: City | None, shown: Shown) -> Figures:
    wanted = {rule.kpi for rule in rules.values() if rule.kpi}
    of_units = any(rule.kpi and rule.unit for rule in rules.values())
    frames = [
        frame
        for (_, population), board in snapshot.boards.items()
        if population == PUBLIC
        for frame in _parts(board.kpis, wanted)
    ]
    if not frames:
        return Figures({})
    whole = pd.concat(frames, ignore_index=True)
    names = dict(city.unit_names) if city is not None and of_units else {}
    return figures_of(whole, names, _shown(snapshot, shown) if of_units else frozenset())


def _parts(kpis: pd.DataFrame, wanted: Iterable[str | None]) -> Iterator[pd.DataFrame]:
    mine = kpis[kpis["id"].isin(list(wanted))]
    if len(mine):
        yield mine


def _shown(snapshot: Snapshot, shown: Shown) -> frozenset[tuple[str, str]]:
    boards = [b.kpis for (_, population), b in snapshot.boards.items() if population == PUBLIC and len(b.kpis)]
    return frozenset().union(*map(shown, boards))


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
