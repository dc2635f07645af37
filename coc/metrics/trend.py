"""Yesterday and the thirteen days before it: what each KPI was at the day's end, from today's knowledge.

A thing is known at an instant when its own time is not after it: a disposition completed later was still open then, one
cancelled later still counted. What was deleted since counts nowhere.

Nothing is counted anew for each day: a row counts from the first day's end at which it holds to the last, so two bounds
a row and one running sum give all days.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from coc.domain.instants import NAT, Bools, Floats, Micros
from coc.metrics.city import City
from coc.metrics.facts import (
    NEVER,
    Days,
    Positions,
    day_numbers,
    disposition_days,
    dispositions,
    letter_days,
    letter_of,
    letters,
    midnight_before,
    once,
    today_of,
)
from coc.metrics.published import corrected
from coc.metrics.registry import is_recorded, registered

DAYS: Final = 14
_REACH: Final = DAYS + 30  # the longest window, of the first day
_OTHERWISE: Final = ("correspondence.paperless_rate",)  # published of another window than a trend's
_QUANTILES: Final = {f"disposition.followup_hours_p{round(100 * q)}": q for q in (0.5, 0.85, 0.95)}


@dataclass(frozen=True, slots=True)
class _Span:
    """Of each row the days' ends at which it holds: those with `first` <= place < `last`."""

    first: Days
    last: Days

    def __and__(self, other: _Span) -> _Span:
        return _Span(np.maximum(self.first, other.first), np.minimum(self.last, other.last))

    def of(self, rows: Bools | Positions) -> _Span:
        return _Span(self.first[rows], self.last[rows])

    def at(self, day: int) -> Bools:
        found: Bools = (self.first <= day) & (day < self.last)
        return found

    def counts(self) -> npt.NDArray[np.int64]:
        """How many rows hold at each day's end."""
        some = self.first < self.last
        begin, end = (np.bincount(p[some], minlength=DAYS + 1) for p in (self.first, self.last))
        return np.cumsum(begin - end)[:DAYS]


class _Ends:
    """The ends of the days before today, oldest first; times as city days (`facts.day_numbers`), 0 today."""

    @staticmethod
    def since(day: Days) -> _Span:
        """From that day's end on; never, where there is none."""
        return _Span(np.clip(day + DAYS, 0, DAYS), np.full(len(day), DAYS, dtype="int16"))

    @staticmethod
    def until(day: Days) -> _Span:
        """Before that day's end; for ever, where there is none."""
        return _Span(np.zeros(len(day), dtype="int16"), np.clip(day + DAYS, 0, DAYS))

    @staticmethod
    def in_window(day: Days, days: int) -> _Span:
        """While it lies in the window of `days` that the end closes."""
        return _Span(np.clip(day + DAYS, 0, DAYS), np.clip(day + DAYS + days, 0, DAYS))


def _ends(city: City) -> Micros:
    """The last microseconds of the days, oldest first."""
    return np.array([midnight_before(city, ago - 1) - 1 for ago in range(DAYS, 0, -1)])


@dataclass(frozen=True, slots=True)
class _Followed:
    """The dispositions that need follow-up. `nf`: issued by then and not cancelled yet; `open`: nor completed."""

    issued: Micros
    due: Micros
    due_day: Days
    completed: Micros
    completed_day: Days
    hours: Floats
    nf: _Span
    open: _Span


def _followed(city: City) -> _Followed:
    def prepare() -> _Followed:
        rows = dispositions(city)
        issued, completed, cancelled = (disposition_days(city, c) for c in ("issued", "completed", "cancelled"))
        due = disposition_days(city, "due")
        # What was done and due before the first day's window is in none of them, nor is what came today.
        seen = (completed >= -_REACH) | (due >= -_REACH)
        mine = np.flatnonzero(rows.follow_up & (issued < 0) & seen)
        done = completed[mine]
        nf = _Ends.since(issued[mine]) & _Ends.until(cancelled[mine])
        return _Followed(
            rows.issued[mine],
            rows.due[mine],
            due[mine],
            rows.completed[mine],
            done,
            rows.hours[mine],
            nf,
            nf & _Ends.until(done),
        )

    return once(city, "trend_followed", prepare)


def _past_due(city: City) -> Days:
    """The city day on which each is overdue first: of the moment after its due."""
    due = _followed(city).due
    return once(city, "trend_past_due", lambda: day_numbers(city, np.where(due == NAT, NAT, due + 1)))


def _overdue(city: City) -> Floats:
    return _floats((_followed(city).open & _Ends.since(_past_due(city))).counts())


def _due_soon(city: City) -> Floats:
    """Those with due - now <= 20 % of due - issued, exact in microseconds."""
    rows = _followed(city)
    some = np.flatnonzero((rows.due != NAT) & (rows.due >= rows.issued))
    due, issued = rows.due[some], rows.issued[some]
    begins = day_numbers(city, due - (due - issued) // 5)
    return _floats((rows.open.of(some) & _Ends.since(begins) & _Ends.until(_past_due(city)[some])).counts())


def _on_time_rate(city: City) -> Floats:
    rows = _followed(city)
    whole = rows.nf & _Ends.in_window(rows.due_day, 30)
    return _shares(whole, (rows.completed != NAT) & (rows.completed <= rows.due))


def _hours(q: float) -> Callable[[City], Floats]:
    """The quantile of what was completed in the 30 days that end with the day."""

    def ranked(city: City) -> tuple[Floats, _Span]:
        rows = _followed(city)
        span = rows.nf & _Ends.in_window(rows.completed_day, 30)
        some = np.flatnonzero((span.first < span.last) & ~np.isnan(rows.hours))
        some = some[np.argsort(rows.hours[some], kind="stable")]
        return rows.hours[some], span.of(some)

    def found(city: City) -> Floats:
        hours, span = once(city, "trend_hours", lambda: ranked(city))
        return np.array([_quantile(hours[span.at(day)], q) for day in range(DAYS)])

    return found


def _quantile(ranked: Floats, q: float) -> float:
    """Linearly interpolated (numpy's default), of values in their order."""
    if not len(ranked):
        return np.nan
    place = q * (len(ranked) - 1)
    below = int(place)
    low, high = ranked[below], ranked[min(below + 1, len(ranked) - 1)]
    return float(low + (high - low) * (place - below))


def _undispositioned(city: City) -> Floats:
    rows, of = letters(city), letter_of(city)
    waits = _Ends.since(letter_days(city, "registered")) & _Ends.until(letter_days(city, "completed"))
    mine = np.flatnonzero(rows.incoming & (waits.first < waits.last))
    place = np.full(len(rows.unit) + 1, -1)  # the last is where an unknown letter points
    place[mine] = np.arange(len(mine))
    theirs = np.flatnonzero(place[of] >= 0)
    issued, cancelled = (disposition_days(city, c)[theirs] for c in ("issued", "cancelled"))
    stands = _Ends.since(issued) & _Ends.until(cancelled)
    waits, registered_at, to = waits.of(mine), rows.registered[mine], place[of[theirs]]
    found = []
    for day, end in enumerate(_ends(city).tolist()):
        waiting = waits.at(day)
        waiting[to[stands.at(day)]] = False
        age = city.calendars.default.hours_between(registered_at[waiting], end + 1)
        found.append(np.count_nonzero(age > city.limits.first_disposition_working_hours))
    return _floats(np.array(found))


def _registered(city: City, days: int) -> _Span:
    return _Ends.in_window(letter_days(city, "registered"), days)


def _completed(city: City) -> Floats:
    completed = _Ends.in_window(letter_days(city, "completed"), 1)
    return _floats((completed & _Ends.since(letter_days(city, "registered"))).counts())


def _paperless_rate(city: City) -> Floats:
    rows = letters(city)
    some = np.flatnonzero(~rows.exempt)
    return _shares(_registered(city, 7).of(some), rows.electronic[some])


def _shares(whole: _Span, part: Bools) -> Floats:
    total = whole.counts()
    found: Floats = np.divide(whole.of(part).counts(), total, out=np.full(DAYS, np.nan), where=total > 0)
    return found


def _floats(counts: npt.NDArray[np.int64]) -> Floats:
    return counts.astype("float64")


_KPIS: Mapping[str, Callable[[City], Floats]] = {
    "correspondence.registered_today": lambda city: _floats(_registered(city, 1).counts()),
    "correspondence.completed_today": _completed,
    "correspondence.paperless_rate": _paperless_rate,
    "correspondence.undispositioned": _undispositioned,
    "disposition.backlog": lambda city: _floats(_followed(city).open.counts()),
    "disposition.overdue": _overdue,
    "disposition.due_soon": _due_soon,
    "disposition.on_time_rate": _on_time_rate,
    **{id: _hours(q) for id, q in _QUANTILES.items()},
}


def _values(kpi: str, city: City) -> Floats:
    """Before the first row that is known at all nothing was 0: it is unknown."""
    of_letters = kpi.startswith("correspondence.")
    known = letters(city).registered if of_letters else dispositions(city).issued
    begun = known.min(initial=NEVER) <= _ends(city)
    return np.where(begun, _KPIS[kpi](city), np.nan)


def trend(city: City, prefix: str = "") -> pd.DataFrame:
    """KPIs of the 14 days before today, oldest first: id, day (date), value (NaN where unknown), corrected.

    registered_today and completed_today are the day's; paperless_rate of the 7 days that end with it; undispositioned,
    backlog, overdue and due_soon at its end; on_time_rate and follow-up quantiles of the 30 days that end with it.
    corrected: whether another value was published for the day. `prefix`: only the ids that start so.
    """
    today, specs = today_of(city), registered()
    ids = [i for i in _KPIS if i.startswith(prefix)]
    nothing = np.full(DAYS, np.nan)
    values = [_values(i, city) if is_recorded(specs[i], city.provided) else nothing for i in ids]
    days = [today - timedelta(days=ago) for ago in range(DAYS, 0, -1)]
    marks = [corrected(city, i, days, v) & (i not in _OTHERWISE) for i, v in zip(ids, values, strict=True)]
    return pd.DataFrame(
        {
            "id": pd.Series(np.repeat(ids, DAYS), dtype="str"),
            "day": pd.Series(days * len(ids), dtype="object"),
            "value": np.concatenate([*values, np.empty(0)]),
            "corrected": np.concatenate([*marks, np.empty(0, dtype=bool)]),
        }
    )
