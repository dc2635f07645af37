"""MikroTik access points asked one by one over RouterOS's REST API.

The device itself is the source: one that does not answer while others do is down, and when none answers it is we who
see nothing. A station's row is counted and dropped at once; a device's own times are not read, for they have no zone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self
from urllib.parse import urlsplit

import pandas as pd
from pydantic import Field, model_validator

from coc.domain.datasets import Dataset
from coc.domain.model import Model
from coc.settings.models import ConnectorBlock
from data_connectors.base import Batch, FetchError, Reachability, Window
from data_connectors.client import Client
from data_connectors.counters import Counters
from data_connectors.keeping import objects, provided
from data_connectors.mikrotikread import NoSuchPath, counters, stations, uptime_of
from data_connectors.reach import CHECK_SECONDS, failed, sentence

AT_ONCE: Final = 32
TABLES: Final = ("wifi", "wireless")  # the package since 7.13, the one before
ATTEMPTS: Final = 2
_DEAD: Final = frozenset({"unreachable", "too_slow"})
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_POINTS: Final = {"source_id", "name", "site", "lat", "lon"}
_SAMPLES: Final = {"ap", "at", "up", "clients", "rx_bps", "tx_bps"}


class Device(Model):
    """One access point. `site`: the source_id of its site in whichever source lists the sites."""

    url: str
    name: str | None = None
    site: str | None = None
    lat: float | None = Field(default=None, ge=-90, le=90)
    lon: float | None = Field(default=None, ge=-180, le=180)


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at a device. `error`: why nothing could be read; a `down` one does not answer at all."""

    ap: str
    clients: int | None = None
    rx_bps: float | None = None
    tx_bps: float | None = None
    error: FetchError | None = None
    problem: dict[str, Any] | None = None

    @property
    def down(self) -> bool:
        return self.error is not None and self.error.code in _DEAD


class Mikrotik:
    """The preset `type: mikrotik`, for RouterOS 7.1 and later."""

    kind: ClassVar[str] = "mikrotik"
    datasets: ClassVar[set[Dataset]] = {Dataset.ACCESS_POINTS, Dataset.AP_SAMPLES}

    class Block(ConnectorBlock):
        """`devices`: by access point; or `url` and `ap` of a single one. `timeout_seconds`: of one device in all."""

        ap: str | None = None
        devices: dict[str, Device] = Field(default_factory=dict)

        @model_validator(mode="after")
        def _devices_over_tls(self) -> Self:
            if bool(self.devices) == (self.url is not None) or (self.url is None) != (self.ap is None):
                raise ValueError("give either `devices`, or `url` and `ap` of one")
            for device in self.all_devices().values():
                parts = urlsplit(device.url)
                if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
                    raise ValueError("a password goes over https only: enable www-ssl on the device")
            return self

        def all_devices(self) -> dict[str, Device]:
            return dict(self.devices) if self.url is None or self.ap is None else {self.ap: Device(url=self.url)}

    def __init__(self, name: str, block: Block) -> None:
        self.name, self.block = name, block
        self._devices = block.all_devices()
        self._counters = Counters(max(5 * block.every_seconds, 300))
        self._tables: dict[str, str] = {}  # access point -> the registration table that it has

    def provides(self) -> frozenset[str]:
        return provided(self.block, {Dataset.ACCESS_POINTS: _POINTS, Dataset.AP_SAMPLES: _SAMPLES})

    def check(self) -> Reachability:
        seen = list(self._looks(time.monotonic() + min(self.block.deadline_seconds, CHECK_SECONDS)))
        bad = {one.ap: one.error for one in seen if one.error is not None}
        said = f"{len(seen) - len(bad)} of {len(self._devices)} devices answer"
        if not bad:
            complete = len(seen) == len(self._devices)
            return Reachability(complete, said, "" if complete else "raise deadline_seconds")
        first = failed(next(iter(bad.values())))
        named = "; ".join(f"{ap}: {sentence(error)}" for ap, error in sorted(bad.items())[:5])
        return Reachability(len(bad) < len(self._devices), f"{said}; {named}", first.mend, first.code)

    def pull(self, window: Window) -> Iterator[Batch]:
        """The devices as configured, then one sample each, measured as of `window.now`. Raises when none answers."""
        yield Batch(Dataset.ACCESS_POINTS, self._access_points())
        if window.full:
            yield Batch(Dataset.ACCESS_POINTS, pd.DataFrame(), ids=set(self._devices))
        seen = sorted(self._looks(window.deadline), key=lambda one: one.ap)
        if not seen:
            raise FetchError("too_slow", f"{self.block.deadline_seconds:g} s", permanent=True)
        errors = [one.error for one in seen if one.error is not None]
        if len(errors) == len(seen):
            raise next((e for e in errors if e.code not in _DEAD), errors[0])
        yield self._batch(seen, window)

    def _access_points(self) -> pd.DataFrame:
        devices = self._devices
        frame = pd.DataFrame({"source_id": objects(list(devices))})
        frame["name"] = objects([device.name or ap for ap, device in devices.items()])
        for column in ("site", "lat", "lon"):
            frame[column] = objects([getattr(device, column) for device in devices.values()])
        return frame

    def _batch(self, seen: list[Seen], window: Window) -> Batch:
        told = [one for one in seen if one.error is None or one.down]
        problems = [one.problem for one in seen if one.problem is not None]
        problems += [
            {"source_id": one.ap, "field": "up", "reason": "unreadable", "value": one.error.code}
            for one in seen
            if one.error is not None and not one.down
        ]
        frame = pd.DataFrame(
            {
                "ap": pd.Series([one.ap for one in told], dtype="str"),
                "at": pd.Series([pd.Timestamp(window.now).tz_convert("UTC")] * len(told), dtype="datetime64[us, UTC]"),
                "up": pd.Series([not one.down for one in told], dtype=bool),
                "clients": pd.Series([one.clients for one in told], dtype="Int64"),
                "rx_bps": pd.Series([one.rx_bps for one in told], dtype="float64"),
                "tx_bps": pd.Series([one.tx_bps for one in told], dtype="float64"),
            }
        )
        batch = Batch(Dataset.AP_SAMPLES, frame, problems=problems)
        if len(told) < len(self._devices):
            batch.notes.append(("incomplete", f"{len(told)} of {len(self._devices)} access points"))
        return batch

    def _looks(self, deadline: float) -> Iterator[Seen]:
        """All at once: a device that hangs delays no other. One that the deadline cuts is left out."""
        with ThreadPoolExecutor(min(AT_ONCE, len(self._devices)), thread_name_prefix="coc-mikrotik") as pool:
            looks = [pool.submit(self._look, ap, device, deadline) for ap, device in self._devices.items()]
            for look in looks:
                seen = look.result()
                if seen is not None:
                    yield seen

    def _look(self, ap: str, device: Device, deadline: float) -> Seen | None:
        started = time.monotonic()
        if started >= deadline:
            return None
        until = min(deadline, started + self.block.timeout_seconds)
        try:
            with Client(self.block, until, url=device.url) as client:
                return self._read(ap, client)
        except FetchError as error:
            if error.code == "too_slow" and until == deadline and len(self._devices) > 1:
                return None  # our time was up, not the device's
            return Seen(ap, error=error)

    def _read(self, ap: str, client: Client) -> Seen:
        uptime = uptime_of(client.get_json("rest/system/resource", attempts=ATTEMPTS))
        try:
            clients = self._stations(ap, client)
        except NoSuchPath:
            said = {"source_id": ap, "field": "clients", "reason": "unreadable", "value": "no registration table"}
            return Seen(ap, problem=said)
        reading = counters(client.get_json("rest/interface", attempts=ATTEMPTS), time.monotonic(), uptime)
        rx, tx = self._counters.rate(ap, reading) if reading is not None else (None, None)
        return Seen(ap, clients, rx, tx)

    def _stations(self, ap: str, client: Client) -> int:
        """Of the table that this device has: which one is remembered, so that only the first run asks in vain."""
        known = self._tables.get(ap)
        for table in [known, *(t for t in TABLES if t != known)] if known else TABLES:
            try:
                body = client.get_json(f"rest/interface/{table}/registration-table", attempts=ATTEMPTS)
            except FetchError as error:
                if error.code == "not_found" or (error.code == "http_status" and error.detail.startswith("400")):
                    continue
                raise
            self._tables[ap] = str(table)
            return stations(body, str(table))
        raise NoSuchPath
