"""The city's units and offices: how much each registers, how fast it follows up, how far it has left paper."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np

from coc.domain import reference
from coc.domain.instants import Bools, Floats
from coc.simulate.chance import Indices, Objects, noise, objects, rng
from coc.simulate.rhythm import Rhythm

SEED: Final = 1571  # the city's own code

# Letters a working day, relative; what is not named takes its kind's.
_VOLUME: Final = {
    "SETDA": 17, "DISDIK": 16, "DINKES": 12, "PUPR": 10, "BPKAD": 10, "BKPSDMD": 9, "DUKCAPIL": 9, "DPMPTSP": 8,
    "BAPPEDA": 8, "KOMINFO": 7, "BAG-UM": 9, "BAG-HUK": 5, "SATPOLPP": 6, "SETWAN": 5, "DISHUB": 7,
}  # fmt: skip
_KIND_VOLUME: Final = {
    "department": 5.5, "agency": 5.5, "hospital": 6, "office": 3, "district": 3.6, "inspectorate": 4, "secretariat": 5,
}  # fmt: skip
_ON_DUTY: Final = {"RSUD-HAM": 5, "RSUD-HAS": 4, "DAMKAR": 4, "SATPOLPP": 4, "BPBD": 3, "DISHUB": 3, "DINSOS": 1.5,
                   "KOMINFO": 1.5, "BAG-UM": 1}  # fmt: skip
_SLOW: Final = {"PUPR": 2.3, "PERKIM": 2.0, "BPKAD": 1.8, "DISDIK": 1.6, "PARBUD": 2.1, "PERTANIAN": 1.7}
_FAST: Final = {"SETDA": 0.45, "KOMINFO": 0.6, "BAG-UM": 0.5, "BAG-PROT": 0.5, "DPMPTSP": 0.7, "DAMKAR": 0.6}
_SIX_DAY: Final = ("RSUD-HAM", "RSUD-HAS")
# How a kelurahan takes to the e-office: share of them, regularity of a week, volume of a regular week.
_HABITS: Final = ((0.42, 0.98, 2.0), (0.33, 0.62, 1.1), (0.25, 0.22, 0.45))
_ADOPTED: Final = "2020-08-03T08:00:00.000+07:00"  # the e-office reached all units
_CYCLE: Final = 420  # days from one start of a late adopter to the next: a new lurah begins anew
LEADERS: Final = {"walikota": 0.24, "wakil_walikota": 0.16, "sekda": 0.46, "asisten_1": 0.06, "asisten_2": 0.05,
                  "asisten_3": 0.03}  # fmt: skip


@dataclass(frozen=True)
class Units:
    """One entry a unit, in the order of the shipped list."""

    rows: list[dict[str, Any]]
    codes: Objects
    kinds: Objects
    parents: Indices  # index of the parent, -1 for none
    volume: Floats
    on_duty: Floats  # weight in the hours when offices are closed
    pace: Floats  # median working hours of a follow-up
    stuck: Floats  # share of dispositions that lie around
    digital: Floats  # odds against the city's share of paperless letters
    regularity: Floats  # share of weeks in which the unit registers at all
    late: Bools  # its volume grows through a cycle of `_CYCLE` days
    orders_only: Bools  # registers nothing but assignment orders
    head_office: Objects  # kepala:X, camat:X, lurah:X, sekda
    index: dict[str, int] = field(default_factory=dict)

    @property
    def kelurahan(self) -> Bools:
        return np.asarray(self.kinds == "subdistrict")


class City:
    """What stays as it is from day to day, for one seed."""

    def __init__(self, seed: int = SEED) -> None:
        self.seed = seed
        self.rhythm = Rhythm(seed)

    @cached_property
    def units(self) -> Units:
        rows = [{k: (v if isinstance(v, str) else None) for k, v in r.items()} for r in _records()]
        draws, size = rng(self.seed, "units"), len(rows)
        codes, kinds = objects(r["code"] for r in rows), objects(r["kind"] for r in rows)
        index = {code: i for i, code in enumerate(codes)}
        village = kinds == "subdistrict"
        habit = _habits(draws, size)
        plain = np.array([_VOLUME.get(c, _KIND_VOLUME.get(k, 1.0)) for c, k in zip(codes, kinds, strict=True)])
        pace = np.array([_SLOW.get(c, _FAST.get(c, 1.0)) for c in codes])
        for row, code in zip(rows, codes, strict=True):
            row["calendar"] = "six_day" if code in _SIX_DAY else None
            row["updated_at"] = f"{row['valid_from']}T08:00:00.000+07:00" if row["valid_from"] else _ADOPTED
        return Units(
            rows=sorted(rows, key=lambda r: (r["updated_at"], r["code"])),
            codes=codes,
            kinds=kinds,
            parents=np.array([index.get(r["parent"] or "", -1) for r in _records()]),
            volume=np.where(village, habit[:, 2], plain * np.exp(draws.normal(0, 0.15, size))),
            on_duty=np.array([float(_ON_DUTY.get(c, 0)) for c in codes]),
            pace=6.7 * pace * np.where(village, 1.3, 1.0) * np.exp(draws.normal(0, 0.22, size)),
            stuck=np.clip(0.042 * pace, 0.013, 0.1) * draws.uniform(0.7, 1.3, size),
            digital=np.exp(draws.normal(0, 0.35, size)) * np.where(village, 0.6, 1.1),
            regularity=np.where(village, habit[:, 1], 1.0),
            late=village & (habit[:, 1] < 0.9) & (draws.random(size) < 0.5),
            orders_only=village & (habit[:, 1] < 0.3) & (draws.random(size) < 0.7),
            head_office=objects(_head_office(c, k) for c, k in zip(codes, kinds, strict=True)),
            index=index,
        )

    def registering(self, day: int) -> Floats:
        """Each unit's weight among those that register letters on a day."""
        units, entity = self.units, np.arange(len(self.units.codes))
        week = (day + 3) // 7  # weeks begin on Monday
        active = noise(self.seed, "week", entity, week) < units.regularity
        phase = noise(self.seed, "adoption", entity) * _CYCLE
        grown = np.where(units.late, np.minimum(((day + phase) % _CYCLE) / (0.6 * _CYCLE), 1.0), 1.0)
        return np.asarray(units.volume * grown * np.where(active, 1.0, 0.03))


def _records() -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in reference.units().to_dict(orient="records")]


def _habits(draws: np.random.Generator, size: int) -> Floats:
    shares = np.array([h[0] for h in _HABITS])
    return np.array(_HABITS)[draws.choice(len(_HABITS), size=size, p=shares / shares.sum())]


def _head_office(code: str, kind: str) -> str:
    if code == "SETDA":
        return "sekda"
    return f"{ {'district': 'camat', 'subdistrict': 'lurah'}.get(kind, 'kepala') }:{code}"
