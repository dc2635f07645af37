"""Recorded histories whose truth is known: the state, the events and the availability that each must give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from coc.domain.datasets import Dataset
from coc.metrics import City, points
from coc.metrics.outages import outages
from tests.metrics import cities
from tests.metrics.histories import NOW, heard


@dataclass(frozen=True)
class Truth:
    """`state` now, `flapping`, seconds up and down in 24 h, and the events' kinds, each silent or not."""

    state: str
    up: float
    down: float
    events: tuple[tuple[str, bool], ...] = ()
    flapping: bool = False


HOUR = "+" * 60
# What was heard of A, once a minute; B stands beside it and is well, but where a history says that the source was not.
HISTORIES: dict[str, tuple[str, Truth]] = {
    "all is well": (HOUR + "+", Truth("up", 3600, 0)),
    "one answer is lost": (HOUR + "-" + "+" * 9, Truth("up", 69 * 60, 0)),
    "a spell of five minutes is none": (HOUR + "-" * 5 + "+" * 10, Truth("up", 74 * 60, 0, (("ap", False),))),
    "a spell of six minutes counts whole": (HOUR + "-" * 6 + "+" * 10, Truth("up", 69 * 60, 360, (("ap", False),))),
    "two failures in a row are no fall": (HOUR + "--" + "+" * 9, Truth("up", 70 * 60, 0)),
    "it fell and stays down": (HOUR + "-" * 31, Truth("down", 3600, 1800, (("ap", False),))),
    "one success does not bring it back": (HOUR + "-" * 30 + "+", Truth("down", 3600, 1800, (("ap", False),))),
    "nothing was heard for 20 minutes": (HOUR + " " * 20 + "++", Truth("up", 3540 + 300 + 60, 0, (("ap", True),))),
    "a gap is no time": (HOUR + "-" * 10 + " " * 20 + "-" * 10, Truth("down", 3600, 840 + 540, (("ap", False),))),
    "the hold of a last failure is down time": (HOUR + "--" + " " * 9 + "++", Truth("up", 3600 + 60, 360)),
    "a gap parts two short spells": (HOUR + "-" + " " * 9 + "-++", Truth("up", 3600 + 300 + 60 + 60, 0)),
    "it flaps": (HOUR + "+-" * 15, Truth("up", 89 * 60, 0, (), flapping=True)),
    "it flaps slowly": (HOUR + "---+++" * 5, Truth("up", 89 * 60, 0, (("ap", False),), flapping=True)),
    "it never answered": ("-" * 31, Truth("down", 0, 1800, (("ap", False),))),
    "it was silent before and is silent now": (HOUR + " " * 30, Truth("no_data", 59 * 60 + 300, 0, (("ap", True),))),
}


def city(text: str, **more: Any) -> City:
    rows = heard("A", text, **more) + heard("B", "+" * 120)
    return cities.city(NOW, access_points=[{"source_id": a, "site": a} for a in "AB"], ap_samples=rows)


def told(made: City) -> Truth:
    state = points.states(made, Dataset.AP_SAMPLES).loc["A"]
    known = points.known(made, Dataset.AP_SAMPLES, 24).loc["A"]
    events = outages(made)
    found = tuple(zip(events["kind"], events["silent"], strict=True))
    return Truth(state["state"], known["up_seconds"], known["down_seconds"], found, bool(state["flapping"]))


@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_gives_its_truth(name: str) -> None:
    text, truth = HISTORIES[name]
    assert told(city(text)) == truth


def test_a_clock_that_is_ahead_says_nothing_of_the_future() -> None:
    ahead = city(HOUR + "-" * 31, ends=-600)  # the last ten minutes are still to come
    assert told(ahead) == Truth("down", 3600, 1200, (("ap", False),))


def test_a_frozen_exporter_is_silence_of_the_source_and_no_fall() -> None:
    """The same source time again is no new sample: what is left is a last sample that grows old."""
    frozen = cities.city(
        NOW,
        access_points=[{"source_id": a, "site": "S"} for a in "AB"],
        ap_samples=heard("A", HOUR, ends=1800) + heard("B", HOUR, ends=1790),
    )
    assert points.states(frozen, Dataset.AP_SAMPLES)["state"].tolist() == ["no_data", "no_data"]
    assert outages(frozen)["kind"].tolist() == ["source"]
    assert points.known(frozen, Dataset.AP_SAMPLES, 24)["down_seconds"].sum() == 0


def test_a_counter_that_restarts_changes_no_state() -> None:
    rates: list[float | None] = [1e6] * 30 + [None] + [1e6] * 30  # the connector gives no rate over a restart
    rows = [row | {"rx_bps": rate} for row, rate in zip(heard("A", HOUR + "+"), rates, strict=True)]
    made = cities.city(NOW, access_points=[{"source_id": "A"}], ap_samples=rows)
    assert points.states(made, Dataset.AP_SAMPLES)["state"].tolist() == ["up"]
    assert outages(made).empty
