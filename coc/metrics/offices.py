"""What waits for each leader's office, and what its instructions came to. Offices, never officials (DOMAIN, Privacy).

Dispositions count as they do in the KPIs: deleted ones and those of deleted letters nowhere, cancelled ones nowhere.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from coc.domain.instants import NAT, Bools, Floats, Micros
from coc.domain.instructions import GROUPS
from coc.domain.offices import LEDGER, OFFICES
from coc.metrics import cubes
from coc.metrics.city import WINDOWS, City
from coc.metrics.cubes import recorded
from coc.metrics.dispositions import backlog_rows, due_soon_rows, overdue_rows
from coc.metrics.facts import (
    NEVER,
    Positions,
    disposition_column,
    dispositions,
    first_disposition,
    letter_of,
    letters,
    now_of,
    once,
    scopes,
    window_start,
    within,
)
from coc.metrics.registry import has_input
from coc.metrics.scoped import grouped_quantile

NOBODY: Final = ""  # the secretariat's letters that nobody was given yet
_NONE: Final = len(OFFICES)


def waiting(city: City) -> pd.DataFrame:
    """What lies on each office's desk now: office, count, oldest (working hours), due_soon, overdue; NaN: not known.

    Open dispositions whose to_office it is. Office "": incoming letters of the secretariat (`secretariat`) that are not
    completed and have no disposition that is not cancelled; they have no due. Hours by the default calendar. No row
    where no source records to whom a disposition goes, or what is completed.
    """
    return pd.concat([_desks(city), _unaddressed(city)], ignore_index=True)


def _desks(city: City) -> pd.DataFrame:
    rows, now = dispositions(city), now_of(city)
    open_ = backlog_rows(rows)
    mine = np.flatnonzero(open_ & (_office(city, "to_office") < _NONE))
    office = _office(city, "to_office")[mine]
    hours = has_input(city.provided, "dispositions.issued_at@time")
    late, soon = (
        np.bincount(office[rule(rows, now, open_)[mine]], minlength=_NONE).astype("float64")
        if recorded(city, kpi)
        else np.full(_NONE, np.nan)
        for rule, kpi in ((overdue_rows, "disposition.overdue"), (due_soon_rows, "disposition.due_soon"))
    )
    found = _desk(city, OFFICES, office, rows.issued[mine], hours=hours).assign(due_soon=soon, overdue=late)
    known = has_input(city.provided, "dispositions.to_office") and recorded(city, "disposition.backlog")
    return found if known else found.iloc[:0]


def _unaddressed(city: City) -> pd.DataFrame:
    rows, unit = letters(city), letters(city).unit
    ours = np.isin(unit, np.flatnonzero(scopes(city).isin(secretariat(city.units)).to_numpy()))
    there = rows.incoming & (rows.completed == NAT) & (rows.registered <= now_of(city))
    at = rows.registered[ours & there & (first_disposition(city) == NEVER)]
    hours = has_input(city.provided, "letters.registered_at@time")
    found = _desk(city, (NOBODY,), np.zeros(len(at), dtype=np.intp), at, hours=hours).assign(due_soon=0.0, overdue=0.0)
    known = has_input(city.provided, "letters.completed_at") and has_input(city.provided, "dispositions.letter_id")
    return found if known else found.iloc[:0]


def _desk(city: City, names: tuple[str, ...], place: Positions, since: Micros, *, hours: bool) -> pd.DataFrame:
    """`hours`: whether the hour is recorded, without which nobody knows how old the oldest is."""
    size = len(names)
    first = np.full(size, NEVER)
    np.minimum.at(first, place, since)
    oldest: Floats = np.full(size, np.nan)
    some = (first != NEVER) & hours
    oldest[some] = city.calendars.default.hours_between(first[some], now_of(city))
    count = np.bincount(place, minlength=size).astype("int64")
    return pd.DataFrame({"office": pd.Series(names, dtype="str"), "count": count, "oldest": oldest})


def secretariat(units: pd.DataFrame) -> set[str]:
    """The codes of the secretariats that other units belong to, and of all below them: where leaders' mail comes in."""
    parents = set(units["parent"].dropna())
    found = set(units.loc[(units["kind"] == "secretariat") & units["code"].isin(parents), "code"])
    while more := set(units.loc[units["parent"].isin(found), "code"]) - found:
        found |= more
    return found


def first(city: City) -> pd.DataFrame:
    """Who gave letters their first disposition, and after how long: office, window, letters, hours (median).

    Incoming letters whose first disposition that is not cancelled falls in the window and is the office's, by its
    unit of the default calendar's working hours; of several at one instant the highest office's. No row without one,
    nor where no hours are recorded.
    """
    rows, given, of = letters(city), dispositions(city), letter_of(city)
    at, from_ = first_disposition(city), _office(city, "from_office")
    office = np.full(len(at), _NONE, dtype=np.intp)
    mine = np.flatnonzero((of >= 0) & (from_ < _NONE) & (given.cancelled == NAT))
    mine = mine[given.issued[mine] == at[of[mine]]]
    np.minimum.at(office, of[mine], from_[mine])
    some = np.flatnonzero(rows.incoming & (office < _NONE))
    hours = city.calendars.default.hours_between(rows.registered[some], at[some])
    order = np.lexsort((hours, office[some]))
    ranked, place, when = hours[order], office[some][order], at[some][order]
    parts = []
    for window in WINDOWS:
        inside = within(when, window_start(city, window), now_of(city))
        count = np.bincount(place[inside], minlength=_NONE)
        median = grouped_quantile(place[inside], ranked[inside], 0.5, _NONE)
        parts.append(_table(window, {"letters": count, "hours": median}, count > 0))
    return _if(recorded(city, "leaders.first_disposition_hours_p50"), pd.concat(parts, ignore_index=True))


def given(city: City) -> pd.DataFrame:
    """Instructions given: office, window, group (of reference/instructions), count. Zeros are left out."""
    codes = disposition_column(city, "instruction")
    groups = sorted({*GROUPS.values()})
    of_code = np.array([groups.index(GROUPS.get(code, "lainnya")) for code in codes.words] + [groups.index("lainnya")])
    return _counted(city, "group", groups, of_code[codes.places])


def channels(city: City) -> pd.DataFrame:
    """How they were given: office, window, channel, count. Zeros are left out; no row where it is not recorded."""
    column = disposition_column(city, "channel")
    # A source may say "unknown" itself.
    words = [*column.words, *(() if "unknown" in column.words else ("unknown",))]
    found = _counted(city, "channel", words, np.where(column.places < 0, words.index("unknown"), column.places))
    return _if("dispositions.channel" in city.provided, found)


def ledger(city: City) -> pd.DataFrame:
    """What became of instructions that need follow-up and were given in the window: office, window, state, count.

    on_time, late: completed not after, after their due; done: completed, without a due. waiting, overdue: not yet
    answered, before or after it. Zeros are left out; no row where completion or dues are not recorded.
    """
    rows, now = dispositions(city), now_of(city)
    done, has_due = rows.completed != NAT, rows.due != NAT
    conditions = [done & has_due & (rows.completed <= rows.due), done & has_due, done, ~(has_due & (now > rows.due))]
    state = np.select(conditions, range(len(conditions)), default=len(LEDGER) - 1)
    return _if(recorded(city, "disposition.on_time_rate"), _counted(city, "state", LEDGER, state, rows.nf))


def _if(known: bool, found: pd.DataFrame) -> pd.DataFrame:
    return found if known else found.iloc[:0]


def _counted(
    city: City, name: str, words: tuple[str, ...] | list[str], place: Positions, of: Bools | None = None
) -> pd.DataFrame:
    """Of the leaders' dispositions issued in each window, not cancelled, how many have each word."""
    office, span = _office(city, "from_office"), cubes.issued_spans(city)
    mine = np.flatnonzero((office < _NONE) & (span < cubes.OUTSIDE) & (True if of is None else of))
    found = cubes.by_window(span[mine], [office[mine], place[mine]], (_NONE, len(words)))
    window, by, word = cubes.rows_where(found)
    return pd.DataFrame(
        {
            "office": cubes.texts(OFFICES, by),
            "window": cubes.texts(WINDOWS, window),
            name: cubes.texts(words, word),
            "count": found[window, by, word],
        }
    )


def _table(window: str, columns: dict[str, Any], rows: Bools) -> pd.DataFrame:
    names = {"office": pd.Series(OFFICES, dtype="str"), "window": pd.Series([window] * len(OFFICES), dtype="str")}
    return pd.DataFrame({**names, **columns})[rows].reset_index(drop=True)


def _office(city: City, column: str) -> Positions:
    """For each disposition the place of an office in `OFFICES`, `_NONE` for any other."""

    def find() -> Positions:
        held = disposition_column(city, column)
        places = [OFFICES.index(w) if w in OFFICES else _NONE for w in held.words]
        return np.array([*places, _NONE], dtype=np.intp)[held.places]

    return once(city, f"leaders.{column}", find)
