"""Access points as a UniFi Network controller sees them, by its integration API.

A controller says of a point whether it hears it, and when it heard it last. Of the stations it names all that it knows;
they are counted as they are read, and nothing of them goes further.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final, Literal

import pandas as pd
from pydantic import Field

from coc.domain.datasets import Dataset
from coc.settings.models import ConnectorBlock
from data_connectors.answers import aware, fingerprint, required
from data_connectors.base import Batch, FetchError, Reachability, Window
from data_connectors.client import ATTEMPTS, Client
from data_connectors.controllers import (
    Problem,
    Reading,
    Sample,
    Samples,
    answers,
    hardware_in,
    of_one_alone,
    points,
    unknown,
    unreadable,
)
from data_connectors.keeping import provided
from data_connectors.reach import reached

Meaning = Literal["up", "down", "none"]
PAGE_ROWS: Final = 200  # the most that the API gives
MAX_PAGES: Final = 1000
# `none`: neither up nor down, as a point that is being set up or gets its firmware.
STATES: Final[dict[str, Meaning]] = {
    "ONLINE": "up",
    "OFFLINE": "down",
    "CONNECTION_INTERRUPTED": "down",
    "ISOLATED": "down",
    "UPDATING": "none",
    "GETTING_READY": "none",
    "PENDING_ADOPTION": "none",
    "ADOPTING": "none",
    "DELETING": "none",
}
GAUGES: Final = ("clients", "rx_bps", "tx_bps")
LATEST: Final = "/statistics/latest"
_ID: Final = re.compile(r"[\w-]{1,64}")  # it becomes part of a path


@dataclass(frozen=True, slots=True)
class Device:
    """What is kept of a device of the answer. `key`: what our samples call it; "" where it is no access point."""

    site: str
    id: str
    key: str
    name: str
    state: str


@dataclass(frozen=True, slots=True)
class Heard:
    """Of one device, when the controller heard it last (None: it does not say), and its uplink's rates."""

    at: datetime | None = None
    sent: Any = None
    received: Any = None


class Unifi:
    """The preset `type: unifi`, for UniFi Network 9 and later."""

    kind: ClassVar[str] = "unifi"
    datasets: ClassVar[set[Dataset]] = {Dataset.ACCESS_POINTS, Dataset.AP_SAMPLES}

    class Block(ConnectorBlock):
        """`url`: up to and with `/integration/v1`. `key`: what names an access point in our samples.

        `states`: what a state of the controller means, beside those known.
        """

        url: str
        key: Literal["id", "name"] = "id"
        states: dict[str, Meaning] = Field(default_factory=dict)

    def __init__(self, name: str, block: Block) -> None:
        self.name, self.block = name, block
        self._means = STATES | block.states
        self._samples = Samples(GAUGES)

    def provides(self) -> frozenset[str]:
        samples = {"ap", "at", "up", *GAUGES}
        return provided(self.block, {Dataset.ACCESS_POINTS: {"source_id", "name"}, Dataset.AP_SAMPLES: samples})

    def check(self) -> Reachability:
        def look(client: Client) -> str:
            version = required(client.get_json("info", attempts=1), "applicationVersion", str, "/info")
            devices, _ = self._devices(client, _sites(client, attempts=1), attempts=1)
            found = sum(1 for d in devices if d.key)
            return f"UniFi Network {version[:20]} answers with {found} access points"

        return reached(self.block, look)

    def pull(self, window: Window) -> Iterator[Batch]:
        """The access points, then a sample of each that says something new. Raises FetchError."""
        with Client(self.block, window.deadline) as client:
            sites = _sites(client)
            devices, problems = self._devices(client, sites)
            mine = [d for d in devices if d.key]
            yield Batch(Dataset.ACCESS_POINTS, points({d.key: d.name for d in mine}))
            if window.full:
                yield Batch(Dataset.ACCESS_POINTS, pd.DataFrame(), ids={d.key for d in mine})
            stations: Counter[str] = Counter()
            for site in sites:
                stations += _stations(client, site)
            found, odd, notes = self._measured(client, devices, stations)
            frame, said = self._samples.frame(found, window)
            yield Batch(Dataset.AP_SAMPLES, frame, problems=problems + odd, notes=notes + said)

    def _devices(
        self, client: Client, sites: list[str], attempts: int = ATTEMPTS
    ) -> tuple[list[Device], list[Problem]]:
        found: dict[str, Device] = {}
        problems: list[Problem] = []
        for site in sites:
            for row in _rows(client, f"sites/{site}/devices", attempts):
                device, problem = self._device(site, row)
                problems += [problem] if problem else []
                if device:
                    found[device.id] = device
        names = Counter(d.key for d in found.values() if d.key)
        if found and not any(d.key for d in found.values()):
            raise FetchError("source_empty", f"none of {len(found)} devices is an access point", permanent=True)
        twice = {key for key, count in names.items() if count > 1}
        problems += [unknown(key, "ap", key, "not_unique") for key in sorted(twice)]
        return [d for d in found.values() if d.key not in twice], problems

    def _device(self, site: str, row: Any) -> tuple[Device | None, Problem | None]:
        if not _has_id(row):
            return None, unknown("", "", "", "not_an_object")
        name = row["name"] if isinstance(row.get("name"), str) else ""
        device = Device(site, row["id"], "", name, str(row.get("state")))
        features = row.get("features")  # a list here, an object in the answer about one device
        if not isinstance(features, list | dict):
            raise FetchError("schema_drift", "/devices has a row without `features`", permanent=True)
        if "accessPoint" not in features:
            return device, None
        key = device.id if self.block.key == "id" else name.strip()
        if not key or (self.block.key == "name" and hardware_in(key)):
            return device, unknown(device.id, "name", "", "missing_required")
        return Device(site, device.id, key, name, device.state), None

    def _measured(
        self, client: Client, devices: list[Device], stations: Counter[str]
    ) -> tuple[list[Sample], list[Problem], list[tuple[str, str]]]:
        """An online point at the time when it was heard. One that is not heard is down at the controller's own time,
        which is when it last heard anybody: where that stands still, nothing is known of anyone.
        """
        mine = [d for d in devices if d.key]
        reading = Reading([unknown(d.key, "up", d.state) for d in mine if d.state not in self._means])
        means = {d.id: self._means.get(d.state, "none") for d in devices}
        up = [d for d in mine if means[d.id] == "up"]
        down = [d for d in mine if means[d.id] == "down"]
        heard: dict[str, Heard | None] = {}
        errors: list[FetchError] = []
        for device, told in zip(up, answers(up, lambda d: _told(client, d)), strict=True):
            if isinstance(told, FetchError):
                errors.append(told)
                reading.problems.append(unreadable(device.key, "up", told))
            else:
                heard[device.id] = told
        if errors and not any(heard.values()):
            raise errors[0]
        if up and not any(heard.values()):
            raise FetchError("not_found", LATEST, permanent=True)
        found = []
        for device in up:
            one = heard.get(device.id)
            if one is None:
                continue  # gone since the list was read, or not to be told
            if one.at is None:
                reading.problems.append(unknown(device.key, "at", "", "missing_required"))
                continue
            # What the point sends up its uplink, it has received from its stations.
            rx = reading.gauge(device.key, "rx_bps", one.sent)
            tx = reading.gauge(device.key, "tx_bps", one.received)
            found.append(Sample(device.key, one.at, True, stations[device.id], rx, tx))
        pulse = max((one.at for one in heard.values() if one and one.at), default=None)
        if down and pulse is None:
            pulse = _pulse(client, [d for d in devices if not d.key and means[d.id] == "up"])
        if pulse is not None:
            found += [Sample(d.key, pulse, False) for d in down]
        notes = []
        if down and pulse is None:
            notes.append(
                ("source_empty", f"the controller hears none of {len(down)} access points and no other device")
            )
        return found, reading.problems, notes


def _sites(client: Client, attempts: int = ATTEMPTS) -> list[str]:
    rows = list(_rows(client, "sites", attempts))
    ids = [row["id"] for row in rows if _has_id(row)]
    if len(ids) < len(rows):
        raise FetchError("schema_drift", "/sites has a row without `id`", permanent=True)
    if not ids:
        raise FetchError("source_empty", "no site that this key may see", permanent=True)
    return ids


def _has_id(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("id"), str) and _ID.fullmatch(row["id"]) is not None


def _rows(client: Client, path: str, attempts: int = ATTEMPTS) -> Iterator[Any]:
    """The rows of all pages. Raises `paging_loop`, `too_many_pages`, and `incomplete` for fewer than announced."""
    where, offset, last = f"/{path.rpartition('/')[2]}", 0, ""
    for _ in range(MAX_PAGES):
        page = client.get_json(path, {"offset": str(offset), "limit": str(PAGE_ROWS)}, attempts=attempts)
        rows = required(page, "data", list, where)
        total = required(page, "totalCount", int, where)
        if rows and page.get("offset", offset) != offset:
            raise FetchError("paging_loop", f"{where} does not go on at row {offset}", permanent=True)
        yield from rows
        offset += len(rows)
        if offset >= total:
            return
        if not rows:
            raise FetchError("incomplete", f"{where}: {offset} of {total} rows", permanent=True)
        seen = fingerprint(rows, 16)
        if seen == last:
            raise FetchError("paging_loop", f"{where} gives the same page again", permanent=True)
        last = seen
    raise FetchError("too_many_pages", f"{where}: {MAX_PAGES} pages and still a next one", permanent=True)


def _stations(client: Client, site: str) -> Counter[str]:
    """Wireless stations by the device they hang on. Each row is counted and let go."""
    found: Counter[str] = Counter()
    for row in _rows(client, f"sites/{site}/clients"):
        if not isinstance(row, dict) or not isinstance(row.get("type"), str):
            raise FetchError("schema_drift", "/clients has a row without `type`", permanent=True)
        if row["type"] == "WIRELESS" and isinstance(row.get("uplinkDeviceId"), str):
            found[row["uplinkDeviceId"]] += 1
    return found


def _heard(client: Client, device: Device) -> Heard | None:
    """None where the device has gone meanwhile."""
    try:
        told = client.get_json(f"sites/{device.site}/devices/{device.id}{LATEST}")
    except FetchError as error:
        if error.code != "not_found":
            raise
        return None
    if not isinstance(told, dict):
        raise FetchError("schema_drift", f"{LATEST} is not an object", permanent=True)
    uplink = told.get("uplink")
    uplink = uplink if isinstance(uplink, dict) else {}
    return Heard(aware(told.get("lastHeartbeatAt")), uplink.get("txRateBps"), uplink.get("rxRateBps"))


def _told(client: Client, device: Device) -> Heard | FetchError | None:
    try:
        return _heard(client, device)
    except FetchError as error:
        if not of_one_alone(error):
            raise
        return error


def _pulse(client: Client, others: list[Device]) -> datetime | None:
    """When the controller last heard any of its switches and gateways: one that is online is enough."""
    for device in others:
        one = _heard(client, device)
        if one and one.at:
            return one.at
    return None
