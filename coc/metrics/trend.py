"""Yesterday and the thirteen days before it: what each KPI was at the day's end, from today's knowledge.

A thing is known at an instant when its own time is not after it: a disposition completed later was still open then, one
cancelled later still counted. What was deleted since counts nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd

from coc.domain.instants import NAT, Bools, Micros
from coc.metrics.city import City
from coc.metrics.dispositions import backlog_rows, due_soon_rows, on_time_rows, overdue_rows
from coc.metrics.facts import Dispositions, Letters, dispositions, letter_of, letters, midnight_before, within
from coc.metrics.registry import is_recorded, registered

DAYS = 14


class _DayEnd:
    """The city at the last microsecond of the day `ago` days before today."""

    def __init__(self, city: City, ago: int) -> None:
        self.city, self.ago = city, ago
        self.end = midnight_before(city, ago - 1) - 1
        self._given: Dispositions | None = None

    def start(self, days: int) -> int:
        """The midnight that opens a window of `days` ending with this day."""
        return midnight_before(self.city, self.ago + days - 1)

    @property
    def letters(self) -> Letters:
        return letters(self.city)

    @property
    def dispositions(self) -> Dispositions:
        """With what came after blanked out, and none that were issued after."""
        if self._given is None:
            rows = dispositions(self.city)
            known = replace(rows, completed=self._known(rows.completed), cancelled=self._known(rows.cancelled))
            self._given = replace(known, follow_up=known.follow_up & (known.issued <= self.end))
        return self._given

    def _known(self, at: Micros) -> Micros:
        return np.where(at <= self.end, at, NAT)

    def in_window(self, at: Micros, days: int) -> Bools:
        return within(at, self.start(days), self.end)


def _share(part: Bools, whole: Bools) -> float:
    total = np.count_nonzero(whole)
    return float(np.count_nonzero(part & whole)) / total if total else np.nan


def _undispositioned(d: _DayEnd) -> float:
    rows, given, of = d.letters, d.dispositions, letter_of(d.city)
    had = np.zeros(len(rows.unit), dtype=bool)
    had[of[(of >= 0) & (given.issued <= d.end) & (given.cancelled == NAT)]] = True
    done = (rows.completed != NAT) & (rows.completed <= d.end)
    waiting = rows.incoming & (rows.registered <= d.end) & ~done & ~had
    age = d.city.calendars.default.hours_between(rows.registered[waiting], d.end + 1)
    return float(np.count_nonzero(age > d.city.limits.first_disposition_working_hours))


def _followup(q: float) -> Callable[[_DayEnd], float]:
    def quantile(d: _DayEnd) -> float:
        rows = d.dispositions
        hours = rows.hours[rows.nf & d.in_window(rows.completed, 30)]
        return float(np.quantile(hours, q)) if len(hours) else np.nan

    return quantile


_KPIS: Mapping[str, Callable[[_DayEnd], float]] = {
    "correspondence.registered_today": lambda d: float(np.count_nonzero(d.in_window(d.letters.registered, 1))),
    "correspondence.completed_today": lambda d: float(np.count_nonzero(d.in_window(d.letters.completed, 1))),
    "correspondence.paperless_rate": lambda d: _share(
        d.letters.electronic, d.in_window(d.letters.registered, 7) & ~d.letters.exempt
    ),
    "correspondence.undispositioned": _undispositioned,
    "disposition.backlog": lambda d: float(np.count_nonzero(backlog_rows(d.dispositions))),
    "disposition.overdue": lambda d: float(
        np.count_nonzero(overdue_rows(d.dispositions, d.end, backlog_rows(d.dispositions)))
    ),
    "disposition.due_soon": lambda d: float(
        np.count_nonzero(due_soon_rows(d.dispositions, d.end, backlog_rows(d.dispositions)))
    ),
    "disposition.on_time_rate": lambda d: _share(
        on_time_rows(d.dispositions), d.dispositions.nf & d.in_window(d.dispositions.due, 30)
    ),
    "disposition.followup_hours_p50": _followup(0.5),
    "disposition.followup_hours_p85": _followup(0.85),
    "disposition.followup_hours_p95": _followup(0.95),
}


def _value(kpi: str, d: _DayEnd) -> float:
    """Before the first row that is known at all nothing was 0: it is unknown."""
    rows = d.letters.registered if kpi.startswith("correspondence.") else d.dispositions.issued
    return _KPIS[kpi](d) if (rows <= d.end).any() else np.nan


def trend(city: City, prefix: str = "") -> pd.DataFrame:
    """KPIs of the 14 days before today, oldest first: id, day (date), value (NaN where unknown).

    registered_today and completed_today are the day's; paperless_rate of the 7 days that end with it; undispositioned,
    backlog, overdue and due_soon at its end; on_time_rate and follow-up quantiles of the 30 days that end with it.
    `prefix`: only the ids that start so.
    """
    today, specs = city.calendars.today(city.now), registered()
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
