"""What a KPI sees: the city's frames at one instant. KPIs open nothing and know no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from coc.domain.datasets import Dataset
from coc.domain.instants import Bools
from coc.domain.limits import Limits
from coc.domain.worktime import Calendars
from coc.metrics.past import Past

WindowName = Literal["7d", "30d", "90d"]
WINDOWS: tuple[WindowName, ...] = ("7d", "30d", "90d")


@dataclass(frozen=True, slots=True)
class Part:
    """A population's rows: which of the whole city's letters and dispositions are in it."""

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
    `pasts`: what heads and rollups know of a samples dataset; without one the samples themselves are the whole past.
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
