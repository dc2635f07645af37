"""From what a person asks of a KPI to what the store is asked: windows, limits and ages become instants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import pandas as pd

from coc.domain.datasets import Dataset
from coc.domain.instants import micros_of, to_date, to_days
from coc.domain.limits import Limits
from coc.domain.worktime import Calendar, Calendars
from coc.metrics.city import WindowName
from coc.metrics.facts import LEADERS
from coc.store import KPIS, OF_A_WHOLE, Aged, Question, Span

# In working days after the day it began, the first and the last.
AGES: Final[Mapping[str, tuple[int, int | None]]] = {"0-1": (0, 1), "2-3": (2, 3), "4-5": (4, 5), "gt5": (6, None)}
_OF_LETTER: Final = ("kind", "type", "medium", "urgency")
_OF_DISPOSITION: Final = ("office", "to", "channel", "device", *_OF_LETTER)
FIRST_BY_LEADERS: Final = "leaders.first_disposition_hours_p50"
# Things that still wait: those have an age that grows.
WAITING: Final = frozenset(
    {
        "correspondence.undispositioned",
        "disposition.backlog",
        "disposition.overdue",
        "disposition.due_soon",
        "disposition.days_to_clear",
    }
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A KPI in a window, of a unit or the city; `age` of `AGES`; `chosen`: further narrowings, by name."""

    kpi: str
    window: WindowName = "30d"
    unit: str | None = None
    age: str | None = None
    chosen: Mapping[str, str] = field(default_factory=dict)

    @property
    def narrowed(self) -> bool:
        """Whether it asks for less than a figure that is shown: then nothing is told of what one may not see."""
        return bool(set(self.chosen) - {"flow", "part"}) or (self.age is not None and self.kpi not in WAITING)


def of(kpi: str) -> Dataset | None:
    """What a KPI's items are; None where it has no letters or dispositions."""
    if kpi not in KPIS:
        return None
    return Dataset.DISPOSITIONS if kpi.startswith("disposition.") else Dataset.LETTERS


def takes(kpi: str) -> tuple[str, ...]:
    """What narrows the items of a KPI."""
    own = _OF_DISPOSITION if of(kpi) is Dataset.DISPOSITIONS else _OF_LETTER
    more = ("flow",) if kpi == "disposition.net_flow" else ("office",) if kpi == FIRST_BY_LEADERS else ()
    return ("age", *more, *(("part",) if kpi in OF_A_WHOLE else ()), *own)


def question(asked: Asked, now: datetime, calendars: Calendars, units: pd.DataFrame, limits: Limits) -> Question:
    """`units`: code and calendar. Raises KeyError for a KPI that has no items."""
    today = calendars.today(now)
    midnight = calendars.midnight(today)
    start = calendars.midnight(today - timedelta(days=int(asked.window[:-1]) - 1))
    waited = calendars.default.hours_before(now, limits.first_disposition_working_hours)
    return Question(
        kpi=asked.kpi,
        now=micros_of(now),
        today=micros_of(midnight),
        start=micros_of(start),
        waited=micros_of(waited),
        exempt=tuple(limits.paper_exempt),
        leaders=LEADERS,
        unit=asked.unit,
        ages=_ages(int(to_days(today)), calendars, units) if asked.kpi in WAITING or asked.age else {},
        age=asked.age,
        chosen=asked.chosen,
    )


def _ages(today: int, calendars: Calendars, units: pd.DataFrame) -> dict[str, Aged]:
    codes = units["code"].astype("str").reset_index(drop=True)
    own = [(calendar, tuple(codes[mine])) for calendar, mine in calendars.groups(codes) if len(codes)]
    others = [(c, mine) for c, mine in own if c is not calendars.default]

    def of(age: str) -> Aged:
        default = _span(today, age, calendars.default, calendars)
        return Aged(default, {mine: _span(today, age, c, calendars) for c, mine in others})

    return {age: of(age) for age in AGES}


def _span(today: int, age: str, calendar: Calendar, calendars: Calendars) -> Span:
    """The instants of the days that are `age` working days ago."""
    least, most = AGES[age]

    def midnight_after(day: int) -> int:
        return micros_of(calendars.midnight(to_date(day + 1)))

    first = None if most is None else midnight_after(calendar.working_day_before(today, most + 1))
    end = None if least == 0 else midnight_after(calendar.working_day_before(today, least))
    return Span(first, end)
