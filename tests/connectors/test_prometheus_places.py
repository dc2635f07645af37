"""Links, and applications as they are seen from several places, from a Prometheus."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from coc.domain.datasets import Dataset, seen_from
from data_connectors.prometheus import Prometheus
from tests.connectors.conftest import NOW
from tests.connectors.hostile import serving
from tests.connectors.promserver import Prometheus as Source
from tests.connectors.test_prometheus import WAYS, T, connector, frame_of


def test_links_are_read_with_their_loss(window: Any) -> None:
    source = Source(T)
    source.add("probe_success", T - 5, 1, job="links", link="uplink")
    source.add("link_loss", T - 5, 0.25, job="links", link="uplink")
    queries = {"up": "probe_success{job='links'}", "loss": "link_loss{job='links'}"}
    with serving(source) as server:
        reader = connector(server, queries=queries, dataset="link_samples", label="link")
        batches = list(reader.pull(window()))
    assert {b.dataset for b in batches} == {Dataset.LINK_SAMPLES}
    found = frame_of(batches).iloc[0]
    assert (found["link"], found["up"], found["loss"]) == ("uplink", True, 0.25)


def from_three_places(**given: Any) -> Source:
    """The same application measured in the COC's room and at two sites, half a minute apart."""
    source = Source(T, **given)
    for back in range(40, 0, -1):
        for late, place in enumerate(("", "SMPN-1", "LURAH-2")):
            named = {"vantage": place} if place else {}
            source.add("probe_success", T - 60 * back + 15 * late, int(not late), job="apps", service="ppdb", **named)
    return source


BY_PLACE = {
    "queries": {"up": 'probe_success{job="apps"}'},
    "dataset": "service_samples",
    "label": "service",
    "vantage_label": "vantage",
}


@pytest.mark.parametrize("way", list(WAYS))
def test_a_service_is_read_from_each_vantage_by_itself(way: str, window: Any) -> None:
    with serving(from_three_places(can=WAYS[way])) as server:
        batches = list(connector(server, **BY_PLACE).pull(window()))
    frame = pd.concat([b.frame for b in batches]).drop_duplicates(["vantage", "at"])
    expected = 1 if way == "instant only" else 40
    assert frame["vantage"].fillna("").value_counts().to_dict() == {
        "": expected,
        "SMPN-1": expected,
        "LURAH-2": expected,
    }
    assert set(frame[frame["vantage"].isna()]["up"]) == {True}
    assert set(frame[frame["vantage"] == "SMPN-1"]["up"]) == {False}


def test_what_is_known_from_one_vantage_hides_nothing_of_another(window: Any) -> None:
    known = {"ppdb": NOW, seen_from("ppdb", ""): NOW, seen_from("ppdb", "SMPN-1"): NOW - timedelta(minutes=3)}
    with serving(from_three_places()) as server:
        since = {Dataset.SERVICE_SAMPLES: NOW - timedelta(minutes=10)}
        frame = frame_of(list(connector(server, **BY_PLACE).pull(window(since=since, known=known))))
    assert frame["vantage"].value_counts().to_dict() == {"LURAH-2": 10, "SMPN-1": 3}


def test_a_whole_prometheus_may_stand_at_a_site(window: Any) -> None:
    block = {k: v for k, v in BY_PLACE.items() if k != "vantage_label"} | {"vantage": "SMPN-1"}
    source = Source(T)
    source.add("probe_success", T - 5, 1, job="apps", service="ppdb")
    with serving(source) as server:
        frame = frame_of(list(connector(server, **block).pull(window())))
    assert frame["vantage"].tolist() == ["SMPN-1"]


@pytest.mark.parametrize("given", [{"vantage": "a", "vantage_label": "b"}, {"vantage": "a", "dataset": "link_samples"}])
def test_a_vantage_that_cannot_be_meant_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="vantage"):
        Prometheus.Block(**{"type": "prometheus", "url": "http://x", **BY_PLACE, **given})
