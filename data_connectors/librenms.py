"""Access points as a LibreNMS polls them.

LibreNMS moves a device's own times only while its poll succeeds, so a silent one is dated by the newest poll of any
device: the time by which the poller went on. Its answers hold SNMP communities and passwords; of a device only what is
named here is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Literal
from zoneinfo import ZoneInfo

import pandas as pd
from pydantic import Field, field_validator

from coc.domain.datasets import Dataset
from coc.settings.models import ConnectorBlock
from data_connectors.base import Batch, FetchError, Reachability, Window
from data_connectors.client import ATTEMPTS, Client
from data_connectors.controllers import Problem, Reading, Sample, Samples, hardware_in, is_new, missing, points, unknown
from data_connectors.keeping import provided
from data_connectors.librenmsread import Polled, Sensors, degrees, listed, rates
from data_connectors.reach import reached

GAUGES: Final = ("clients", "rx_bps", "tx_bps")
_YES_NO: Final = {"1": True, "0": False, "True": True, "False": False, "true": True, "false": False}
_ID: Final = re.compile(r"\d{1,10}")  # it becomes part of a path


@dataclass(frozen=True, slots=True)
class Device:
    """What is kept of a device. `up`: None where its state is unknown; `reason`: which check it fails."""

    id: str
    key: str
    name: str
    place: tuple[Any, Any]
    up: bool | None
    reason: str
    measured: bool  # neither disabled nor ignored
    polled: datetime | None


class LibreNms:
    """The preset `type: librenms`."""

    kind: ClassVar[str] = "librenms"
    datasets: ClassVar[set[Dataset]] = {Dataset.ACCESS_POINTS, Dataset.AP_SAMPLES}

    class Block(ConnectorBlock):
        """`url`: up to and with `/api/v0`. `zone`: of LibreNMS's server, whose times have no offset.

        `device_types`: of access points. `radio_ports`, `uplink_ports`: patterns of port names; radios count as they
        are, an uplink turned round, and only where a device has no radio port. `key`: what names a point in samples.
        `snmp_silent`: what a device is that answers pings and no SNMP.
        """

        url: str
        zone: str
        device_types: tuple[str, ...] = Field(("wireless",), min_length=1)
        key: Literal["device_id", "hostname", "sysName"] = "device_id"
        radio_ports: str = r"(wlan|wifi|ath|ra)\d.*"
        uplink_ports: str | None = None
        snmp_silent: Literal["up", "down", "none"] = "up"

        @field_validator("zone")
        @classmethod
        def _a_zone(cls, zone: str) -> str:
            try:
                ZoneInfo(zone)
            except (KeyError, ValueError, OSError):
                raise ValueError("expected a time zone such as Asia/Jakarta") from None
            return zone

        @field_validator("radio_ports", "uplink_ports")
        @classmethod
        def _a_pattern(cls, pattern: str | None) -> str | None:
            try:
                re.compile(pattern or "")
            except re.error as error:
                raise ValueError(f"expected a regular expression: {error}") from None
            return pattern

    def __init__(self, name: str, block: Block) -> None:
        self.name, self.block = name, block
        self._silent_is_up = {"up": True, "down": False, "none": None}[block.snmp_silent]
        self._zone = ZoneInfo(block.zone)
        self._radio = re.compile(block.radio_ports)
        self._uplink = re.compile(block.uplink_ports) if block.uplink_ports else None
        self._samples = Samples(GAUGES)
        self._sensors = Sensors(lambda text: self._instant(text)[0])

    def provides(self) -> frozenset[str]:
        listed = {"source_id", "name", "lat", "lon"}
        return provided(self.block, {Dataset.ACCESS_POINTS: listed, Dataset.AP_SAMPLES: {"ap", "at", "up", *GAUGES}})

    def check(self) -> Reachability:
        def look(client: Client) -> str:
            mine, _, _ = self._devices(client, attempts=1)
            return f"LibreNMS answers with {len(mine)} access points, {sum(d.measured for d in mine)} of them polled"

        return reached(self.block, look)

    def pull(self, window: Window) -> Iterator[Batch]:
        """The access points, then a sample of each that says something new. Raises FetchError."""
        with Client(self.block, window.deadline) as client:
            mine, pulse, problems = self._devices(client)
            yield Batch(Dataset.ACCESS_POINTS, points({d.key: d.name for d in mine}, {d.key: d.place for d in mine}))
            if window.full:
                yield Batch(Dataset.ACCESS_POINTS, pd.DataFrame(), ids={d.key for d in mine})
            reading = Reading(problems)
            found = self._measured(client, [d for d in mine if d.measured], pulse, reading, window)
            frame, notes = self._samples.frame(found, window)
            yield Batch(Dataset.AP_SAMPLES, frame, problems=reading.problems, notes=notes)

    def _devices(self, client: Client, attempts: int = ATTEMPTS) -> tuple[list[Device], datetime | None, list[Problem]]:
        """The access points, the newest poll of any device, and rows that cannot be read."""
        rows = listed(client, "devices", "devices", attempts=attempts)
        found: dict[str, Device] = {}
        problems: list[Problem] = []
        pulse: datetime | None = None
        for row in rows:
            if not isinstance(row, dict) or not _ID.fullmatch(str(row.get("device_id"))):
                problems.append(unknown("", "", "", "not_an_object"))
                continue
            polled, wrong = self._instant(row.get("last_polled"))
            pulse = max(filter(None, (pulse, polled)), default=None)
            if row.get("type") not in self.block.device_types:
                continue
            device, problem = self._device(row, polled)
            if wrong:
                problem = unknown(str(row["device_id"]), "at", "", "bad_time")
            if problem:
                problems.append(problem)
            if device and device.key in found:
                problems.append(unknown(device.key, "ap", device.key, "not_unique"))
            elif device:
                found[device.key] = device
        if not found and not problems:
            said = f"no device is of type {', '.join(self.block.device_types)}"
            raise FetchError("source_empty", said, permanent=True)
        return list(found.values()), pulse, problems

    def _device(self, row: dict[str, Any], polled: datetime | None) -> tuple[Device | None, Problem | None]:
        own = str(row["device_id"])
        key = "" if missing(row.get(self.block.key)) else str(row[self.block.key]).strip()
        if not key or (self.block.key != "device_id" and hardware_in(key)):
            return None, unknown(own, self.block.key, "", "missing_required")
        names = (row.get(n) for n in ("display", "sysName", "hostname"))
        name = next((n for n in names if isinstance(n, str) and n.strip() and "{{" not in n), "")
        flags = {name: _YES_NO.get(str(row.get(name))) for name in ("status", "disabled", "ignore")}
        odd = next((name for name, value in flags.items() if value is None), None)
        reason = str(row.get("status_reason") or "").strip()
        problem = None
        if odd is not None:
            problem = unknown(key, "up" if odd == "status" else odd, str(row.get(odd)))
        elif not flags["status"] and reason not in ("", "icmp", "snmp"):
            problem = unknown(key, "up", reason)
        device = Device(
            id=own,
            key=key,
            name=name,
            place=(degrees(row.get("lat")), degrees(row.get("lng"))),
            up=None if problem else flags["status"],
            reason=reason,
            measured=not problem and not flags["disabled"] and not flags["ignore"],
            polled=polled,
        )
        return device, problem

    def _instant(self, text: Any) -> tuple[datetime | None, bool]:
        """The moment that a time of the server means; None where there is none. Whether it cannot be read."""
        if missing(text) or str(text).startswith("0000"):
            return None, False
        try:
            at = datetime.fromisoformat(str(text).strip())
            return (at if at.tzinfo else at.replace(tzinfo=self._zone)).astimezone(UTC), False
        except (ValueError, OverflowError):
            return None, True

    def _measured(
        self, client: Client, devices: list[Device], pulse: datetime | None, reading: Reading, window: Window
    ) -> Iterator[Sample]:
        """Polled ones at their own time with their gauges. One that was never polled was never measured."""
        polled = [
            Polled(d.id, d.key, d.polled) for d in devices if d.up and d.polled and is_new(d.key, d.polled, window)
        ]
        if polled:
            traffic = rates(client, polled, self._radio, self._uplink, reading)
            clients = self._sensors.clients(client, polled, reading, window.now)
            for one in polled:
                yield Sample(one.key, one.at, True, clients.get(one.id), *traffic[one.id])
        means = {"icmp": False, "snmp": self._silent_is_up}
        for device in devices:
            up = means.get(device.reason, False)
            # Silent to SNMP alone, it carries its stations; what it last said of them is old.
            if not device.up and device.polled and pulse and up is not None:
                yield Sample(device.key, pulse, up)
