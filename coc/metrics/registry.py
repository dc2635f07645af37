"""One KPI, one decorated function, in a file named by its subject; files are found by name, none lists them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import numpy as np
import pandas as pd

import coc.metrics
from coc.domain.datasets import COLUMNS, Dataset
from coc.metrics.city import WINDOWS, City, WindowName
from coc.metrics.facts import scopes

Measure = Literal["count", "rate", "hours", "sheets", "ms", "days"]
Better = Literal["up", "down"] | None
Scope = Literal["unit", "city"]
KpiFunction = Callable[[City, WindowName], pd.DataFrame]

OK: Final = "ok"
NO_DATA: Final = "no_data"
NOT_RECORDED: Final = "not_recorded"


@dataclass(frozen=True, slots=True)
class KpiSpec:
    """`measure`: the value's unit (rates are 0..1). `better`: the good direction, None where neither is.

    `inputs`: the "dataset.column" names without which the KPI is not_recorded; "a|b" means either. `scope` "city": the
    figure has no value per unit (not_applicable there). `windowed`: whether the window changes the value. `function`
    takes (city, window) and gives columns unit ("" = city), value (float, NaN = null), state.
    """

    id: str
    measure: Measure
    better: Better
    datasets: tuple[Dataset, ...]
    inputs: tuple[str, ...]
    scope: Scope
    windowed: bool
    function: KpiFunction


_specs: dict[str, KpiSpec] = {}
# A source that names which optional columns it records need not name the required ones: it has no row without them.
_REQUIRED: Final = {f"{d.value}.{c.name}": d.value for d, columns in COLUMNS.items() for c in columns if c.required}


def kpi(
    id: str,
    *,
    measure: Measure,
    better: Better,
    datasets: tuple[Dataset, ...],
    inputs: tuple[str, ...],
    scope: Scope = "unit",
    windowed: bool = True,
) -> Callable[[KpiFunction], KpiFunction]:
    """Register a KPI. Raises ValueError where two files claim one id."""

    def register(function: KpiFunction) -> KpiFunction:
        if id in _specs and _specs[id].function.__module__ != function.__module__:
            raise ValueError(f"KPI {id} is defined in {_specs[id].function.__module__} and {function.__module__}")
        _specs[id] = KpiSpec(id, measure, better, datasets, inputs, scope, windowed, function)
        return function

    return register


@cache
def _discovered() -> None:
    for module in pkgutil.iter_modules(coc.metrics.__path__, "coc.metrics."):
        importlib.import_module(module.name)


def registered() -> dict[str, KpiSpec]:
    """Every KPI by id, in order of id."""
    _discovered()
    return dict(sorted(_specs.items()))


def is_recorded(spec: KpiSpec, provided: frozenset[str]) -> bool:
    """Whether some connector provides each input of the KPI."""
    datasets = {name.partition(".")[0] for name in provided}
    return all(
        any(name in provided or _REQUIRED.get(name) in datasets for name in either.split("|")) for either in spec.inputs
    )


def compute(city: City, ids: Iterable[str] | None = None, windows: Sequence[WindowName] = WINDOWS) -> pd.DataFrame:
    """KPIs of the city and of each unit: columns id, unit ("" = city), window, value (float64, NaN = null), state.

    `ids` None: all. City-wide figures have the city's row alone. Raises KeyError for an id that is not registered.
    """
    specs = registered()
    wanted = list(specs) if ids is None else list(ids)
    parts = [(specs[i], window, frame) for i in wanted for window, frame in _frames(specs[i], city, windows)]
    if not parts:
        columns = {c: pd.Series([], dtype="str") for c in ("id", "unit", "window", "value", "state")}
        return pd.DataFrame(columns).astype({"value": "float64"})
    lengths = [len(frame) for _, _, frame in parts]
    return pd.DataFrame(
        {
            "id": pd.Series(np.repeat([spec.id for spec, _, _ in parts], lengths), dtype="str"),
            "unit": pd.concat([frame["unit"] for _, _, frame in parts], ignore_index=True),
            "window": pd.Series(np.repeat([window for _, window, _ in parts], lengths), dtype="str"),
            "value": np.concatenate([frame["value"].to_numpy() for _, _, frame in parts]),
            "state": pd.concat([frame["state"] for _, _, frame in parts], ignore_index=True),
        }
    )


def _frames(spec: KpiSpec, city: City, windows: Sequence[WindowName]) -> list[tuple[WindowName, pd.DataFrame]]:
    if not windows:
        return []
    if not is_recorded(spec, city.provided):
        absent = _absent(spec, city)
        return [(window, absent) for window in windows]
    if spec.windowed:
        return [(window, spec.function(city, window)) for window in windows]
    frame = spec.function(city, windows[0])
    return [(window, frame) for window in windows]


def _absent(spec: KpiSpec, city: City) -> pd.DataFrame:
    units = scopes(city) if spec.scope == "unit" else scopes(city).iloc[:1]
    state = pd.Series([NOT_RECORDED] * len(units), dtype="str")
    return pd.DataFrame({"unit": units, "value": np.full(len(units), np.nan), "state": state})
