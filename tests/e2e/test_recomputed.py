"""A city served by another implementation, pulled and read over the API: every value recomputed by hand."""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from coc.metrics import registered
from tests.e2e import samples_oracle
from tests.e2e.city import MadeCity, make
from tests.e2e.commands import API_TOKEN, NOW, Served, pull
from tests.e2e.oracle import Oracle, when
from tests.e2e.past_oracle import day_end, oracle_at
from tests.e2e.samples_oracle import Sample
from tests.e2e.sources import TOKEN, Series, Sources

LETTER_IDS = ("registered_today", "completed_today", "paperless_rate", "undispositioned")
FOLLOW_UP_IDS = ("followup_hours_p50", "followup_hours_p85", "followup_hours_p95")
DISPOSITION_IDS = ("backlog", "overdue", "due_soon", "on_time_rate", *FOLLOW_UP_IDS)
MAIL = [f"correspondence.{i}" for i in LETTER_IDS] + [f"disposition.{i}" for i in DISPOSITION_IDS]


def _samples(rng: random.Random, now: float, step: int) -> list[Sample]:
    found, at, up = [], now - 30 * 3600 + rng.uniform(0, step), True
    while at <= now:
        up = up if rng.random() < 0.9 else not up
        latency = rng.choice([20.0, 80.0, 900.0]) if up else None
        found.append(Sample(round(at, 3), up, latency, rng.randrange(30)))
        at += step if rng.random() < 0.98 else rng.choice([600, 4000])  # gaps
    return found


def _series(points: dict[str, list[Sample]], job: str) -> Series:
    series = Series()
    for key, samples in points.items():
        for s in samples:
            series.add("probe_success", job, key, s.at, float(s.up))
            if s.latency_ms is not None:
                series.add("probe_duration_seconds", job, key, s.at, s.latency_ms / 1000)
            if s.clients is not None:
                series.add("ap_clients", job, key, s.at, float(s.clients))
    return series


def _config(folder: Path, url: str, more: dict[str, Any]) -> Path:
    digest = hashlib.sha256(API_TOKEN.encode()).hexdigest()
    queries = {"up": "probe_success{job='ap'}", "latency_ms": "probe_duration_seconds{job='ap'} * 1000"}
    queries["clients"] = "ap_clients"
    config = {
        "connectors": {
            "lain": {"type": "sipadek", "url": f"{url}/coc/v1", "auth": {"bearer": TOKEN}},
            "wifi": {"type": "prometheus", "url": url, "every_seconds": 60, "label": "ap", "queries": queries},
        },
        "access": {"api_tokens": {"checker": {"sha256": digest, "role": "operator", "expires": "2099-01-01"}}},
        **more,
    }
    path = folder / "config.yaml"
    path.write_text(json.dumps(config))  # JSON is YAML
    return path


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((1, "sqlite"), id="1 on sqlite"),
        pytest.param((2, "postgresql"), id="2 on postgresql", marks=pytest.mark.slow),
    ],
)
def pulled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """(made city, samples by access point, the API's fetch function) after one full pull under a frozen clock."""
    folder = tmp_path_factory.mktemp("lain")
    seed, kind = request.param
    rng = random.Random(seed)
    city: MadeCity = make(seed, NOW)
    points = {f"ap-{i}": _samples(rng, NOW.timestamp() - rng.choice([0, 0, 900]), 60) for i in range(8)}
    sources = Sources(city, _series(points, "ap"))
    stores = {}
    if kind == "postgresql":
        create = request.getfixturevalue("postgres").create
        stores = {"store": {"url": create(), "control_url": create()}}
    config = _config(folder, sources.url, stores)
    pull(config)
    with Served(config, "--no-scheduler") as fetch:
        yield city, points, fetch, config
    sources.close()


def _values(fetch: Callable[[str], dict[str, Any]], window: str, unit: str | None) -> dict[str, float | None]:
    tail = f"&unit={unit}" if unit else ""
    return {item["id"]: item["value"] for item in fetch(f"/api/v1/kpis?window={window}{tail}")["items"]}


@pytest.mark.parametrize("window", ["7d", "30d", "90d"])
@pytest.mark.parametrize("unit", [None, "DISDIK", "DINKES", "KOMINFO", "KEC-01", "SEPI"])
def test_every_letter_and_disposition_kpi_is_what_the_sentences_of_the_domain_give(
    pulled: Any, window: str, unit: str | None
) -> None:
    city, _, fetch, _ = pulled
    oracle = Oracle(city.units, city.letters, city.dispositions, NOW)
    got = _values(fetch, window, unit)
    expected = {kpi: oracle.value(kpi, unit, window) for kpi in MAIL}
    assert {k: got[k] for k in MAIL} == pytest.approx(expected, abs=1e-6, nan_ok=True)


def test_every_wifi_kpi_is_what_the_samples_say(pulled: Any) -> None:
    _, points, fetch, _ = pulled
    now = NOW.timestamp()
    states = [samples_oracle.state(s, now) for s in points.values()]
    times = [samples_oracle.up_and_down(s, now) for s in points.values()]
    up, down = sum(t[0] for t in times), sum(t[1] for t in times)
    got = _values(fetch, "30d", None)
    assert {s: got[f"wifi.{s}"] for s in ("up", "degraded", "down", "no_data")} == {
        s: states.count(s) for s in ("up", "degraded", "down", "no_data")
    }
    heard = [s[-1] for s, state in zip(points.values(), states, strict=True) if state != "no_data"]
    assert got["wifi.clients"] == sum(s.clients or 0 for s in heard)
    assert got["wifi.availability_24h"] == pytest.approx(up / (up + down), abs=1e-6)


def test_a_second_full_pull_stores_nothing_and_moves_no_epoch(pulled: Any) -> None:
    city, _, fetch, config = pulled
    before = fetch("/api/v1/kpis?window=30d")["epoch"]
    again = pull(config)
    assert [again[n]["stored"] for n in ("lain", "wifi")] == [0, 0]
    assert again["lain"]["unchanged"] == len(city.units) + len(city.letters) + len(city.dispositions)
    assert fetch("/api/v1/kpis?window=30d")["epoch"] == before


@pytest.mark.parametrize("unit", [None, "DINKES"])
def test_every_day_of_a_series_is_what_a_person_with_a_pencil_gets_for_its_end(pulled: Any, unit: str | None) -> None:
    city, _, fetch, _ = pulled
    ids = [i for i in registered() if not i.startswith(("wifi.", "apps."))]
    today, tail = NOW.date(), f"&unit={unit}" if unit else ""
    oracles = {ago: oracle_at(city, day_end(today - timedelta(days=ago))) for ago in (1, 9, 40)}
    for kpi in ids:
        points = fetch(f"/api/v1/series/{kpi}?from={today - timedelta(days=40)}{tail}")["items"]
        assert [p["at"] for p in points[:2]] == ["2026-01-21T00:00:00+07:00", "2026-01-22T00:00:00+07:00"]
        assert len(points) == 41
        for ago, oracle in oracles.items():
            point = points[-1 - ago]
            assert point["value"] == pytest.approx(oracle.value(kpi, unit or "", "30d"), abs=1e-6), (kpi, ago)
            assert (point["state"], point["corrected"]) == (oracle.state(kpi, unit or "", "30d"), False)
        (figure,) = fetch(f"/api/v1/kpis/{kpi}?window=30d{tail}")["items"]
        assert (points[-1]["value"], points[-1]["state"]) == (figure["value"], figure["state"])


def test_a_week_is_told_at_its_sunday_and_begins_on_its_monday(pulled: Any) -> None:
    city, _, fetch, _ = pulled
    points = fetch("/api/v1/series/disposition.backlog?bucket=week")["items"]
    assert len(points) == 13
    assert points[-1]["at"] == "2026-03-02T00:00:00+07:00"  # a Monday: the running week
    assert points[-2]["at"] == "2026-02-23T00:00:00+07:00"
    assert points[-2]["value"] == oracle_at(city, day_end(NOW.date() - timedelta(days=1))).value(
        "disposition.backlog", "", "30d"
    )


def test_days_that_nobody_knows_of_are_gaps(pulled: Any) -> None:
    *_, fetch, _ = pulled
    points = fetch("/api/v1/series/correspondence.registered_today?from=2025-10-01&to=2025-10-02")["items"]
    points += fetch("/api/v1/series/wifi.up?from=2026-03-01&to=2026-03-04")["items"]
    assert [(p["value"], p["state"]) for p in points if p["at"] != "2026-03-02T00:00:00+07:00"] == [
        (None, "no_data")
    ] * 5


def test_a_letter_that_is_known_late_to_be_done_corrects_its_day_and_nothing_else(pulled: Any) -> None:
    city, _, fetch, config = pulled
    done = (NOW - timedelta(days=21)).replace(hour=9)
    ids = ("correspondence.completed_today", "correspondence.registered_today", "disposition.backlog")
    since = f"from={(NOW - timedelta(days=60)).date()}"
    queries = [f"/api/v1/series/{kpi}?{since}{unit}" for kpi in ids for unit in ("", "&unit=DISDIK")]
    before = [fetch(query)["items"] for query in queries]
    assert not any(p["corrected"] for points in before for p in points)

    letter = next(
        x
        for x in city.letters
        if not x["deleted"] and not x["completed_at"] and x["unit"] == "DISDIK" and when(x["registered_at"]) < done
    )
    letter |= {"completed_at": done.isoformat(), "updated_at": NOW.isoformat()}
    pull(config)
    day = f"{done.date()}T00:00:00+07:00"
    expected = [
        [
            p | {"value": p["value"] + 1, "corrected": True} if p["at"] == day and "completed_today" in query else p
            for p in points
        ]
        for query, points in zip(queries, before, strict=True)
    ]
    _until(lambda: [fetch(query)["items"] for query in queries] == expected)
    assert [fetch(query)["items"] for query in queries] == expected


def _until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """The server builds its boards a moment after another process's commit."""
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.3)
