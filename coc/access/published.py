"""The tables per unit that the public lens sees: a closed list, so that nobody can ask for one more to subtract.

Rates, quantiles and windowed figures of a unit are not on it: their differences and quotients give small cells back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from coc.access.suppression import Kind, Masks, suppress
from coc.boards.board import CITY

MASKED: Final = "masked"
_OK: Final = "ok"


@dataclass(frozen=True, slots=True)
class Published:
    """Counts of one thing by unit: `total`, and KPIs that count disjoint parts of it. Unwindowed all."""

    total: str
    parts: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        return self.total, *self.parts


TABLES: Final = (
    Published("disposition.backlog", ("disposition.overdue", "disposition.due_soon")),
    Published("correspondence.registered_today"),
    Published("correspondence.completed_today"),
    Published("correspondence.undispositioned"),
)

Kinds = Mapping[tuple[str, str], Kind]  # by KPI and unit; only of cells that have a figure


def kinds_of(kpis: pd.DataFrame) -> Kinds:
    """Of every published KPI and unit in a board's KPI frame: "" where it is shown, else how it is hidden."""
    found: dict[tuple[str, str], Kind] = {}
    for table in TABLES:
        found |= _kinds(kpis[kpis["id"].isin(table.ids)], table)
    return found


def _kinds(kpis: pd.DataFrame, table: Published) -> dict[tuple[str, str], Kind]:
    if kpis.empty:
        return {}
    one = kpis[kpis["window"] == kpis["window"].iloc[0]]
    good = one[one["state"] == _OK].pivot_table(index="unit", columns="id", values="value", aggfunc="first")
    present = [i for i in table.ids if i in good and good[i].notna().all()]
    if table.total not in present or CITY not in good.index:
        return {}
    counts = good[present].sort_index().astype(np.int64)
    city, units = counts.loc[CITY], counts.drop(index=CITY)
    parts = [i for i in table.parts if i in present]
    off = city - units.sum()
    masks: Masks = suppress(
        units[table.total].tolist(),
        [units[p].tolist() for p in parts],
        int(off[table.total]),
        [int(off[p]) for p in parts],
    )
    found: dict[tuple[str, str], Kind] = {}
    for kpi, kinds in zip([table.total, *parts], [masks.total, *masks.parts], strict=True):
        found |= {(kpi, unit): kind for unit, kind in zip(units.index, kinds, strict=True)}
    return found


def shown_of(kpis: pd.DataFrame) -> frozenset[tuple[str, str]]:
    """The (KPI, unit) of units whose figure the public lens sees: what may be told outside the house."""
    return frozenset(cell for cell, kind in kinds_of(kpis).items() if not kind)


def masked_kpis(kpis: pd.DataFrame, kinds: Kinds) -> pd.DataFrame:
    """The KPI frame without what is not published. A published KPI that has no figure says why, as for everybody."""
    listed = {i for table in TABLES for i in table.ids}
    shown = [
        unit == CITY or (kpi in listed and (state != _OK or kinds.get((kpi, unit)) == ""))
        for kpi, unit, state in zip(kpis["id"], kpis["unit"], kpis["state"], strict=True)
    ]
    hidden = ~np.asarray(shown, dtype=bool)
    return kpis.assign(value=kpis["value"].mask(hidden), state=kpis["state"].mask(hidden, MASKED))


def masks_frame(kinds: Kinds) -> pd.DataFrame:
    """How hidden cells are labelled: id, unit, kind. For pages; the API tells no kinds."""
    hidden = [(kpi, unit, kind) for (kpi, unit), kind in kinds.items() if kind]
    return pd.DataFrame(hidden, columns=["id", "unit", "kind"], dtype="str")


_COLUMNS: Final = {
    "backlog": "disposition.backlog",
    "overdue": "disposition.overdue",
    "due_soon": "disposition.due_soon",
}


def by_unit(frame: pd.DataFrame, kinds: Kinds) -> pd.DataFrame:
    """The units that hold most, with hidden counts as NaN and `<column>_masked`: "" | lt5 | complement.

    Rows with a hidden backlog come last, by name. Where every unit's is hidden there is one row, of no unit: which
    units have a backlog at all would tell more than the table does.
    """
    if len(frame) and "" not in {kind for (kpi, _), kind in kinds.items() if kpi == _COLUMNS["backlog"]}:
        frame = frame.iloc[:1].assign(unit="", name="")
    masked = frame.copy()
    for column, kpi in _COLUMNS.items():
        found = [kinds.get((kpi, unit), "complement") for unit in frame["unit"]]
        masked[f"{column}_masked"] = pd.Series(found, index=frame.index, dtype="str")
        masked[column] = frame[column].astype("float64").mask(masked[f"{column}_masked"] != "")
    shown = masked["backlog_masked"] == ""
    # Ties by code, not by what is overdue: that may be hidden.
    first = masked[shown].sort_values(["backlog", "unit"], ascending=[False, True])
    return pd.concat([first, masked[~shown].sort_values(["name", "unit"])], ignore_index=True)
