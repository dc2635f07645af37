"""One KPI, one decorated function, in a file named by its subject; files are found by name, none lists them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

import coc.metrics
from coc.domain.datasets import COLUMNS, TO_THE_DAY, Dataset
from coc.metrics.city import WINDOWS, City, WindowName
from coc.metrics.facts import once, scopes
from coc.metrics.scoped import NO_DATA, NOT_RECORDED, OK, STATES, Scoped

__all__ = ["NOT_RECORDED", "NO_DATA", "OK", "KpiSpec", "compute", "is_recorded", "kpi", "registered"]

Measure = Literal["count", "rate", "hours", "sheets", "ms", "days"]
Better = Literal["up", "down"] | None
Scope = Literal["unit", "city"]
KpiFunction = Callable[[City, WindowName], Scoped]
Frame = tuple["KpiSpec", WindowName, Scoped]


@dataclass(frozen=True, slots=True)
class KpiSpec:
    """`measure`: the value's unit (rates are 0..1). `better`: the good direction, None where neither is.

    `inputs`: the "dataset.column" names without which the KPI is not_recorded; "a|b" means either, "a@time" that a date
    without its hour is not enough. `scope` "city": the figure has no value per unit (not_applicable there). `windowed`:
    whether the window changes the value. `function` takes (city, window) and gives the values by scope.
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
    """Whether some connector provides each input of the KPI.

    What is recorded to the day (`TO_THE_DAY`) serves a KPI that asks for no hour.
    """
    return all(any(has_input(provided, name) for name in either.split("|")) for either in spec.inputs)


def has_input(provided: frozenset[str], wanted: str) -> bool:
    """Whether some connector provides "dataset.column"; with "@time" after it, to the hour."""
    name, _, precise = wanted.partition("@")
    if name in provided:
        return True
    if name + TO_THE_DAY in provided:
        return not precise
    return _REQUIRED.get(name) in {known.partition(".")[0] for known in provided}


def compute(city: City, ids: Iterable[str] | None = None, windows: Sequence[WindowName] = WINDOWS) -> pd.DataFrame:
    """KPIs of the city and of each unit: columns id, unit ("" = city), window, value (float64, NaN = null), state.

    `ids` None: all. City-wide figures have the city's row alone. Raises KeyError for an id that is not registered.
    """
    specs = registered()
    wanted = list(specs) if ids is None else list(ids)
    frames = [frame for i in wanted for frame in _frames(specs[i], city, windows)]
    lengths = tuple(len(found.values) for _, _, found in frames)
    names, spans = tuple(spec.id for spec, _, _ in frames), tuple(window for _, window, _ in frames)
    return pd.DataFrame(
        {
            **_labels(names, spans, lengths, tuple(scopes(city))),
            "value": np.concatenate([*(found.values for _, _, found in frames), np.empty(0)]),
            "state": _texts(STATES, np.concatenate([*(found.states for _, _, found in frames), _NONE])),
        }
    )


@lru_cache(maxsize=32)
def _labels(
    names: tuple[str, ...], spans: tuple[WindowName, ...], lengths: tuple[int, ...], units: tuple[str, ...]
) -> Mapping[str, pd.Series[Any]]:
    """Of each row its id, unit and window: the same from city to city while the list of units is."""
    frame = np.repeat(np.arange(len(lengths)), lengths)
    return {
        "id": _texts(names, frame),
        "unit": _texts(units, np.concatenate([*map(np.arange, lengths), _NONE])),
        "window": _texts(spans, frame),
    }


_NONE: Final = np.empty(0, dtype=np.intp)


def _texts(words: Sequence[str], places: npt.NDArray[np.intp]) -> pd.Series[Any]:
    """The words at these places. Picked from a column: to make one of as many Python texts costs ten times as much."""
    return pd.Series(pd.array(words, dtype="str").take(places))


def _frames(spec: KpiSpec, city: City, windows: Sequence[WindowName]) -> list[Frame]:
    if not windows:
        return []
    if not is_recorded(spec, city.provided):
        absent = _absent(spec, city)
        return [(spec, window, absent) for window in windows]
    if spec.windowed:
        return [(spec, window, computed(spec, city, window)) for window in windows]
    found = computed(spec, city, windows[0])
    return [(spec, window, found) for window in windows]


def computed(spec: KpiSpec, city: City, window: WindowName) -> Scoped:
    """The KPI's values, computed once per city however many boards ask for them."""
    return once(city, f"{spec.id}-{window if spec.windowed else ''}", lambda: spec.function(city, window))


def _absent(spec: KpiSpec, city: City) -> Scoped:
    size = len(scopes(city)) if spec.scope == "unit" else 1
    return Scoped(np.full(size, np.nan), np.full(size, STATES.index(NOT_RECORDED), dtype=np.int8))
