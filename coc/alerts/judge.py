"""From figures, feeds and the network to findings. Pure: frames and rules in, findings out.

Figures are those of the public population: what a secret letter does to a figure fires nothing (decision 122).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import pandas as pd

from coc.alerts.bands import bound_of
from coc.alerts.findings import CITY, EVERYTHING, Finding
from coc.metrics.registry import KpiSpec
from coc.settings.alerts import Rule
from coc.settings.models import Target

SMALL: Final = 5  # a unit's count of 1 to 4 is a masked cell
_HOLDS: Final = ("ok", "unstable")
Names = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Figures:
    """`values`: (id, unit, window) -> (value, state). `shown`: the (id, unit) of units that may leave the house."""

    values: Mapping[tuple[str, str, str], tuple[float, str]]
    units: Collection[str] = ()
    names: Names = field(default_factory=dict)
    shown: frozenset[tuple[str, str]] = frozenset()


def values_of(kpis: pd.DataFrame) -> dict[tuple[str, str, str], tuple[float, str]]:
    """The figures of a board's KPI frame."""
    columns = [kpis[c].tolist() for c in ("id", "unit", "window", "value", "state")]
    return {(i, u, w): (v, s) for i, u, w, v, s in zip(*columns, strict=True)}


def of_figures(
    rules: Mapping[str, Rule], figures: Figures, specs: Mapping[str, KpiSpec], targets: Mapping[str, Target]
) -> Iterator[Finding]:
    """A finding a rule and scope that has a figure at all."""
    for name, rule in rules.items():
        if rule.kpi is None or rule.kpi not in specs:
            continue
        spec = specs[rule.kpi]
        asked = figures.units if rule.unit == EVERYTHING else (rule.unit or CITY,)
        for unit in asked:
            held = figures.values.get((rule.kpi, unit, rule.window))
            bound = bound_of(rule, spec, targets, unit)
            if held is None or bound is None:
                continue
            value, state = held
            known = state in _HOLDS and value == value and not _is_small(spec, unit, value)
            yield Finding(
                name,
                unit,
                "kpi",
                figures.names.get(unit, unit),
                bound.verdict(value) if known else "unknown",
                float(value) if known else None,
                bound.limit,
                tellable=unit == CITY or (rule.kpi, unit) in figures.shown,
            )


def _is_small(spec: KpiSpec, unit: str, value: float) -> bool:
    return unit != CITY and spec.measure == "count" and 0 < abs(value) < SMALL


def of_feeds(rules: Mapping[str, Rule], feeds: pd.DataFrame) -> Iterator[Finding]:
    """`feeds`: name, state, and where known last_good. A feed that is disabled is well: somebody wanted it so."""
    rows = feeds.to_dict("records")
    for name, rule in rules.items():
        if rule.feed is None:
            continue
        for row in rows:
            if rule.feed in (EVERYTHING, row["name"]):
                state = str(row["state"])
                bad = state in rule.states
                yield Finding(
                    name,
                    str(row["name"]),
                    "feed",
                    str(row["name"]),
                    "bad" if bad else "well",
                    since=_began(row, state) if bad else None,
                    detail=state,
                )


def _began(row: Mapping[Any, Any], state: str) -> datetime | None:
    """When a feed got into its state, where its row tells."""
    at = row.get({"failing": "failing_since", "frozen": "frozen_since"}.get(state, ""))
    return None if at is None or pd.isna(at) else pd.Timestamp(at).to_pydatetime()
