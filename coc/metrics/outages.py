"""What went wrong, told once: one row an event, with what caused it as far as that can be known (decision 105).

Points of a site that fall together are one event of the site; a link that falls takes its site's points with it; a
source that falls silent says nothing of its points; several sites of one kecamatan that fall together had a power cut.
A point that goes up and down all the time is one event.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from coc.domain.datasets import SAMPLES, Dataset
from coc.domain.instants import NAT, SECOND, to_index
from coc.metrics.city import City
from coc.metrics.facts import now_of, once
from coc.metrics.fallen import APS, Group, fallen, lone, power_of
from coc.metrics.heads import Positions
from coc.metrics.maintenance import MAINTENANCE, POWER
from coc.metrics.points import access_points, links, services, states
from coc.metrics.spells import ON, joined, spells
from coc.metrics.states import DOWN, SILENT
from coc.metrics.troubles import declared, troubles

Texts: TypeAlias = npt.NDArray[Any]
FAULT, UPSTREAM, SOURCE = "fault", "upstream", "source"
CAUSES: Final = (FAULT, POWER, MAINTENANCE, UPSTREAM, SOURCE)
KINDS: Final = ("ap", "site", "link", "source", "service")


def outages(city: City) -> pd.DataFrame:
    """One row an event of the last 31 days: event, kind, cause, entity, name, site, area, points, start, end, reason.

    Then silent, spells. `event`: the same as long as its kind, entity and start are. `kind`: ap, site, link, source or
    service; `entity` its id. `points`: how many access points are in it. `end`: NaT while it goes on. `reason`: what
    config says of its maintenance window or power cut. `silent`: nobody said that it was down, it was not heard of.
    `spells`: how often it fell. In order of start.
    """
    return _told(city)[0]


def affected(city: City) -> pd.DataFrame:
    """Which access points are in which event: event, ap. A source's are not listed: nothing is known of them."""
    return _told(city)[1]


def _told(city: City) -> tuple[pd.DataFrame, pd.DataFrame]:
    return once(city, "outages", lambda: _outages(city))


def present_causes(city: City) -> pd.Series[Any]:
    """Of each access point that is down or no_data now (index) what causes it: one of CAUSES.

    Maintenance before all; then its source's silence; then its latest event's. One never heard of lacks a source.
    """
    state = states(city, APS)
    mine = state["state"].isin([DOWN, SILENT]).to_numpy(dtype=bool)
    cause = np.where(state["since"].isna(), SOURCE, FAULT).astype(object)
    events, members = outages(city), affected(city)
    latest = members.merge(events[["event", "cause", "start"]], on="event").sort_values("start", kind="stable")
    latest = latest.drop_duplicates("ap", keep="last")
    cause[state.index.get_indexer(pd.Index(latest["ap"]))] = latest["cause"].to_numpy(dtype=object)
    found = troubles(city, APS)
    cause[found.unheard & (state["state"] == SILENT).to_numpy(dtype=bool)] = SOURCE
    closed, _ = declared(city, APS, state.index, MAINTENANCE)
    now = now_of(city)
    cause[closed.entity[(closed.start <= now) & (now < closed.end)]] = MAINTENANCE
    return pd.Series(cause[mine], index=state.index[mine], dtype="str", name="cause")


@dataclass(frozen=True, slots=True)
class _Events:
    """Events of one kind as columns. `site`: its position in `Fallen.sites`, -1 for none."""

    kind: str
    cause: str  # where nothing else is known
    entity: Texts
    name: Texts
    site: Positions
    group: Group


def _outages(city: City) -> tuple[pd.DataFrame, pd.DataFrame]:
    found = fallen(city)
    aps, of_links, of_services = access_points(city), links(city), services(city)
    alone, whole, by_link = (g.spells.entity for g in (found.alone, found.together, found.links))
    sites = _sites(city)
    names = sites["name"].reindex(found.sites).fillna(found.sites.to_series()).to_numpy(dtype=object)
    link_site = np.asarray(found.sites.get_indexer(pd.Index(of_links["site"])), dtype=np.intp)
    parts = [
        _Events("ap", FAULT, *_named(aps, alone), found.site[alone], found.alone),
        _Events("site", UPSTREAM, found.sites.to_numpy(dtype=object)[whole], names[whole], whole, found.together),
        _Events("link", UPSTREAM, *_named(of_links, by_link), link_site[by_link], found.links),
        _of_services(city, of_services),
        _of_sources(city),
    ]
    return _frame(city, parts, found.sites, sites["area"]), _members(parts, aps.index)


def _named(listed: pd.DataFrame, rows: Positions) -> tuple[Texts, Texts]:
    """Ids and names."""
    return listed.index.to_numpy(dtype=object)[rows], listed["name"].to_numpy(dtype=object)[rows]


def _sites(city: City) -> pd.DataFrame:
    return city.sites.drop_duplicates("source_id", keep="last").set_index("source_id")


def _of_services(city: City, listed: pd.DataFrame) -> _Events:
    """As the COC's own room sees them."""
    found = troubles(city, Dataset.SERVICE_SAMPLES)
    power = power_of(city, found, Dataset.SERVICE_SAMPLES)
    names = _named(listed, found.spells.entity)
    return _Events("service", FAULT, *names, np.full(len(found.spells), -1), lone(found.spells, found.window, power))


def _of_sources(city: City) -> _Events:
    """A source once, whatever it brings; `points`: the access points that it tells of."""
    silent = pd.concat([troubles(city, d).silent_sources.assign(points=d is APS) for d in SAMPLES], ignore_index=True)
    code, names = pd.factorize(silent["source"], sort=True)
    start, end = (silent[c].to_numpy(dtype="int64") for c in ("start", "end"))
    found = joined(spells(np.asarray(code, dtype=np.intp), start, end, silent=True), 300 * SECOND)
    named = np.asarray(names, dtype=object)[found.entity]
    none = np.full(len(found), -1, dtype=np.intp)
    group = lone(replace(found, downs=np.ones(len(found), dtype="int64")), none, none)
    points = silent[silent["points"]].groupby("source")["entities"].max()
    counted = pd.Series(named, dtype="object").map(points).fillna(0).to_numpy(dtype="int64")
    return _Events("source", SOURCE, named, named, none, replace(group, told=counted))


def _events(part: _Events) -> list[str]:
    starts = (part.group.spells.start // SECOND).tolist()
    return [f"{part.kind}:{entity}:{at}" for entity, at in zip(part.entity, starts, strict=True)]


def _members(parts: Sequence[_Events], aps: pd.Index[Any]) -> pd.DataFrame:
    event = [np.array(_events(part), dtype=object)[part.group.members[0]] for part in parts]
    point = np.concatenate([part.group.members[1] for part in parts])
    return pd.DataFrame({"event": pd.Series(np.concatenate(event), dtype="str"), "ap": aps[point].astype("str")})


def _frame(city: City, parts: Sequence[_Events], sites: pd.Index[Any], areas: pd.Series[Any]) -> pd.DataFrame:
    def every(of: Callable[[_Events], Any]) -> Texts:
        return np.concatenate([of(part) for part in parts])

    def words(of: Callable[[_Events], Any]) -> pd.Series[Any]:
        return pd.Series(every(of), dtype="str")

    window = every(lambda part: np.where(part.group.window >= 0, part.group.window, part.group.power))
    place = every(lambda part: part.site)
    reasons = np.append(city.windows["reason"].fillna("").to_numpy(dtype=object), "")
    of_area = areas.reindex(sites).to_numpy(dtype=object)
    end = every(lambda part: part.group.spells.end)
    found = pd.DataFrame(
        {
            "event": words(_events),
            "kind": words(lambda part: np.full(len(part.entity), part.kind, dtype=object)),
            "cause": words(_causes),
            "entity": words(lambda part: part.entity),
            "name": words(lambda part: part.name),
            "site": pd.Series(np.array([*sites, None], dtype=object)[place], dtype="str"),
            "area": pd.Series(np.array([*of_area, None], dtype=object)[place], dtype="str"),
            "points": every(lambda part: part.group.points),
            "start": to_index(every(lambda part: part.group.spells.start)),
            "end": to_index(np.where(end == ON, NAT, end)),
            "reason": pd.Series(reasons[window], dtype="str"),
            "silent": every(lambda part: part.group.spells.silent),
            "spells": every(lambda part: part.group.spells.downs),
        }
    )
    return found.sort_values(["start", "event"], kind="stable", ignore_index=True)


def _causes(part: _Events) -> Texts:
    group = part.group
    cut = group.inferred | (group.power >= 0)
    return np.where(group.window >= 0, MAINTENANCE, np.where(cut, POWER, part.cause)).astype(object)
