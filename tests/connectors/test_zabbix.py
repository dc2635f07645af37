"""Zabbix 6.0 as it was recorded, over real HTTP; each trap of its API is a test."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from coc.domain.datasets import Dataset
from data_connectors import zabbixapi
from data_connectors.base import Batch, FetchError
from data_connectors.zabbix import Zabbix
from tests.connectors.hostile import Handler, Request, serving
from tests.connectors.recorded import told
from tests.connectors.zabbixserver import PASSWORD, RECORDED, SESSION, TOKEN, Server

NOW = datetime(2026, 11, 23, 23, 40, 23, tzinfo=UTC)
CLOCK = int(NOW.timestamp())
ITEMS = {"clients": "wlan.clients", "rx_bps": "net.if.in[wlan0]", "tx_bps": "net.if.out[wlan0]"}
POINTS = ["ap-taman-01", "ap-taman-02", "ap-terminal-01", "ap-sekolah-01", "ap-pasar-01", "ap-gudang-01"]


def connector(url: str, **given: Any) -> Zabbix:
    auth = {"bearer": TOKEN}
    block = {"type": "zabbix", "url": url, "auth": auth, "groups": ["WiFi Publik"], "items": ITEMS, **given}
    return Zabbix("uji", Zabbix.Block.model_validate(block))


@pytest.fixture
def live(window: Any) -> Callable[..., Any]:
    """The window of an ordinary run, an hour after the last."""

    def make(**given: Any) -> Any:
        since = dict.fromkeys((Dataset.AP_SAMPLES, Dataset.SERVICE_SAMPLES), NOW - timedelta(hours=1))
        return window(**{"now": NOW, "since": since, "known": {"ap-taman-01": NOW - timedelta(hours=1)}, **given})

    return make


def pulled(server: Server, window: Any, **given: Any) -> list[Batch]:
    with serving(server) as at:
        return list(connector(at.url, **given).pull(window))


def samples(batches: list[Batch], dataset: Dataset = Dataset.AP_SAMPLES) -> pd.DataFrame:
    return pd.concat([b.frame for b in batches if b.dataset is dataset and b.ids is None], ignore_index=True)


def newest(batches: list[Batch]) -> pd.DataFrame:
    return samples(batches).sort_values("at").drop_duplicates("ap", keep="last").set_index("ap")


def failure(server: Server, window: Any, **given: Any) -> FetchError:
    with pytest.raises(FetchError) as caught:
        pulled(server, window, **given)
    return caught.value


def test_the_measurement_time_is_the_clock_of_the_ping(live: Any) -> None:
    found = newest(pulled(Server(), live()))
    assert found.loc["ap-taman-01", "at"] == pd.Timestamp(1795476962, unit="s", tz="UTC")
    assert found["up"].to_dict() == {
        "ap-taman-01": True,
        "ap-taman-02": False,
        "ap-terminal-01": False,
        "ap-sekolah-01": True,
    }


def test_values_come_in_canonical_units(live: Any) -> None:
    found = newest(pulled(Server(), live()))
    assert found.loc["ap-taman-01", "latency_ms"] == pytest.approx(19.978)
    assert found.loc["ap-taman-02", "loss"] == 1.0
    assert found.loc["ap-taman-01", "rx_bps"] == 3_060_000
    assert found.loc["ap-taman-01", "tx_bps"] == 21_420_000


def test_a_host_that_does_not_answer_has_no_response_time(live: Any) -> None:
    assert pd.isna(newest(pulled(Server(), live())).loc["ap-taman-02", "latency_ms"])


def test_an_unsupported_item_is_null_and_not_its_stale_value(live: Any) -> None:
    assert pd.isna(newest(pulled(Server(), live())).loc["ap-taman-01", "clients"])


def test_an_item_that_was_never_fed_is_null_and_not_zero(live: Any) -> None:
    found = newest(pulled(Server(), live()))
    assert pd.isna(found.loc["ap-terminal-01", "rx_bps"])
    assert pd.isna(found.loc["ap-sekolah-01", "latency_ms"])
    assert found.loc["ap-taman-02", "clients"] == 0  # fed with a zero


def test_a_ping_that_was_never_fed_is_no_sample(live: Any) -> None:
    server = Server()
    server.item("ap-taman-02", "icmpping").update(lastclock="0", lastvalue="0")
    assert "ap-taman-02" not in newest(pulled(server, live())).index


def test_a_feed_that_stopped_keeps_its_own_time(live: Any) -> None:
    found = newest(pulled(Server(), live()))
    assert found.loc["ap-sekolah-01", "at"] == pd.Timestamp(1795473902, unit="s", tz="UTC")


def test_a_gauge_that_stopped_does_not_live_on_in_later_samples(live: Any) -> None:
    server = Server()
    server.item("ap-taman-02", "wlan.clients").update(lastclock=str(CLOCK - 3000), lastvalue="31")
    assert pd.isna(newest(pulled(server, live())).loc["ap-taman-02", "clients"])


@pytest.mark.parametrize("change", [{"status": "1"}, {"maintenance_status": "1"}])
def test_disabled_and_maintained_hosts_are_listed_and_never_down(change: dict[str, str], live: Any) -> None:
    server = Server()
    next(h for h in server.hosts if h["host"] == "ap-taman-02").update(change)
    batches = pulled(server, live())
    assert "ap-taman-02" not in set(samples(batches)["ap"])
    assert samples(batches, Dataset.ACCESS_POINTS)["source_id"].tolist() == POINTS


def test_what_failed_during_a_maintenance_is_not_read_when_it_is_over(live: Any) -> None:
    server = Server()
    host = next(h for h in server.hosts if h["host"] == "ap-taman-02")
    ping = server.item("ap-taman-02", "icmpping")
    server.values[ping["itemid"]] = [(CLOCK - 200, "0"), (CLOCK - 100, "0"), (CLOCK - 40, "0")]
    with serving(server) as at:
        pulling = connector(at.url)
        host["maintenance_status"] = "1"
        for seconds in (240, 60):
            list(pulling.pull(live(now=NOW - timedelta(seconds=seconds))))
        host["maintenance_status"] = "0"
        found = samples(list(pulling.pull(live())))
    mine = {CLOCK - round(at.timestamp()) for at in found.query("ap == 'ap-taman-02'")["at"]}
    assert 40 in mine
    assert not mine & {200, 100}


def test_every_access_point_has_its_place_or_none(live: Any) -> None:
    found = samples(pulled(Server(), live()), Dataset.ACCESS_POINTS).set_index("source_id")
    assert found.loc["ap-taman-01", ["site", "name", "lat", "lon"]].tolist() == [
        "taman",
        "AP Taman 01",
        -1.5901,
        103.6101,
    ]
    assert found["lat"].isna().to_dict() == {ap: ap in POINTS[3:] for ap in POINTS}  # blank, or inventory as a list


def test_a_latitude_that_is_none_is_left_for_the_pipeline_to_refuse(live: Any) -> None:
    server = Server()
    server.hosts[0]["inventory"]["location_lat"] = "1 derajat"
    assert samples(pulled(server, live()), Dataset.ACCESS_POINTS)["lat"][0] == "1 derajat"


def test_a_full_pull_tells_what_exists(live: Any) -> None:
    batches = pulled(Server(), live(full=True, since={}), backfill_days=0.1)
    assert [b.ids for b in batches if b.ids is not None] == [set(POINTS)]


def test_history_since_the_last_run_is_read_so_that_flapping_is_seen(live: Any) -> None:
    rows = RECORDED.json("history_get_icmpping.json")["result"]
    server = Server(values={"44526": [(int(r["clock"]), r["value"]) for r in rows]})
    found = samples(pulled(server, live())).query("ap == 'ap-taman-02'").sort_values("at")
    wanted = {int(r["clock"]): r["value"] == "1" for r in rows if int(r["clock"]) > CLOCK - 3600}
    assert dict(zip((t.timestamp() for t in found["at"]), found["up"], strict=True)) == wanted


def test_a_gauge_counts_with_the_value_it_had_by_then(live: Any) -> None:
    server = Server()
    ping, clients = server.item("ap-taman-02", "icmpping"), server.item("ap-taman-02", "wlan.clients")
    at = CLOCK - 1800
    server.values = {
        ping["itemid"]: [(at, "1"), (at + 60, "1"), (at + 900, "1")],
        clients["itemid"]: [(at - 5, "7"), (at + 30, "9")],
    }
    found = samples(pulled(server, live())).query("ap == 'ap-taman-02'").sort_values("at")
    assert found["clients"].astype(object).where(found["clients"].notna(), None).tolist()[:3] == [7, 9, None]


def test_pages_that_cut_through_a_second_lose_and_double_nothing(live: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zabbixapi, "PAGE_ROWS", 5)
    server = Server()
    ids = [server.item(ap, "icmpping")["itemid"] for ap in POINTS[:4]]
    clocks = [CLOCK - 1800 + 60 * n for n in range(10)]
    server.values = {item: [(clock, "1") for clock in clocks] for item in ids}
    found = samples(pulled(server, live()))
    assert not found.duplicated(["ap", "at"]).any()
    assert all(
        len(found[(found["ap"] == ap) & found["at"].isin(pd.to_datetime(clocks, unit="s", utc=True))]) == 10
        for ap in POINTS[:4]
    )


def test_more_values_in_a_second_than_a_page_holds_is_a_loop_and_not_for_ever(
    live: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zabbixapi, "PAGE_ROWS", 3)
    server = Server()
    server.values = {server.item(ap, "icmpping")["itemid"]: [(CLOCK - 3600, "1")] for ap in POINTS[:4]}
    assert failure(server, live()).code == "paging_loop"


def test_a_clock_ahead_is_capped_told_and_not_fresh_at_every_pull(live: Any) -> None:
    server = Server()
    server.item("ap-taman-01", "icmpping").update(lastclock=str(CLOCK + 7200))
    with serving(server) as at:
        zabbix = connector(at.url)
        first, again = list(zabbix.pull(live())), list(zabbix.pull(live()))
    assert newest(first).loc["ap-taman-01", "at"] == pd.Timestamp(NOW)
    assert ("clock_ahead", "+2 h") in [n for b in first for n in b.notes]
    assert "ap-taman-01" not in newest(again).index


def test_a_piece_of_history_does_not_hold_what_is_now(live: Any) -> None:
    end = NOW - timedelta(hours=2)
    server = Server()
    ping = server.item("ap-taman-01", "icmpping")["itemid"]
    server.values = {ping: [(CLOCK - 2 * 3600 - 60, "0")]}
    batches = pulled(server, live(now=end, since={Dataset.AP_SAMPLES: end - timedelta(hours=5)}, known={}))
    assert samples(batches)[["ap", "up"]].to_numpy().tolist() == [["ap-taman-01", False]]
    assert {b.dataset for b in batches} == {Dataset.AP_SAMPLES}


def test_a_state_that_is_neither_0_nor_1_is_that_rows_error(live: Any) -> None:
    server = Server()
    server.item("ap-taman-01", "icmpping").update(lastvalue="2")
    batches = pulled(server, live())
    assert [p for b in batches for p in b.problems] == [
        {"source_id": "ap-taman-01", "field": "up", "reason": "unknown_value", "value": "2"}
    ]
    assert "ap-taman-01" not in newest(batches).index


def test_a_counter_is_not_taken_for_a_rate(live: Any) -> None:
    server = Server()
    server.item("ap-taman-01", "net.if.in[wlan0]").update(units="B")
    batches = pulled(server, live())
    problem = {"source_id": "ap-taman-01", "field": "rx_bps", "reason": "unknown_value", "value": "B"}
    assert problem in [p for b in batches for p in b.problems]
    assert pd.isna(newest(batches).loc["ap-taman-01", "rx_bps"])


def test_an_item_key_that_no_host_has_is_told(live: Any) -> None:
    batches = pulled(Server(), live(), items={**ITEMS, "clients": "wlan.klien"})
    assert ("source_empty", "no item `wlan.klien`") in [n for b in batches for n in b.notes]


def test_a_misspelt_ping_is_an_empty_source_and_not_a_dead_city(live: Any) -> None:
    assert failure(Server(), live(), items={"up": "icmping"}).code == "source_empty"


def test_a_list_that_is_cut_short_is_not_taken_for_whole(live: Any) -> None:
    error = failure(Server(instead={"host.get": ["host_get_limit.json", "host_get_count.json"]}), live())
    assert (error.code, error.detail) == ("incomplete", "host.get: 2 of 6")


def test_hosts_that_the_account_may_not_see_are_an_empty_source(live: Any) -> None:
    assert failure(Server(hosts=[]), live()).code == "source_empty"


def test_a_group_that_is_not_there_is_named(live: Any) -> None:
    error = failure(Server(), live(), groups=["WiFi Publk"])
    assert error.code == "config"
    assert "WiFi Publk" in error.detail


@pytest.mark.parametrize(
    ("file", "code", "words"),
    [
        ("error_database_down.json", "source_error", "Error connecting to database."),
        ("error_not_authorised.json", "credentials", "Not authorized."),
        ("error_bearer.json", "credentials", "Not authorized."),
        ("error_after_logout.json", "credentials", "re-login"),
        ("error_bad_params.json", "source_error", 'Sorting by field "nosuch" not allowed.'),
        ("error_unknown_method.json", "source_error", "Method not found."),
        ("wrong_path_login_page.html", "login_page", "HTML"),
        ("error_wrong_content_type.html", "http_status", "412"),
    ],
)
def test_an_error_with_status_200_is_a_failure_in_its_own_words(file: str, code: str, words: str, live: Any) -> None:
    error = failure(Server(instead={"host.get": [file] * 9}), live())
    assert error.code == code
    assert words in error.detail


def test_an_account_logs_in_and_out_again(live: Any) -> None:
    server = Server()
    assert len(newest(pulled(server, live(), auth={"basic": {"user": "coc", "password": PASSWORD}}))) == 4
    assert [m for m, _ in server.asked if m.startswith("user.")] == ["user.login", "user.logout"]


def test_a_session_that_ended_is_opened_anew_once(live: Any) -> None:
    account = {"basic": {"user": "coc", "password": PASSWORD}}
    server = Server(instead={"item.get": ["error_session_terminated.json"]})
    assert len(newest(pulled(server, live(), auth=account))) == 4
    server = Server(instead={"item.get": ["error_session_terminated.json"] * 9})
    assert failure(server, live(), auth=account).code == "credentials"
    assert [m for m, _ in server.asked].count("user.login") == 2


def test_a_refused_password_is_tried_once_so_that_the_account_is_not_locked(live: Any) -> None:
    server = Server(instead={"user.login": ["error_login.json"] * 9})
    assert failure(server, live(), auth={"basic": {"user": "coc", "password": PASSWORD}}).code == "credentials"
    assert [m for m, _ in server.asked].count("user.login") == 1


@pytest.mark.parametrize("version", ["5.4.0", "6.0.14", "6.4.2", "7.0.0"])
def test_the_token_goes_where_the_version_wants_it(version: str, live: Any) -> None:
    assert len(newest(pulled(Server(version=version), live()))) == 4


def test_web_scenarios_are_applications(live: Any) -> None:
    batches = pulled(Server(), live(), groups=[], services=["Aplikasi"])
    found = samples(batches, Dataset.SERVICE_SAMPLES).set_index("service")
    assert found["up"].to_dict() == {"kepegawaian": True, "pajak": True, "perizinan": False, "sipadek": True}
    assert found["status"].to_dict() == {"kepegawaian": 200, "pajak": 200, "perizinan": 500, "sipadek": 200}
    assert found.loc["pajak", "latency_ms"] == pytest.approx(1402.338)
    assert found.loc["pajak", "at"] == pd.Timestamp(1795477206, unit="s", tz="UTC")


def test_the_reason_is_that_of_the_same_run_and_no_older_one(live: Any) -> None:
    found = samples(pulled(Server(), live(), groups=[], services=["Aplikasi"]), Dataset.SERVICE_SAMPLES).set_index(
        "service"
    )
    assert found.loc["perizinan", "reason"] == "status"
    assert found.loc["kepegawaian", "reason"] is None  # its error outlived the failure
    server = Server()
    next(i for i in server.web if i["key_"] == "web.test.error[perizinan]").update(lastclock="1795470000")
    found = samples(pulled(server, live(), groups=[], services=["Aplikasi"]), Dataset.SERVICE_SAMPLES).set_index(
        "service"
    )
    assert found.loc["perizinan", "reason"] == "other"


RESTING = [{"hosts": [{"hostid": "1", "maintenance_status": "1"}]}, {"hosts": [{"hostid": "1", "status": "1"}]}]


@pytest.mark.parametrize("change", [*RESTING, {"state": "1"}, {"status": "1"}])
def test_an_application_that_is_not_measured_now_is_listed_and_never_down(change: dict[str, Any], live: Any) -> None:
    server = Server()
    for row in server.web:
        if "[perizinan" in row["key_"]:
            row.update(change)
    batches = pulled(server, live(full=True), groups=[], services=["Aplikasi"])
    assert "perizinan" in set(samples(batches, Dataset.SERVICES)["source_id"])
    assert "perizinan" in next(b.ids for b in batches if b.ids is not None)  # or the nightly full pull deletes it
    assert "perizinan" not in set(samples(batches, Dataset.SERVICE_SAMPLES)["service"])


def test_scenarios_of_one_name_on_two_hosts_are_not_mixed(live: Any) -> None:
    server = Server()
    other = [dict(row, hosts=[{"hostid": "2"}]) for row in server.web if "[sipadek" in row["key_"]]
    for row in server.web:
        row["hosts"] = [{"hostid": "1"}]
    server.web += other
    batches = pulled(server, live(full=True), groups=[], services=["Aplikasi"])
    assert "sipadek" not in set(samples(batches, Dataset.SERVICE_SAMPLES)["service"])
    assert [(p["source_id"], p["reason"]) for b in batches for p in b.problems] == [("sipadek", "not_unique")]
    assert "sipadek" in next(b.ids for b in batches if b.ids is not None)


def test_web_items_are_asked_for_by_name_and_unmonitored_ones_never(live: Any) -> None:
    server = Server()
    pulled(server, live(), services=["Aplikasi"])
    asked = [p for m, p in server.asked if m == "item.get"]
    assert any(p.get("webitems") is True for p in asked)
    assert not any("monitored" in p for p in asked)


def test_no_secret_and_no_address_leaves_the_connector(live: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    account = {"basic": {"user": "coc", "password": PASSWORD}}
    batches = pulled(Server(), live(), services=["Aplikasi"])
    batches += pulled(Server(), live(), auth=account, services=["Aplikasi"])

    def echo(handler: Handler, request: Request) -> None:
        body = json.loads(request.body)
        result = {"apiinfo.version": "6.0.14", "user.login": SESSION}.get(body["method"])
        said = {"result": result} if result else {"error": {"code": 1, "message": request.body.decode()}}
        handler.json({"jsonrpc": "2.0", "id": 1, **said})

    errors = []
    for auth in ({"bearer": TOKEN}, account):
        with serving(echo) as at, pytest.raises(FetchError) as caught:
            list(connector(at.url, auth=auth).pull(live()))
        errors.append(caught.value)
    text = told(batches, *errors) + caplog.text
    for secret in (TOKEN, PASSWORD, SESSION, "Connection refused", "did not match"):
        assert secret not in text, secret
