"""The API over real HTTP: values, states, errors, caching."""

from __future__ import annotations

import gzip

import brotli
import pytest

from coc.metrics import registered
from tests.live.serving import NOW, Served, snapshot, wait_until


def test_every_registered_figure_is_listed_once(live: Served) -> None:
    body = live.ask("/api/v1/kpis").json
    assert [i["id"] for i in body["items"]] == list(registered())
    assert body["realm"] == "live"
    assert body["epoch"] == 1
    assert body["now"].startswith("2026-03-02T03:00:00")


def test_a_figure_says_its_value_scope_window_and_the_age_of_its_oldest_input(live: Served) -> None:
    (item,) = live.ask("/api/v1/kpis/correspondence.registered_today?window=7d&unit=DISDIK").json["items"]
    assert item == {
        "id": "correspondence.registered_today",
        "value": 3,
        "measure": "count",
        "scope": {"unit": "DISDIK"},
        "window": "7d",
        "as_of": NOW.isoformat(),
        "computed_at": NOW.isoformat(),
        "state": "ok",
    }


def test_a_figure_without_data_is_null_with_its_state(live: Served) -> None:
    (item,) = live.ask("/api/v1/kpis/correspondence.completed_today").json["items"]
    assert (item["value"], item["state"]) == (None, "no_data")


def test_wifi_has_no_scope_of_a_unit(live: Served) -> None:
    items = live.ask("/api/v1/kpis?unit=DISDIK").json["items"]
    wifi = [i for i in items if i["id"].startswith("wifi.")]
    assert wifi
    assert all((i["value"], i["state"]) == (None, "not_applicable") for i in wifi)


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/api/v1/kpis/nothing.here", 404, "nothing.here"),
        ("/api/v1/kpis/disposition.backlo", 404, "disposition.backlog"),
        ("/api/v1/kpis?unit=DISDI", 404, "The nearest is DISDIK"),
        ("/api/v1/kpis?window=8d", 422, "window"),
        ("/api/v1/kpis?window=30d&window=8d", 422, "window"),
        ("/api/v1/series/disposition.backlo", 404, "The nearest is disposition.backlog"),
        ("/api/v1/series/disposition.backlog?unit=DISDI", 404, "The nearest is DISDIK"),
        ("/api/v1/series/disposition.backlog?bucket=month", 422, "bucket"),
        ("/api/v1/series/disposition.backlog?from=2025-01-01", 422, "Bring from and to nearer, or take bucket=week"),
        ("/api/v1/series/disposition.backlog?from=2010-01-01&bucket=week", 422, "at most 400 weeks"),
        ("/api/v1/series/disposition.backlog?from=2026-03-02&to=2026-03-01", 422, "is after 2026-03-01"),
        ("/api/v1/series/disposition.backlog?from=yesterday", 422, "write a date such as 2026-03-02"),
        ("/api/v1/series/disposition.backlog?to=9999-12-31", 422, "a year from"),
        ("/api/v1/series/", 404, ""),
        ("/api/v1/nothing", 404, ""),
        ("/api", 404, ""),
        ("/api/", 404, ""),
        ("/api/docs", 404, ""),
        ("/api/v1/kpis/", 404, ""),
        ("/live/frame?page=none", 404, "none"),
        ("/live/frame?page=home&scope=DISDI", 404, "DISDIK"),
        ("/live/other", 404, ""),
        ("/_reload-hash", 404, ""),
        ("/api/v1/kpis?realm=demo", 404, "live"),
    ],
)
def test_every_error_is_a_problem_that_says_what_is_wrong(live: Served, path: str, status: int, said: str) -> None:
    answer = live.ask(path)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json) == {"type", "title", "status", "detail"}
    assert answer.json["status"] == status
    assert said in answer.json["detail"]


def test_an_own_realm_may_be_named(live: Served) -> None:
    assert live.ask("/api/v1/kpis?realm=live").status == 200


def test_writing_to_the_api_is_not_allowed(live: Served) -> None:
    assert live.ask("/api/v1/kpis", method="POST", body=b"{}").status == 405
    assert live.ask("/api/v1/kpis", method="DELETE").status == 405


def test_what_has_not_changed_is_not_sent_again(live: Served) -> None:
    for path in ("/api/v1/kpis?window=7d", "/api/v1/feeds", "/api/openapi.json", "/live/frame?page=home"):
        first = live.ask(path)
        again = live.ask(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert "Authorization" in again.headers["vary"]
        assert live.ask(path, headers={"If-None-Match": 'W/"other"'}).status == 200


def test_the_tag_tells_scopes_windows_lenses_and_themes_apart(live: Served) -> None:
    paths = ["/api/v1/kpis", "/api/v1/kpis?unit=DISDIK", "/api/v1/kpis?window=7d"]
    frames = ["/live/frame?page=home", "/live/frame?page=home&lang=en", "/live/frame?page=home&theme=light"]
    tags = [live.ask(p).headers["etag"] for p in (*paths, *frames, "/live/frame?page=home&scope=DISDIK")]
    tags.append(live.token("/live/frame?page=home", "screen").headers["etag"])
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize("path", ["/api/v1/kpis", "/live/frame?page=home", "/api/openapi.json", "/"])
def test_answers_come_compressed_as_the_client_can_take_them(live: Served, path: str) -> None:
    plain = live.ask(path).body
    br = live.ask(path, headers={"Accept-Encoding": "gzip, deflate, br"})
    gz = live.ask(path, headers={"Accept-Encoding": "gzip, br;q=0"})
    assert br.headers["content-encoding"] == "br"
    assert len(br.body) < len(plain)
    assert gz.headers["content-encoding"] == "gzip"
    for body in (brotli.decompress(br.body), gzip.decompress(gz.body)):
        assert body[:1000] == plain[:1000]  # Dash signs each index anew
        assert len(body) == len(plain)
    assert "Accept-Encoding" in br.headers["vary"]


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/metrics", "/api/v1/kpis", "/live/frame?page=home", "/", "/lain", "/api/v1/stream"]
)
def test_a_head_request_gets_the_headers_alone(live: Served, path: str) -> None:
    answer = live.ask(path, method="HEAD")
    assert answer.status == 200
    assert answer.body == b""
    assert answer.headers["content-type"] == live.ask(path).headers["content-type"] if "stream" not in path else True


def test_the_schema_names_every_path_and_the_stream(live: Served) -> None:
    for path in ("/api/openapi.json", "/api/v1/openapi.json"):
        document = live.ask(path).json
        assert set(document["paths"]) == {
            "/api/v1/kpis",
            "/api/v1/kpis/{kpi_id}",
            "/api/v1/probe",
            "/api/v1/series/{kpi_id}",
            "/api/v1/feeds",
            "/api/v1/stream",
        }
        assert "Kpi" in document["components"]["schemas"]


def test_an_operator_sees_runs_reasons_and_counts_but_no_host(live: Served) -> None:
    (feed,) = live.token("/api/v1/feeds", "operator").json["items"]
    assert set(feed) == {"name", "kind", "datasets", "state", "as_of", "last_good", "last_run", "next_run"}
    assert feed["last_run"]["quarantined"] == 1
    assert "503" in feed["last_run"]["error"]
    assert "example.go.id" not in feed["last_run"]["error"]
    assert "10.1.2.3" not in feed["last_run"]["error"]


def test_only_an_administrator_sees_hosts(live: Served) -> None:
    (feed,) = live.token("/api/v1/feeds", "admin").json["items"]
    assert "sipadek.example.go.id" in feed["last_run"]["error"]


def test_below_operator_a_feed_is_its_name_and_state(live: Served) -> None:
    assert live.token("/api/v1/feeds", "leader").json["items"] == [{"name": "sipadek", "state": "fresh"}]
    (screen,) = live.token("/api/v1/feeds", "screen").json["items"]
    assert set(screen) == {"name", "state", "as_of"}


def test_alive_says_only_ok(live: Served) -> None:
    assert live.ask("/healthz").body == b"ok\n"


def test_metrics_name_no_unit(live: Served) -> None:
    text = live.ask("/metrics").body.decode()
    assert "coc_epoch 1.0" in text
    assert 'coc_feed_state{feed="sipadek",state="fresh"} 1.0' in text
    assert "DISDIK" not in text


def test_ready_means_store_reachable_and_migrated(live: Served) -> None:
    wait_until(lambda: live.ask("/readyz").status == 200)
    live.store.up_to_date = False
    wait_until(lambda: live.ask("/readyz").status == 503)
    assert "upgrade" in live.ask("/readyz").json["detail"]
    live.store.up_to_date, live.store.broken = True, True
    wait_until(lambda: "reached" in live.ask("/readyz").json["detail"])
    live.store.broken = False
    wait_until(lambda: live.ask("/readyz").status == 200)


def test_a_new_epoch_shows_in_the_api_at_once(live: Served) -> None:
    before = live.ask("/api/v1/kpis").headers["etag"]
    live.tell(snapshot(2, value=13.0))
    answer = live.ask("/api/v1/kpis", headers={"If-None-Match": before})
    assert answer.status == 200
    assert answer.json["epoch"] == 2
    live.tell(snapshot(1))
