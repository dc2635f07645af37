"""The sites of the free WiFi programme, and how far each of them is.

Sites that are not retired are the programme. A site is at one of four stages: planned, installing, idle (installed, not
yet active), active; idle and active ones are the installed ones of `wifi.installed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import pandas as pd

from coc.domain import reference
from coc.domain.instants import Bools, to_days, to_index, to_micros
from coc.metrics.city import City
from coc.metrics.facts import once

STAGES: Final = ("planned", "installing", "idle", "active")
SCHOOL: Final = "school"
NO_DAY: Final = int(np.iinfo("int64").min)
Days = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Programme:
    """The sites of the programme, one place each. Days are city days since 1970, `NO_DAY` where none is known."""

    rows: pd.DataFrame  # source_id, name, site_kind, area, funding: canonical, reset index
    stage: Days  # place in `STAGES`
    target: Days
    since: Days  # the day of installation of an installed site; one that lies ahead is not known
    today: int

    @property
    def installed(self) -> Bools:
        found: Bools = self.stage >= STAGES.index("idle")
        return found

    @property
    def active(self) -> Bools:
        found: Bools = self.stage == STAGES.index("active")
        return found

    @property
    def school(self) -> Bools:
        return (self.rows["site_kind"] == SCHOOL).to_numpy(dtype=bool, na_value=False)

    @property
    def late(self) -> Bools:
        """Not installed although the day of its target is over."""
        found: Bools = ~self.installed & (self.target != NO_DAY) & (self.target < self.today)
        return found


def sites(city: City) -> pd.DataFrame:
    """The sites, each once: of two rows of one id the later one."""
    return once(city, "sites", lambda: city.sites.drop_duplicates("source_id", keep="last"))


def installed(city: City) -> pd.Series[bool]:
    """Of `sites`: active, or not retired with installed_at <= now."""
    rows = sites(city)
    return (rows["status"] == "active") | ((rows["status"] != "retired") & (rows["installed_at"] <= city.now))


def programme(city: City) -> Programme:
    def prepare() -> Programme:
        every = sites(city)
        kept = (every["status"] != "retired").to_numpy(dtype=bool)
        rows, there = every[kept].reset_index(drop=True), installed(city).to_numpy(dtype=bool)[kept]
        stage = np.where(there, STAGES.index("idle"), 0)
        stage[(rows["status"] == "installing").to_numpy(dtype=bool) & ~there] = STAGES.index("installing")
        stage[(rows["status"] == "active").to_numpy(dtype=bool)] = STAGES.index("active")
        today = int(to_days(city.calendars.today(city.now)))
        since = _days(city, rows["installed_at"])
        since[~there | (since > today)] = NO_DAY
        return Programme(rows, stage, _days(city, rows["target_at"]), since, today)

    return once(city, "programme", prepare)


def _days(city: City, instants: pd.Series[Any]) -> Days:
    """City days of instants, however far they lie."""
    micros = to_micros(instants)
    known = instants.notna().to_numpy(dtype=bool)
    found = np.full(len(micros), NO_DAY)
    wall = to_index(micros[known]).tz_convert(city.calendars.zone).tz_localize(None)
    found[known] = wall.to_numpy().astype("datetime64[D]").astype("int64")
    return found


def areas_of(written: pd.Series[Any]) -> pd.Series[Any]:
    """The kecamatan's code of an area that is written as its code, its name or a kelurahan of it; else as written."""
    words = written.fillna("").str.strip()
    known = _area_codes()
    return words.map({w: known.get(_bare(w), w) for w in pd.unique(words)}).astype("str")


def _bare(area: str) -> str:
    folded = " ".join(area.casefold().split())
    return folded.removeprefix("kecamatan ").removeprefix("kec. ").removeprefix("kec ")


@cache
def _area_codes() -> dict[str, str]:
    table = reference.areas()
    codes = {c: c if level == "kecamatan" else p for c, level, p in table[["code", "level", "parent"]].to_numpy()}
    names = table[table["level"] == "kecamatan"]
    return codes | {_bare(n): c for n, c in zip(names["name"], names["code"], strict=True)}


@cache
def area_names() -> dict[str, str]:
    table = reference.areas()
    mine = table[table["level"] == "kecamatan"]
    return dict(zip(mine["code"], mine["name"], strict=True))
