"""What controllers and accounting tell beside what we want: none of it reaches store, quarantine, log or report.

Each source is whole, with rows that are good, rows that are refused and answers that fail, and everything that must not
be kept bears a mark.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from coc.clock import FrozenClock
from coc.ingest import PullReport, pull_connector
from coc.settings.models import Settings
from coc.store import open_store
from tests.connectors import test_freeradius, test_librenms, test_unifi
from tests.connectors.hostile import Handler, Request, serving

STATION, RADIO, PERSON, SECRET = "02:CA:FE:00:00:01", "02-CA-FE-00-00-02", "warga-kenari", "sandi-kenari"
MARKS = ("ca:fe", "ca-fe", "cafe0000", "kenari")


def failing(answer: Any, last: str) -> Any:
    """After the good answers, one that quotes what it should not, where the path ends so."""

    def say(handler: Handler, request: Request) -> None:
        if request.path.endswith(last) and any(r.path.endswith(last) for r in handler.server.seen[:-1]):
            handler.json({"status": "error", "error": None, "message": f"SQL: {SECRET} {STATION} {PERSON}"})
        else:
            answer(handler, request)

    return say


@contextmanager
def unifi(_: Path) -> Iterator[tuple[Any, Any]]:
    source = test_unifi.Controller()
    source.page = 200
    for client in source.clients:
        client |= {"macAddress": STATION, "name": PERSON, "ipAddress": PERSON, "id": PERSON}
    for device in source.devices:
        device |= {"macAddress": RADIO, "ipAddress": PERSON}
    source.devices[0]["name"] = RADIO
    source.devices[1]["state"] = RADIO
    source.latest[test_unifi.TAMAN_1] = source.latest[test_unifi.TAMAN_1] | {"uplink": {"txRateBps": STATION}}
    with serving(failing(source, "/clients")) as server:
        yield test_unifi.connector(server.url), test_unifi.NOW


@contextmanager
def librenms(_: Path) -> Iterator[tuple[Any, Any]]:
    source = test_librenms.Nms()
    for device in source.devices:
        device |= dict.fromkeys(test_librenms.SECRETS, SECRET)
        device |= {"sysContact": PERSON, "sysDescr": PERSON, "ip": STATION, "display": RADIO}
    source.device(2)["status_reason"] = STATION
    source.device(3)["last_polled"] = "02cafe000003"
    source.ports[0] |= {"ifInOctets_rate": STATION, "ifPhysAddress": STATION, "ifAlias": PERSON}
    source.sensors["1"][0] |= {"sensor_descr": f"SSID {PERSON}", "sensor_current": RADIO}
    with serving(failing(source, "/ports")) as server:
        yield test_librenms.connector(server.url), test_librenms.NOW


@contextmanager
def freeradius(folder: Path) -> Iterator[tuple[Any, Any]]:
    source = test_freeradius.Radius(f"sqlite:///{folder}/radius.db")
    named = test_freeradius.session(1, username=PERSON, callingstationid=STATION)
    strange = test_freeradius.session(2, username=PERSON, callingstationid=STATION, calledstationid=f"{RADIO}:WiFi")
    source.fill([named, strange, *test_freeradius.sessions()])
    yield source.connector(point="radio", points=test_freeradius.RADIOS), test_freeradius.NOW
    source.run("ALTER TABLE radacct RENAME COLUMN callingstationid TO stasiun")


@pytest.mark.parametrize("kind", [unifi, librenms, freeradius])
def test_nothing_that_must_not_be_kept_is_anywhere(kind: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    folder = tmp_path / "store"
    folder.mkdir()
    store = open_store(f"sqlite:///{folder}/coc.db")
    with kind(tmp_path) as (connector, now):
        settings = Settings(connectors={"wifi": connector.block})

        def pull(**how: Any) -> PullReport:
            return pull_connector(store, "wifi", connector.block, connector, settings, FrozenClock(now), **how)

        first = pull()
        again = pull(full=True)
    broken = pull()
    store.close()
    assert first.error_code is None
    assert first.stored > 0
    assert (again.error_code or broken.error_code) is not None, "one of the later pulls fails, and says so"
    kept = b"".join(file.read_bytes() for file in folder.iterdir()).decode("latin-1")
    text = "\n".join([kept, caplog.text, *map(repr, (first, again, broken))]).lower()
    assert [mark for mark in MARKS if mark in text] == []
