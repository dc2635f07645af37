"""OpenWISP as it was recorded, over real HTTP; each trap of its API is a test."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from coc.domain.datasets import Dataset
from data_connectors.base import Batch, FetchError
from data_connectors.openwisp import OpenWisp
from tests.connectors.hostile import Handler, Request, serving
from tests.connectors.recorded import Recorded, told

RECORDED = Recorded("openwisp")
NOW = datetime(2026, 11, 23, 23, 55, 47, tzinfo=UTC)
NEWEST = pd.Timestamp("2026-11-23T23:50:00Z")
TOKEN = "kunci-openwisp-3fa1"
TAMAN, TERMINAL, GUDANG = (RECORDED.json(f"device_data_{name}.json")["id"] for name in ("chart", "critical", "no_data"))
SEVEN_HOURS = timedelta(hours=7)


def in_utc(body: dict[str, Any]) -> dict[str, Any]:
    """The recorded answer as `timezone=UTC` gives it: its times were the server's own, Asia/Jakarta."""
    form = "%Y-%m-%d %H:%M"
    body["x"] = [(datetime.strptime(x, form) - SEVEN_HOURS).strftime(form) for x in body["x"]]  # noqa: DTZ007
    return body


@dataclass
class Server:
    """An OpenWISP of the recorded devices. `details`: what it says of each."""

    devices: list[dict[str, Any]] = field(default_factory=lambda: [
        device for page in (1, 2) for device in RECORDED.json(f"monitoring_devices_page{page}.json")["results"]
    ])  # fmt: skip
    details: dict[str, Any] = field(default_factory=lambda: {
        TAMAN: in_utc(RECORDED.json("device_data_chart.json")),
        TERMINAL: in_utc(RECORDED.json("device_data_critical.json")),
    })  # fmt: skip
    size: int = 4  # of a page, whatever is asked for
    instead: dict[str, Callable[[Handler, Request], None]] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)

    def __call__(self, handler: Handler, request: Request) -> None:
        self.asked.append(request)
        parts = request.path.strip("/").split("/")[2:]
        if request.path in self.instead:
            self.instead[request.path](handler, request)
        elif request.headers.get("authorization") != f"Bearer {TOKEN}":
            RECORDED.say(handler, "error_401.json")
        elif not request.path.endswith("/"):
            RECORDED.say(handler, "no_slash_redirect.html")
        elif parts == ["monitoring", "geojson"]:
            RECORDED.say(handler, "geojson.json")
        elif parts[:2] == ["controller", "location"]:
            there = [
                d for d in self.devices if d["name"].startswith("ap-taman" if parts[2][:1] == "6" else "ap-terminal")
            ]
            handler.json({"count": len(there), "next": None, "results": there})
        elif parts == ["monitoring", "device"]:
            self._page(handler, int(request.query.get("page", "1")))
        elif request.query.get("timezone") != "UTC":
            handler.say(500)
        elif parts[2] in self.details:
            handler.json(self.details[parts[2]])
        else:
            handler.json({**RECORDED.json("device_data_no_data.json"), "charts": []})

    def _page(self, handler: Handler, page: int) -> None:
        some = self.devices[(page - 1) * self.size : page * self.size]
        if not some:
            RECORDED.say(handler, "monitoring_devices_page3.json")
            return
        more = page * self.size < len(self.devices)
        following = "https://openwisp.example.go.id/api/v1/monitoring/device/?page=2" if more else None
        handler.json({"count": len(self.devices), "next": following, "results": some})


def connector(url: str, **given: Any) -> OpenWisp:
    block = {"type": "openwisp", "url": url, "auth": {"bearer": TOKEN}, **given}
    return OpenWisp("uji", OpenWisp.Block.model_validate(block))


@pytest.fixture
def live(window: Any) -> Callable[..., Any]:
    return lambda **given: window(**{"now": NOW, **given})


def pulled(server: Server, *windows: Any, **given: Any) -> list[Batch]:
    with serving(server) as at:
        openwisp = connector(at.url, **given)
        return [batch for window in windows for batch in openwisp.pull(window)]


def samples(batches: list[Batch], dataset: Dataset = Dataset.AP_SAMPLES) -> pd.DataFrame:
    return pd.concat([b.frame for b in batches if b.dataset is dataset and b.ids is None], ignore_index=True)


def newest(batches: list[Batch]) -> pd.DataFrame:
    return samples(batches).drop_duplicates("ap", keep="last").set_index("ap")


def failure(server: Any, window: Any, **given: Any) -> FetchError:
    with pytest.raises(FetchError) as caught:
        pulled(server, window, **given)
    return caught.value


def test_a_sample_is_the_ping_at_its_own_time_in_utc(live: Any) -> None:
    found = newest(pulled(Server(), live()))
    assert found["up"].to_dict() == {"ap-taman-01": True, "ap-terminal-01": False}
    assert found["at"].tolist() == [NEWEST, NEWEST]
    assert found["loss"].to_dict() == {"ap-taman-01": 0.0, "ap-terminal-01": 1.0}
    assert found.loc["ap-taman-01", "latency_ms"] == 0.03
    assert pd.isna(found.loc["ap-terminal-01", "latency_ms"])


def test_a_problem_that_is_a_full_disk_is_not_down(live: Any) -> None:
    assert RECORDED.json("device_data_chart.json")["monitoring"]["status"] == "problem"
    assert newest(pulled(Server(), live())).loc["ap-taman-01", "up"]


def test_what_nothing_is_known_of_has_no_sample_and_is_not_down(live: Any) -> None:
    found = newest(pulled(Server(), live()))
    assert not {"ap-gudang-01", "ap-taman-02"} & set(found.index)  # no check; no point in its chart


def test_clients_are_counted_in_the_last_report(live: Any) -> None:
    assert newest(pulled(Server(), live())).loc["ap-taman-01", "clients"] == 4


def test_an_old_report_of_a_device_that_is_gone_counts_for_nothing(live: Any) -> None:
    server = Server()
    assert server.details[TERMINAL]["data"]["interfaces"][0]["wireless"]["clients"]
    assert pd.isna(newest(pulled(server, live())).loc["ap-terminal-01", "clients"])
    metrics = server.details[TAMAN]["monitoring"]["related_metrics"]
    metrics.append({"name": "Monitoring Data Collected", "is_healthy": False})
    assert pd.isna(newest(pulled(server, live())).loc["ap-taman-01", "clients"])


@pytest.mark.parametrize(("off", "note"), [(7 * 3600, [("clock_ahead", "+7 h")]), (-172_800, [])])
def test_a_report_by_a_wrong_clock_counts_for_nothing(off: int, note: list[Any], live: Any) -> None:
    server = Server()
    server.details[TAMAN]["data"]["general"]["local_time"] = int(NOW.timestamp()) + off
    batches = pulled(server, live())
    assert pd.isna(newest(batches).loc["ap-taman-01", "clients"])
    assert [n for b in batches for n in b.notes] == note


def later(server: Server, seconds: int, rx: int, tx: int, uptime: int = 90_000) -> Server:
    found = Server(details=copy.deepcopy(server.details))
    data = found.details[TAMAN]["data"]
    data["general"]["local_time"] += seconds
    data["general"]["uptime"] = uptime
    data["interfaces"][0]["statistics"].update(rx_bytes=rx, tx_bytes=tx)
    return found


@pytest.mark.parametrize(
    ("after", "rates"),
    [
        ({"rx": 6_750_000, "tx": 61_500_000}, (10_000, 100_000)),
        ({"rx": 1000, "tx": 1000}, None),
        ({"rx": 60_000_000, "tx": 600_000_000, "uptime": 60}, None),
    ],
)
def test_rates_come_from_counters_and_not_over_a_restart(after: dict[str, int], rates: Any, live: Any) -> None:
    first = Server()
    second = later(first, 600, **after)
    turns = iter([first, second])
    now: list[Server] = []

    def answer(handler: Handler, request: Request) -> None:
        if request.path.endswith("/monitoring/device/") and request.query["page"] == "1":
            now[:] = [next(turns)]
        now[0](handler, request)

    batches = pulled(answer, live(), live(now=NOW + timedelta(minutes=10)))  # type: ignore[arg-type]
    both = samples(batches).query("ap == 'ap-taman-01'")
    assert pd.isna(both["rx_bps"].iloc[0])
    last = both[["rx_bps", "tx_bps"]].iloc[-1]
    assert tuple(last) == rates if rates else last.isna().all()


def test_the_traffic_chart_is_not_taken_for_a_rate(live: Any) -> None:
    assert newest(pulled(Server(), live()))["rx_bps"].isna().all()


def test_what_was_missed_of_the_last_day_is_read_and_what_is_held_is_not(live: Any) -> None:
    server = Server()
    charts = server.details[TAMAN]["charts"]
    for chart in charts:
        for name, values in chart["traces"]:
            if name in ("uptime", "packet_loss"):
                values[-4:] = [100.0, 0.0, 50.0, 100.0] if name == "uptime" else [0.0, 100.0, 50.0, 0.0]
    whole = samples(pulled(server, live())).query("ap == 'ap-taman-01'")
    assert whole["up"].tolist() == [True, False, True, True]
    assert whole["loss"].tolist() == [0.0, 1.0, 0.5, 0.0]
    assert whole["clients"].isna().tolist() == [True, True, True, False]
    known = {"ap-taman-01": NEWEST.to_pydatetime() - timedelta(minutes=10)}
    assert len(samples(pulled(server, live(known=known))).query("ap == 'ap-taman-01'")) == 2


def test_a_day_is_a_day_long(live: Any) -> None:
    server = Server()
    for chart in server.details[TAMAN]["charts"]:
        for name, values in chart["traces"]:
            if name == "uptime":
                values[:] = [100.0] * len(values)
    found = samples(pulled(server, live()))
    assert found["at"].min() > pd.Timestamp(NOW) - pd.Timedelta(days=1)


def test_a_time_ahead_is_capped_told_and_not_fresh_at_every_pull(live: Any) -> None:
    early = live(now=NOW - timedelta(hours=2))
    batches = pulled(Server(), early, live(now=NOW - timedelta(hours=2) + timedelta(minutes=10)))
    found = samples(batches)
    assert found["at"].unique().tolist() == [pd.Timestamp(early.now)]
    assert ("clock_ahead", "+2 h") in [n for b in batches for n in b.notes]


@pytest.mark.parametrize(
    ("value", "reason"), [("banyak", "unknown_value"), (140.0, "unknown_value"), (True, "unknown_value")]
)
def test_a_success_rate_that_is_none_is_that_rows_error(value: Any, reason: str, live: Any) -> None:
    server = Server()
    server.details[TAMAN]["charts"][0]["traces"][0][1][-1] = value
    batches = pulled(server, live())
    assert [(p["source_id"], p["field"], p["reason"]) for b in batches for p in b.problems] == [
        ("ap-taman-01", "up", reason)
    ]
    assert list(newest(batches).index) == ["ap-terminal-01"]


def test_charts_of_another_shape_are_drift(live: Any) -> None:
    server = Server()
    for device in (TAMAN, TERMINAL):
        server.details[device]["x"].pop()
    server.devices = [d for d in server.devices if d["id"] in (TAMAN, TERMINAL)]
    assert failure(server, live()).code == "schema_drift"


def test_every_device_of_every_page_is_an_access_point(live: Any) -> None:
    server = Server()
    found = samples(pulled(server, live()), Dataset.ACCESS_POINTS)
    assert sorted(found["source_id"]) == sorted(d["name"] for d in server.devices)
    assert len(found) == 6
    found = samples(pulled(server, live(), key="id"), Dataset.ACCESS_POINTS)
    assert set(found["source_id"]) == {d["id"] for d in server.devices}


def test_the_next_link_is_not_followed_to_the_host_that_it_names(live: Any) -> None:
    server = Server()
    pulled(server, live())
    assert [r.query["page"] for r in server.asked if r.path == "/api/v1/monitoring/device/"] == ["1", "2"]


def test_two_devices_of_one_name_are_not_mixed(live: Any) -> None:
    server = Server()
    server.devices[0]["name"] = "ap-taman-01"
    assert "key: id" in failure(server, live()).detail
    assert len(samples(pulled(server, live(), key="id"), Dataset.ACCESS_POINTS)) == 6


def listing(count: int, *pages: list[int], more: bool) -> Callable[[Handler, Request], None]:
    def answer(handler: Handler, request: Request) -> None:
        page = int(request.query["page"])
        rows = [
            {"id": str(n), "name": f"ap-{n}", "monitoring": {"status": "ok"}} for n in pages[min(page, len(pages)) - 1]
        ]
        handler.json({"count": count, "next": "x" if more or page < len(pages) else None, "results": rows})

    return answer


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (listing(3, [1, 2], [1, 2], more=False), "paging_loop"),
        (listing(3, [1, 2], more=False), "incomplete"),
        (listing(2, [1, 2], more=True), "too_many_pages"),
    ],
)
def test_paging_that_goes_wrong_is_told(answer: Any, code: str, live: Any) -> None:
    assert failure(Server(instead={"/api/v1/monitoring/device/": answer}), live()).code == code


def test_locations_are_sites_with_longitude_first(live: Any) -> None:
    batches = pulled(Server(), live(full=True), sites=True)
    sites = samples(batches, Dataset.SITES)
    assert sites[["name", "status"]].to_numpy().tolist() == [["Terminal", "active"], ["Taman", "active"]]
    points = samples(batches, Dataset.ACCESS_POINTS).set_index("source_id")
    assert points.loc["ap-taman-01", ["lat", "lon"]].tolist() == [-1.5901, 103.6101]
    assert points.loc["ap-terminal-01", "site"] == sites["source_id"][0]
    assert points.loc["ap-gudang-01"].isna()[["site", "lat", "lon"]].all()
    assert [len(b.ids) for b in batches if b.ids is not None] == [2, 6]


def test_one_device_that_cannot_be_read_takes_no_other_with_it(live: Any) -> None:
    gone = lambda handler, _: RECORDED.say(handler, "error_404_device.json")  # noqa: E731
    broken = lambda handler, _: handler.say(200, b"{")  # noqa: E731
    path = f"/api/v1/monitoring/device/{TERMINAL}/"
    for answer, notes in ((gone, []), (broken, [("incomplete", "4 of 5 access points")])):
        batches = pulled(Server(instead={path: answer}), live())
        assert list(newest(batches).index) == ["ap-taman-01"]
        assert [n for b in batches for n in b.notes] == notes


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("error_401.json", "credentials"),
        ("error_401_token_word.json", "credentials"),
        ("error_404_device.json", "not_found"),
    ],
)
def test_recorded_refusals_are_told_apart(file: str, code: str, live: Any) -> None:
    answer = lambda handler, _: RECORDED.say(handler, file)  # noqa: E731
    assert failure(Server(instead={"/api/v1/monitoring/device/": answer}), live()).code == code


def test_a_wrong_base_url_leads_to_the_login_page(live: Any) -> None:
    def answer(handler: Handler, request: Request) -> None:
        RECORDED.say(handler, "login_page.html" if "login" in request.path else "wrong_path_login_redirect.html")

    assert failure(answer, live()).code == "login_page"


def test_sessions_of_stations_are_never_asked_for(live: Any) -> None:
    server = Server()
    pulled(server, live(full=True), sites=True)
    assert not any("session" in r.path for r in server.asked)


def test_no_key_and_no_station_leaves_the_connector(live: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    canaries = ("kunci-perangkat-55", "02:00:00:00", "10.99.1.2", TOKEN)
    server = Server()
    for body in (*server.devices, *server.details.values()):
        body.update(key=canaries[0], last_ip=canaries[2])
    batches = pulled(server, live(full=True), sites=True)
    assert newest(batches).loc["ap-taman-01", "clients"] == 4
    errors = []
    for change in ({"charts": {"key": canaries[0]}}, {"charts": [{"traces": [[canaries[0], canaries[1]]]}]}):
        broken = Server(devices=[d for d in server.devices if d["id"] == TAMAN])
        broken.details[TAMAN] = {**server.details[TAMAN], **change}
        errors.append(failure(broken, live()))
    echo = Server(
        instead={"/api/v1/monitoring/device/": lambda h, r: h.json({"error": r.headers["authorization"]}, 500)}
    )
    errors.append(failure(echo, live()))
    text = told(batches, *errors) + caplog.text
    for canary in canaries:
        assert canary not in text
