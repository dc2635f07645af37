"""Maintenance: time that is in neither up nor down (DOMAIN, `wifi.availability`), cut out of known time exactly.

A spell is measured as the samples have it, maintenance included; what of it lies in a window is then in neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from coc.domain.datasets import Dataset
from coc.domain.instants import Bools, Micros
from coc.metrics.heads import Pieces, Positions
from coc.metrics.spells import pairs, reach, remainders

Key = tuple[str, str]  # entity, vantage ("" = the COC's own room)


@dataclass(frozen=True, slots=True)
class Closures:
    """Windows [start, end) of entities by position; those of one entity do not overlap."""

    entity: Positions
    start: Micros
    end: Micros

    def __len__(self) -> int:
        return len(self.start)

    def among(self, mine: Bools, place: Positions) -> Closures:
        """Of some entities, at their new positions."""
        some = mine[self.entity]
        return Closures(place[self.entity[some]], self.start[some], self.end[some])


NO_CLOSURES: Final = Closures(np.zeros(0, dtype=np.intp), np.zeros(0, dtype="int64"), np.zeros(0, dtype="int64"))


@dataclass(frozen=True, slots=True)
class Places:
    """Where things stand: the site of each access point and link, the area of each site."""

    site_of_ap: Mapping[str, str] = field(default_factory=dict)
    site_of_link: Mapping[str, str] = field(default_factory=dict)
    area_of: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, access_points: pd.DataFrame, links: pd.DataFrame, sites: pd.DataFrame) -> Places:
        return cls(_mapped(access_points, "site"), _mapped(links, "site"), _mapped(sites, "area"))

    def scopes_of(self, dataset: Dataset, key: Key) -> set[str]:
        """Every scope that a window may name so that it covers the key, areas aside: those come by their prefixes.

        A site covers its points and links, an area its sites. What is seen from a site or over a link is covered with
        that.
        """
        entity, vantage = key
        kind = {Dataset.AP_SAMPLES: "ap", Dataset.LINK_SAMPLES: "link"}.get(dataset, "service")
        found = {f"{kind}:{entity}"}
        sites = set[str]()
        if kind == "ap":
            sites = {self.site_of_ap.get(entity, "")}
        elif kind == "link":
            sites = {self.site_of_link.get(entity, "")}
        elif vantage:
            found.add(f"link:{vantage}")
            sites = {vantage, self.site_of_link.get(vantage, "")}
        for site in sites - {""}:
            found.add(f"site:{site}")
            found |= {f"area:{area}" for area in prefixes(self.area_of.get(site, ""))}
        return found


def _mapped(table: pd.DataFrame, column: str) -> dict[str, str]:
    some = table[["source_id", column]].dropna()
    return dict(zip(some["source_id"], some[column], strict=True))


def prefixes(area: str) -> list[str]:
    """An area's code and those of what it lies in: 15.71.01.1001 lies in 15.71.01, in 15.71, in 15."""
    parts = area.split(".") if area else []
    return [".".join(parts[: n + 1]) for n in range(len(parts))]


def closures(
    scopes: Sequence[str], spans: Sequence[tuple[Micros, Micros]], keys: Iterable[set[str]]
) -> tuple[Closures, Positions]:
    """The windows of each key (its `Places.scopes_of`), and which scope's each is.

    `spans`: of each scope its windows [starts, ends). Those of one key are made `disjoint`.
    """
    by_scope: dict[str, list[int]] = {}
    for n, scope in enumerate(scopes):
        by_scope.setdefault(scope, []).append(n)
    met = [(i, n) for i, mine in enumerate(keys) for scope in sorted(mine) for n in by_scope.get(scope, ())]
    if not met:
        return NO_CLOSURES, np.zeros(0, dtype=np.intp)
    who = np.concatenate([np.full(len(spans[n][0]), i, dtype=np.intp) for i, n in met])
    which = np.concatenate([np.full(len(spans[n][0]), n, dtype=np.intp) for _, n in met])
    start, end = (np.concatenate([spans[n][side] for _, n in met]) for side in (0, 1))
    at, rows = disjoint(who, start, end)
    return Closures(who[rows], *at), which[rows]


def disjoint(who: Positions, start: Micros, end: Micros) -> tuple[tuple[Micros, Micros], Positions]:
    """Intervals cut so that those of one entity do not overlap (the one that began first has the time), and whose."""
    order = np.lexsort((-end, start, who))
    who, start, end = who[order], start[order], end[order]
    new = np.append(True, who[1:] != who[:-1])[: len(who)]
    start = np.where(new, start, np.maximum(start, np.roll(reach(end, new), 1)))
    some = end > start
    return (start[some], end[some]), order[some]


def cut(pieces: Pieces, closed: Closures) -> Pieces:
    """The pieces without the time in maintenance."""
    if not len(closed) or not len(pieces.start):
        return pieces
    row, span = pairs(pieces.entity, pieces.start, pieces.end, closed.entity, closed.start, closed.end)
    taken = np.maximum(pieces.start[row], closed.start[span]), np.minimum(pieces.end[row], closed.end[span])
    of, opens, closes = remainders(pieces.start, pieces.end, row, *taken)
    return Pieces(pieces.entity[of], opens, closes, pieces.up[of], pieces.down[of], pieces.clients[of])
