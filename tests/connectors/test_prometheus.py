"""Samples from Prometheus APIs, able ones and poor ones: each measurement once, at its own time, and never invented."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from coc.domain.datasets import Dataset
from data_connectors.base import Batch, FetchError
from data_connectors.prometheus import Prometheus
from data_connectors.promql import Expression
from tests.connectors import hostile
from tests.connectors.conftest import NOW
from tests.connectors.hostile import Server, serving
from tests.connectors.promserver import Prometheus as Source

T = NOW.timestamp()
QUERIES = {
    "up": "probe_success{job='ap'}",
    "latency_ms": "probe_duration_seconds{job='ap'} * 1000",
    "clients": "ap_clients",
}
WAYS = {
    "able": frozenset({"raw", "range", "timestamp"}),
    "no raw samples": frozenset({"range", "timestamp"}),
    "instant only": frozenset({"timestamp"}),
}


def connector(server: Server, **given: Any) -> Prometheus:
    block = {"type": "prometheus", "url": server.url, "queries": QUERIES, "backfill_days": 2, **given}
    return Prometheus("wifi", Prometheus.Block(**block))


def frame_of(batches: list[Batch]) -> pd.DataFrame:
    frame = pd.concat([b.frame for b in batches], ignore_index=True)
    entity = frame.columns[0]
    return frame.drop_duplicates([entity, "at"]).sort_values([entity, "at"], ignore_index=True)


def notes_of(batches: list[Batch]) -> dict[str, str]:
    return dict(note for b in batches for note in b.notes)


def seconds(frame: pd.DataFrame) -> list[float]:
    return [round(at.timestamp(), 3) for at in frame["at"]]


def city(hours: float = 30, step: float = 60, points: int = 3, **given: Any) -> Source:
    """Access points measured every `step` seconds or so, with gaps; latency and clients in the same scrape, or not."""
    rng = random.Random(5)
    source = Source(T, **given)
    for number in range(points):
        ap, at = f"ap-{number}", T - hours * 3600 + rng.uniform(0, step)
        while at <= T:
            at = round(at, 3)
            up = rng.random() < 0.8
            source.add("probe_success", at, int(up), job="ap", ap=ap)
            source.add("probe_duration_seconds", at, rng.choice([0.02, 0.9]) if up else "stale", job="ap", ap=ap)
            source.add("ap_clients", at, rng.randrange(30), ap=ap)
            at += step if step < 60 or rng.random() < 0.97 else rng.uniform(step, 4000)
    return source


def expected(source: Source, since: float = 0) -> list[tuple[str, float, bool, float | None]]:
    """What is in the source, by hand."""
    rows = []
    for (metric, labels), samples in source.series.items():
        if metric == "probe_success":
            slow = dict(source.series["probe_duration_seconds", labels])
            for at, value in samples:
                latency = None if slow[at] == "stale" else round(float(slow[at]) * 1000, 6)
                rows.append((dict(labels)["ap"], at, value == "1", latency))
    return sorted(r for r in rows if r[1] > since)


def told(frame: pd.DataFrame) -> list[tuple[str, float, bool, float | None]]:
    latency = [None if pd.isna(v) else round(v, 6) for v in frame["latency_ms"]]
    return list(zip(frame["ap"], seconds(frame), frame["up"].tolist(), latency, strict=True))


@pytest.mark.parametrize("unknown", ["400", "drop"])
@pytest.mark.parametrize("way", ["able", "no raw samples"])
def test_a_first_pull_brings_every_measurement_once_at_its_own_time(way: str, unknown: str, window: Any) -> None:
    source = city(can=WAYS[way], unknown=unknown)
    with serving(source) as server:
        batches = list(connector(server).pull(window()))
    assert told(frame_of(batches)) == expected(source)
    assert not notes_of(batches)
    assert {b.dataset for b in batches} == {Dataset.AP_SAMPLES}
    newest = [b.frame["at"].max() for b in batches if not b.frame.empty]
    assert newest == sorted(newest, reverse=True), "newest first, so that a wall lives at once"


@pytest.mark.parametrize("way", ["able", "no raw samples"])
def test_flapping_between_two_pulls_is_seen(way: str, window: Any) -> None:
    source = Source(T, can=WAYS[way])
    for i in range(40):
        source.add("probe_success", T - 600 + 15 * i, i % 2, job="ap", ap="a")
    with serving(source) as server:
        reader = connector(server, queries={"up": QUERIES["up"]})
        batches = list(reader.pull(window(since={Dataset.AP_SAMPLES: NOW - timedelta(seconds=420)})))
    assert frame_of(batches)["up"].astype(int).diff().abs().dropna().eq(1).all()
    assert len(frame_of(batches)) == 28


@pytest.mark.parametrize("way", list(WAYS))
def test_the_same_source_time_again_is_no_new_sample(way: str, window: Any) -> None:
    source = city(hours=1, step=20, can=WAYS[way])
    with serving(source) as server:
        reader = connector(server)
        first = frame_of(list(reader.pull(window())))
        known = {ap: at.to_pydatetime() for ap, at in first.groupby("ap")["at"].max().items()}
        again = list(reader.pull(window(since={Dataset.AP_SAMPLES: NOW - timedelta(minutes=6)}, known=known)))
    assert len(first) >= 3
    assert sum(len(b.frame) for b in again) == 0


@pytest.mark.parametrize("way", ["able", "no raw samples"])
def test_an_outage_of_ours_loses_nothing(way: str, window: Any) -> None:
    source = city(hours=40, can=WAYS[way])
    since = NOW - timedelta(hours=31)
    with serving(source) as server:
        batches = list(connector(server).pull(window(since={Dataset.AP_SAMPLES: since})))
    assert told(frame_of(batches)) == expected(source, since.timestamp())
    oldest_first = [b.frame["at"].min() for b in batches if not b.frame.empty]
    assert oldest_first == sorted(oldest_first)


def test_an_instant_query_alone_gives_the_newest_measurement_and_says_so(window: Any) -> None:
    source = city(hours=1, step=20, can=WAYS["instant only"])
    with serving(source) as server:
        batches = list(connector(server).pull(window()))
    newest = {ap: at for ap, at, _, _ in expected(source) if at > T - 300}
    assert dict(zip(frame_of(batches)["ap"], seconds(frame_of(batches)), strict=True)) == newest
    assert set(notes_of(batches)) == {"no_history"}


def test_without_measurement_times_the_time_of_the_question_is_taken_and_noted(window: Any) -> None:
    source = city(hours=1, step=20, can=frozenset(), unknown="drop")
    with serving(source) as server:
        batches = list(connector(server).pull(window()))
    assert set(seconds(frame_of(batches))) == {T}
    assert set(notes_of(batches)) == {"no_history", "evaluation_time"}


def test_without_measurement_times_history_is_read_in_the_rhythm_of_polling(window: Any) -> None:
    source = Source(T, can=frozenset({"range"}))
    for i in range(60):
        source.add("probe_success", T - 3595 + 60 * i, int(i != 57), job="ap", ap="a")
    with serving(source) as server:
        reader = connector(server, queries={"up": QUERIES["up"]}, every_seconds=60)
        first = frame_of(list(reader.pull(window(full=True))))
        known = {"a": NOW - timedelta(seconds=59.7)}
        later = frame_of(list(reader.pull(window(since={Dataset.AP_SAMPLES: known["a"]}, known=known))))
    recent = first[first["at"] > NOW - timedelta(hours=1)].sort_values("at")
    assert recent["at"].diff().dropna().dt.total_seconds().eq(60).all()
    assert (~recent["up"]).sum() == 1, "one failed measurement is one failure, not three in a row"
    assert seconds(later) == [T]


def test_an_expression_is_read_at_the_time_of_the_question(window: Any) -> None:
    source = city(hours=1, step=20, can=frozenset({"range", "timestamp"}))
    expression = Expression.of("max by (ap) (probe_success)")
    assert expression.selector is None
    with serving(source) as server:
        with pytest.raises(FetchError) as caught:  # this little source knows no aggregation
            list(connector(server, queries={"up": expression.text}).pull(window()))
        assert caught.value.code == "source_error"


@pytest.mark.parametrize(
    ("text", "selector", "scale"),
    [
        ("ap_up", "ap_up", 1),
        ("probe_duration_seconds{job='ap'} * 1000", "probe_duration_seconds{job='ap'}", 1000),
        ('{__name__="x", job=~"a}b"}/8', '{__name__="x", job=~"a}b"}', 0.125),
        ("8 * ap_octets", "ap_octets", 8),
        ("rate(ap_octets[5m]) * 8", None, 1),
        ("up == 1", None, 1),
        ("a + b", None, 1),
        ("up offset 5m", None, 1),
    ],
)
def test_only_a_selector_or_one_times_a_number_is_taken_apart(text: str, selector: str | None, scale: float) -> None:
    found = Expression.of(text)
    assert (found.selector, found.scale) == (selector, scale)


@pytest.mark.parametrize("way", ["able", "no raw samples"])
def test_a_gauge_of_the_same_scrape_counts_at_its_own_time_only(way: str, window: Any) -> None:
    source = Source(T, can=WAYS[way])
    for i, clients in enumerate([5, None, 7, None]):
        source.add("probe_success", T - 180 + 60 * i, 1, job="ap", ap="a")
        if clients is not None:
            source.add("ap_clients", T - 180 + 60 * i, clients, ap="a")
    with serving(source) as server:
        frame = frame_of(list(connector(server).pull(window())))
    assert [None if pd.isna(v) else int(v) for v in frame["clients"]] == [5, None, 7, None]


@pytest.mark.parametrize("way", list(WAYS))
def test_a_gauge_of_another_exporter_counts_until_its_next_value(way: str, window: Any) -> None:
    source = Source(T, can=WAYS[way])
    for i in range(20):
        source.add("probe_success", T - 15 * (19 - i), 1, job="ap", ap="a")
    for i in range(5):
        source.add("ap_clients", T - 285 + 60 * i + 7.5, i, ap="a")
    with serving(source) as server:
        frame = frame_of(list(connector(server).pull(window())))
    assert frame["clients"].iloc[-1] == 4
    assert frame["clients"].dropna().is_monotonic_increasing
    assert frame["clients"].isna().sum() <= 1


def test_no_number_is_null_and_no_state_is_a_problem(window: Any) -> None:
    source = Source(T)
    for ap, up, clients in (("a", 1, "NaN"), ("b", "NaN", 3), ("c", 0.5, 3), ("d", 0, "+Inf")):
        source.add("probe_success", T - 10, up, job="ap", ap=ap)
        source.add("ap_clients", T - 10, clients, ap=ap)
    with serving(source) as server:
        batches = list(connector(server).pull(window()))
    frame = frame_of(batches)
    assert frame["ap"].tolist() == ["a", "d"]
    assert frame["clients"].isna().all()
    problems = {p["source_id"]: (p["field"], p["value"]) for b in batches for p in b.problems}
    assert problems == {"b": ("up", "nan"), "c": ("up", "0.5")}


@pytest.mark.parametrize("way", list(WAYS))
def test_an_access_point_at_a_new_address_stays_one(way: str, window: Any) -> None:
    source = Source(T, can=WAYS[way])
    for i in range(20):
        instance = "192.0.2.10" if i < 18 else "203.0.113.10"
        source.add("probe_success", T - 15 * (19 - i), int(i >= 18), job="ap", ap="a", instance=instance)
    with serving(source) as server:
        frame = frame_of(list(connector(server, queries={"up": QUERIES["up"]}).pull(window())))
    assert frame["ap"].unique().tolist() == ["a"]
    assert frame["at"].is_unique
    assert (seconds(frame)[-1], bool(frame["up"].iloc[-1])) == (T, True)


@pytest.mark.parametrize("way", list(WAYS))
def test_a_dead_exporter_is_not_a_dead_access_point(way: str, window: Any) -> None:
    source = city(hours=1, step=20, can=WAYS[way])
    for samples in source.series.values():
        samples.append((T - 1, "stale"))
    for number in range(3):
        source.add("up", T - 1, 0, job="ap", instance=f"10.0.0.{number}")
    since = {Dataset.AP_SAMPLES: NOW - timedelta(minutes=5)}
    batches: list[Batch] = []
    with serving(source) as server, pytest.raises(FetchError) as caught:
        batches.extend(connector(server).pull(window(since=since)))
    assert caught.value.code == "exporter_down"
    assert "3 targets" in caught.value.detail
    assert all(at < T for b in batches for at in seconds(b.frame))


def test_an_empty_answer_where_rows_are_expected_is_a_source_without_data(window: Any) -> None:
    source = Source(T)
    source.add("up", T - 1, 1, job="ap")
    with serving(source) as server, pytest.raises(FetchError) as caught:
        list(connector(server).pull(window()))
    assert caught.value.code == "source_empty"


def test_a_dead_exporter_among_living_ones_is_noted(window: Any) -> None:
    source = city(hours=1, step=20)
    source.add("up", T - 1, 0, job="ap", instance="a")
    source.add("up", T - 1, 1, job="ap", instance="b")
    with serving(source) as server:
        batches = list(connector(server, health="up{job='ap'}").pull(window()))
    assert notes_of(batches) == {"exporter_down": "1 of 2 targets"}


def test_a_misspelt_gauge_is_noted_and_its_column_is_null(window: Any) -> None:
    with serving(city(hours=1, step=20)) as server:
        batches = list(connector(server, queries={"up": QUERIES["up"], "clients": "ap_klien"}).pull(window()))
    assert "clients" in notes_of(batches)["source_empty"]
    assert frame_of(batches)["clients"].isna().all()


def test_a_time_ahead_is_capped_told_and_not_fresh_at_every_pull(window: Any) -> None:
    source = Source(T, can=frozenset({"timestamp"}))
    labels = (("ap", "a"), ("job", "ap"))

    def ahead(handler: Any, request: Any) -> None:
        query = request.query["query"]
        value = str(T + 7200) if query.startswith("timestamp") else "1"
        source._answer(handler, "vector", [{"metric": dict(labels), "value": [T, value]}])

    with serving(ahead) as server:
        reader = connector(server, queries={"up": QUERIES["up"]})
        batches = list(reader.pull(window()))
        assert seconds(frame_of(batches)) == [T]
        assert notes_of(batches)["clock_ahead"] == "+2 h"
        later = list(reader.pull(window(now=NOW + timedelta(minutes=1), since={Dataset.AP_SAMPLES: NOW})))
    assert sum(len(b.frame) for b in later) == 0


def test_applications_are_read_as_services(window: Any) -> None:
    source = Source(T)
    for name, code in (("ppdb", 200), ("pajak", 0)):
        source.add("probe_success", T - 5, int(code == 200), job="apps", service=name)
        source.add("probe_http_status_code", T - 5, code, job="apps", service=name)
    queries = {"up": 'probe_success{job="apps"}', "status": 'probe_http_status_code{job="apps"}'}
    with serving(source) as server:
        reader = connector(server, queries=queries, dataset="service_samples", label="service")
        batches = list(reader.pull(window()))
        assert reader.provides() == {f"service_samples.{c}" for c in ("service", "at", "up", "status")}
    frame = frame_of(batches)
    assert batches[0].dataset is Dataset.SERVICE_SAMPLES
    assert frame["service"].tolist() == ["pajak", "ppdb"]
    assert frame["status"].astype(object).where(frame["status"].notna(), None).tolist() == [None, 200]


def test_series_without_the_label_are_noted_and_none_with_it_is_drift(window: Any) -> None:
    source = city(hours=1, step=20)
    source.add("probe_success", T - 5, 1, job="ap", instance="x")
    with serving(source) as server:
        assert notes_of(list(connector(server).pull(window())))["unlabelled"].startswith("1 of 4")
        with pytest.raises(FetchError) as caught:
            list(connector(server, label="titik").pull(window()))
    assert caught.value.code == "schema_drift"


def test_history_stops_in_time_for_what_was_read_to_be_stored(window: Any) -> None:
    source = city(hours=30, points=1)

    def slow(handler: Any, request: Any) -> None:
        time.sleep(0.3)
        source(handler, request)

    with serving(slow) as server:
        batches = list(connector(server).pull(window(3)))
    assert len(frame_of(batches)) > 20
    assert "backfill_incomplete" in notes_of(batches)


def test_an_answer_over_the_limit_is_asked_for_in_halves(window: Any) -> None:
    source = city(hours=30, step=40)
    with serving(source) as server:
        batches = list(connector(server, max_mb=0.15).pull(window()))
    assert told(frame_of(batches)) == expected(source)


def test_a_span_that_takes_too_long_is_asked_for_in_halves(window: Any) -> None:
    source = city(hours=30, points=1, can=WAYS["no raw samples"])

    def slow(handler: Any, request: Any) -> None:
        if float(request.query.get("end", 0)) - float(request.query.get("start", 0)) > 14 * 3600:
            handler.server.stop.wait(2)
            return
        source(handler, request)

    with serving(slow) as server:
        batches = list(connector(server, timeout_seconds=0.3, backfill_days=1.2).pull(window()))
    assert told(frame_of(batches)) == [r for r in expected(source) if r[1] > T - 1.2 * 86400]


def test_a_step_of_config_is_never_more_points_than_prometheus_gives(window: Any) -> None:
    source = Source(T, can=WAYS["no raw samples"])
    for i in range(600):
        source.add("probe_success", T - 7 * 3600 + 42 * i, 1, job="ap", ap="a")
    with serving(source) as server:
        reader = connector(server, queries={"up": QUERIES["up"]}, step_seconds=5, backfill_days=1)
        assert len(frame_of(list(reader.pull(window())))) == 600


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (hostile.status(401, b"Unauthorized\n", "text/plain; charset=utf-8"), "credentials"),
        (hostile.status(404, b"404 page not found", "text/plain"), "not_found"),
        (hostile.status(200, b'{"status":"error","error":"kaput"}', "application/json"), "source_error"),
        (hostile.status(200, b'{"status":"success"}', "application/json"), "schema_drift"),
        (
            hostile.status(
                200, b'{"status":"success","data":{"resultType":"vector","result":[1]}}', "application/json"
            ),
            "schema_drift",
        ),
        (
            hostile.status(
                200, b'{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}', "application/json"
            ),
            "schema_drift",
        ),
        (hostile.truncated, "broken"),
    ],
)
def test_each_failure_of_the_source_has_its_code(answer: Any, code: str, window: Any) -> None:
    with serving(answer) as server, pytest.raises(FetchError) as caught:
        list(connector(server).pull(window()))
    assert caught.value.code == code


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("COC_CLOCK", NOW.isoformat())
    return


@pytest.mark.usefixtures("frozen")
def test_check_says_what_it_found() -> None:
    with serving(city(hours=1, step=20)) as server:
        reached = connector(server).check()
    assert (reached.ok, "3 series" in reached.said) == (True, True)
    with serving(Source(datetime(2026, 3, 2, tzinfo=UTC).timestamp())) as server:
        assert connector(server).check().code == "source_empty"
