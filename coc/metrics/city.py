"""What a KPI sees: the city's frames at one instant. KPIs open nothing and know no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from coc.domain.datasets import COLUMNS, DTYPES, Dataset, Kind
from coc.domain.instants import Bools
from coc.domain.limits import Limits
from coc.domain.worktime import Calendars
from coc.metrics.known import no_reasons, nothing_known, nothing_sampled
from coc.metrics.past import Past

Places = npt.NDArray[np.intp]
WindowName = Literal["7d", "30d", "90d"]
_TIME = DTYPES[Kind.TIME]
WINDOWS: tuple[WindowName, ...] = ("7d", "30d", "90d")


def _no_rows(dataset: Dataset) -> pd.DataFrame:
    columns = {"source": "str", **{c.name: DTYPES[c.kind] for c in COLUMNS[dataset]}}
    return pd.DataFrame({name: pd.Series([], dtype=kind) for name, kind in columns.items()})


def no_windows() -> pd.DataFrame:
    """No maintenance and no power cut: the columns of `City.windows`."""
    columns = {"kind": "str", "scope": "str", "start": _TIME, "end": _TIME, "reason": "str"}
    return pd.DataFrame({name: pd.Series([], dtype=kind) for name, kind in columns.items()})


@dataclass(frozen=True, slots=True)
class Part:
    """A population's rows: which of the whole city's letters and dispositions are in it.

    The frames of a city that is a part are empty: all of it is counted from the whole's rows, so that none is copied.
    """

    whole: City
    letters: Bools
    dispositions: Bools


@dataclass(frozen=True, slots=True)
class City:
    """Canonical frames plus the derived columns, all of one realm and population, as known at `now`.

    `letters`: canonical columns; rows with `deleted` true may be present and count nowhere.
    `dispositions`: canonical columns plus derived: due (time), needs_follow_up (bool), followup_hours (float),
    outside_hours (bool), letter_deleted (bool). `units`: the list that is valid (code, name, kind, parent, calendar,
    valid_from, valid_to). Samples: canonical columns plus `hold` (seconds a sample holds). A frame may be empty, never
    absent.
    `ap_samples`: where there are `pasts` the newest of each point is enough.
    `pasts`: what heads and rollups know of a samples dataset; without one the samples themselves are the whole past.
    `service_samples` (of every vantage) and `link_samples`: the last 24 h. `turns`, `known_minutes` (24 h and 5 min),
    `known_hours` (8 days of access points, 91 of services and links), `known_days` (91, of access points):
    `coc.metrics.known`, of every entity sampled, also one that does not count (`coc.metrics.points`).
    `windows`: what config declares of the last 31 days and the next: kind (maintenance | power), scope ("site:X"),
    start, end, reason. `sampled`: which source brings the samples of what: dataset, entity, source.
    `reasons`: service, vantage, at, status, reason: what the sample said that brought a service's state down.
    `letter_places`: of each disposition the row of its letter in `letters`, -1 where it has not arrived; None: to find.
    `published`: what was kept of the city's past days: id, day (date), value; None: nobody looked.
    `provided`: "dataset.column" names that some connector records; a KPI whose input is not there is not_recorded.
    """

    now: pd.Timestamp  # tz-aware, UTC
    calendars: Calendars
    limits: Limits
    letters: pd.DataFrame
    dispositions: pd.DataFrame
    units: pd.DataFrame
    sites: pd.DataFrame
    access_points: pd.DataFrame
    ap_samples: pd.DataFrame
    services: pd.DataFrame
    service_samples: pd.DataFrame
    links: pd.DataFrame = field(default_factory=lambda: _no_rows(Dataset.LINKS))
    link_samples: pd.DataFrame = field(default_factory=lambda: _no_rows(Dataset.LINK_SAMPLES))
    turns: pd.DataFrame = field(default_factory=lambda: nothing_known().turns)
    known_minutes: pd.DataFrame = field(default_factory=lambda: nothing_known().minutes)
    known_hours: pd.DataFrame = field(default_factory=lambda: nothing_known().hours)
    known_days: pd.DataFrame = field(default_factory=lambda: nothing_known().days)
    windows: pd.DataFrame = field(default_factory=no_windows)
    sampled: pd.DataFrame = field(default_factory=nothing_sampled)
    reasons: pd.DataFrame = field(default_factory=no_reasons)
    letter_places: Places | None = None
    published: pd.DataFrame | None = None
    provided: frozenset[str] = frozenset()
    letter_types: tuple[str, ...] = ()
    unit_names: Mapping[str, str] = field(default_factory=dict)
    pasts: Mapping[Dataset, Past] = field(default_factory=dict)
    # Whose part this city is: what was prepared of the whole is then taken from there, and the same comes out.
    part: Part | None = None
    # The same city by today's knowledge, where this one is as it stood at an earlier `now` (`coc.metrics.at`).
    known_later: City | None = None
    # What several KPIs share, prepared once per city (`coc.metrics.facts`); `dataclasses.replace` starts a new one.
    memo: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
