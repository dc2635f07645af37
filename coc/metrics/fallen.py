"""Which access points fell alone, which with their site, which with their site's link (decision 105)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from coc.domain.datasets import Dataset
from coc.domain.instants import SECOND, Bools, Micros
from coc.metrics.city import City
from coc.metrics.closures import disjoint
from coc.metrics.facts import now_of
from coc.metrics.gathered import Counts, at_once, clusters, out_before, required
from coc.metrics.heads import Positions
from coc.metrics.maintenance import POWER
from coc.metrics.points import access_points, links
from coc.metrics.spells import ON, Spells, begun_in, goes_on, together
from coc.metrics.troubles import Troubles, declared, troubles

APS: Final = Dataset.AP_SAMPLES
LINKS: Final = Dataset.LINK_SAMPLES
_SITES: Final = 3  # of one kecamatan that fall together had a power cut
_SAME: Final = 180 * SECOND


@dataclass(frozen=True, slots=True)
class Group:
    """Events by position. `spells.entity`: the point, site or link; `window`, `power`: rows of `City.windows`, or -1.

    `inferred`: a power cut that nobody declared. `members`: pairs of (event, point). `whole`: all of the site is out.
    """

    spells: Spells
    window: Positions
    power: Positions
    inferred: Bools
    whole: Bools
    members: tuple[Positions, Positions]
    told: Counts | None = None  # of a source the points that it tells of

    @property
    def points(self) -> Counts:
        return np.bincount(self.members[0], minlength=len(self.spells)) if self.told is None else self.told


def lone(found: Spells, window: Positions, power: Positions) -> Group:
    """Events that no access point is in."""
    none, nobody = np.zeros(len(found), dtype=bool), np.zeros(0, dtype=np.intp)
    return Group(found, window, power, none, none, (nobody, nobody))


@dataclass(frozen=True, slots=True)
class Fallen:
    """`site`: of each access point its site's position in `sites`, -1 for none."""

    site: Positions
    sites: pd.Index[Any]
    alone: Group
    together: Group
    links: Group


def fallen(city: City) -> Fallen:
    points, of_links = troubles(city, APS), troubles(city, LINKS)
    listed = [access_points(city)["site"], links(city)["site"]]
    sites = pd.Index(pd.unique(pd.concat(listed).dropna()), dtype="str")
    site, link_site = (np.asarray(sites.get_indexer(pd.Index(names)), dtype=np.intp) for names in listed)
    total = np.bincount(site[site >= 0], minlength=len(sites))
    powers = [power_of(city, found, dataset) for found, dataset in ((points, APS), (of_links, LINKS))]
    rows = _Rows(points.spells, points.window, powers[0], np.zeros(len(points.spells), dtype=bool))
    known = _Known(points, site, total, now_of(city))
    by_link, rows = _with_links(of_links, powers[1], link_site, rows, known)
    by_site, alone = _with_sites(rows, known)
    groups = [by_site, by_link, alone]
    where = [by_site.spells.entity, link_site[by_link.spells.entity], site[alone.spells.entity]]
    cut = _power_cuts(groups, where, _kecamatan(city, sites))
    by_site, by_link, alone = (replace(g, inferred=c) for g, c in zip(groups, cut, strict=True))
    return Fallen(site, sites, alone, by_site, by_link)


@dataclass(frozen=True, slots=True)
class _Known:
    """`site`: of each point; `total`: how many points each site has."""

    points: Troubles
    site: Positions
    total: Counts
    now: int

    def rest(self, spells: Spells, ends: Micros) -> Bools:
        """What went on after its event, for longer than a flapping point takes to calm down: one of its own."""
        return goes_on(spells, ends, self.points.again, self.now)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Stretches of points, in order of entity and start; `whole`: with it all of its site is out."""

    spells: Spells
    window: Positions
    power: Positions
    whole: Bools

    def chosen(self, rows: Any) -> _Rows:
        return _Rows(self.spells.chosen(rows), self.window[rows], self.power[rows], self.whole[rows])

    def with_rest(self, rest: Spells) -> _Rows:
        """With what went on after the event that the rest was in: nothing declared says why."""
        none = np.full(len(rest), -1, dtype=np.intp)
        parts = (self, _Rows(rest, none, none, none == 0))
        every = [np.concatenate([getattr(p, n) for p in parts]) for n in ("window", "power", "whole")]
        names = ("entity", "start")
        entity, start = (np.concatenate([getattr(p.spells, n) for p in parts]) for n in names)
        order = np.lexsort((start, entity))
        return _Rows(together([self.spells, rest]), *(column[order] for column in every))


def power_of(city: City, found: Troubles, dataset: Dataset) -> Positions:
    """The declared power cut in which each stretch began."""
    closed, row = declared(city, dataset, found.index, POWER)
    of = begun_in(found.spells, closed.entity, closed.start - found.close[closed.entity], closed.end)
    return np.where(of >= 0, np.append(row, -1)[of], -1)


def _with_links(
    found: Troubles, power: Positions, link_site: Positions, rows: _Rows, known: _Known
) -> tuple[Group, _Rows]:
    """An event a stretch of a link, with the points of its site that fell with it; the points that are left."""
    fell = found.spells
    where = link_site[fell.entity]
    close = found.close[fell.entity]
    last = np.where(fell.end == ON, ON, fell.end + close)
    at, which = disjoint(where, fell.start - close, last)
    mine = replace(rows.spells, entity=known.site[rows.spells.entity])
    of = begun_in(mine, where[which], *at)
    of = np.where((of >= 0) & (mine.entity >= 0), np.append(which, -1)[of], -1)
    covered = np.flatnonzero(of >= 0)
    size = np.bincount(of[covered], minlength=len(fell))
    already = out_before(mine.entity, mine.start, mine.end, where, fell.start - close)
    whole = (where >= 0) & (size > 0) & (size + already >= required(np.append(known.total, 0)[where]))
    group = Group(fell, found.window, power, whole & False, whole, (of[covered], rows.spells.entity[covered]))
    inside, ends = rows.spells.chosen(covered), fell.end[of[covered]]
    return group, rows.chosen(of < 0).with_rest(replace(inside, start=ends).chosen(known.rest(inside, ends)))


def _with_sites(rows: _Rows, known: _Known) -> tuple[Group, Group]:
    """(events of sites, events of single points)."""
    where = known.site[rows.spells.entity]
    # Maintenance and the rest of a site's points are apart; a point without a site is a site of its own.
    key = np.where(where >= 0, where, len(known.total) + rows.spells.entity) * 2 + (rows.window >= 0)
    order = np.lexsort((rows.spells.start, key))
    rows, where = rows.chosen(order), where[order]
    fell = rows.spells
    label = at_once(key[order], fell.start, known.points.close[fell.entity])
    first = np.flatnonzero(np.append(True, label[1:] != label[:-1])[: len(label)])
    of_site = where[first]
    needs = required(np.append(known.total, 1)[of_site])
    needs = needs - out_before(where, fell.start, fell.end, of_site, fell.start[first])
    found = clusters(label, fell.start, fell.end, needs)
    whole = (found.size >= needs) & (of_site >= 0)
    rows = replace(rows, whole=whole[label])
    joint = whole & (found.size >= 2)
    inside = joint[label]
    event, gone, ends = (np.cumsum(joint) - 1)[label[inside]], fell.chosen(inside), found.end[label[inside]]
    # The event is over when the last is back that does not stay behind for long.
    later, until = known.rest(gone, ends), found.end[joint].copy()
    np.maximum.at(until, event[~later], gone.end[~later])
    of_joint = _of_events(rows, first)
    by_site = Group(
        Spells(of_site[joint], found.start[joint], until, of_joint.spells.silent[joint], of_joint.spells.downs[joint]),
        of_joint.window[joint],
        of_joint.power[joint],
        joint[joint] & False,
        joint[joint],
        (event, gone.entity),
    )
    single = rows.chosen(~inside).with_rest(replace(gone, start=until[event]).chosen(later))
    alone = single.spells
    each = (np.arange(len(alone)), alone.entity)
    return by_site, Group(alone, single.window, single.power, single.whole & False, single.whole, each)


def _of_events(rows: _Rows, first: Positions) -> _Rows:
    """What the stretches of each event say together, `first` being the first of each."""
    if not len(first):
        return rows
    found = rows.chosen(first)
    spells = replace(
        found.spells,
        silent=np.logical_and.reduceat(rows.spells.silent, first),
        downs=np.maximum.reduceat(rows.spells.downs, first),
    )
    return replace(found, spells=spells, power=np.maximum.reduceat(rows.power, first))


def _kecamatan(city: City, sites: pd.Index[Any]) -> Positions:
    """Of each site its kecamatan as a number (the first three parts of its area's code), -1 for none."""
    known = city.sites.drop_duplicates("source_id", keep="last").set_index("source_id")["area"].reindex(sites)
    code, _ = pd.factorize(np.array([_first_three(area) for area in known.tolist()], dtype=object))
    return np.asarray(code, dtype=np.intp)


def _first_three(area: object) -> str | None:
    return ".".join(area.split(".")[:3]) if isinstance(area, str) else None


def _power_cuts(groups: list[Group], where: list[Positions], kecamatan: Positions) -> list[npt.NDArray[np.bool_]]:
    """Which events are of a power cut that several sites saw at once."""
    site = np.concatenate(where)
    start = np.concatenate([g.spells.start for g in groups])
    counts = np.concatenate([g.whole & (g.window < 0) for g in groups]) & (site >= 0)
    area = np.append(kecamatan, -1)[np.where(site >= 0, site, -1)]
    some = np.flatnonzero(counts & (area >= 0))
    some = some[np.lexsort((start[some], area[some]))]
    label = at_once(area[some], start[some], np.full(len(some), _SAME))
    pairs = np.unique(np.stack([label, site[some]]), axis=1) if len(some) else np.zeros((2, 0), dtype=np.intp)
    sites = np.bincount(pairs[0], minlength=int(label.max(initial=-1)) + 1)
    cut = np.zeros(len(site), dtype=bool)
    cut[some] = sites[label] >= _SITES if len(some) else False
    return np.split(cut, np.cumsum([len(g.spells) for g in groups])[:-1])
