"""Figures and feeds against rules: what is masked or unknown fires nothing, and what of a unit stays in the house."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from coc.alerts.findings import Finding
from coc.alerts.judge import Figures, of_feeds, of_figures, values_of
from coc.metrics.registry import registered
from coc.settings.alerts import Rule
from coc.settings.models import Target, UnitTarget


def figures(*rows: tuple[str, str, float, str], shown: frozenset[tuple[str, str]] = frozenset()) -> Figures:
    frame = pd.DataFrame(rows, columns=["id", "unit", "value", "state"]).assign(window="30d")
    units = [unit for unit in dict.fromkeys(frame["unit"]) if unit]
    return Figures(values_of(frame), units, {"DISDIK": "Dinas Pendidikan"}, shown)


def judged(seen: Figures, targets: dict[str, Target] | None = None, **rule: Any) -> list[Finding]:
    asked = Rule.model_validate({"kpi": "disposition.overdue", **rule})
    return list(of_figures({"r": asked}, seen, registered(), targets or {}))


@pytest.mark.parametrize(
    ("value", "state", "verdict"),
    [
        (11, "ok", "bad"), (10, "ok", "between"), (8, "ok", "well"), (11, "unstable", "bad"),
        (None, "no_data", "unknown"), (None, "masked", "unknown"), (None, "not_recorded", "unknown"),
        (float("nan"), "ok", "unknown"),
    ],
)  # fmt: skip
def test_a_figure_is_bad_beyond_its_threshold_and_unknown_without_a_value(
    value: float, state: str, verdict: str
) -> None:
    [found] = judged(figures(("disposition.overdue", "", value, state)), above=10, clears_at=9)
    assert found.verdict == verdict


def test_a_lower_threshold_is_one_from_below() -> None:
    seen = figures(("wifi.availability_24h", "", 0.91, "ok"))
    [found] = judged(seen, kpi="wifi.availability_24h", below=0.9, clears_at=0.92)
    assert found.verdict == "between"


def test_each_unit_is_judged_and_a_small_count_is_as_masked() -> None:
    rows = [("disposition.overdue", unit, n, "ok") for unit, n in (("", 40), ("DISDIK", 12), ("DINKES", 4))]
    shown = frozenset({("disposition.overdue", "DISDIK")})
    found = judged(figures(*rows, shown=shown), unit="*", above=2)
    told = [(f.scope, f.name, f.verdict, f.tellable) for f in found]
    assert told == [("DISDIK", "Dinas Pendidikan", "bad", True), ("DINKES", "DINKES", "unknown", False)]


def test_a_target_is_missed_or_far_from_it_in_the_good_direction_of_its_figure() -> None:
    targets = {"disposition.on_time_rate": Target(target=0.9, warn=0.8, units={"DISDIK": UnitTarget(warn=0.7)})}
    seen = figures(("disposition.on_time_rate", "", 0.85, "ok"), ("disposition.on_time_rate", "DISDIK", 0.75, "ok"))

    def verdicts(**rule: Any) -> list[str]:
        return [f.verdict for f in judged(seen, targets, kpi="disposition.on_time_rate", **rule)]

    assert verdicts(misses="target") == ["bad"]
    assert verdicts(misses="warn") == ["well"]
    assert verdicts(misses="warn", unit="DISDIK") == ["well"]
    assert verdicts(misses="target", unit="DISDIK") == ["bad"]
    assert judged(seen, {}, kpi="disposition.on_time_rate", misses="warn") == []


def test_a_feed_is_bad_in_the_states_that_its_rule_names() -> None:
    feeds = pd.DataFrame({"name": ["sipadek", "wifi", "titik"], "state": ["failing", "late", "disabled"]})
    rules = {
        "every": Rule.model_validate({"feed": "*"}),
        "one": Rule.model_validate({"feed": "wifi", "states": ["late"]}),
    }
    found = [(f.rule, f.scope, f.verdict, f.detail) for f in of_feeds(rules, feeds)]
    assert found == [
        ("every", "sipadek", "bad", "failing"),
        ("every", "wifi", "well", "late"),
        ("every", "titik", "well", "disabled"),
        ("one", "wifi", "bad", "late"),
    ]
