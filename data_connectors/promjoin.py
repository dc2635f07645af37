"""From the series of several queries to one row a sample: each value counted only at its own measurement time.

Times are epoch milliseconds (Prometheus knows no finer). `at`: when it was measured; `seen`: the time it was evaluated
for, which is the same for raw samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from coc.domain.datasets import seen_from
from data_connectors.promql import Floats, Labels, Series

LOOK_BACK_MS: Final = 300_000  # how long Prometheus itself holds a sample


@dataclass(frozen=True, slots=True)
class Points:
    """`frame`: key, at, seen, value. `stamped`: `at` is the measurement's own time."""

    frame: pd.DataFrame
    stamped: bool


@dataclass(frozen=True, slots=True)
class Named:
    """What a series is of: the label that names the entity, and where there is one, the label of the vantage."""

    label: str
    vantage: str | None = None

    def of(self, labels: Labels) -> str | None:
        """The key of a series; None where it names no entity."""
        told = dict(labels)
        entity = told.get(self.label)
        return entity if not entity or self.vantage is None else seen_from(entity, told.get(self.vantage, ""))


def points(values: list[Series], stamps: list[Series] | None, named: Named, *, raw: bool = False) -> Points:
    """Values with their times. `stamps`: the answer of `timestamp(...)` for the same evaluation times.

    Two series of one key (a re-addressed access point) both answer for a while: the one that goes on longer is first.
    """
    known = {s.labels: s for s in stamps or []}
    keys: list[np.ndarray[Any, Any]] = [np.array([], dtype=object)]
    numbers: list[Floats] = [np.empty((3, 0))]
    for series in sorted((s for s in values if len(s.times)), key=lambda s: -float(s.times[-1])):
        key = named.of(series.labels)
        if not key:
            continue
        seen = series.times
        at, value = seen, series.value
        if stamps is not None:
            at = _stamps(series, known.get(series.labels))
            told = np.isfinite(at)  # a value whose time is not told is no sample
            seen, at, value = seen[told], at[told], value[told]
        keys.append(np.full(len(seen), key, dtype=object))
        numbers.append(np.array([at, seen, value]))
    whole = np.concatenate(numbers, axis=1)
    milliseconds = np.rint(whole[:2] * 1000).astype("int64")
    columns = {"key": np.concatenate(keys), "at": milliseconds[0], "seen": milliseconds[1], "value": whole[2]}
    return Points(pd.DataFrame(columns), raw or stamps is not None)


def _stamps(series: Series, stamps: Series | None) -> Floats:
    if stamps is None:
        return np.full(len(series.times), np.nan)
    if len(series.times) == len(stamps.times) == 1:  # instant queries: each may have been evaluated a moment apart
        return stamps.value
    own = dict(zip(stamps.times.tolist(), stamps.value.tolist(), strict=True))
    return np.array([own.get(t, np.nan) for t in series.times.tolist()], dtype="float64")


def measured(found: Points) -> pd.DataFrame:
    """One row per key and measurement: the first evaluation that shows it, in order of time."""
    frame = found.frame.sort_values(["at", "seen"], kind="stable")
    return frame.drop_duplicates(["key", "at"], keep="first").reset_index(drop=True)


def joined(samples: pd.DataFrame, gauge: Points, step_ms: int) -> pd.Series[float]:
    """The gauge's value of each sample (key, at, seen), NaN where it was not measured.

    A gauge scraped together with the sample shares its time to the millisecond: then it counts there only. One of
    another exporter has its own rhythm: its latest value counts, for as long as Prometheus would hold it. A gauge
    without own times counts where it was evaluated together with the sample.
    """
    if samples.empty or gauge.frame.empty:
        return pd.Series(np.nan, index=samples.index, dtype="float64")
    left = samples[["key", "at", "seen"]].assign(row=np.arange(len(samples)))
    if not gauge.stamped:
        right = gauge.frame.drop_duplicates(["key", "seen"], keep="last")[["key", "seen", "value"]]
        found = _nearest(left, right, "seen", "forward", step_ms)
    else:
        right = gauge.frame.drop_duplicates(["key", "at"], keep="first")[["key", "at", "value"]]
        exact = left.merge(right.assign(hit=1.0), on=["key", "at"], how="left")
        together = exact["hit"].sum() * 2 >= min(len(right), len(left))
        found = exact if together else _nearest(left, right, "at", "backward", LOOK_BACK_MS)
    return pd.Series(found.sort_values("row")["value"].to_numpy(), index=samples.index, dtype="float64")


def _nearest(
    left: pd.DataFrame, right: pd.DataFrame, on: str, direction: Literal["backward", "forward"], tolerance: int
) -> pd.DataFrame:
    left, right = left.sort_values(on, kind="stable"), right.sort_values(on, kind="stable")
    return pd.merge_asof(left, right, on=on, by="key", direction=direction, tolerance=tolerance)
