"""The simulated Prometheus answers as the recorded one does (shapes of the 2.42 recordings)."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import numpy as np
import pytest

from coc.domain.instants import micros_of
from tests.simulate.conftest import MORNING

API = "/prometheus/api/v1/"
NOW = MORNING.timestamp()
ONE = 'probe_success{job="wifi",ap="AP-001-1"}'


@pytest.fixture
def ask(city, handle):
    def answer(path: str, **query: object):
        texts = {k: str(v) for k, v in query.items()}
        return handle.simulation.prometheus.answer(path, texts, handle.simulation.now())

    return answer


def data(answer):
    assert answer.status == 200, answer.body
    body = json.loads(answer.body)
    assert body["status"] == "success"
    return body["data"]


def test_a_vector_has_labels_in_order_and_values_as_text(ask):
    answer = ask("query", query=ONE)
    assert re.fullmatch(
        rb'\{"status":"success","data":\{"resultType":"vector","result":\[\{"metric":\{"__name__":"probe_success",'
        rb'"ap":"AP-001-1","area":"15\.71\.\d\d","instance":"198\.51\.100\.\d+","job":"wifi","site":"TW-001"\},'
        rb'"value":\[1795489200,"[01]"\]\}\]\}\}',
        answer.body,
    )
    series = data(ask("query", query="probe_success"))["result"]
    assert [sorted(s["metric"].items()) for s in series] == sorted(sorted(s["metric"].items()) for s in series)


def test_the_evaluation_time_has_milliseconds_as_a_number(ask):
    assert b'"value":[1795489199.310,"' in ask("query", query=ONE, time=NOW - 0.69).body
    assert ask("query", query="time()", time=NOW - 0.69).body == (
        b'{"status":"success","data":{"resultType":"scalar","result":[1795489199.310,"1795489199.31"]}}'
    )


def test_timestamp_is_the_measurements_own_time(ask):
    [series] = data(ask("query", query=f"timestamp({ONE})"))["result"]
    assert "__name__" not in series["metric"]
    assert 0 <= NOW - float(series["value"][1]) < 60
    raw = data(ask("query", query=f"{ONE}[10m]"))
    assert raw["resultType"] == "matrix"
    times = [t for t, _ in raw["result"][0]["values"]]
    assert np.allclose(np.diff(times), 60)
    assert times[-1] == float(series["value"][1])
    offsets = {round(float(s["value"][1]) % 60, 3) for s in data(ask("query", query="timestamp(ap_up)"))["result"]}
    assert len(offsets) > 50


def test_a_time_in_the_past_is_answered_from_then(ask):
    [then] = data(ask("query", query=f"timestamp({ONE})", time=NOW - 3600))["result"]
    assert NOW - 3660 < float(then["value"][1]) <= NOW - 3600
    assert data(ask("query", query=ONE, time=NOW - 40 * 86400))["result"] == []
    assert data(ask("query", query=ONE, time=NOW + 3600))["result"] == []


def test_a_frozen_city_measures_nothing_new(ask):
    assert ask("query", query="timestamp(ap_up)").body == ask("query", query="timestamp(ap_up)").body


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("wifi_ap_klien", 0),
        ("up{job='apps'}", 10),
        ('probe_success{job="apps",service=~"ppid|ppdb"}', 2),
        ('up{job!~"wifi|links|apps-sites"}', 10),
        ('up{job!~"wifi|apps|links|apps-sites"}', 0),
        ('{__name__="probe_http_status_code",job="apps"}', 10),
        ('probe_success{job="apps-sites"}', 30),
        ('probe_success{job="apps-sites",service="ppdb"}', 3),
        ("link_loss", 7),
    ],
)
def test_selectors_find_their_series(ask, query, count):
    found = data(ask("query", query=query))
    assert (found["resultType"], len(found["result"])) == ("vector", count)


def test_arithmetic_and_comparisons(ask):
    duration = {
        s["metric"]["service"]: float(s["value"][1])
        for s in data(ask("query", query='probe_duration_seconds{job="apps"}'))["result"]
    }
    found = data(ask("query", query="probe_duration_seconds{job='apps'} * 1000"))["result"]
    assert {s["metric"]["service"]: float(s["value"][1]) for s in found} == pytest.approx(
        {k: v * 1000 for k, v in duration.items()}
    )
    up = data(ask("query", query="up{job='apps'} == bool 1"))["result"]
    assert [s["value"][1] for s in up] == ["1"] * 10
    assert "__name__" not in up[0]["metric"]
    assert data(ask("query", query="up{job='apps'} == 0"))["result"] == []


@pytest.mark.parametrize(
    ("path", "query", "status", "kind", "error"),
    [
        ("query", {"query": "probe_success{job="}, 400, "bad_data",
         'invalid parameter "query": 1:19: parse error: unexpected end of input inside braces'),
        ("query", {"query": "up", "time": "kemarin"}, 400, "bad_data",
         "invalid parameter \"time\": Invalid time value for 'time': cannot parse \"kemarin\" to a valid timestamp"),
        ("query_range", {"query": "up", "start": 1795478200, "end": 1795478140, "step": 15}, 400, "bad_data",
         'invalid parameter "end": end timestamp must not be before start time'),
        ("query_range", {"query": "probe_success", "start": 1792886200, "end": 1795478200, "step": 60}, 400, "bad_data",
         "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"),
    ],
)  # fmt: skip
def test_errors_are_the_recorded_ones(ask, path, query, status, kind, error):
    answer = ask(path, **query)
    assert (answer.status, answer.content_type) == (status, "application/json")
    assert json.loads(answer.body) == {"status": "error", "errorType": kind, "error": error}


@pytest.mark.parametrize(
    "query", ["rate(x[5m])", "sum by (ap) (up)", "up{", "up}", "'x'", "up @", "", "up{a=b}", "up[5m] * 1"]
)
def test_what_is_not_served_is_bad_data(ask, query):
    answer = ask("query", query=query)
    assert answer.status == 400
    assert json.loads(answer.body)["errorType"] == "bad_data"
    assert "parse error: " in json.loads(answer.body)["error"]


def test_a_range_lies_on_its_grid(ask):
    found = data(ask("query_range", query=ONE, start=NOW - 600, end=NOW, step="1m"))
    assert found["resultType"] == "matrix"
    [series] = found["result"]
    assert [t for t, _ in series["values"]] == [int(NOW) - 600 + 60 * n for n in range(11)]
    assert {v for _, v in series["values"]} <= {"0", "1"}
    assert data(ask("query_range", query=ONE, start=NOW - 4e6, end=NOW - 3.9e6, step=60)) == {
        "resultType": "matrix",
        "result": [],
    }


def test_range_and_instant_agree(ask):
    for query in (ONE, f"timestamp({ONE})", "ap_clients", "probe_duration_seconds{job='apps'} * 1000"):
        ranged = data(ask("query_range", query=query, start=NOW - 300, end=NOW, step=300))["result"]
        instant = data(ask("query", query=query, time=NOW - 300))["result"]
        first = {str(s["metric"]): s["values"][0][1] for s in ranged if s["values"][0][0] == int(NOW) - 300}
        assert first == {str(s["metric"]): s["value"][1] for s in instant}


def test_a_day_of_all_access_points_comes_in_one_answer(ask):
    found = data(ask("query_range", query='probe_success{job="wifi"}', start=NOW - 86400, end=NOW, step=60))["result"]
    assert 90 <= len(found) <= 140
    assert sum(len(series["values"]) for series in found) > 90 * 1300


def test_targets_tell_the_exporters_health(ask):
    found = data(ask("targets", state="active"))
    assert set(found) == {"activeTargets", "droppedTargets"}
    target = found["activeTargets"][0]
    assert set(target) == {
        "discoveredLabels", "labels", "scrapePool", "scrapeUrl", "globalUrl", "lastError", "lastScrape",
        "lastScrapeDuration", "health", "scrapeInterval", "scrapeTimeout",
    }  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", target["lastScrape"])
    assert {t["scrapePool"] for t in data(ask("targets", scrapePool="apps"))["activeTargets"]} == {"apps"}


def test_minor_paths(ask, web):
    assert data(ask("status/buildinfo"))["version"] == "2.42.0"
    assert "ap" in data(ask("labels"))
    assert data(ask("label/job/values")) == ["apps", "apps-sites", "links", "wifi"]
    wrong = web("/prometheus/api/v1/queri?query=up")
    assert (wrong.status_code, wrong.text) == (404, "404 page not found\n")
    assert wrong.headers["content-type"] == "text/plain; charset=utf-8"
    posted = web(API + "query", method="POST", data={"query": ONE})
    assert posted.content == web(API + "query", params={"query": ONE}).content
    assert posted.headers["content-type"] == "application/json"


def test_the_network_is_unstable_but_works(handle):
    network = handle.simulation.metrics.network
    last = micros_of(MORNING) // 60_000_000
    days = [network.measured(np.arange(last - 1440 * (d + 1), last - 1440 * d)[None, :]) for d in range(0, 28, 4)]
    up = np.concatenate([m.up[m.seen] for m in days])
    assert 0.955 < up.mean() < 0.985
    points = days[0].seen.any(axis=1).sum()
    assert 95 <= points <= 130
    for m in days:
        down = (~m.up & m.seen).sum(axis=1)
        assert (down > 600).any() or down.max() > 100  # some are out for hours
        assert ((m.seconds > 0.5) & m.up & m.seen).any()
    seen = np.concatenate([m.seen[m.seen.any(axis=1)].ravel() for m in days])
    assert 0.97 < seen.mean() <= 1
    clients = days[0].clients.sum(axis=0)  # 10:00 to 10:00
    assert clients[: 60 * 12].max() > 5 * clients[60 * 16 : 60 * 18].mean()  # day against 02:00-04:00


def test_measurements_do_not_depend_on_the_window(handle):
    network = handle.simulation.metrics.network
    last = micros_of(MORNING + timedelta(hours=1)) // 60_000_000
    wide, narrow = (network.measured(np.arange(last - n, last)[None, :]) for n in (5000, 50))
    for name in ("at", "seen", "up", "clients", "seconds", "loss", "rx_bps"):
        assert np.array_equal(getattr(wide, name)[:, -50:], getattr(narrow, name))


def test_a_broken_line_takes_its_site_and_what_is_seen_from_there_along(handle):
    """The fibre to a site is out: its access points are down, and no application answers there; the COC sees them."""
    metrics = handle.simulation.metrics
    lines, last = metrics.lines, micros_of(MORNING) // 60_000_000
    minutes = np.arange(last - 20 * 1440, last)[None, :]
    asked, points, seen = lines.measured(minutes), metrics.network.measured(minutes), metrics.vantages.measured(minutes)
    share = asked.up.mean(axis=1)
    assert ((share > 0.97) & (share < 1)).all()
    assert ((asked.loss > 0.2) & asked.up).any(axis=1).sum() >= 4
    site = metrics.vantages.labels[0]["vantage"]
    line = lines.at_site(site)
    out = lines.broken(line, points.at)
    of_site = [n for n, labels in enumerate(metrics.network.labels) if labels["site"] == site]
    assert out[of_site].any()
    assert not points.up[of_site][out[of_site]].any()
    from_there = np.array([labels["vantage"] == site for labels in metrics.vantages.labels])
    cut = lines.broken(line, seen.at)
    assert not seen.up[from_there][cut[from_there]].any()
    here = metrics.applications.measured(minutes)
    assert here.up.mean() > seen.up.mean()
    assert np.median(seen.seconds) > np.median(here.seconds)
