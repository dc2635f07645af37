from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from coc.domain.limits import ApLimits
from coc.metrics.past import availability, availability_by_hour
from coc.metrics.states import present_states
from tests.metrics.cities import wib

NOW = wib("2025-11-24T10:00")
LIMITS = ApLimits()


def samples(pattern: str, every: int = 60, age: int = 0, name: str = "A", **columns: Any) -> pd.DataFrame:
    """One point's samples, the last `age` seconds ago: `+` up, `-` down, a space: none."""
    newest = NOW - timedelta(seconds=age)
    at = [newest - timedelta(seconds=every * i) for i in range(len(pattern) - 1, -1, -1)]
    rows = [{"ap": name, "at": t, "up": p == "+"} for t, p in zip(at, pattern, strict=True) if p != " "]
    return pd.DataFrame(rows).assign(hold=300.0, **columns)


def state(pattern: str, **kwargs: Any) -> Any:
    return present_states(samples(pattern, **kwargs), NOW, LIMITS).iloc[0]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("+", "up"),
        ("-", "down"),  # the first sample decides
        ("++--", "up"),  # two failures are not three
        ("++---", "down"),
        ("++---+", "down"),
        ("++---++", "up"),
        ("++--+--", "up"),  # in a row
        ("---+-+-+", "down"),
    ],
)
def test_three_failures_bring_a_point_down_and_two_successes_up(pattern: str, expected: str) -> None:
    assert state(pattern)["state"] == expected


def test_a_silent_point_has_no_data_from_the_end_of_its_last_sample() -> None:
    assert state("+++", age=300)["state"] == "up"
    silent = state("+++", age=301)
    assert silent["state"] == "no_data"
    assert silent["since"] == NOW - timedelta(seconds=1)


def test_a_state_is_as_old_as_the_sample_that_brought_it() -> None:
    assert state("+++---")["since"] == NOW
    assert state("+++----")["since"] == NOW - timedelta(seconds=60)
    assert state("++++")["since"] == NOW - timedelta(seconds=180)


def test_degraded_is_slow_or_lossy_three_times_and_down_comes_before_it() -> None:
    slow = [10.0, 501.0, 501.0, 501.0]
    assert state("++++", latency_ms=slow)["state"] == "degraded"
    assert state("++++", latency_ms=[10.0, 500.0, 500.0, 500.0])["state"] == "up"
    assert state("++++", loss=[0.0, 0.3, 0.3, 0.3])["state"] == "degraded"
    assert state("++++", latency_ms=[10.0, None, 501.0, 501.0])["state"] == "up"
    assert state("+---", latency_ms=slow)["state"] == "down"


def test_flapping_goes_on_at_six_changes_of_twenty_and_off_below_four() -> None:
    steady = "+" * 20
    assert not state(steady + "-+-+-")["flapping"]
    assert state(steady + "-+-+-+")["flapping"]
    assert state(steady + "-+-+-+" + "+" * 16)["flapping"]  # four changes left of twenty: still on
    assert not state(steady + "-+-+-+" + "+" * 17)["flapping"]
    assert not state(steady + "-+-+--")["flapping"]  # five changes were never enough
    assert not state("-+")["flapping"]  # a new point is not flapping at its first change


def test_a_failure_of_five_minutes_is_none_and_a_second_more_is_one() -> None:
    def down(pattern: str, **kwargs: Any) -> float:
        return float(availability(samples(pattern, **kwargs), NOW, 24, LIMITS)["down_seconds"].iloc[0])

    assert down("+-----+") == 0  # 300 s
    assert down("+------+") == 360
    assert down("+------") == 0  # still going on: measured to now, 300 s
    assert down("+------", age=1) == 301
    assert down("+-     -+") == 0  # a gap of no data ends a spell: 300 s and 60 s


def test_time_without_samples_is_in_neither() -> None:
    found = availability(samples("+      +"), NOW, 24, LIMITS).iloc[0]
    assert found["up_seconds"] == 300
    assert found["coverage"] == pytest.approx(300 / 86400)


def test_a_spell_is_measured_whole_and_then_cut_to_the_window() -> None:
    found = availability(samples("+" + "-" * 10 + "+", every=60, age=86400 - 120), NOW, 24, LIMITS).iloc[0]
    assert found["down_seconds"] == 120  # of 600
    assert found["up_seconds"] == 300


def test_the_clock_hours_of_the_chart_end_with_the_running_one() -> None:
    every = pd.concat([samples("+" * 61, name="A", clients=10), samples("-" * 61, name="B", clients=2)])
    hours = availability_by_hour(every, NOW, 3, LIMITS)
    assert hours["at"].tolist() == [wib("2025-11-24T07:00"), wib("2025-11-24T08:00"), wib("2025-11-24T09:00")]
    assert hours["up_share"].iloc[2] == 0.5
    assert hours["coverage"].tolist() == [0, 0, 1]
    assert hours["clients"].iloc[2] == 12
    assert hours["up_share"].isna().tolist() == [True, True, False]


def test_no_samples_are_no_rows() -> None:
    none = samples("+").iloc[:0]
    assert present_states(none, NOW, LIMITS).empty
    assert availability(none, NOW, 24, LIMITS).empty
    assert availability_by_hour(none, NOW, 24, LIMITS)["up_share"].isna().all()
