"""A probe at a site over real HTTP: what it is asked to look at, what it may tell, and what it may not see."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from coc.domain.calendar_spec import CalendarSettings
from coc.domain.datasets import Dataset
from coc.domain.worktime import build_calendars
from coc.ingest import feed_states
from coc.settings.models import Access, ApiToken, Settings
from coc.store import open_store
from data_connectors.probe import Probe
from tests.live.serving import NOW, Answer, Served, digest, served
from tests.metrics.cities import unit_list

SERVICES, LINKS = Dataset.SERVICE_SAMPLES, Dataset.LINK_SAMPLES
SECRET = "probe-secret"
BLOCK = {
    "type": "probe",
    "vantage": "SMPN-1",
    "token": "smpn-1",
    "services": {"ppdb": {"url": "https://ppdb.example.go.id/", "expect": {"text": "Daftar"}}},
    "links": {"uplink": {"to": "10.20.0.1:443", "provider": "ISP"}},
}
TOKENS = {
    "smpn-1": ApiToken(sha256=digest(SECRET), role="probe"),
    "stray": ApiToken(sha256=digest("stray"), role="probe"),
    "operator": ApiToken(sha256=digest("op"), role="operator"),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    settings = Settings(connectors={"smpn1": Probe.Block(**BLOCK)}, access=Access(api_tokens=TOKENS))
    with served(settings) as found:
        yield found


@pytest.fixture
def site(server: Served, tmp_path: Path) -> Iterator[Served]:
    server.services.store = open_store(f"sqlite:///{tmp_path}/coc.db")
    yield server
    server.services.store.close()


def ask(site: Served, secret: str = SECRET, path: str = "/api/v1/probe") -> Answer:
    return site.ask(path, headers={"Authorization": f"Bearer {secret}"})


def tell(site: Served, secret: str = SECRET, **report: Any) -> Answer:
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    return site.ask("/api/v1/probe", "POST", headers, orjson.dumps(report))


def seen(minutes: int = 0, **more: Any) -> dict[str, Any]:
    at = (NOW - timedelta(minutes=minutes)).isoformat()
    return {"service": "ppdb", "at": at, "up": True, "status": 200, "latency_ms": 140.5, "reason": None, **more}


def held(site: Served, dataset: Dataset = SERVICES) -> Any:
    return site.services.store.samples(dataset, NOW - timedelta(days=2))


def notes(site: Served) -> dict[str, str]:
    settings = site.services.settings
    calendars = build_calendars(CalendarSettings(), "Asia/Jakarta", unit_list())
    (feed,) = feed_states(site.services.store, settings, "live", site.services.clock, calendars)
    return {"state": feed.state, **dict(feed.notes)}


def test_it_is_told_what_to_look_at_and_no_more(site: Served) -> None:
    body = ask(site).json
    assert body == {
        "now": NOW.isoformat(),
        "vantage": "SMPN-1",
        "every_seconds": 60,
        "timeout_seconds": 10,
        "verify": True,
        "services": {
            "ppdb": {
                "url": "https://ppdb.example.go.id/",
                "expect": {"status": 200, "text": "Daftar", "login": False},
            }
        },
        "links": {"uplink": {"to": ["10.20.0.1:443"], "tries": 5, "try_seconds": 2}},
    }


def test_what_it_saw_is_stored_as_seen_from_its_site(site: Served) -> None:
    assert notes(site)["state"] == "never"
    link = {"link": "uplink", "at": NOW.isoformat(), "up": True, "latency_ms": 9.5, "loss": 0.2}
    answer = tell(site, service_samples=[seen(2), seen(1, up=False, status=503, reason="status")], link_samples=[link])
    assert (answer.status, answer.json["stored"], answer.json["now"]) == (200, 4, NOW.isoformat())  # a link is listed
    frame = held(site).sort_values("at")
    assert frame["vantage"].tolist() == ["SMPN-1", "SMPN-1"]
    assert frame["up"].tolist() == [True, False]
    assert frame["reason"].fillna("").tolist() == ["", "status"]
    assert held(site, LINKS)["loss"].tolist() == [0.2]
    assert site.services.store.table(Dataset.LINKS)["provider"].tolist() == ["ISP"]
    assert notes(site) == {"state": "fresh"}


def test_the_same_report_twice_changes_nothing(site: Served) -> None:
    report = [seen(n) for n in range(5)]
    assert tell(site, service_samples=report).json["stored"] == 6  # a link is listed
    again = tell(site, service_samples=report)
    assert (again.status, again.json["stored"]) == (200, 0)
    assert len(held(site)) == 5


def test_rows_that_are_wrong_are_put_aside_and_the_rest_goes_on(site: Served) -> None:
    rows = [
        seen(1),
        seen(2, latency_ms=-4),
        seen(3, at="kemarin"),
        seen(4, up="mungkin"),
        seen(5, service="lain"),
        seen(6, service=["ppdb"]),
        seen(7, reason="Budi, 0812"),
    ]
    answer = tell(site, service_samples=rows)
    assert answer.status == 200
    assert answer.json["stored"] == 3  # a link is listed
    assert held(site)["reason"].dropna().tolist() == ["other"]
    refused = {reason for reason, _, _ in site.services.store.quarantine_counts()["smpn1"]}
    assert refused == {"out_of_range", "bad_type", "unknown_value"}


def test_a_clock_that_is_apart_is_told_and_no_sample_lies_ahead(site: Served) -> None:
    ahead = [seen(-420), seen(1)]
    for _ in range(2):  # the same measurement again is no new one
        assert tell(site, service_samples=ahead, skew_seconds=7 * 3600 + 20, dropped=12).status == 200
    assert sorted(held(site)["at"]) == [NOW - timedelta(minutes=1), NOW]
    assert notes(site) == {
        "state": "fresh",
        "clock_ahead": "+7 h",
        "clock_apart": "+7 h",
        "samples_dropped": "12",
    }


@pytest.mark.parametrize("path", ["/api/v1/kpis", "/api/v1/feeds", "/metrics", "/", "/live/frame?page=home"])
def test_its_token_opens_nothing_else(site: Served, path: str) -> None:
    assert ask(site, path=path).status == 403


def test_no_other_token_opens_its_door(site: Served) -> None:
    assert ask(site, "op").status == tell(site, "op").status == 403
    assert ask(site, "stray").status == tell(site, "stray").status == 403
    assert site.ask("/api/v1/probe").status == 401
    assert ask(site, "nobody").status == 401
    assert held(site).empty


@pytest.mark.parametrize("report", [{"service_samples": "x"}, {"dropped": -1}, {"service_samples": [3]}])
def test_what_is_no_report_is_refused_with_its_reason(site: Served, report: dict[str, Any]) -> None:
    answer = tell(site, **report)
    assert answer.status == 422
    assert next(iter(report)) in answer.json["detail"]


def test_a_token_that_two_connectors_name_speaks_for_none(tmp_path: Path) -> None:
    blocks = {name: Probe.Block(**BLOCK | {"vantage": name}) for name in ("a", "b")}
    with served(Settings(connectors=blocks, access=Access(api_tokens=TOKENS))) as site:
        answer = ask(site)
    assert answer.status == 403
    assert "several connectors" in answer.json["detail"]
