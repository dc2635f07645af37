"""The city as it stood at an earlier instant, by today's knowledge: KPIs run on it unchanged.

A thing is there when its own time is not after the instant: a letter registered later did not exist, a disposition
completed or cancelled later was still open, one issued later was not the first yet. What was deleted since counts
nowhere. Only letters and dispositions go back: what was sampled then is in the rollups, not here.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from typing import Any, Final, TypeVar

import numpy as np
import pandas as pd

from coc.domain.instants import NAT, Micros, micros_of
from coc.metrics.city import City
from coc.metrics.facts import Dispositions, Letters, Positions, dispositions, letter_of, letters, once, scopes

Rows = TypeVar("Rows", Letters, Dispositions)
_MICROSECOND: Final = pd.Timedelta(1, "us")
_FRAMES: Final = (
    *("letters", "dispositions", "ap_samples", "service_samples", "link_samples"),
    *("turns", "known_minutes", "known_hours", "known_days", "reasons"),
)
_SHARED: Final = ("scopes", "unit_index")


@dataclass(frozen=True, slots=True)
class _ByTime:
    """The city's rows in the order in which they came to be: what was there at an instant is the first of them.

    `letter_order`, `disposition_order`: of each its place in `facts.letters`, `facts.dispositions`.
    """

    letter_order: Positions
    letters: Letters
    disposition_order: Positions
    dispositions: Dispositions
    letter_of: Positions


def city_at(city: City, instant: Any) -> City:
    """The city at `instant`, which is not after its now. Costs a few passes over its columns; its frames are empty."""
    at, rows = micros_of(pd.Timestamp(instant)), _by_time(city)
    found = replace(
        city,
        now=pd.Timestamp(instant).tz_convert("UTC"),
        **once(city, "no_rows", lambda: {name: getattr(city, name).iloc[:0] for name in _FRAMES}),
        pasts={},
        part=None,
        known_later=city,
    )
    mail = int(np.searchsorted(rows.letters.registered, at, side="right"))
    given = int(np.searchsorted(rows.dispositions.issued, at, side="right"))
    there, handed = _first(rows.letters, mail), _first(rows.dispositions, given)
    of = rows.letter_of[:given]
    open_ = handed.completed > at
    memo: dict[str, Any] = {key: city.memo[key] for key in _SHARED if key in city.memo}
    found.memo.update(
        memo
        | {
            "letters": replace(there, completed=_until(there.completed, at)),
            "dispositions": replace(
                handed,
                completed=np.where(open_, NAT, handed.completed),
                cancelled=_until(handed.cancelled, at),
                hours=np.where(open_, np.nan, handed.hours),
            ),
            "letter_of": np.where(of < mail, of, -1),
            "letters.there": rows.letter_order[:mail],
            "dispositions.there": rows.disposition_order[:given],
        }
    )
    return found


def day_end(city: City, day: date) -> pd.Timestamp:
    """The last microsecond before the next city midnight."""
    return pd.Timestamp(city.calendars.midnight(day + timedelta(days=1))) - _MICROSECOND


def _by_time(city: City) -> _ByTime:
    def prepare() -> _ByTime:
        scopes(city)
        mail, given = letters(city), dispositions(city)
        of_letters = np.argsort(mail.registered, kind="stable")
        of_given = np.argsort(given.issued, kind="stable")
        place = np.empty(len(of_letters) + 1, dtype=np.intp)
        place[of_letters] = np.arange(len(of_letters))
        place[-1] = -1  # where a letter that has not arrived points
        return _ByTime(
            of_letters, _chosen(mail, of_letters), of_given, _chosen(given, of_given), place[letter_of(city)[of_given]]
        )

    return once(city, "by_time", prepare)


def _chosen(rows: Rows, chosen: Positions) -> Rows:
    return type(rows)(**{f.name: getattr(rows, f.name)[chosen] for f in fields(rows)})


def _first(rows: Rows, count: int) -> Rows:
    """Views, no copies."""
    return type(rows)(**{f.name: getattr(rows, f.name)[:count] for f in fields(rows)})


def _until(at: Micros, last: int) -> Micros:
    return np.where(at > last, NAT, at)
