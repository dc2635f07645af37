"""Where a figure turns bad, and where it is well again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from coc.alerts.findings import CITY, Verdict
from coc.metrics.registry import KpiSpec
from coc.settings.alerts import Rule
from coc.settings.models import Target, UnitTarget

_OF_ANY_SIZE = ("rate", "hours", "days", "ms")  # a unit's figure has the measure of the city's


@dataclass(frozen=True, slots=True)
class Bound:
    """`limit`: beyond it is bad; `clears`: up to it is well; between the two it stays as it is."""

    limit: float
    clears: float
    above: bool

    def verdict(self, value: float) -> Verdict:
        over = value - self.limit if self.above else self.limit - value
        if over > 0:
            return "bad"
        back = value - self.clears if self.above else self.clears - value
        return "well" if back <= 0 else "between"


def bound_of(rule: Rule, spec: KpiSpec, targets: Mapping[str, Target], unit: str) -> Bound | None:
    """None where a rule goes by a target and none is set for the scope."""
    if rule.above is not None:
        return Bound(rule.above, rule.above if rule.clears_at is None else rule.clears_at, above=True)
    if rule.below is not None:
        return Bound(rule.below, rule.below if rule.clears_at is None else rule.clears_at, above=False)
    named = targets.get(spec.id)
    if named is None or rule.misses is None:
        return None
    own = named.units.get(unit, UnitTarget()) if unit != CITY else named
    inherits = unit != CITY and spec.measure in _OF_ANY_SIZE
    target = named.target if own.target is None and inherits else own.target
    warn = named.warn if own.warn is None and inherits else own.warn
    limit = target if rule.misses == "target" else warn
    if limit is None:
        return None
    better = spec.better or (None if None in (target, warn) else "up" if (warn or 0) < (target or 0) else "down")
    return None if better is None else Bound(limit, limit, above=better == "down")
