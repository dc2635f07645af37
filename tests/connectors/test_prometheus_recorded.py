"""Answers recorded from a real Prometheus, replayed under the requests that brought them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest

from data_connectors.base import Batch, FetchError
from data_connectors.prometheus import Prometheus
from tests.connectors.hostile import Handler, Request, serving

SAMPLES = Path(__file__).parent / "samples" / "prometheus"
INDEX = {one["file"]: one for one in json.loads((SAMPLES / "index.json").read_text())}
NOW = datetime(2026, 11, 23, 23, 56, 40, tzinfo=UTC)
WIFI = 'probe_success{job="wifi_ping"}'


def replay(*names: str, otherwise: str = "error_bad_query.json", **renamed: str) -> Any:
    """Serves each file for the query it was recorded with; `renamed`: file stem -> another query for it."""
    known = {}
    for name in names:
        query = parse_qs(urlsplit(INDEX[name]["path"]).query).get("query", [""])[0]
        known[renamed.get(name.partition(".")[0], query)] = name

    def answer(handler: Handler, request: Request) -> None:
        name = known.get(request.query.get("query", ""), otherwise)
        told = INDEX[name]
        kind = told["headers"].get("content-type", "text/plain")
        handler.say(told["status"], (SAMPLES / name).read_bytes(), kind, location=told["headers"].get("location", ""))

    return answer


def pulled(answer: Any, window: Any, **queries: str) -> tuple[pd.DataFrame, list[Batch]]:
    with serving(answer) as server:
        block = Prometheus.Block(type="prometheus", url=server.url, queries=queries)
        batches = list(Prometheus("wifi", block).pull(window(now=NOW)))
    return pd.concat([b.frame for b in batches], ignore_index=True), batches


def failure(answer: Any, window: Any, **queries: str) -> FetchError:
    with pytest.raises(FetchError) as caught:
        pulled(answer, window, **queries)
    return caught.value


def test_the_measurement_time_is_the_value_of_timestamp(window: Any) -> None:
    files = ("query_probe_success.json", "query_timestamp_probe_success.json", "query_probe_duration_seconds.json")
    frame, batches = pulled(replay(*files), window, up="probe_success", latency_ms="probe_duration_seconds")
    found = frame.set_index("ap")
    assert found.index.tolist() == ["ap-taman-02", "ap-taman-01", "ap-terminal-01"]
    assert found["at"]["ap-taman-01"] == pd.Timestamp(1795478192.121, unit="s", tz="UTC").as_unit("us").round("ms")
    assert found["up"].to_dict() == {"ap-taman-01": True, "ap-taman-02": True, "ap-terminal-01": False}
    assert found["latency_ms"]["ap-taman-01"] == pytest.approx(0.000574944)
    notes = dict(n for b in batches for n in b.notes)
    assert notes["unlabelled"] == "8 of 11 series have no label `ap`"


def test_a_client_count_that_is_no_number_is_null_and_not_zero(window: Any) -> None:
    files = ("query_ap_up.json", "query_ap_clients.json")
    frame, _ = pulled(replay(*files), window, up="wifi_ap_up", clients="wifi_ap_clients")
    clients = dict(zip(frame["ap"], frame["clients"], strict=True))
    assert pd.isna(clients["ap-sekolah-01"])
    assert clients["ap-taman-01"] == 23


def test_one_access_point_under_two_addresses_is_one(window: Any) -> None:
    answer = replay("query_probe_success_wifi.json", "range_probe_success_wifi.json")
    ranged = json.loads((SAMPLES / "range_probe_success_wifi.json").read_text())
    instances = [r["metric"]["instance"] for r in ranged["data"]["result"] if r["metric"]["ap"] == "ap-terminal-01"]
    assert len(instances) == 2

    def both(handler: Handler, request: Request) -> None:
        name = "range_probe_success_wifi.json" if request.path.endswith("range") else "query_probe_success_wifi.json"
        if request.query["query"] == WIFI:
            handler.say(200, (SAMPLES / name).read_bytes())
        else:
            answer(handler, request)

    frame, _ = pulled(both, window, up=WIFI)
    assert sorted(frame["ap"].unique()) == ["ap-taman-01", "ap-taman-02", "ap-terminal-01"]
    assert not frame.duplicated(["ap", "at"]).any()


def test_a_dead_exporter_is_told_from_dead_access_points(window: Any) -> None:
    files = ("query_probe_success_exporter_dead.json", "query_up_exporter_dead.json")
    error = failure(replay(*files, query_up_exporter_dead="up"), window, up="probe_success")
    assert error.code == "exporter_down"


@pytest.mark.parametrize(
    ("file", "health"),
    [("query_empty_frozen_exporter.json", "query_up_frozen_exporter.json"), ("query_unknown_metric.json", "")],
)
def test_an_empty_success_is_a_source_without_data(file: str, health: str, window: Any) -> None:
    query = parse_qs(urlsplit(INDEX[file]["path"]).query)["query"][0]
    files = (file, health) if health else (file,)
    error = failure(replay(*files, query_up_frozen_exporter="up"), window, up=query)
    assert error.code == "source_empty"
    assert ("its exporter answers" in error.detail) == bool(health)


@pytest.mark.parametrize(
    ("file", "code", "words"),
    [
        ("error_bad_query.json", "source_error", "unexpected end of input inside braces"),
        ("error_execution.json", "source_error", "duplicate series"),
        ("error_timeout.json", "source_error", "query timed out"),
        ("error_401.txt", "credentials", "401"),
        ("error_404_wrong_path.txt", "not_found", "/api/v1/query"),
        ("query_scalar.json", "schema_drift", "scalar"),
        ("query_matrix_instant.json", "schema_drift", "matrix"),
    ],
)
def test_recorded_failures_are_said_in_their_own_words(file: str, code: str, words: str, window: Any) -> None:
    error = failure(replay(file, otherwise=file), window, up="up")
    assert error.code == code
    assert words in error.detail


def test_a_base_url_of_the_web_page_is_a_page_for_people(window: Any) -> None:
    def answer(handler: Handler, request: Request) -> None:
        if request.path.startswith("/graph/"):
            handler.say(200, b"<!DOCTYPE html><title>Prometheus</title>", "text/html")
        else:
            told = INDEX["wrong_base_redirect.html"]
            handler.say(301, (SAMPLES / told["file"]).read_bytes(), "text/html", location=told["headers"]["location"])

    assert failure(answer, window, up="up").code == "login_page"
