"""The items behind a figure and the tree of one letter, as far as a viewer may see them; every read is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd

from coc.access.questions import FIRST_BY_LEADERS, Asked, of, question
from coc.access.rows import Rows, hidden_of
from coc.access.table import OF_LETTERS
from coc.access.viewer import Viewer
from coc.boards.city import provided_by
from coc.domain.datasets import Dataset
from coc.domain.instants import NAT, micros_of, to_micros
from coc.domain.worktime import Calendars, build_calendars
from coc.ingest.context import known_units

PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Behind:
    """A page of what is behind a figure. `total`: how many there are, `whole`: of how many the KPI is; None where that
    would tell of rows that the viewer may not see. `seen`: how many it may see; `parts`: as `Found.parts`.

    `rows`: letters or dispositions with `age_hours` and `age_days`, working time; and `first_hours`, to the first
    disposition, where the KPI is of those. `branches`: all dispositions of their letters. `reads`: whether the sources
    record when a disposition is read.
    """

    of: Dataset
    seen: int
    total: int | None
    whole: int | None
    parts: Mapping[str, int]
    rows: pd.DataFrame
    branches: pd.DataFrame
    reads: bool


@dataclass(frozen=True, slots=True)
class LetterTree:
    """`letters`: one, none where it has not arrived; its dispositions. Both with ages as in `Behind`."""

    letters: pd.DataFrame
    branches: pd.DataFrame
    reads: bool


class Items(Rows):
    """What is behind the figures of one realm."""

    def behind(self, viewer: Viewer, asked: Asked, now: datetime, page: int = 1, from_where: str = "") -> Behind:
        """A page of `PAGE` items, the first is 1. Raises KeyError for a KPI that has no letters or dispositions."""
        units = known_units(self._store, self._settings, self._realm)
        calendars = self._calendars(units)
        wanted = question(asked, now, calendars, units, self._settings.limits)
        dataset, hidden, sight = of(asked.kpi) or Dataset.LETTERS, hidden_of(viewer), self._sight(viewer)
        whole = viewer.lens in OF_LETTERS and not asked.narrowed
        found = self._store.items(wanted, sight, hidden, PAGE, (page - 1) * PAGE, whole=whole)
        rows = _aged(found.rows, dataset, calendars, now)
        id = "source_id" if dataset is Dataset.LETTERS else "letter_id"
        letters = list(dict.fromkeys(zip(rows["source"], rows[id], strict=True)))
        branches = self._store.branches(letters, hidden)
        if asked.kpi == FIRST_BY_LEADERS:
            rows = _with_first(rows, branches, calendars)
        self._audit.wrote(viewer, "rows.read", f"{_asked(asked)}: {len(rows)} rows", from_where)
        total, of_all = (found.listed, found.whole) if whole else (None, None)
        return Behind(dataset, found.seen, total, of_all, found.parts, rows, branches, self._reads)

    def tree(self, viewer: Viewer, source: str, letter: str, now: datetime, from_where: str = "") -> LetterTree | None:
        """One letter and its dispositions. None where there is none, and where the viewer may not see it."""
        letters, branches = self._store.one_letter(source, letter, self._sight(viewer), hidden_of(viewer))
        self._audit.wrote(viewer, "rows.read", f"tree ids=1: {len(letters) + len(branches)} rows", from_where)
        if letters.empty and branches.empty:
            return None
        calendars = self._calendars(known_units(self._store, self._settings, self._realm))
        return LetterTree(
            _aged(letters, Dataset.LETTERS, calendars, now),
            _aged(branches, Dataset.DISPOSITIONS, calendars, now),
            self._reads,
        )

    def _calendars(self, units: pd.DataFrame) -> Calendars:
        return build_calendars(self._settings.calendar, self._settings.city.time_zone, units)

    @cached_property
    def _reads(self) -> bool:
        return "dispositions.read_at" in provided_by(self._settings, self._realm)


def _asked(asked: Asked) -> str:
    """For the audit log: names of what narrowed, and only values from closed sets or of known units."""
    narrowed = ",".join(sorted([*asked.chosen, *(["age"] if asked.age else [])]))
    said = f"items kpi={asked.kpi} unit={asked.unit or '-'} window={asked.window}"
    return said + (f" by={narrowed}" if narrowed else "")


def _aged(rows: pd.DataFrame, dataset: Dataset, calendars: Calendars, now: datetime) -> pd.DataFrame:
    """With `age_hours` and `age_days`: working time from where an item began to where it ended, else to now.

    A disposition's by the calendar of its to_unit, a letter's by the default one. The day it began never counts.
    """
    began, unit = ("registered_at", None) if dataset is Dataset.LETTERS else ("issued_at", "to_unit")
    start, end = to_micros(rows[began]), _ended(rows, micros_of(now))
    hours, days = np.zeros(len(rows)), np.zeros(len(rows), dtype="int64")
    first, last = calendars.days_of(start), calendars.days_of(end)
    groups = calendars.groups(rows[unit]) if unit else [(calendars.default, np.ones(len(rows), dtype=bool))]
    for calendar, mine in groups:
        hours[mine] = calendar.hours_between(start[mine], end[mine])
        days[mine] = calendar.working_days_between(first[mine], last[mine])
    return rows.assign(age_hours=hours, age_days=days)


def _with_first(letters: pd.DataFrame, branches: pd.DataFrame, calendars: Calendars) -> pd.DataFrame:
    """With `first_hours`: working hours from the registration to the first disposition that is not cancelled."""
    given = branches[branches["cancelled_at"].isna()].groupby(["source", "letter_id"])["issued_at"].min()
    first = given.reindex(pd.MultiIndex.from_frame(letters[["source", "source_id"]]))
    hours = calendars.default.hours_between(to_micros(letters["registered_at"]), to_micros(first))
    return letters.assign(first_hours=hours)


def _ended(rows: pd.DataFrame, now: int) -> Any:
    never = np.iinfo("int64").max
    ends = [to_micros(rows[c]) for c in ("completed_at", "cancelled_at") if c in rows]
    first = np.minimum.reduce([np.where(e == NAT, never, e) for e in ends])
    return np.where(first == never, now, first)
