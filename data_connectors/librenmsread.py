"""What a LibreNMS says of its devices' ports and wireless sensors: rates and clients by device."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from data_connectors.answers import required, shortened
from data_connectors.base import FetchError
from data_connectors.client import ATTEMPTS, Client
from data_connectors.controllers import Reading, answers, missing, number, of_one_alone, unreadable

PORT_COLUMNS: Final = "device_id,ifName,ifInOctets_rate,ifOutOctets_rate,poll_time"
STALE: Final = timedelta(minutes=15)  # three rounds of the poller: an older gauge is not of this measurement
KEPT: Final = timedelta(hours=1)
CLIENTS: Final = "wireless/device_wireless_clients"
Rates = tuple[float | None, float | None]
Instant = Callable[[Any], datetime | None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Polled:
    """A device with gauges of its own. `key`: what samples call it."""

    id: str
    key: str
    at: datetime


def listed(
    client: Client, path: str, key: str, params: Mapping[str, str] | None = None, attempts: int = ATTEMPTS
) -> Any:
    """The rows under `key`. A failure comes as HTTP 200 too."""
    body = client.get_json(path, params, attempts=attempts)
    where = f"/{path}"
    if required(body, "status", str, where) != "ok":
        text = body.get("message")
        # Words of its database may quote a row.
        quoted = shortened(text) if isinstance(text, str) and "SQL" not in text else "status is not ok"
        raise FetchError("source_error", quoted, permanent=True)
    return required(body, key, list, where)


def rates(
    client: Client, polled: list[Polled], radio: re.Pattern[str], uplink: re.Pattern[str] | None, reading: Reading
) -> dict[str, Rates]:
    """Bits a second, received from clients and sent to them, by device id: its radio ports', else its uplink's."""
    mine = {d.id: d for d in polled}
    sums: dict[tuple[str, bool], dict[str, float]] = defaultdict(dict)
    for row in listed(client, "ports", "ports", {"columns": PORT_COLUMNS}):
        device = mine.get(str(row.get("device_id"))) if isinstance(row, dict) else None
        name = row.get("ifName") if device else None
        if device is None or not isinstance(name, str):
            continue
        is_radio = radio.fullmatch(name) is not None
        is_uplink = uplink is not None and uplink.fullmatch(name) is not None
        if not (is_radio or is_uplink) or not _of_this_round(row.get("poll_time"), device):
            continue
        received, sent = ("rx_bps", "tx_bps") if is_radio else ("tx_bps", "rx_bps")
        total = sums[device.id, is_radio]
        for column, octets in ((received, row.get("ifInOctets_rate")), (sent, row.get("ifOutOctets_rate"))):
            found = reading.gauge(device.key, column, octets)
            if found is not None:
                total[column] = total.get(column, 0.0) + 8 * found
    best = {d: sums.get((d, True)) or sums.get((d, False)) or {} for d in mine}
    return {d: (total.get("rx_bps"), total.get("tx_bps")) for d, total in best.items()}


def _of_this_round(poll_time: Any, device: Polled) -> bool:
    seconds = number(poll_time)
    return seconds is not None and abs(seconds - device.at.timestamp()) <= STALE.total_seconds()


@dataclass(slots=True)
class Sensors:
    """Clients by device id, the sum over its sensors. Which sensors a device has is asked once an hour."""

    instant: Instant
    known: dict[str, list[str]] = field(default_factory=dict)
    asked_at: datetime | None = None

    def clients(self, client: Client, polled: list[Polled], reading: Reading, now: datetime) -> dict[str, int]:
        """A device without sensors, or with one that says nothing now, is not among them."""
        if self.asked_at is None or abs(now - self.asked_at) >= KEPT:
            self.known, self.asked_at = {}, now
        fresh = [d for d in polled if d.id not in self.known]
        for device, ids in zip(fresh, answers(fresh, lambda d: _tried(lambda: _ids(client, d))), strict=True):
            if isinstance(ids, FetchError):
                reading.problems.append(unreadable(device.key, "clients", ids))
            else:
                self.known[device.id] = ids
        asked = [(d, sensor) for d in polled for sensor in self.known.get(d.id, ())]
        rows = answers(asked, lambda one: _tried(lambda: _row(client, *one)))
        sums: dict[str, float] = {}
        silent = set()
        for (device, _), row in zip(asked, rows, strict=True):
            if isinstance(row, FetchError):
                reading.problems.append(unreadable(device.key, "clients", row))
                silent.add(device.id)
                continue
            if row is None:  # gone since it was listed: ask anew next time
                self.known.pop(device.id, None)
                silent.add(device.id)
                continue
            if str(row.get("sensor_deleted", 0)) not in ("0", "False"):
                continue
            at = self.instant(row.get("lastupdate"))
            value = reading.gauge(device.key, "clients", row.get("sensor_current"))
            if value is None or at is None or abs(at - device.at) > STALE:
                silent.add(device.id)
            else:
                sums[device.id] = sums.get(device.id, 0.0) + value
        return {device: round(total) for device, total in sums.items() if device not in silent}


def _tried(ask: Callable[[], T]) -> T | FetchError:
    """The answer, or why one device or sensor has none while others have."""
    try:
        return ask()
    except FetchError as error:
        if not of_one_alone(error):
            raise
        return error


def _ids(client: Client, device: Polled) -> list[str]:
    try:
        rows = listed(client, f"devices/{device.id}/{CLIENTS}", "graphs")
    except FetchError as error:
        if error.code != "not_found":
            raise
        return []  # a device without wireless sensors, or one that went
    ids = [str(row.get("sensor_id")) for row in rows if isinstance(row, dict)]
    return [one for one in ids if one.isdecimal()]


def _row(client: Client, device: Polled, sensor: str) -> dict[str, Any] | None:
    try:
        rows = listed(client, f"devices/{device.id}/{CLIENTS}/{sensor}", "graphs")
    except FetchError as error:
        if error.code != "not_found":
            raise
        return None
    return rows[0] if rows and isinstance(rows[0], dict) else None


def degrees(value: Any) -> Any:
    """A number; null where blank; otherwise as it stands, for the pipeline to refuse."""
    if missing(value):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)
