"""RouterOS's REST API in its documented shape, over real HTTP; each trap of it is a test."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pytest

from coc.domain.datasets import Dataset
from data_connectors import mikrotik
from data_connectors.base import Batch, FetchError
from data_connectors.mikrotik import Mikrotik
from data_connectors.mikrotikread import duration_of
from tests.connectors import hostile
from tests.connectors.hostile import Handler, Request, closed_port, serving
from tests.connectors.recorded import Recorded, told

RECORDED = Recorded("mikrotik")
PASSWORD = "sandi-mikrotik-8e1"
ACCOUNT = {"basic": {"user": "coc", "password": PASSWORD}}
WIFI, WIRELESS = "/rest/interface/wifi/registration-table", "/rest/interface/wireless/registration-table"


@dataclass
class Device:
    """A MikroTik with one of the two packages. `says`: path -> a recorded file, an answer's body, or an answer."""

    says: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.says = {
            "/rest/system/resource": "system_resource.json", "/rest/interface": "interface.json",
            WIFI: "wifi_registration_table.json", WIRELESS: "error_400_no_such_path.json", **self.says,
        }  # fmt: skip

    def __call__(self, handler: Handler, request: Request) -> None:
        self.asked.append(request.path)
        said = self.says[request.path]
        if not request.headers.get("authorization", "").startswith("Basic "):
            RECORDED.say(handler, "error_401.json")
        elif callable(said):
            said(handler, request)
        elif isinstance(said, str):
            RECORDED.say(handler, said)
        else:
            handler.json(said)


OLD = {WIFI: "error_400_no_such_path.json", WIRELESS: "wireless_registration_table.json"}


def made(devices: dict[str, str], /, **given: Any) -> Mikrotik:
    found = {ap: {"url": url} for ap, url in devices.items()}
    return Mikrotik(
        "uji", Mikrotik.Block.model_validate({"type": "mikrotik", "auth": ACCOUNT, "devices": found, **given})
    )


def pulled(window: Any, *servers: Callable[[Handler, Request], None], **given: Any) -> list[Batch]:
    with contextlib.ExitStack() as stack:
        urls = [stack.enter_context(serving(server)).url for server in servers]
        return list(made({f"ap-{n}": url for n, url in enumerate(urls)}, **given).pull(window()))


def samples(batches: list[Batch]) -> pd.DataFrame:
    frames = [b.frame for b in batches if b.dataset is Dataset.AP_SAMPLES]
    return pd.concat(frames, ignore_index=True).set_index("ap")


def clients(window: Any, says: dict[str, Any]) -> Any:
    return samples(pulled(window, Device(says)))["clients"].iloc[0]


def test_a_device_that_answers_is_up_as_of_the_answer(window: Any) -> None:
    found = samples(pulled(window, Device(), Device(OLD)))
    assert found["up"].tolist() == [True, True]
    assert found["at"].tolist() == [pd.Timestamp(window().now)] * 2


def test_only_authorised_stations_count_with_the_new_package(window: Any) -> None:
    assert clients(window, {}) == 1


def test_a_link_to_another_access_point_is_no_client(window: Any) -> None:
    assert clients(window, OLD) == 2


def test_an_empty_table_is_no_client_and_up(window: Any) -> None:
    found = samples(pulled(window, Device({WIFI: "registration_table_empty.json"})))
    assert (found["clients"].iloc[0], found["up"].iloc[0]) == (0, True)


@pytest.mark.parametrize("missing", ["error_400_no_such_path.json", hostile.status(404)])
def test_the_other_package_is_tried_once_and_remembered(missing: Any, window: Any) -> None:
    device = Device({**OLD, WIFI: missing})
    with serving(device) as server:
        connector = made({"ap-0": server.url})
        first, second = (samples(list(connector.pull(window()))) for _ in range(2))
    assert device.asked.count(WIFI) == 1
    assert first["clients"].tolist() == second["clients"].tolist() == [2]


def test_a_device_whose_package_was_changed_is_found_again(window: Any) -> None:
    device = Device(OLD)
    with serving(device) as server:
        connector = made({"ap-0": server.url})
        list(connector.pull(window()))
        device.says = Device().says
        assert samples(list(connector.pull(window())))["clients"].tolist() == [1]


def test_a_device_without_radios_is_up_with_its_clients_unknown(window: Any) -> None:
    missing = "error_400_no_such_path.json"
    batches = pulled(window, Device({WIFI: missing, WIRELESS: missing}))
    assert samples(batches)["up"].tolist() == [True]
    assert samples(batches)["clients"].isna().all()
    assert [(p["field"], p["value"]) for b in batches for p in b.problems] == [("clients", "no registration table")]


def radios(rx: str, tx: str) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = RECORDED.json("interface.json")
    return [{**row, "rx-byte": rx, "tx-byte": tx} if row["name"] == "wifi1" else row for row in rows]


def resource(uptime: str) -> dict[str, str]:
    return {**RECORDED.json("system_resource.json"), "uptime": uptime}


@pytest.mark.parametrize(
    ("then", "uptime", "rates"),
    [
        (("71950934", "917733411"), "1w2d3h5m5s", (100_000, 1_000_000)),
        (("5000", "5000"), "40s", None),
        (("999999999", "9999999999"), "40s", None),
        (("banyak", "1"), "1w2d3h5m5s", None),
    ],
)
def test_rates_are_what_the_radios_counted_since_the_last_run(
    then: tuple[str, str], uptime: str, rates: Any, window: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = iter([1000.0, 1060.0])
    real = mikrotik.counters
    monkeypatch.setattr(mikrotik, "counters", lambda body, _at, up: real(body, next(readings), up))
    device = Device()
    with serving(device) as server:
        connector = made({"ap-0": server.url})
        first = samples(list(connector.pull(window())))
        device.says |= {"/rest/interface": radios(*then), "/rest/system/resource": resource(uptime)}
        second = samples(list(connector.pull(window())))
    assert first[["rx_bps", "tx_bps"]].isna().all(axis=None)
    found = second[["rx_bps", "tx_bps"]].iloc[0]
    assert tuple(found) == rates if rates else found.isna().all()


@pytest.mark.parametrize(
    ("text", "seconds"), [("1w2d3h4m5s", 788_645), ("20s", 20), ("41m7s", 2467), ("", None), ("3 days", None)]
)
def test_durations_are_read_as_the_router_writes_them(text: str, seconds: float | None) -> None:
    assert duration_of(text) == seconds


def test_one_that_is_silent_is_down_while_another_answers(window: Any) -> None:
    def hangs(handler: Handler, _: Request) -> None:
        handler.server.stop.wait(5)

    found = samples(pulled(window, Device(), hangs, timeout_seconds=0.5))
    assert found["up"].to_dict() == {"ap-0": True, "ap-1": False}
    assert pd.isna(found.loc["ap-1", "clients"])


def test_when_none_answers_none_is_down(window: Any) -> None:
    devices = {f"ap-{n}": f"http://127.0.0.1:{closed_port()}" for n in range(2)}
    with pytest.raises(FetchError) as caught:
        list(made(devices).pull(window()))
    assert caught.value.code == "unreachable"


@pytest.mark.parametrize(
    ("answer", "why"),
    [(lambda h, _: RECORDED.say(h, "error_401.json"), "credentials"), (hostile.login_page, "login_page")],
)
def test_one_that_refuses_is_neither_up_nor_down(answer: Any, why: str, window: Any) -> None:
    batches = pulled(window, Device(), Device({"/rest/system/resource": answer}))
    assert list(samples(batches).index) == ["ap-0"]
    assert [(p["source_id"], p["value"]) for b in batches for p in b.problems] == [("ap-1", why)]
    assert [n for b in batches for n in b.notes] == [("incomplete", "1 of 2 access points")]


@pytest.mark.parametrize("said", [[], {"version": "7"}, {"uptime": "besok"}])
def test_another_shape_is_drift(said: Any, window: Any) -> None:
    with pytest.raises(FetchError) as caught:
        pulled(window, Device({"/rest/system/resource": said}))
    assert caught.value.code == "schema_drift"


def test_the_certificate_must_be_right(window: Any) -> None:
    with serving(Device(), tls=True) as server, pytest.raises(FetchError) as caught:
        list(made({"ap-0": server.url}).pull(window()))
    assert caught.value.code == "certificate"


def test_no_password_goes_over_plain_http() -> None:
    with pytest.raises(ValueError, match="https only"):
        made({"ap-0": "http://10.20.0.11"})


@pytest.mark.parametrize("given", [{"devices": {}}, {"ap": "ap-0"}, {"url": "https://10.20.0.11"}])
def test_a_block_names_its_devices_in_one_way(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="either `devices`, or `url` and `ap`"):
        made({"ap-0": "https://10.20.0.11"}, **given)


def test_the_access_points_are_those_of_the_block(window: Any) -> None:
    devices = {"ap-0": {"url": "http://127.0.0.1:1", "name": "AP Nol", "site": "taman", "lat": -1.59, "lon": 103.6}}
    batches = made({}, devices=devices).pull(window(full=True))
    assert next(batches).frame.to_numpy().tolist() == [["ap-0", "AP Nol", "taman", -1.59, 103.6]]
    assert next(batches).ids == {"ap-0"}


def test_check_names_the_devices_that_do_not_answer() -> None:
    with serving(Device()) as server:
        reached = made({"ap-0": server.url, "ap-1": f"http://127.0.0.1:{closed_port()}"}).check()
    assert reached.ok
    assert reached.said.startswith("1 of 2 devices answer; ap-1: unreachable")
    assert reached.mend


def test_no_password_and_no_station_leaves_the_connector(window: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    batches = pulled(window, Device(), Device(OLD))
    errors = []
    for said in ({"station": "02:00:00:00:00:51"}, [["02:00:00:00:00:51"]]):
        with pytest.raises(FetchError) as caught:
            pulled(window, Device({WIFI: said}))
        errors.append(caught.value)
    text = told(batches, *errors) + caplog.text
    for canary in (PASSWORD, "02:00:00", "WiFi-Kota", "backhaul"):
        assert canary not in text
