"""The frames behind /opd: the list of units, the ages of what they hold, the types they write, and the city's medians.

Cubes by unit: `unit` "" is the city. Rows of nothing but zeros are left out. Their past is in `units_past`.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from coc.domain import reference
from coc.domain.instants import Bools
from coc.metrics import backlog
from coc.metrics.adoption import valid_today
from coc.metrics.city import WINDOWS, City
from coc.metrics.facts import (
    Positions,
    dispositions,
    letter_types,
    letters,
    now_of,
    scopes,
    window_start,
    within,
)
from coc.metrics.registry import OK, computed, is_recorded, registered
from coc.metrics.scoped import STATES

AGES: Final = ("0-1", "2-3", "4-5", "gt5")
COMPARED: Final = (
    "disposition.backlog",
    "disposition.overdue",
    "disposition.due_soon",
    "disposition.on_time_rate",
    "disposition.followup_hours_p50",
    "disposition.followup_hours_p85",
    "correspondence.undispositioned",
    "correspondence.paperless_rate",
    "adoption.breadth",
)

Cells = npt.NDArray[np.int64]  # scopes x columns, the city first


def listed(city: City) -> pd.DataFrame:
    """Every unit: unit, name, kind, parent, valid (today), column, row.

    column, row: where its district stands on the reference table's tile map (NaN: nowhere). Districts are found there
    by name, so that a city whose codes are others' keeps its map.
    """
    units = city.units.drop_duplicates("code")
    names = units["code"].map(dict(city.unit_names)).fillna(units["code"])
    nowhere = (np.nan, np.nan)
    places = [
        _tiles().get(bare_name(name), nowhere) if kind == "district" else nowhere
        for name, kind in zip(names, units["kind"], strict=True)
    ]
    return pd.DataFrame(
        {
            "unit": units["code"],
            "name": names,
            "kind": units["kind"],
            "parent": units["parent"],
            "valid": valid_today(city)[1:],
            "column": [column for column, _ in places],
            "row": [row for _, row in places],
        }
    ).reset_index(drop=True)


def bare_name(name: str) -> str:
    """A district's name without the word for district, in lower case."""
    return re.sub(r"^(kecamatan|kec\.?)\s+", "", name.casefold())


@cache
def _tiles() -> dict[str, tuple[float, float]]:
    areas = reference.areas()
    placed = areas[areas["tile_col"].notna()]
    return {
        bare_name(n): (c, r) for n, c, r in zip(placed["name"], placed["tile_col"], placed["tile_row"], strict=True)
    }


def ages(city: City) -> pd.DataFrame:
    """The backlog by unit and age in working days of its calendar: unit, bucket (place in `AGES`), backlog, overdue.

    Age: working days after the city date of issue, up to and with today; the day of issue never counts.
    """
    rows, waiting, late = dispositions(city), backlog.waiting(city), backlog.late(city)
    bucket = np.searchsorted([1, 3, 5], backlog.age_in_days(city), side="left")
    every = np.ones(len(waiting), dtype=bool)
    held = cells(city, rows.unit[waiting], bucket, every, len(AGES))
    overdue = cells(city, rows.unit[waiting], bucket, late, len(AGES))
    unit, place = np.nonzero(held)
    return pd.DataFrame(
        {
            "unit": scopes(city).take(unit).reset_index(drop=True),
            "bucket": place,
            "backlog": held[unit, place],
            "overdue": overdue[unit, place],
        }
    )


def types(city: City) -> pd.DataFrame:
    """Letters of 90 days by unit and configured type: unit, type, letters."""
    rows, known = letters(city), letter_types(city)
    used = within(rows.registered, window_start(city, "90d"), now_of(city)) & (rows.type >= 0)
    found = cells(city, rows.unit, rows.type, used, len(known))
    unit, place = np.nonzero(found)
    return pd.DataFrame(
        {
            "unit": scopes(city).take(unit).reset_index(drop=True),
            "type": pd.Series(pd.array(known, dtype="str").take(place)),
            "letters": found[unit, place],
        }
    )


def medians(city: City) -> pd.DataFrame:
    """The median over units valid today that have a figure: id, window, value, units (how many have one)."""
    valid, specs = valid_today(city), registered()
    rows: list[tuple[str, str, float, int]] = []
    for id in COMPARED:
        spec = specs[id]
        if not is_recorded(spec, city.provided):
            continue
        for window in WINDOWS if spec.windowed else WINDOWS[:1]:
            found = computed(spec, city, window)
            known = found.values[valid & (found.states == STATES.index(OK))]
            value = float(np.median(known)) if len(known) else np.nan
            rows += [(id, w, value, len(known)) for w in ([window] if spec.windowed else WINDOWS)]
    columns = {"id": "str", "window": "str", "value": "float64", "units": "int64"}
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def cells(city: City, unit: Positions, column: Positions, rows: Bools, columns: int) -> Cells:
    """How many rows by scope and column; the city counts units off the list too."""
    size = len(scopes(city))
    found = np.bincount(unit[rows] * columns + column[rows], minlength=size * columns).reshape(size, columns)
    found[0] = np.bincount(column[rows], minlength=columns)
    return found.astype("int64")
