"""Yesterday and the thirteen days before it: what each KPI was at the day's end, from today's knowledge.

A thing is known at an instant when its own time is not after it: a disposition completed later was still open then, one
cancelled later still counted. What was deleted since counts nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import timedelta
from functools import cached_property

import numpy as np
import pandas as pd

from coc.domain.instants import NAT, Bools, Micros
from coc.metrics.city import City
from coc.metrics.dispositions import backlog_rows, due_soon_rows, on_time_rows, overdue_rows
from coc.metrics.facts import (
    Dispositions,
    Letters,
    dispositions,
    letter_of,
    letters,
    midnight_before,
    once,
    today_of,
    within,
)
from coc.metrics.registry import is_recorded, registered

DAYS = 14
_QUANTILES = (0.5, 0.85, 0.95)


class _DayEnd:
    """The city at the last microsecond of the day `ago` days before today."""

    def __init__(self, city: City, ago: int) -> None:
        self.city, self.ago = city, ago
        self.end = midnight_before(city, ago - 1) - 1

    def start(self, days: int) -> int:
        """The midnight that opens a window of `days` ending with this day."""
        return midnight_before(self.city, self.ago + days - 1)

    @property
    def letters(self) -> Letters:
        return letters(self.city)

    @cached_property
    def followed(self) -> Dispositions:
        """All that need follow-up; `nf` are those issued by then and not cancelled yet, completed later: still open."""
        rows = _needing_follow_up(self.city)
        there = (rows.issued <= self.end) & ~((rows.cancelled != NAT) & (rows.cancelled <= self.end))
        completed = np.where(rows.completed <= self.end, rows.completed, NAT)
        return replace(rows, completed=completed, cancelled=np.full(len(there), NAT), follow_up=there)

    @cached_property
    def backlog(self) -> Bools:
        """Of `followed`."""
        return backlog_rows(self.followed)

    @cached_property
    def followup_hours(self) -> Mapping[float, float]:
        """Quantiles of the 30 days that end with this one, in one pass."""
        rows = self.followed
        hours = rows.hours[rows.nf & self.in_window(rows.completed, 30)]
        found = np.quantile(hours, _QUANTILES) if len(hours) else np.full(len(_QUANTILES), np.nan)
        return dict(zip(_QUANTILES, found.tolist(), strict=True))

    @cached_property
    def begun(self) -> Mapping[str, bool]:
        """By the KPIs' prefix: whether anything at all was known by then."""
        given = dispositions(self.city).issued
        return {
            "correspondence": bool((self.letters.registered <= self.end).any()),
            "disposition": bool((given <= self.end).any()),
        }

    def in_window(self, at: Micros, days: int) -> Bools:
        return within(at, self.start(days), self.end)


def _needing_follow_up(city: City) -> Dispositions:
    def prepare() -> Dispositions:
        rows = dispositions(city)
        return Dispositions(**{f.name: getattr(rows, f.name)[rows.follow_up] for f in fields(rows)})

    return once(city, "needing_follow_up", prepare)


def _share(part: Bools, whole: Bools) -> float:
    total = np.count_nonzero(whole)
    return float(np.count_nonzero(part & whole)) / total if total else np.nan


def _undispositioned(d: _DayEnd) -> float:
    rows, given, of = d.letters, dispositions(d.city), letter_of(d.city)
    had = np.zeros(len(rows.unit), dtype=bool)
    standing = (given.cancelled == NAT) | (given.cancelled > d.end)
    had[of[(of >= 0) & (given.issued <= d.end) & standing]] = True
    done = (rows.completed != NAT) & (rows.completed <= d.end)
    waiting = rows.incoming & (rows.registered <= d.end) & ~done & ~had
    age = d.city.calendars.default.hours_between(rows.registered[waiting], d.end + 1)
    return float(np.count_nonzero(age > d.city.limits.first_disposition_working_hours))


_KPIS: Mapping[str, Callable[[_DayEnd], float]] = {
    "correspondence.registered_today": lambda d: float(np.count_nonzero(d.in_window(d.letters.registered, 1))),
    "correspondence.completed_today": lambda d: float(np.count_nonzero(d.in_window(d.letters.completed, 1))),
    "correspondence.paperless_rate": lambda d: _share(
        d.letters.electronic, d.in_window(d.letters.registered, 7) & ~d.letters.exempt
    ),
    "correspondence.undispositioned": _undispositioned,
    "disposition.backlog": lambda d: float(np.count_nonzero(d.backlog)),
    "disposition.overdue": lambda d: float(np.count_nonzero(overdue_rows(d.followed, d.end, d.backlog))),
    "disposition.due_soon": lambda d: float(np.count_nonzero(due_soon_rows(d.followed, d.end, d.backlog))),
    "disposition.on_time_rate": lambda d: _share(
        on_time_rows(d.followed), d.followed.nf & d.in_window(d.followed.due, 30)
    ),
    "disposition.followup_hours_p50": lambda d: d.followup_hours[0.5],
    "disposition.followup_hours_p85": lambda d: d.followup_hours[0.85],
    "disposition.followup_hours_p95": lambda d: d.followup_hours[0.95],
}


def _value(kpi: str, d: _DayEnd) -> float:
    """Before the first row that is known at all nothing was 0: it is unknown."""
    return _KPIS[kpi](d) if d.begun[kpi.split(".")[0]] else np.nan


def trend(city: City, prefix: str = "") -> pd.DataFrame:
    """KPIs of the 14 days before today, oldest first: id, day (date), value (NaN where unknown).

    registered_today and completed_today are the day's; paperless_rate of the 7 days that end with it; undispositioned,
    backlog, overdue and due_soon at its end; on_time_rate and follow-up quantiles of the 30 days that end with it.
    `prefix`: only the ids that start so.
    """
    today, specs = today_of(city), registered()
    days = [_DayEnd(city, ago) for ago in range(DAYS, 0, -1)]
    ids = [i for i in _KPIS if i.startswith(prefix)]
    values = {i: [_value(i, d) for d in days] if is_recorded(specs[i], city.provided) else [np.nan] * DAYS for i in ids}
    return pd.DataFrame(
        {
            "id": pd.Series(np.repeat(ids, DAYS), dtype="str"),
            "day": pd.Series([today - timedelta(days=d.ago) for d in days] * len(ids), dtype="object"),
            "value": np.array([v for i in ids for v in values[i]], dtype="float64"),
        }
    )
