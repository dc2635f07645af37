"""A real Zabbix, pulled by `coc serve` through an account that may read two groups: points, applications, failures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
import sqlalchemy as sa

from tests.databases import Postgres
from tests.real.product import BUILD, PULL, Coc
from tests.real.programs import until
from tests.real.targets import Web, target
from tests.real.zabbixhere import PASSWORD, Zabbix

pytestmark = pytest.mark.real
SYSTEM: Final = "zabbix"
FED: Final = 1.0  # seconds between two values of an item
SYNC: Final = 3.0  # until the server knows a host that was made or changed, and its history is written
WORSE: Final = 3 * FED + SYNC + PULL + BUILD
BETTER: Final = 2 * FED + SYNC + PULL + BUILD
ITEMS: Final = {"icmpping": (3, ""), "icmppingsec": (0, "s"), "icmppingloss": (0, "%"), "wlan.clients": (3, "")}
GOOD: Final = {"icmpping": 1, "icmppingsec": 0.02, "icmppingloss": 0, "wlan.clients": 5}


@dataclass
class Feeder:
    """What the pings of the access points find, told every second."""

    zabbix: Zabbix
    values: dict[str, dict[str, float]]
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.over.wait(FED):
            for host, values in list(self.values.items()):
                self.zabbix.sent(host, values)


@dataclass
class Room:
    zabbix: Zabbix
    coc: Coc
    feeder: Feeder
    application: Web
    hosts: dict[str, str]


@pytest.fixture(scope="module")
def room(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory, port: Callable[[], int]) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("zabbix")
    zabbix = Zabbix(folder, sa.make_url(postgres.create()), port(), port())
    application, over = target("layanan"), threading.Event()
    try:
        zabbix.fill()
        zabbix.start()
        points, services, others = (zabbix.group(name) for name in ("WiFi Publik", "Aplikasi", "Lain"))
        place = {"inventory_mode": 0, "inventory": {"location_lat": "-1.59", "location_lon": "103.61"}}
        tagged = {"tags": [{"tag": "site", "value": "taman"}]}
        hosts = {name: zabbix.host(name, points, ITEMS) for name in ("ap-2", "ap-3", "ap-diam")}
        hosts["ap-1"] = zabbix.host("ap-1", points, ITEMS, **place, **tagged)
        zabbix.host("rahasia", others, ITEMS)
        zabbix.scenario("PPDB", zabbix.host("peladen", services, {}), application.url)
        token = zabbix.reader([points, services])
        feeder = Feeder(zabbix, {name: dict(GOOD) for name in ("ap-1", "ap-2", "ap-3", "rahasia")}, over)
        until(lambda: "failed: 0" in (zabbix.sent("ap-1", GOOD) or ""), 30)
        threading.Thread(target=feeder.run, daemon=True).start()
        block = {
            "type": "zabbix", "url": zabbix.url, "auth": {"bearer": token}, "every_seconds": PULL,
            "groups": ["WiFi Publik"], "services": ["Aplikasi"], "items": {"clients": "wlan.clients"},
            "timeout_seconds": 5, "deadline_seconds": 15, "backfill_days": 1, "frozen_after": "20 s",
        }  # fmt: skip
        with Coc(folder, port(), {"wifi_zabbix": block}) as coc:
            until(lambda: coc.wifi() == (3, 0, 0, 1), 60, coc.wifi)
            yield Room(zabbix, coc, feeder, application, hosts)
    finally:
        over.set()
        zabbix.stop()
        application.close()


def test_hosts_are_points_with_their_place_and_those_never_fed_have_no_data(room: Room) -> None:
    rows = room.coc.read("SELECT source_id, site, lat, lon FROM access_points ORDER BY source_id")
    assert rows == [
        ("ap-1", "taman", -1.59, 103.61), ("ap-2", None, None, None), ("ap-3", None, None, None),
        ("ap-diam", None, None, None),
    ]  # fmt: skip
    assert room.coc.values("wifi.clients") == (15,)
    assert room.coc.changes("ap-diam") == []
    assert room.coc.changes("rahasia") == []


def test_a_point_that_turns_slow_then_dies_and_comes_back_is_told_in_time(room: Room) -> None:
    room.feeder.values["ap-1"] |= {"icmppingsec": 0.9}
    until(lambda: room.coc.wifi() == (2, 1, 0, 1), WORSE, room.coc.wifi)
    room.feeder.values["ap-1"] |= {"icmpping": 0, "icmppingsec": 0, "icmppingloss": 100}
    until(lambda: room.coc.wifi() == (2, 0, 1, 1), WORSE, room.coc.wifi)
    room.feeder.values["ap-1"] = dict(GOOD)
    until(lambda: room.coc.wifi() == (3, 0, 0, 1), BETTER, room.coc.wifi)
    assert [s for _, s in room.coc.changes("ap-1") if s != "up"] == ["degraded", "down"]


def test_a_web_scenario_is_an_application_with_its_reason_while_it_fails(room: Room) -> None:
    def counts() -> tuple[float | None, ...]:
        return room.coc.values("apps.up", "apps.down")

    until(lambda: counts() == (1, 0), 30, counts)
    room.application.close()
    until(lambda: counts() == (0, 1), WORSE + 6, counts)
    reasons = room.coc.read("SELECT DISTINCT reason FROM service_samples WHERE service = 'PPDB' AND up = 0")
    assert reasons == [("refused",)]
    room.application.open()
    until(lambda: counts() == (1, 0), BETTER + 6, counts)
    newest = "SELECT up, reason FROM service_samples WHERE service = 'PPDB' ORDER BY at DESC LIMIT 1"
    assert room.coc.read(newest) == [(1, None)]  # Zabbix goes on saying the old error


def test_a_disabled_host_is_not_down_whatever_its_last_value_says(room: Room) -> None:
    room.feeder.values["ap-3"] |= {"icmpping": 0}
    room.zabbix.call("host.update", {"hostid": room.hosts["ap-3"], "status": 1})
    before = [state for _, state in room.coc.changes("ap-3")]

    def newest() -> Any:
        return room.coc.read("SELECT max(at) FROM ap_samples WHERE ap = 'ap-3'")

    until(lambda: room.zabbix.sent("ap-3", GOOD) is not None and not _moves(newest), 30)
    assert [state for _, state in room.coc.changes("ap-3")] == before == ["up"]
    room.feeder.values["ap-3"] = dict(GOOD)
    room.zabbix.call("host.update", {"hostid": room.hosts["ap-3"], "status": 0})
    until(lambda: _moves(newest), 30)


def _moves(newest: Callable[[], Any]) -> bool:
    import time

    was = newest()
    time.sleep(3 * PULL)
    return bool(newest() != was)


def test_an_account_that_may_see_less_and_one_that_is_wrong_are_told_apart(room: Room) -> None:
    from data_connectors.zabbix import Zabbix as Connector

    def check(auth: dict[str, Any], group: str) -> str:
        block = Connector.Block.model_validate(
            {"type": "zabbix", "url": room.zabbix.url, "auth": auth, "groups": [group]}
        )
        return str(Connector("x", block).check().code)

    assert check({"basic": {"user": "coc", "password": PASSWORD}}, "WiFi Publik") == ""
    assert check({"basic": {"user": "coc", "password": PASSWORD}}, "Lain") == "config"
    assert check({"basic": {"user": "coc", "password": "salah"}}, "WiFi Publik") == "credentials"
    assert check({"bearer": "0" * 64}, "WiFi Publik") == "credentials"


def test_a_session_is_closed_when_its_run_is_over(room: Room) -> None:
    from data_connectors.zabbix import Zabbix as Connector

    auth = {"basic": {"user": "coc", "password": PASSWORD}}
    block = {"type": "zabbix", "url": room.zabbix.url, "auth": auth, "groups": ["WiFi Publik"]}
    connector = Connector("x", Connector.Block.model_validate(block))
    engine = sa.create_engine(room.zabbix.database, poolclass=sa.NullPool)

    def sessions() -> int:
        with engine.connect() as connection:
            count = (
                "SELECT count(*) FROM sessions s JOIN users u USING (userid) WHERE u.username = 'coc' AND s.status = 0"
            )
            return int(connection.exec_driver_sql(count).scalar_one())

    before = sessions()
    for _ in range(3):
        assert connector.check().code == ""
    assert sessions() == before


def test_a_zabbix_that_stops_measuring_is_frozen_and_one_that_is_gone_fails_without_a_point_down(room: Room) -> None:
    def state() -> tuple[str, str]:
        feed = room.coc.feed("wifi_zabbix")
        return feed["state"], str(feed["last_run"]["error"])

    until(lambda: state()[0] == "fresh", 30, state)
    room.zabbix.server.stop()  # its frontend goes on telling the last values
    until(lambda: state()[0] == "frozen", 20 + 10 + BUILD, state)
    assert room.coc.values("wifi.down") == (0,)
    room.zabbix.frontend.kill()
    until(lambda: state()[0] == "failing" and "unreachable" in state()[1], 45, state)
    assert room.coc.values("wifi.down") == (0,)
    room.zabbix.start()
    until(lambda: state()[0] == "fresh", 60, state)
    until(lambda: room.coc.wifi() == (3, 0, 0, 1), 30, room.coc.wifi)
