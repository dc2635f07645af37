"""What a KPI gives: its values by scope; and the counts, shares and quantiles by scope that KPIs share.

"Scope" below means an array with the city's figure first and then one for every unit, in the order of `facts.scopes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from coc.domain.instants import Bools, Floats, Micros
from coc.metrics.city import City
from coc.metrics.facts import Positions, scopes, within

States = npt.NDArray[np.int8]

OK: Final = "ok"
NO_DATA: Final = "no_data"
NOT_RECORDED: Final = "not_recorded"
NO_OUTFLOW: Final = "no_outflow"
UNSTABLE: Final = "unstable"
STATES: Final = (OK, NO_DATA, NOT_RECORDED, NO_OUTFLOW, UNSTABLE)
_NO_DATA: Final = STATES.index(NO_DATA)


@dataclass(frozen=True, slots=True)
class Scoped:
    """`values`: by scope, or the city's alone; NaN is null. `states`: of each, as places in `STATES`."""

    values: Floats
    states: States


def scoped(values: Floats) -> Scoped:
    """Null is no_data."""
    return Scoped(values, np.isnan(values) * np.int8(_NO_DATA))


def city_alone(value: float) -> Scoped:
    """A figure that no unit has."""
    return scoped(np.array([value], dtype="float64"))


def count(city: City, unit: Positions, rows: Bools) -> Floats:
    """How many rows, by scope; the city counts units off the list too."""
    found = np.bincount(unit[rows], minlength=len(scopes(city))).astype("float64")
    found[0] = np.count_nonzero(rows)
    return found


def total(city: City, unit: Positions, amounts: Floats) -> Floats:
    """The sum of an amount a row, by scope."""
    found = np.bincount(unit, weights=amounts, minlength=len(scopes(city)))
    found[0] = amounts.sum()
    return np.asarray(found, dtype="float64")


def ratio(part: Floats, whole: Floats) -> Floats:
    """Null where `whole` is nothing."""
    found: Floats = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return found


def counted(city: City, unit: Positions, rows: Bools) -> Scoped:
    """A count KPI: nothing to count is 0."""
    return scoped(count(city, unit, rows))


def share(city: City, unit: Positions, part: Bools, whole: Bools) -> Scoped:
    """A rate KPI: rows of `whole` that are of `part`; null where `whole` has none."""
    return scoped(ratio(count(city, unit, part & whole), count(city, unit, whole)))


@dataclass(frozen=True, slots=True)
class Durations:
    """Things that took `hours` and ended `at`, sorted by unit and hours; and, for the city, by hours alone."""

    unit: Positions
    at: Micros
    hours: Floats
    city_at: Micros
    city_hours: Floats

    @classmethod
    def of(cls, unit: Positions, at: Micros, hours: Floats) -> Durations:
        return cls.chosen(unit, at, hours, *in_order(unit, hours))

    @classmethod
    def chosen(cls, unit: Positions, at: Micros, hours: Floats, by_unit: Positions, by_hours: Positions) -> Durations:
        """Some of them, in their orders."""
        return cls(unit[by_unit], at[by_unit], hours[by_unit], at[by_hours], hours[by_hours])

    def within(self, first: int, last: int) -> Durations:
        """Those that ended in [first, last]."""
        rows, of_city = within(self.at, first, last), within(self.city_at, first, last)
        return Durations(
            self.unit[rows], self.at[rows], self.hours[rows], self.city_at[of_city], self.city_hours[of_city]
        )

    def quantile(self, city: City, q: float) -> Scoped:
        """An hours KPI: the linearly interpolated quantile, null where there is none."""
        values = grouped_quantile(self.unit, self.hours, q, len(scopes(city)))
        values[0] = grouped_quantile(np.zeros(len(self.city_hours), dtype=np.intp), self.city_hours, q, 1)[0]
        return scoped(values)


def in_order(unit: Positions, hours: Floats) -> tuple[Positions, Positions]:
    """The order of things by unit and hours, and by hours alone."""
    by_hours = np.argsort(hours, kind="stable")
    # Of 16 bits numpy sorts by radix: ten times as fast.
    return by_hours[np.argsort(unit[by_hours].astype("uint16"), kind="stable")], by_hours


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
