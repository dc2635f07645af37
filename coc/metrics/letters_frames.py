"""The frames behind the page of letters: cubes by unit, so that a choice of unit and window only selects rows.

Column `unit`: "" is the city, then the units of the list. Days are the city's, as ISO texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from coc.domain import reference
from coc.domain.datasets import COLUMNS, TO_THE_DAY, Dataset
from coc.domain.instants import NAT, Bools, to_days
from coc.metrics.city import WINDOWS, City
from coc.metrics.cubes import day_places, spans_of
from coc.metrics.facts import (
    NEVER,
    Coded,
    Days,
    Positions,
    day_numbers,
    first_disposition,
    letter_column,
    letter_days,
    letters,
    midnight_before,
    now_of,
    once,
    scopes,
    today_of,
)
from coc.metrics.registry import is_recorded, registered

Counts = npt.NDArray[np.int64]

DAYS: Final = 90
FIELDS: Final = ("kind", "type", "urgency", "medium")
_MOST_WORDS: Final = 24  # of a field; rarer ones are counted together as ""
_AGES: Final = (0.5, 1, 2, 5, 10)  # limits of age, in limits of the first disposition
_AGES_WITHOUT_LIMIT: Final = (0.0, 8, 16, 40, 80)  # working hours

# Weeks between the days of a window and those they are compared with, and the complete days compared. Boards know 90
# days, so the longest window compares its latest six weeks.
COMPARED: Final = {"7d": (1, 6), "30d": (5, 29), "90d": (6, 42)}


def recorded(city: City, column: str) -> bool:
    """Whether some connector provides a column of the letters or dispositions, to the day at least."""
    dataset, _, name = column.partition(".")
    required = any(c.name == name and c.required for c in COLUMNS[Dataset(dataset)])
    of_dataset = required and any(provided.startswith(f"{dataset}.") for provided in city.provided)
    return of_dataset or column in city.provided or column + TO_THE_DAY in city.provided


def days(city: City) -> pd.DataFrame:
    """The last 90 days with today: day, working (default calendar), partial (today), ramadan, note (holiday's name)."""
    today = today_of(city)
    found = [today - timedelta(days=i) for i in range(DAYS - 1, -1, -1)]
    notes = city.calendars.holiday_names(found[0], found[-1])
    spans = reference.ramadan().values()
    return pd.DataFrame(
        {
            "day": pd.Series([d.isoformat() for d in found], dtype="str"),
            "working": city.calendars.default.is_working_day(found),
            "partial": [d == today for d in found],
            "ramadan": [any(first <= d <= last for first, last in spans) for d in found],
            "note": pd.Series([notes.get(d, "") for d in found], dtype="str"),
        }
    )


def flow(city: City) -> pd.DataFrame:
    """Letters by unit and day: unit, day, registered, dispositioned, completed; days without any are left out.

    Definitions as in `series.flow`. A column that no source records is left out, too.
    """
    return _daily(city, _flow(city), DAYS - 1)


def stages(city: City) -> pd.DataFrame:
    """Incoming letters by unit and day that entered a stage: unit, day, registered, dispositioned, completed.

    Added up by day they are the cumulative flow. The first day, 91 days ago, stands for all before: letters that were
    open at its end. One completed without a disposition has passed that stage then, so that the bands between the sums
    are the letters that wait. Days without any are left out; without recorded completion there is no row.
    """
    rows, size = letters(city), len(scopes(city)) * (DAYS + 1)
    first, now = midnight_before(city, DAYS - 1), now_of(city)
    # A letter passes the stages in order, whatever the clocks of two systems say.
    done = np.maximum(np.where(rows.completed == NAT, NEVER, rows.completed), rows.registered)
    passed = np.clip(first_disposition(city), rows.registered, done)
    asked = rows.incoming & (rows.registered != NAT) & (done >= first)
    asked &= recorded(city, "letters.completed_at") and recorded(city, "dispositions.issued_at")
    entered = {"registered": rows.registered, "dispositioned": passed, "completed": done}
    counts = {}
    for name, at in entered.items():
        chosen = np.flatnonzero(asked & (at <= now))
        day = np.maximum(city.calendars.days_of(at[chosen]) - _first_day(city), -1) + 1
        found = np.bincount(rows.unit[chosen] * (DAYS + 1) + day, minlength=size).reshape(-1, DAYS + 1)
        found[0] = found.sum(axis=0)
        counts[name] = found
    return _daily(city, counts, DAYS)


def mix(city: City) -> pd.DataFrame:
    """Letters registered in the window, by what they are: unit, window, field (`FIELDS`), value, count.

    `value` "" stands for the rarest, where a field has more than 24. What nobody has is left out.
    """
    known: list[str] = []
    parts = []
    for number, field in enumerate(FIELDS):
        words, places = _common(letter_column(city, field))
        rows, size = places >= 0, len(scopes(city)) * len(words)
        found = _by_window(city, letters(city).unit[rows] * len(words) + places[rows], rows, size)
        found = found.reshape(len(WINDOWS), len(scopes(city)), len(words))
        found[:, 0] = found.sum(axis=1)
        window, unit, word = np.nonzero(found)
        parts.append((window, unit, np.full(len(word), number), word + len(known), found[window, unit, word]))
        known += words
    window, unit, number_of, word, count = (np.concatenate(column) for column in zip(*parts, strict=True))
    named = {"unit": _texts(scopes(city), unit), "window": _texts(WINDOWS, window), "field": _texts(FIELDS, number_of)}
    return pd.DataFrame({**named, "value": _texts(known, word), "count": count})


def paperless(city: City) -> pd.DataFrame:
    """What the paperless rates are made of, by unit and window: unit, name, window, electronic, eligible,
    electronic_all, registered. Units without a letter are left out; the city is not.
    """
    rows, size = letters(city), len(scopes(city))
    parts = {
        "electronic": rows.electronic & ~rows.exempt,
        "eligible": ~rows.exempt,
        "electronic_all": rows.electronic,
        "registered": np.ones(len(rows.unit), dtype=bool),
    }
    counts = {name: _by_window(city, rows.unit[part], part, size) for name, part in parts.items()}
    for found in counts.values():
        found[:, 0] = found.sum(axis=1)
    kept = np.flatnonzero(counts["registered"])
    frame = pd.DataFrame(
        {
            "unit": _texts(scopes(city), kept % size),
            "window": _texts(WINDOWS, kept // size),
            **{name: found.ravel()[kept] for name, found in counts.items()},
        }
    )
    frame.insert(1, "name", frame["unit"].map(dict(city.unit_names)).fillna(frame["unit"]).astype("str"))
    return frame


def waiting(city: City) -> pd.DataFrame:
    """Incoming letters that are not completed and have no disposition that is not cancelled, by age in working hours.

    Columns unit, from_hours, to_hours (NaN: no end), over (older than `limits.first_disposition_working_hours`), count.
    An age of exactly `to_hours` belongs to the younger bucket, so that the buckets over the limit add up to
    `correspondence.undispositioned`; where that KPI is not recorded there is no row.
    """
    rows, limit = letters(city), city.limits.first_disposition_working_hours
    known = is_recorded(registered()["correspondence.undispositioned"], city.provided)
    asked = rows.incoming & (rows.completed == NAT) & (first_disposition(city) == NEVER) & (rows.registered != NAT)
    asked &= rows.registered <= now_of(city)
    ends = np.array(_AGES) * limit if limit else np.array(_AGES_WITHOUT_LIMIT)
    age = city.calendars.default.hours_between(rows.registered[asked], now_of(city))
    buckets, size = len(ends) + 1, len(scopes(city)) if known else 0
    place = rows.unit[asked] * buckets + np.searchsorted(ends, age, side="left")
    counts = np.bincount(place, minlength=len(scopes(city)) * buckets).reshape(-1, buckets)
    counts[0] = counts.sum(axis=0)
    begins = np.concatenate([[0.0], ends])
    return pd.DataFrame(
        {
            "unit": _texts(scopes(city), np.repeat(np.arange(size), buckets)),
            "from_hours": np.tile(begins, size),
            "to_hours": np.tile(np.append(ends, np.nan), size),
            "over": np.tile(begins >= limit, size),
            "count": counts[:size].ravel(),
        }
    )


def compared(city: City) -> pd.DataFrame:
    """Complete days of a window beside the same weekdays some weeks before (`COMPARED`), two rows a unit and window.

    Columns unit, window, period (now, before), first, last (days), working_days, ramadan_days (working ones of it),
    weeks (between the two), begun (whether letters reach back to the period's first working day, and not those alone
    that are open since long), registered, dispositioned, completed. Units without a letter in both are left out. A
    column that no source records is, too.
    """
    flows, calendar = _flow(city), days(city)
    working = calendar["working"].to_numpy(dtype=bool)
    ramadan = working & calendar["ramadan"].to_numpy(dtype=bool)
    begun_at = int(letters(city).registered.min(initial=NEVER, where=letters(city).registered != NAT))
    sides: list[dict[str, object]] = []
    totals: dict[str, list[Counts]] = {name: [] for name in flows}
    for window, (weeks, length) in COMPARED.items():
        for period, shift in (("now", 0), ("before", 7 * weeks)):
            last = DAYS - 2 - shift  # yesterday, or its weekday then
            first = last - length + 1
            first_working = first + int(np.argmax(working[first : last + 1]))
            sides.append(
                {
                    "window": window,
                    "period": period,
                    "first": calendar["day"].iloc[first],
                    "last": calendar["day"].iloc[last],
                    "working_days": int(working[first : last + 1].sum()),
                    "ramadan_days": int(ramadan[first : last + 1].sum()),
                    "weeks": weeks,
                    "begun": begun_at < midnight_before(city, DAYS - 2 - first_working)
                    and bool(flows["registered"][0, first : first + 7].any()),
                }
            )
            for name, found in flows.items():
                totals[name].append(found[:, first : last + 1].sum(axis=1))
    counts = {name: np.stack(found) for name, found in totals.items()}
    some = np.asarray(sum(counts.values())).reshape(len(COMPARED), 2, -1).sum(axis=1) > 0
    side, unit = np.nonzero(np.repeat(some, 2, axis=0))
    of_side = pd.DataFrame(sides).astype({"window": "str", "period": "str", "first": "str", "last": "str"})
    frame = of_side.iloc[side].reset_index(drop=True)
    frame.insert(0, "unit", _texts(scopes(city), unit))
    return frame.assign(**{name: found[side, unit] for name, found in counts.items()})


def _daily(city: City, counts: Mapping[str, Counts], oldest: int) -> pd.DataFrame:
    """Counts by scope and day, the first of which is `oldest` days ago, as rows: unit, day and the counts."""
    size = oldest + 1
    kept = np.flatnonzero(sum(counts.values()))
    words = [(today_of(city) - timedelta(days=i)).isoformat() for i in range(oldest, -1, -1)]
    columns = {name: found.ravel()[kept] for name, found in counts.items()}
    return pd.DataFrame({"unit": _texts(scopes(city), kept // size), "day": _texts(words, kept % size), **columns})


def _first_day(city: City) -> int:
    """The first of the 90 days, counted since 1970."""
    return int(to_days(today_of(city))) - DAYS + 1


def _flow(city: City) -> dict[str, Counts]:
    """By name of what is recorded: letters by scope and day."""

    def count() -> dict[str, Counts]:
        found = {"registered": _by_day(city, letter_days(city, "registered"))}
        if recorded(city, "dispositions.issued_at"):
            found["dispositioned"] = _by_day(city, day_numbers(city, first_disposition(city)))
        if recorded(city, "letters.completed_at"):
            found["completed"] = _by_day(city, letter_days(city, "completed"))
        return found

    return once(city, "letters_frames.flow", count)


def _by_day(city: City, days: Days) -> Counts:
    size, place = len(scopes(city)), day_places(days)
    chosen = np.flatnonzero(place >= 0)
    counts = np.bincount(letters(city).unit[chosen] * DAYS + place[chosen], minlength=size * DAYS)
    found = counts.reshape(size, DAYS)
    found[0] = found.sum(axis=0)
    return found


def _common(column: Coded) -> tuple[list[str], Positions]:
    """The words of a column and where its rows stand among them; the rarest of many are one word, ""."""
    words, places = list(column.words), column.places
    if len(words) <= _MOST_WORDS:
        return words or [""], places
    frequent = np.argsort(-np.bincount(places[places >= 0], minlength=len(words)), kind="stable")
    common = np.sort(frequent[:_MOST_WORDS])
    renumbered = np.full(len(words) + 1, _MOST_WORDS)
    renumbered[common], renumbered[-1] = np.arange(_MOST_WORDS), -1  # a null stays one
    return [*(words[i] for i in common), ""], renumbered[places]


def _by_window(city: City, place: Positions, rows: Bools, size: int) -> Counts:
    """Of `rows`, with a place each, how many were registered in each window: windows by places."""
    nested = _windows(city)[rows]
    inside = nested < len(WINDOWS)
    found = np.bincount(nested[inside] * size + place[inside], minlength=len(WINDOWS) * size)
    return np.asarray(found.reshape(len(WINDOWS), size).cumsum(axis=0), dtype="int64")


def _windows(city: City) -> Positions:
    """The shortest window that holds each letter, as its place in `WINDOWS`; their number where none does."""
    return once(city, "letters_frames.windows", lambda: spans_of(letter_days(city, "registered")))


def _texts(words: Sequence[str] | pd.Series[Any], places: Any) -> pd.Series[Any]:
    """The words at these places, taken from a column: a Python text each would cost ten times as much."""
    return pd.Series(pd.array(list(words), dtype="str").take(places))
