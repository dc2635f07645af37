"""LibreNMS: states in the poller's own time, and nothing of the SNMP secrets that its answers are full of.

The answers have the shape that its documentation gives; no LibreNMS was at hand to record.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from coc.domain.datasets import Dataset
from data_connectors.base import Batch, FetchError
from data_connectors.librenms import LibreNms
from tests.connectors import hostile
from tests.connectors.hostile import Handler, Request, serving
from tests.connectors.recorded import Recorded, told

RECORDED = Recorded("librenms")
BASE = "/api/v0"
NOW = datetime(2026, 11, 23, 23, 40, tzinfo=UTC)
POLLED = datetime(2026, 11, 23, 23, 35, 7, tzinfo=UTC)  # of device 1
PULSE = datetime(2026, 11, 23, 23, 35, 12, tzinfo=UTC)  # the newest poll of any device
SECRETS = ("community", "authname", "authpass", "cryptopass")


class Nms:
    """The documented answers as one living server; times are moved by `poll`."""

    def __init__(self) -> None:
        self.devices: list[dict[str, Any]] = RECORDED.json("devices.json")["devices"]
        self.ports: list[dict[str, Any]] = RECORDED.json("ports.json")["ports"]
        self.ill: set[str] = set()  # last parts of paths about sensors that fail
        self.sensors: dict[str, list[dict[str, Any]]] = {"1": self._sensors()}

    @staticmethod
    def _sensors() -> list[dict[str, Any]]:
        value = RECORDED.json("wireless_sensor_value.json")["graphs"][0]
        listed = RECORDED.json("wireless_sensors_clients.json")["graphs"]
        return [value | {"sensor_id": g["sensor_id"], "sensor_current": 14 + 3 * i} for i, g in enumerate(listed)]

    def __call__(self, handler: Handler, request: Request) -> None:
        if request.headers.get("x-auth-token") != "kunci":
            RECORDED.say(handler, "error_401.json")
            return
        parts = request.path.removeprefix(BASE).strip("/").split("/")
        if parts == ["devices"]:
            handler.json({"status": "ok", "devices": self.devices, "count": len(self.devices)})
        elif parts == ["ports"]:
            wanted = request.query.get("columns", "port_id,ifName").split(",")
            rows = [{k: v for k, v in p.items() if k in wanted} for p in self.ports]
            handler.json({"status": "ok", "count": len(rows), "ports": rows})
        elif "wireless" in parts and parts[-1] in self.ill:
            handler.json({"status": "error"}, 500)
        elif len(parts) == 4 and parts[1] in self.sensors:
            rows = [{"sensor_id": s["sensor_id"], "desc": s["sensor_descr"]} for s in self.sensors[parts[1]]]
            handler.json({"status": "ok", "graphs": rows, "count": len(rows)})
        elif len(parts) == 5 and any(str(s["sensor_id"]) == parts[4] for s in self.sensors.get(parts[1], [])):
            found = [s for s in self.sensors[parts[1]] if str(s["sensor_id"]) == parts[4]]
            handler.json({"status": "ok", "graphs": found, "count": 1})
        else:
            RECORDED.say(handler, "error_404_device.json")

    def device(self, number: int) -> dict[str, Any]:
        return next(d for d in self.devices if int(d["device_id"]) == number)

    def poll(self, at: datetime, *numbers: int) -> None:
        for number in numbers:
            self.device(number)["last_polled"] = wib(at)


def wib(at: datetime) -> str:
    return f"{at.astimezone(ZoneInfo('Asia/Jakarta')):%Y-%m-%d %H:%M:%S}"


def connector(url: str, **given: Any) -> LibreNms:
    auth = {"header": {"name": "X-Auth-Token", "value": "kunci"}}
    block = {"type": "librenms", "url": url + BASE, "auth": auth, "zone": "Asia/Jakarta", **given}
    return LibreNms("wifi", LibreNms.Block.model_validate(block))


def pulled(source: Any, window: Any, *, block: dict[str, Any] | None = None, **given: Any) -> list[Batch]:
    with serving(source) as server:
        return list(connector(server.url, **(block or {})).pull(window(**{"now": NOW, **given})))


def failure(source: Any, window: Any) -> FetchError:
    with pytest.raises(FetchError) as caught:
        pulled(source, window)
    return caught.value


def samples(batches: list[Batch]) -> pd.DataFrame:
    return next(b.frame for b in batches if b.dataset is Dataset.AP_SAMPLES).set_index("ap")


def ups(batches: list[Batch]) -> dict[str, bool]:
    return {str(k): bool(v) for k, v in samples(batches)["up"].items()}


def problems(batches: list[Batch]) -> list[tuple[str, str, str, str]]:
    return [(p["source_id"], p["field"], p["reason"], p["value"]) for b in batches for p in b.problems]


def test_access_points_are_told_from_other_devices_and_measured_when_they_were_polled(window: Any) -> None:
    batches = pulled(Nms(), window)
    listed = batches[0].frame.set_index("source_id")
    assert listed["name"].to_dict() == {
        "1": "ap-taman-01", "2": "ap-terminal-01", "3": "ap-sekolah-01", "5": "ap-gudang-01",
    }  # fmt: skip
    assert listed.loc["1", ["lat", "lon"]].tolist() == [-1.5901, 103.6101]
    assert pd.isna(listed.loc["3", "lat"])
    assert samples(batches)["at"]["1"] == pd.Timestamp(POLLED), "06:35:07 in Jambi, which is what its server wrote"
    assert problems(batches) == []


def test_silent_to_snmp_alone_is_up_and_silent_to_pings_is_down(window: Any) -> None:
    batches = pulled(Nms(), window)
    assert ups(batches) == {"1": True, "2": False, "3": True}
    assert samples(batches).loc["3", ["clients", "rx_bps", "tx_bps"]].isna().all(), "what it last said is old"


@pytest.mark.parametrize(("meaning", "up"), [("down", False), ("none", None)])
def test_where_pings_are_switched_off_silence_to_snmp_may_mean_something_else(
    meaning: str, up: bool | None, window: Any
) -> None:
    assert ups(pulled(Nms(), window, block={"snmp_silent": meaning})).get("3") is up


@pytest.mark.parametrize("flag", ["disabled", "ignore"])
def test_what_is_switched_off_is_not_down(flag: str, window: Any) -> None:
    source = Nms()
    source.device(2)[flag] = 1
    batches = pulled(source, window)
    assert "2" not in ups(batches)
    assert "2" in set(batches[0].frame["source_id"])
    assert problems(batches) == []


def test_a_silent_device_goes_on_being_down_while_others_are_polled(window: Any) -> None:
    """LibreNMS moves a device's times only while its polls succeed: by its own it would never be down."""
    source = Nms()
    first = samples(pulled(source, window))
    assert first["at"]["2"] == pd.Timestamp(PULSE)
    known = {str(ap): at.to_pydatetime() for ap, at in first["at"].items()}
    later = PULSE + timedelta(minutes=5)
    source.poll(later, 4)  # the switch alone: the poller goes on
    again = pulled(source, window, now=NOW + timedelta(minutes=5), known=known)
    assert ups(again) == {"2": False, "3": True}
    assert set(samples(again)["at"]) == {pd.Timestamp(later)}


def test_a_poller_that_stands_still_says_nothing_new_of_anyone(window: Any) -> None:
    first = samples(pulled(Nms(), window))
    known = {str(ap): at.to_pydatetime() for ap, at in first["at"].items()}
    with serving(Nms()) as server:
        again = list(connector(server.url).pull(window(now=NOW + timedelta(hours=1), known=known)))
        asked = [r.path for r in server.seen]
    assert samples(again).empty
    assert asked == [f"{BASE}/devices"], "gauges of a measurement that is held already are not asked for"


@pytest.mark.parametrize("never", [None, "", "0000-00-00 00:00:00"])
def test_what_was_never_polled_has_no_sample(never: Any, window: Any) -> None:
    source = Nms()
    source.device(1)["last_polled"] = source.device(2)["last_polled"] = never
    batches = pulled(source, window)
    assert ups(batches) == {"3": True}
    assert problems(batches) == []


def test_a_time_that_is_none_is_that_rows_error(window: Any) -> None:
    source = Nms()
    source.device(1)["last_polled"] = "kemarin pagi"
    batches = pulled(source, window)
    assert "1" not in ups(batches)
    assert problems(batches) == [("1", "at", "bad_time", "")]


def test_a_server_in_another_zone_than_config_says_is_seen_by_its_clock(window: Any) -> None:
    batches = pulled(Nms(), window, block={"zone": "UTC"})
    assert set(samples(batches)["at"]) == {pd.Timestamp(NOW)}
    assert [n for b in batches for n in b.notes] == [("clock_ahead", "+7 h")]


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("status", 2, ("1", "up", "unknown_value", "2")),
        ("status", None, ("1", "up", "unknown_value", "None")),
        ("disabled", "ya", ("1", "disabled", "unknown_value", "ya")),
    ],
)
def test_a_value_that_nobody_knows_is_that_rows_error(field: str, value: Any, problem: Any, window: Any) -> None:
    source = Nms()
    source.device(1)[field] = value
    batches = pulled(source, window)
    assert ups(batches) == {"2": False, "3": True}
    assert problems(batches) == [problem]


def test_a_reason_that_nobody_knows_is_that_rows_error(window: Any) -> None:
    source = Nms()
    source.device(2)["status_reason"] = "agent"
    assert problems(pulled(source, window)) == [("2", "up", "unknown_value", "agent")]


def test_older_releases_write_numbers_as_text(window: Any) -> None:
    source = Nms()
    source.devices = RECORDED.json("devices_strings.json")["devices"]
    batches = pulled(source, window)
    assert ups(batches) == {"1": True}
    assert batches[0].frame.loc[0, ["lat", "lon"]].tolist() == [-1.5901, 103.6101]
    assert samples(batches)["clients"]["1"] == 31


def test_newer_releases_write_flags_as_such(window: Any) -> None:
    source = Nms()
    for device in source.devices:
        device |= {name: bool(device[name]) for name in ("status", "disabled", "ignore")}
    assert ups(pulled(source, window)) == {"1": True, "2": False, "3": True}


def test_clients_are_summed_over_the_radios(window: Any) -> None:
    assert samples(pulled(Nms(), window))["clients"]["1"] == 14 + 17


@pytest.mark.parametrize(
    ("change", "clients"),
    [
        ({"sensor_current": None}, None),
        ({"sensor_current": "NaN"}, None),
        ({"lastupdate": "2026-11-24 05:00:00"}, None),
        ({"lastupdate": None}, None),
        ({"sensor_deleted": 1}, 17),
        ({"sensor_current": 0}, 17),
    ],
)
def test_a_sum_that_lacks_a_radio_is_unknown_and_not_less(change: Any, clients: int | None, window: Any) -> None:
    source = Nms()
    source.sensors["1"][0] |= change
    found = samples(pulled(source, window))["clients"]["1"]
    assert pd.isna(found) if clients is None else found == clients


@pytest.mark.parametrize("sensors", [{}, {"1": []}])
def test_a_device_without_wireless_sensors_has_unknown_clients(sensors: Any, window: Any) -> None:
    source = Nms()
    source.sensors = sensors
    found = samples(pulled(source, window)).loc["1"]
    assert found["up"]
    assert pd.isna(found["clients"])


@pytest.mark.parametrize("part", ["device_wireless_clients", "first"])
def test_a_sensor_that_cannot_be_told_leaves_the_device_up_with_unknown_clients(part: str, window: Any) -> None:
    source = Nms()
    source.ill = {str(source.sensors["1"][0]["sensor_id"]) if part == "first" else part}
    with serving(source) as server:
        pulling = connector(server.url)
        batches = list(pulling.pull(window(now=NOW)))
        row = samples(batches).loc["1"]
        assert row["up"]
        assert pd.isna(row["clients"])
        assert problems(batches) == [("1", "clients", "unreadable", "http_status")]
        source.ill = set()
        assert samples(list(pulling.pull(window(now=NOW))))["clients"]["1"] == 14 + 17  # asked again, not in an hour


def test_octets_of_the_radios_are_bits_and_an_uplink_counts_turned_round(window: Any) -> None:
    radio = samples(pulled(Nms(), window)).loc["1", ["rx_bps", "tx_bps"]].tolist()
    assert radio == [234_000 * 8.0, 2_681_000 * 8.0]
    source = Nms()
    source.ports = [p for p in source.ports if p["ifName"] != "wlan1"]
    assert samples(pulled(source, window)).loc["1", ["rx_bps", "tx_bps"]].isna().all()
    uplink = samples(pulled(source, window, block={"uplink_ports": "ether1"})).loc["1", ["rx_bps", "tx_bps"]].tolist()
    assert uplink == [240_000 * 8.0, 2_690_000 * 8.0]


def test_ports_are_asked_for_by_their_columns_and_an_old_rate_is_not_of_this_measurement(window: Any) -> None:
    source = Nms()
    source.ports[0]["poll_time"] -= 3600
    with serving(source) as server:
        found = samples(list(connector(server.url).pull(window(now=NOW))))
        columns = next(r.query["columns"] for r in server.seen if r.path.endswith("/ports"))
    assert pd.isna(found["rx_bps"]["1"])
    assert "ifPhysAddress" not in columns


def test_which_sensors_a_device_has_is_asked_once_an_hour(window: Any) -> None:
    source = Nms()
    with serving(source) as server:
        reader = connector(server.url)

        def lists(minutes: int) -> int:
            server.seen.clear()
            at = timedelta(minutes=minutes)
            source.poll(POLLED + at, 1)
            list(reader.pull(window(now=NOW + at)))
            return sum(r.path.endswith("/device_wireless_clients") for r in server.seen)

        assert [lists(0), lists(5), lists(59), lists(61)] == [1, 0, 0, 1]
        source.sensors["1"] = source.sensors["1"][:1]
        assert lists(65) == 0
        assert lists(70) == 1, "one has gone: which there are is asked anew"


def test_devices_may_go_by_their_name_but_not_two_by_one(window: Any) -> None:
    source = Nms()
    source.device(2)["sysName"] = "ap-taman-01"
    source.device(3)["sysName"] = "0200.0000.2003"
    batches = pulled(source, window, block={"key": "sysName"})
    assert ups(batches) == {"ap-taman-01": True}
    assert problems(batches) == [
        ("ap-taman-01", "ap", "not_unique", "ap-taman-01"),
        ("3", "sysName", "missing_required", ""),
    ]


def test_a_full_pull_tells_which_points_there_are(window: Any) -> None:
    assert [b.ids for b in pulled(Nms(), window, full=True) if b.ids is not None] == [{"1", "2", "3", "5"}]


def test_no_secret_of_a_device_leaves_the_connector(window: Any) -> None:
    source = Nms()
    for device in source.devices:
        device |= {name: f"rahasia-{name}" for name in SECRETS}
        device["sysContact"] = "rahasia-orang"
    source.device(1)["display"] = source.device(1)["hostname"] = "aa-bb-cc-dd-ee-ff"
    source.device(2)["status"] = source.device(3)["last_polled"] = "aabbccddeeff"
    batches = pulled(source, window, full=True)

    def leaking(handler: Handler, _: Request) -> None:
        handler.json({"status": "error", "message": "SQLSTATE[42S22]: where community = 'rahasia-community'"})

    text = told(batches, failure(leaking, window)).lower()
    assert [s for s in ("rahasia", "aa-bb-cc", "aabbcc", "kunci") if s in text] == []


def test_failures_are_said_in_their_own_words(window: Any) -> None:
    assert failure(lambda h, _: RECORDED.say(h, "error_401.json"), window).code == "credentials"
    refused = hostile.status(200, b'{"status": "error", "message": "Insufficient rights"}', "application/json")
    error = failure(refused, window)
    assert (error.code, error.detail) == ("source_error", "Insufficient rights")
    gone = hostile.status(200, b'{"status": "ok", "count": 0}', "application/json")
    assert failure(gone, window).code == "schema_drift"
    source = Nms()
    source.devices = [source.device(4)]
    assert failure(source, window).code == "source_empty"


@pytest.mark.parametrize("given", [{"zone": "Jambi"}, {"radio_ports": "("}, {"device_types": []}])
def test_a_block_that_cannot_work_is_refused_at_the_door(given: Any) -> None:
    with pytest.raises(ValueError, match=next(iter(given))):
        connector("http://127.0.0.1", **given)


def test_check_tells_how_many_points_are_polled() -> None:
    with serving(Nms()) as server:
        reached = connector(server.url).check()
    assert (reached.ok, reached.said) == (True, "LibreNMS answers with 4 access points, 3 of them polled")


def test_a_thousand_points_are_read_within_a_minutes_share(window: Any) -> None:
    """5 s of one core a minute are the budget; a poller goes round in five. The test's own server counts here too."""
    source = Nms()
    one, value = source.device(1), source.sensors["1"][0]
    source.devices = [one | {"device_id": n} for n in range(1000)]
    source.ports = [source.ports[0] | {"device_id": n} for n in range(1000)]
    source.sensors = {str(n): [value | {"sensor_id": n}] for n in range(1000)}
    started = time.process_time()
    found = samples(pulled(source, window, deadline=time.monotonic() + 60))
    spent = time.process_time() - started
    assert len(found) == 1000
    assert found["clients"].sum() == 14_000
    assert spent < 20
