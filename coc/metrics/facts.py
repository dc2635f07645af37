"""The rows KPIs count, prepared once per city as numpy columns; and the sums over city and units they share.

"Scope" below means an array with the city's figure first and then one for every unit, in the order of `scopes`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from coc.domain.instants import NAT, Bools, Floats, Micros, micros_of, to_micros
from coc.metrics.city import City, Part, WindowName

T = TypeVar("T")
Rows = TypeVar("Rows", "Letters", "Dispositions")
Positions = npt.NDArray[np.intp]

CITY = ""


def once(city: City, key: str, make: Callable[[], T]) -> T:
    """What `make` gives, computed once per city."""
    if key not in city.memo:
        city.memo[key] = make()
    found: T = city.memo[key]
    return found


def scopes(city: City) -> pd.Series[Any]:
    """The city (""), then every unit of the list, once."""
    return once(city, "scopes", lambda: pd.Series([CITY, *pd.unique(city.units["code"])], dtype="str"))


def positions(city: City, units: pd.Series[Any]) -> Positions:
    """Where unit codes stand in `scopes`; 0 for a unit that is not on the list (it counts for the city alone)."""
    index = once(city, "unit_index", lambda: pd.Index(scopes(city).iloc[1:]))
    return np.asarray(index.get_indexer(units), dtype=np.intp) + 1


def flag(frame: pd.DataFrame, column: str) -> Bools:
    """A boolean column; null and a column that is not there mean False."""
    if column not in frame:
        return np.zeros(len(frame), dtype=bool)
    return frame[column].astype("boolean").fillna(False).to_numpy(dtype=bool)


def now_of(city: City) -> int:
    return micros_of(city.now)


def window_start(city: City, window: WindowName) -> int:
    """The city midnight N-1 days before today's."""
    return midnight_before(city, int(window[:-1]) - 1)


def midnight_before(city: City, days: int) -> int:
    def find() -> int:
        return micros_of(city.calendars.midnight(city.calendars.today(city.now) - timedelta(days=days)))

    return once(city, f"midnight-{days}", find)


def within(at: Micros, first: int, last: int) -> Bools:
    """Closed at both ends; a missing time is in no window."""
    return (at >= first) & (at <= last)


@dataclass(frozen=True, slots=True)
class Letters:
    """Letters that are not deleted. `unit`: position in scopes. Times: microseconds, `NAT` where missing."""

    unit: Positions
    registered: Micros
    completed: Micros
    incoming: Bools
    electronic: Bools
    exempt: Bools


@dataclass(frozen=True, slots=True)
class Dispositions:
    """Dispositions that are not deleted nor of a deleted letter; one whose letter has not arrived is among them."""

    unit: Positions
    issued: Micros
    due: Micros
    completed: Micros
    cancelled: Micros
    follow_up: Bools  # the instruction needs it
    hours: Floats  # working hours of follow-up, NaN while open

    @property
    def nf(self) -> Bools:
        """Needs follow-up and is not cancelled."""
        found: Bools = self.follow_up & (self.cancelled == NAT)
        return found


def letters(city: City) -> Letters:
    def prepare() -> Letters:
        if city.part is not None:
            return _rows_of(letters(city.part.whole), _kept_letters(city.part))
        rows = live_letters(city)
        return Letters(
            unit=positions(city, rows["unit"]),
            registered=to_micros(rows["registered_at"]),
            completed=to_micros(rows["completed_at"]),
            incoming=(rows["kind"] == "incoming").to_numpy(dtype=bool),
            electronic=(rows["medium"] == "electronic").to_numpy(dtype=bool),
            exempt=rows["category"].isin(city.limits.paper_exempt).to_numpy(dtype=bool),
        )

    return once(city, "letters", prepare)


def dispositions(city: City) -> Dispositions:
    def prepare() -> Dispositions:
        if city.part is not None:
            return _rows_of(dispositions(city.part.whole), _kept_dispositions(city.part))
        rows = live_dispositions(city)
        return Dispositions(
            unit=positions(city, rows["to_unit"]),
            issued=to_micros(rows["issued_at"]),
            due=to_micros(rows["due"]),
            completed=to_micros(rows["completed_at"]),
            cancelled=to_micros(rows["cancelled_at"]),
            follow_up=flag(rows, "needs_follow_up"),
            hours=rows["followup_hours"].to_numpy(dtype="float64", na_value=np.nan),
        )

    return once(city, "dispositions", prepare)


def live_letters(city: City) -> pd.DataFrame:
    """The rows of `letters`, as a frame, in the same order."""
    return once(city, "live_letters", lambda: city.letters[~flag(city.letters, "deleted")])


def live_dispositions(city: City) -> pd.DataFrame:
    """The rows of `dispositions`, as a frame, in the same order."""
    return once(city, "live_dispositions", lambda: city.dispositions[_alive(city.dispositions)])


def _alive(given: pd.DataFrame) -> Bools:
    found: Bools = ~(flag(given, "deleted") | flag(given, "letter_deleted"))
    return found


def _kept_letters(part: Part) -> Bools:
    """Of the rows of the whole's `letters`, those of the part."""
    return part.letters[~flag(part.whole.letters, "deleted")]


def _kept_dispositions(part: Part) -> Bools:
    return part.dispositions[_alive(part.whole.dispositions)]


def _rows_of(whole: Rows, kept: Bools) -> Rows:
    return type(whole)(**{f.name: getattr(whole, f.name)[kept] for f in fields(whole)})


def letter_of(city: City) -> Positions:
    """For each disposition the row of its letter in `letters`, -1 where it has not arrived. Ids are of one source."""

    def find() -> Positions:
        if city.part is not None:
            kept, places = _kept_letters(city.part), letter_of(city.part.whole)[_kept_dispositions(city.part)]
            new = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1)  # the last is where -1 points
            return new[places]
        of, to = live_letters(city), live_dispositions(city)
        keys, wanted = of["source_id"], to["letter_id"]
        if len({*pd.unique(of["source"]), *pd.unique(to["source"])}) > 1:
            keys, wanted = (f["source"] + "\x1f" + ids for f, ids in ((of, keys), (to, wanted)))
        return np.asarray(pd.Index(keys).get_indexer(wanted), dtype=np.intp)

    return once(city, "letter_of", find)


def count(city: City, unit: Positions, rows: Bools) -> Floats:
    """How many rows, by scope; the city counts units off the list too."""
    found = np.bincount(unit[rows], minlength=len(scopes(city))).astype("float64")
    found[0] = np.count_nonzero(rows)
    return found


def counted(city: City, unit: Positions, rows: Bools) -> pd.DataFrame:
    """A count KPI: nothing to count is 0."""
    return framed(city, count(city, unit, rows))


def share(city: City, unit: Positions, part: Bools, whole: Bools) -> pd.DataFrame:
    """A rate KPI: rows of `whole` that are of `part`; null where `whole` has none."""
    all_of, some_of = count(city, unit, whole), count(city, unit, part & whole)
    return framed(city, np.divide(some_of, all_of, out=np.full(len(all_of), np.nan), where=all_of > 0))


def framed(city: City, values: Floats) -> pd.DataFrame:
    """A KPI's frame (unit, value, state) from values by scope; null is no_data."""
    missing = np.isnan(values)
    # Making a column of texts costs more than the figures themselves, and most KPIs have every value.
    state = once(city, "all_ok", lambda: pd.Series(["ok"] * len(missing), dtype="str"))
    state = state.mask(missing, "no_data") if missing.any() else state
    return pd.DataFrame({"unit": scopes(city), "value": values, "state": state})


def grouped_quantile(group: Positions, values: Floats, q: float, groups: int) -> Floats:
    """Linearly interpolated quantile (numpy's default) by group, NaN if empty; rows are sorted by (group, value)."""
    sizes = np.bincount(group, minlength=groups)
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    place = q * np.maximum(sizes - 1, 0)
    below = np.floor(place).astype("int64")
    above = np.minimum(below + 1, np.maximum(sizes - 1, 0))
    result = np.full(groups, np.nan)
    full = sizes > 0
    low, high = values[(first + below)[full]], values[(first + above)[full]]
    result[full] = low + (high - low) * (place - below)[full]
    return result
