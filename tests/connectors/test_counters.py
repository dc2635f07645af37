"""Rates of counters that only grow, until their device starts again."""

from __future__ import annotations

import pytest

from data_connectors.counters import Counters, Reading


@pytest.mark.parametrize(
    ("later", "rate"),
    [
        (Reading(400, 4_000, 8_000, uptime=900), (80.0, 160.0)),
        (Reading(400, 4_000, 8_000, uptime=899), (80.0, 160.0)),  # uptimes are whole seconds
        (Reading(400, 500, 8_000, uptime=None), (None, None)),
        (Reading(400, 4_000, 8_000, uptime=100), (None, None)),
        (Reading(2_400, 4_000, 8_000, uptime=700), (None, None)),  # longer than before, yet not since before
    ],
)
def test_a_restart_between_two_readings_gives_no_rate(later: Reading, rate: tuple[float | None, ...]) -> None:
    counters = Counters(3_000)
    assert counters.rate("ap", Reading(100, 1_000, 2_000, uptime=600)) == (None, None)
    assert counters.rate("ap", later) == rate
