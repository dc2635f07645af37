"""Where a figure should be: the target of the city or of a unit, and the band in which a value lies.

The direction is the KPI's own (`KpiSpec.better`). One without a good direction takes it from its band: a warn below
the target means that higher is better, one above it the opposite; without a warn the target is told, not judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from coc.metrics.registry import Better, KpiSpec, registered
from coc.settings.models import Target, UnitTarget
from coc.ui.context import Context
from coc.ui.format import Writer

State = Literal["met", "near", "missed", "noted"]
# What a part of the city has in the measure of the whole. Counts and sheets add up: a unit's share of them is its own
# business, and the city's target says nothing of it.
_OF_ANY_SIZE: Final = ("rate", "hours", "days", "ms")


@dataclass(frozen=True, slots=True)
class Band:
    """`warn`: up to where a value that misses the target is near it; None: it is near nowhere."""

    target: float
    warn: float | None
    better: Better

    def state(self, value: float) -> State:
        if self.better is None:
            return "noted"
        if self._reaches(value, self.target):
            return "met"
        return "near" if self.warn is not None and self._reaches(value, self.warn) else "missed"

    def _reaches(self, value: float, bound: float) -> bool:
        return value <= bound if self.better == "down" else value >= bound


def band_of(targets: Mapping[str, Target], spec: KpiSpec, unit: str = "") -> Band | None:
    """The band of a unit, "" for the city; None where no target is set for it.

    What `targets.<id>.units.<code>` leaves out is the city's, for measures that do not grow with the size. A warn that
    is not worse than its target (the city's beside a unit's easier target) is none.
    """
    named = targets.get(spec.id)
    if named is None:
        return None
    city = UnitTarget(target=named.target, warn=named.warn)
    if not unit:
        return _band(city, spec.better)
    own = named.units.get(unit, UnitTarget())
    if spec.measure not in _OF_ANY_SIZE:
        return _band(own, spec.better)
    pairs = ((a, b) for a, b in ((own.target, city.target), (own.warn, city.warn)))
    target, warn = (b if a is None else a for a, b in pairs)
    return _band(UnitTarget(target=target, warn=warn), spec.better)


def _band(of: UnitTarget, better: Better) -> Band | None:
    if of.target is None:
        return None
    if of.warn is None or of.warn == of.target:
        return Band(of.target, None, better)
    shown: Literal["up", "down"] = "up" if of.warn < of.target else "down"
    return Band(of.target, of.warn, shown) if better in (None, shown) else Band(of.target, None, better)


def band(ctx: Context, kpi: str) -> Band | None:
    """The band of the view's scope."""
    return band_of(ctx.view.settings.targets, registered()[kpi], ctx.view.scope)


def written(writer: Writer, value: float, measure: str) -> str:
    """A target as it was set: as many decimals as it has, up to three; rates in percent."""
    shown = value * 100 if measure == "rate" else value
    decimals = next((d for d in range(3) if abs(round(shown, d) - shown) < 1e-9), 3)
    return writer.number(shown, decimals) + (writer.percent_sign if measure == "rate" else "")
