"""Through the whole pipeline: no secret, address or station reaches the store, the quarantine, a report or a log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from coc.clock import FrozenClock
from coc.domain.datasets import Dataset
from coc.ingest import pull_connector
from coc.settings.models import Settings
from coc.store import open_store
from tests.connectors import test_mikrotik, test_openwisp, test_zabbix
from tests.connectors.hostile import serving

KEY, ADDRESS, STATION = "kunci-perangkat-e2e", "10.99.1.2", "02:00:00:00"
Made = tuple[Any, datetime]


def zabbix(open_: ExitStack) -> Made:
    server = test_zabbix.Server()
    server.hosts[0]["inventory"].update(location_lat="1 derajat", macaddress_a=STATION, poc_1_email=KEY)
    server.hosts[0]["interfaces"][0].update(ip=ADDRESS, details={"community": KEY})
    server.items[0].update(name=KEY, error=KEY)
    url = open_.enter_context(serving(server)).url
    account = {"basic": {"user": "coc", "password": test_zabbix.PASSWORD}}
    return test_zabbix.connector(url, services=["Aplikasi"], auth=account, backfill_days=0.1), test_zabbix.NOW


def openwisp(open_: ExitStack) -> Made:
    server = test_openwisp.Server()
    for body in (*server.devices, *server.details.values()):
        body.update(key=KEY, last_ip=ADDRESS)
    server.details[test_openwisp.TERMINAL]["charts"][0]["traces"][0][1][-1] = "banyak"
    return test_openwisp.connector(open_.enter_context(serving(server)).url, sites=True), test_openwisp.NOW


def mikrotik(open_: ExitStack) -> Made:
    missing = dict.fromkeys((test_mikrotik.WIFI, test_mikrotik.WIRELESS), "error_400_no_such_path.json")
    servers = [test_mikrotik.Device(), test_mikrotik.Device(test_mikrotik.OLD), test_mikrotik.Device(missing)]
    urls = {f"ap-{n}": open_.enter_context(serving(server)).url for n, server in enumerate(servers)}
    return test_mikrotik.made(urls), test_zabbix.NOW


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("kind", [zabbix, openwisp, mikrotik])
def test_what_must_not_be_kept_is_nowhere(
    kind: Callable[[ExitStack], Made], opened: ExitStack, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    connector, now = kind(opened)
    settings = Settings(connectors={"uji": connector.block})
    store = open_store(f"sqlite:///{tmp_path}/coc.db")
    reports = [
        pull_connector(store, "uji", connector.block, connector, settings, FrozenClock(now), full=full)
        for full in (False, True)
    ]
    assert [report.error_code for report in reports] == [None, None]
    assert reports[0].stored > 0
    refused = store.quarantined()
    assert refused  # so that the quarantine is looked at too
    assert {Dataset(row.dataset) for row in refused} <= type(connector).datasets
    store.close()
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"ap-" in kept
    said = f"{reports!r} {refused!r} {caplog.text}".encode()
    secrets = (test_zabbix.PASSWORD, test_zabbix.SESSION, test_openwisp.TOKEN, test_mikrotik.PASSWORD)
    for canary in (KEY, ADDRESS, STATION, *secrets):
        assert canary.encode() not in kept + said, canary
