"""The `calendar:` block: weekly hours by profile, Ramadan hours, holidays."""

from __future__ import annotations

from datetime import date, time
from typing import Annotated

from pydantic import BeforeValidator, Field

from coc.domain.model import Model

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Intervals = tuple[tuple[time, time], ...]


def parse_hours(value: object) -> object:
    """`{mon-thu: [07:30-12:00, 13:00-16:00], fri: [...]}` -> {weekday 0..6: intervals}."""
    if not isinstance(value, dict) or all(isinstance(k, int) for k in value):
        return value
    week: dict[int, Intervals] = {}
    for key, spans in value.items():
        days = [d.strip() for d in str(key).lower().split("-")]
        if not 1 <= len(days) <= 2 or any(d not in _DAYS for d in days):
            raise ValueError(f"`{key}` is not a day or a range of days such as mon-thu, fri")
        first, last = _DAYS.index(days[0]), _DAYS.index(days[-1])
        for day in range(first, last + 1):
            week[day] = _intervals(key, spans)
    return week


def _intervals(key: object, spans: object) -> Intervals:
    if not isinstance(spans, list | tuple):
        raise ValueError(f"`{key}` wants a list of spans such as [07:30-12:00, 13:00-16:00]")  # noqa: TRY004 - pydantic
    found: list[tuple[time, time]] = []
    for span in spans:
        start_text, _, end_text = str(span).partition("-")
        try:
            start, end = time.fromisoformat(start_text.strip()), time.fromisoformat(end_text.strip())
        except ValueError as error:
            raise ValueError(f"`{span}` under `{key}` is not a span such as 07:30-12:00") from error
        if start >= end or (found and found[-1][1] > start):
            raise ValueError(f"`{span}` under `{key}` must end after it starts and after the span before it")
        found.append((start, end))
    return tuple(found)


WeekHours = Annotated[dict[int, Intervals], BeforeValidator(parse_hours)]


class Profile(Model):
    """Working hours of a week; `ramadan` replaces them within Ramadan (absent: the same hours)."""

    hours: WeekHours
    ramadan: WeekHours | None = None


class Holidays(Model):
    country: str = "ID"
    extra: tuple[date, ...] = ()
    remove: tuple[date, ...] = ()


class CalendarSettings(Model):
    """`profiles` adds to, or replaces by name, the shipped `five_day` and `six_day` (`coc.domain.worktime`)."""

    default: str = "five_day"
    profiles: dict[str, Profile] = Field(default_factory=dict)
    holidays: Holidays = Holidays()
