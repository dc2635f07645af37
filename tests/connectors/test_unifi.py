"""UniFi Network's integration API: states in the controller's own time, stations counted and never kept.

The answers have the shape that its documentation gives; no controller was at hand to record.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from coc.domain.datasets import Dataset
from data_connectors.base import Batch, FetchError
from data_connectors.unifi import Unifi
from tests.connectors import hostile
from tests.connectors.hostile import Handler, Request, serving
from tests.connectors.recorded import Recorded, told

RECORDED = Recorded("unifi")
BASE = "/proxy/network/integration/v1"
NOW = datetime(2026, 11, 23, 23, 40, tzinfo=UTC)
HEARD = datetime(2026, 11, 23, 23, 39, 51, tzinfo=UTC)
TAMAN_1, TAMAN_2, TERMINAL, SWITCH, SEKOLAH = (f"aaaaaaaa-0000-4000-8000-00000000000{n}" for n in range(1, 6))
CANARY = "02:00:00"  # how every hardware address in the samples begins


class Controller:
    """The documented answers as one living controller with one site, paged by the sample's three a page."""

    def __init__(self) -> None:
        self.devices = [*RECORDED.json("devices_page1.json")["data"], *RECORDED.json("devices_page2.json")["data"]]
        self.clients: list[dict[str, Any]] = RECORDED.json("clients_page1.json")["data"]
        self.sites = RECORDED.json("sites.json")["data"][:1]
        self.latest = {d["id"]: RECORDED.json("device_statistics_latest.json") for d in self.devices}
        self.latest[TERMINAL] = RECORDED.json("device_statistics_latest_offline.json")
        self.ill: set[str] = set()  # devices of which it cannot say how they do
        self.page = 3
        self.paged: Callable[[list[Any], int], dict[str, Any]] = self._paged

    def __call__(self, handler: Handler, request: Request) -> None:
        if request.headers.get("x-api-key") != "kunci":
            RECORDED.say(handler, "error_401.json")
            return
        path = request.path.removeprefix(BASE)
        if path == "/info":
            RECORDED.say(handler, "info.json")
        elif path == "/sites":
            handler.json(self.paged(self.sites, int(request.query["offset"])))
        elif path.endswith("/devices"):
            handler.json(self.paged(self.devices, int(request.query["offset"])))
        elif path.endswith("/clients"):
            handler.json(self.paged(self.clients, int(request.query["offset"])))
        elif path.endswith("/statistics/latest") and path.split("/")[4] in self.ill:
            handler.json({"statusCode": 500}, 500)
        elif path.endswith("/statistics/latest") and path.split("/")[4] in self.latest:
            handler.json(self.latest[path.split("/")[4]])
        else:
            RECORDED.say(handler, "error_404_site.json")

    def _paged(self, rows: list[Any], offset: int) -> dict[str, Any]:
        part = rows[offset : offset + self.page]
        return {"offset": offset, "limit": self.page, "count": len(part), "totalCount": len(rows), "data": part}

    def state(self, device: str, state: str) -> None:
        next(d for d in self.devices if d["id"] == device)["state"] = state

    def heard(self, device: str, at: datetime) -> None:
        self.latest[device] = self.latest[device] | {"lastHeartbeatAt": at.isoformat().replace("+00:00", "Z")}


def connector(url: str, **given: Any) -> Unifi:
    block = {"type": "unifi", "url": url + BASE, "auth": {"header": {"name": "X-API-KEY", "value": "kunci"}}, **given}
    return Unifi("wifi", Unifi.Block.model_validate(block))


def pulled(answer: Any, window: Any, reader: Unifi | None = None, **given: Any) -> list[Batch]:
    given = {"now": NOW, **given}
    with serving(answer) as server:
        if reader is not None:
            reader.block = reader.block.model_copy(update={"url": server.url + BASE})
        return list((reader or connector(server.url)).pull(window(**given)))


def failure(answer: Any, window: Any) -> FetchError:
    with pytest.raises(FetchError) as caught:
        pulled(answer, window)
    return caught.value


def samples(batches: list[Batch]) -> pd.DataFrame:
    return next(b.frame for b in batches if b.dataset is Dataset.AP_SAMPLES).set_index("ap")


def problems(batches: list[Batch]) -> list[tuple[str, str, str, str]]:
    return [(p["source_id"], p["field"], p["reason"], p["value"]) for b in batches for p in b.problems]


def test_access_points_alone_are_listed_and_measured_when_the_controller_heard_them(window: Any) -> None:
    batches = pulled(Controller(), window)
    listed = batches[0].frame
    assert dict(zip(listed["source_id"], listed["name"], strict=True)) == {
        TAMAN_1: "AP Taman 01",
        TAMAN_2: "AP Taman 02",
        TERMINAL: "AP Terminal 01",
        SEKOLAH: "AP Sekolah 01",
    }
    found = samples(batches)
    assert found["up"].to_dict() == {TAMAN_1: True, TAMAN_2: True, TERMINAL: False, SEKOLAH: False}
    assert set(found["at"]) == {pd.Timestamp(HEARD)}
    assert problems(batches) == []


def test_what_goes_up_the_uplink_came_from_the_stations(window: Any) -> None:
    found = samples(pulled(Controller(), window))
    assert found.loc[TAMAN_1, ["rx_bps", "tx_bps"]].tolist() == [1_834_000.0, 21_450_000.0]


def test_wireless_stations_are_counted_and_none_is_a_nought(window: Any) -> None:
    source = Controller()
    source.clients = [c for c in source.clients if c["uplinkDeviceId"] != TAMAN_2]
    found = samples(pulled(source, window))
    assert found["clients"].fillna(-1).to_dict() == {TAMAN_1: 2, TAMAN_2: 0, TERMINAL: -1, SEKOLAH: -1}


def test_features_may_be_a_list_or_an_object(window: Any) -> None:
    source = Controller()
    source.devices[0]["features"] = RECORDED.json("device_detail.json")["features"]
    assert TAMAN_1 in samples(pulled(source, window)).index


@pytest.mark.parametrize("state", ["UPDATING", "GETTING_READY", "PENDING_ADOPTION", "ADOPTING", "DELETING"])
def test_a_point_that_is_being_worked_on_is_neither_up_nor_down(state: str, window: Any) -> None:
    source = Controller()
    source.state(TAMAN_1, state)
    batches = pulled(source, window)
    assert TAMAN_1 not in samples(batches).index
    assert problems(batches) == []


def test_a_state_that_nobody_knows_is_that_rows_error_until_config_maps_it(window: Any) -> None:
    source = Controller()
    source.state(TAMAN_1, "HIBERNATING")
    batches = pulled(source, window)
    assert TAMAN_1 not in samples(batches).index
    assert problems(batches) == [(TAMAN_1, "up", "unknown_value", "HIBERNATING")]
    with serving(source) as server:
        mapped = list(connector(server.url, states={"HIBERNATING": "down"}).pull(window(now=NOW)))
    assert samples(mapped)["up"][TAMAN_1] == False  # noqa: E712 - numpy's


def test_an_offline_point_goes_on_being_down_while_others_are_heard(window: Any) -> None:
    """Its own last heartbeat stands still for ever; taken as the time, it would never be down, only without data."""
    source = Controller()
    first = samples(pulled(source, window))
    later = HEARD + timedelta(minutes=1)
    for device in (TAMAN_1, TAMAN_2):
        source.heard(device, later)
    known = {ap: at.to_pydatetime() for ap, at in first["at"].items()}
    again = samples(pulled(source, window, now=NOW + timedelta(minutes=1), known=known))
    assert again["up"].to_dict() == {TAMAN_1: True, TAMAN_2: True, TERMINAL: False, SEKOLAH: False}
    assert set(again["at"]) == {pd.Timestamp(later)}


def test_a_controller_whose_time_stands_still_says_nothing_new_of_anyone(window: Any) -> None:
    first = samples(pulled(Controller(), window))
    known = {ap: at.to_pydatetime() for ap, at in first["at"].items()}
    later = pulled(Controller(), window, now=NOW + timedelta(hours=1), known=known)
    assert samples(later).empty


def test_a_controller_that_hears_nobody_does_not_call_them_all_down(window: Any) -> None:
    source = Controller()
    for device in source.devices:
        device["state"] = "OFFLINE"
    batches = pulled(source, window)
    assert samples(batches).empty
    assert [n for b in batches for n in b.notes] == [
        ("source_empty", "the controller hears none of 4 access points and no other device")
    ]


def test_where_a_switch_is_heard_points_that_are_not_are_down(window: Any) -> None:
    source = Controller()
    for device in (TAMAN_1, TAMAN_2):
        source.state(device, "OFFLINE")
    found = samples(pulled(source, window))
    assert len(found) == 4
    assert not found["up"].any()


def test_a_clock_ahead_is_capped_told_once_and_not_fresh_at_every_pull(window: Any) -> None:
    source = Controller()
    for device in (TAMAN_1, TAMAN_2):
        source.heard(device, NOW + timedelta(hours=7))
    reader = connector("http://127.0.0.1:1")
    batches = pulled(source, window, reader)
    assert set(samples(batches)["at"]) == {pd.Timestamp(NOW)}
    assert [n for b in batches for n in b.notes] == [("clock_ahead", "+7 h")]
    assert samples(pulled(source, window, reader, now=NOW + timedelta(minutes=1))).empty


@pytest.mark.parametrize("heartbeat", [None, "", "2026-11-23T23:39:51", "kemarin", 1795477191])
def test_a_point_without_a_time_of_its_own_is_that_rows_error(heartbeat: Any, window: Any) -> None:
    source = Controller()
    source.latest[TAMAN_1] = source.latest[TAMAN_1] | {"lastHeartbeatAt": heartbeat}
    batches = pulled(source, window)
    assert TAMAN_1 not in samples(batches).index
    assert problems(batches) == [(TAMAN_1, "at", "missing_required", "")]


@pytest.mark.parametrize(
    ("rate", "reason"),
    [
        (None, ""),
        ("", ""),
        ("NaN", ""),
        (-1, "out_of_range"),
        (True, "bad_type"),
        ("cepat", "bad_type"),
        ({}, "bad_type"),
    ],
)
def test_a_rate_that_is_none_is_null_and_not_nought(rate: Any, reason: str, window: Any) -> None:
    source = Controller()
    source.latest[TAMAN_1] = source.latest[TAMAN_1] | {"uplink": {"txRateBps": rate}}
    batches = pulled(source, window)
    row = samples(batches).loc[TAMAN_1]
    assert row["up"]
    assert pd.isna(row["rx_bps"])
    assert pd.isna(row["tx_bps"])
    assert [p[:3] for p in problems(batches)] == ([(TAMAN_1, "rx_bps", reason)] if reason else [])


def test_a_device_that_goes_while_the_list_is_read_is_passed_over(window: Any) -> None:
    source = Controller()
    del source.latest[TAMAN_2]
    found = samples(pulled(source, window))
    assert found.index.tolist() == [TAMAN_1, TERMINAL, SEKOLAH]


def test_one_device_that_cannot_be_told_takes_no_other_with_it(window: Any) -> None:
    source = Controller()
    source.ill = {TAMAN_2}
    batches = pulled(source, window)
    assert samples(batches).index.tolist() == [TAMAN_1, TERMINAL, SEKOLAH]
    assert problems(batches) == [(TAMAN_2, "up", "unreadable", "http_status")]
    source.ill = set(source.latest)
    assert failure(source, window).code == "http_status"  # of nobody: then it is the controller


def test_every_site_is_read(window: Any) -> None:
    source = Controller()
    source.sites = RECORDED.json("sites.json")["data"]
    with serving(source) as server:
        list(connector(server.url).pull(window(now=NOW)))
        asked = {r.path.split("/")[6] for r in server.seen if "/sites/" in r.path}
    assert asked == {site["id"] for site in source.sites}


def test_a_full_pull_tells_which_points_there_are(window: Any) -> None:
    batches = pulled(Controller(), window, full=True)
    assert [b.ids for b in batches if b.ids is not None] == [{TAMAN_1, TAMAN_2, TERMINAL, SEKOLAH}]


def test_points_may_go_by_their_name_but_not_two_by_one(window: Any) -> None:
    source = Controller()
    source.devices[1]["name"] = " AP Taman 01 "
    source.devices[4]["name"] = "02:00:00:00:20:05"
    with serving(source) as server:
        batches = list(connector(server.url, key="name").pull(window(now=NOW)))
    assert samples(batches).index.tolist() == ["AP Terminal 01"]
    assert problems(batches) == [
        (SEKOLAH, "name", "missing_required", ""),
        ("AP Taman 01", "ap", "not_unique", "AP Taman 01"),
    ]


def test_no_address_name_or_id_of_a_station_leaves_the_connector(window: Any) -> None:
    source = Controller()
    source.devices[0]["name"] = "02:00:00:00:20:01"  # what a controller shows of a point that nobody named
    source.devices[1]["state"] = "02:00:00:00:20:02"
    for client in source.clients:
        client["name"] = "gawai-warga-rahasia"
    batches = pulled(source, window, full=True)
    source.latest[TAMAN_1] = {"lastHeartbeatAt": source.clients[0]["macAddress"]}
    source.clients[0]["type"] = None
    text = told([*batches, *pulled_or_nothing(source, window)], failure(source, window))
    station = [c[k] for c in RECORDED.json("clients_page1.json")["data"] for k in ("id", "macAddress", "ipAddress")]
    assert [s for s in (*filter(None, station), "gawai-warga-rahasia", CANARY, "kunci") if s in text] == []
    assert TAMAN_1 in text


def pulled_or_nothing(source: Controller, window: Any) -> list[Batch]:
    found: list[Batch] = []
    with serving(source) as server:
        try:
            for batch in connector(server.url).pull(window(now=NOW)):
                found.append(batch)
        except FetchError:
            pass
    return found


@pytest.mark.parametrize(
    ("paged", "code"),
    [
        (lambda rows, _: {"offset": 0, "totalCount": 9, "data": rows[:3]}, "paging_loop"),
        (lambda rows, offset: {"offset": offset, "totalCount": 9, "data": rows[:1]}, "paging_loop"),
        (lambda rows, offset: {"offset": offset, "totalCount": 9, "data": rows[offset:]}, "incomplete"),
        (lambda rows, offset: {"offset": offset, "data": rows[offset:]}, "schema_drift"),
        (lambda rows, offset: {"offset": offset, "totalCount": len(rows), "rows": rows}, "schema_drift"),
        (lambda rows, offset: {"offset": offset, "totalCount": 0, "data": []}, "source_empty"),
    ],
)
def test_paging_that_goes_wrong_is_told(paged: Any, code: str, window: Any) -> None:
    source = Controller()
    source.paged = paged
    assert failure(source, window).code == code


def test_recorded_failures_are_said_in_their_own_words(window: Any) -> None:
    refused = hostile.status(401, json.dumps(RECORDED.json("error_401.json")).encode(), "application/json")
    assert failure(refused, window).code == "credentials"
    assert failure(lambda h, _: RECORDED.say(h, "error_404_site.json"), window).code == "not_found"
    source = Controller()
    source.latest.clear()
    assert failure(source, window).code == "not_found"


def test_check_tells_the_version_and_how_many_points_there_are() -> None:
    with serving(Controller()) as server:
        reached = connector(server.url).check()
    assert (reached.ok, reached.said) == (True, "UniFi Network 9.3.45 answers with 4 access points")


def test_check_with_a_wrong_key_says_how_to_mend_it() -> None:
    with serving(Controller()) as server:
        reached = connector(server.url, auth={"header": {"name": "X-API-KEY", "value": "lama-sekali"}}).check()
    assert not reached.ok
    assert "auth:" in reached.mend
    assert "lama-sekali" not in reached.said


def test_a_thousand_points_are_read_within_a_minutes_share(window: Any) -> None:
    """5 s of one core a minute are the budget; the test's own server takes its part of what is measured here."""
    import time

    source = Controller()
    source.page = 200
    source.devices = [RECORDED.json("devices_page1.json")["data"][0] | {"id": f"ap-{n}"} for n in range(1000)]
    source.latest = {f"ap-{n}": RECORDED.json("device_statistics_latest.json") for n in range(1000)}
    source.clients = [{"type": "WIRELESS", "id": str(n), "uplinkDeviceId": f"ap-{n % 1000}"} for n in range(5000)]
    started = time.process_time()
    found = samples(pulled(source, window, deadline=time.monotonic() + 60))
    spent = time.process_time() - started
    assert len(found) == 1000
    assert set(found["clients"]) == {5}
    assert spent < 10
