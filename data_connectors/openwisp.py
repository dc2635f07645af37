"""Access points that OpenWISP manages and openwisp-monitoring pings.

Its devices carry secrets (their keys) and its reports carry stations' addresses: both are left behind where the answer
is parsed. A device that has a `problem` may have a full disk; up and down is what its ping says.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Final, Literal

import pandas as pd
from pydantic import BeforeValidator, Field

from coc.domain.datasets import Dataset
from coc.settings.models import ConnectorBlock, FrozenAfter, parse_frozen_after
from data_connectors.ahead import Ahead, Note
from data_connectors.answers import duration, fingerprint, required
from data_connectors.base import Batch, FetchError, Reachability, Window
from data_connectors.client import ATTEMPTS, Client
from data_connectors.counters import Counters, Rate
from data_connectors.keeping import objects, provided
from data_connectors.openwispread import Device, device_of
from data_connectors.reach import reached

API: Final = "api/v1"
PAGE_ROWS: Final = 100
DAY: Final = 86_400.0
BUCKET: Final = 600.0  # seconds that a point of a chart over one day stands for
AHEAD_SECONDS: Final = 300.0
SILENT: Final = frozenset({"unknown", "deactivated"})  # nothing is measured there
_SAMPLES: Final = {"ap", "at", "up", "clients", "rx_bps", "tx_bps", "latency_ms", "loss"}
Listed = tuple[str, str, str, str]  # id, key, name, status


class OpenWisp:
    """The preset `type: openwisp`, for openwisp-monitoring 1.1 and later."""

    kind: ClassVar[str] = "openwisp"
    datasets: ClassVar[set[Dataset]] = {Dataset.SITES, Dataset.ACCESS_POINTS, Dataset.AP_SAMPLES}

    class Block(ConnectorBlock):
        """`key`: what an access point is known by. `sites`: read locations too. `at_once`: devices asked together."""

        url: str
        every_seconds: float = Field(default=BUCKET, ge=1)
        frozen_after: Annotated[FrozenAfter, BeforeValidator(parse_frozen_after)] | None = FrozenAfter(
            seconds=3 * BUCKET
        )
        key: Literal["name", "id"] = "name"
        sites: bool = False
        at_once: int = Field(default=4, ge=1, le=32)

    def __init__(self, name: str, block: Block) -> None:
        self.name, self.block = name, block
        self._hold = max(3 * block.every_seconds, 2 * BUCKET)
        self._ahead, self._counters = Ahead(), Counters(self._hold)
        self._places: dict[str, tuple[str, float | None, float | None]] = {}  # device id -> site, lat, lon
        self._turn = 0

    def provides(self) -> frozenset[str]:
        filled = {Dataset.ACCESS_POINTS: {"source_id", "name"}, Dataset.AP_SAMPLES: _SAMPLES}
        if self.block.sites:
            filled[Dataset.ACCESS_POINTS] = {"source_id", "name", "site", "lat", "lon"}
            filled[Dataset.SITES] = {"source_id", "name", "status"}
        return provided(self.block, filled)

    def check(self) -> Reachability:
        def look(client: Client) -> str:
            devices = self._devices(client, attempts=1)
            measured = [d for d in devices if d[3] not in SILENT]
            if not measured:
                raise FetchError("source_empty", f"none of {len(devices)} devices is measured", permanent=True)
            device_of(measured[0][1], client.get_json(*_asked(measured[0][0]), attempts=1), 0)
            return f"{len(devices)} devices, {len(measured)} of them measured"

        return reached(self.block, look)

    def pull(self, window: Window) -> Iterator[Batch]:
        """Devices, then what of the last day is not known yet of each."""
        with Client(self.block, window.deadline) as client:
            devices = self._devices(client)
            if not devices:
                raise FetchError("source_empty", "no device that this account may see", permanent=True)
            if self.block.sites:
                yield from self._sites(client, window)
        yield Batch(Dataset.ACCESS_POINTS, self._access_points(devices))
        if window.full:
            yield Batch(Dataset.ACCESS_POINTS, pd.DataFrame(), ids={device[1] for device in devices})
        yield self._samples([d for d in devices if d[3] not in SILENT], window)

    def _devices(self, client: Client, attempts: int = ATTEMPTS) -> list[Listed]:
        rows = _pages(client, f"{API}/monitoring/device/", attempts=attempts)
        found = []
        for row in rows:
            monitoring = required(row, "monitoring", dict, "a device")
            ident, name = required(row, "id", str, "a device"), required(row, "name", str, "a device")
            key = name if self.block.key == "name" else ident
            found.append((ident, key, name, str(monitoring.get("status"))))
        keys = [device[1] for device in found]
        if twice := next((key for key in keys if keys.count(key) > 1), None) if len(set(keys)) < len(keys) else None:
            raise FetchError("config", f"two devices are named {twice[:60]}: set `key: id`", permanent=True)
        return found

    def _access_points(self, devices: list[Listed]) -> pd.DataFrame:
        frame = pd.DataFrame({"source_id": objects([d[1] for d in devices]), "name": objects([d[2] for d in devices])})
        if self.block.sites:
            places = [self._places.get(d[0], (None, None, None)) for d in devices]
            for place, column in enumerate(("site", "lat", "lon")):
                frame[column] = objects([p[place] for p in places])
        return frame

    def _sites(self, client: Client, window: Window) -> Iterator[Batch]:
        """Locations; which devices stand there is asked for at the first and at every full pull."""
        rows = _pages(client, f"{API}/monitoring/geojson/", "features")
        known = [(required(r, "id", str, "a location"), required(r, "properties", dict, "a location"), r) for r in rows]
        if window.full or not self._places:
            found = {}
            for ident, _, row in known:
                lat, lon = _latitude_longitude(row.get("geometry"))
                for device in _pages(client, f"{API}/controller/location/{ident}/device/"):
                    found[required(device, "id", str, "a device")] = (ident, lat, lon)
            self._places = found
        yield Batch(
            Dataset.SITES,
            pd.DataFrame(
                {
                    "source_id": objects([ident for ident, _, _ in known]),
                    "name": objects([told.get("name") for _, told, _ in known]),
                    # Where no device stands, nothing says whether one will: the row is refused for its status.
                    "status": objects(["active" if told.get("device_count") else None for _, told, _ in known]),
                }
            ),
        )
        if window.full:
            yield Batch(Dataset.SITES, pd.DataFrame(), ids={ident for ident, _, _ in known})

    def _samples(self, devices: list[Listed], window: Window) -> Batch:
        turn = self._turn % len(devices) if devices else 0
        ordered = [*devices[turn:], *devices[:turn]]
        with ThreadPoolExecutor(self.block.at_once, thread_name_prefix="coc-openwisp") as pool:
            shares = [
                pool.submit(self._share, ordered[n :: self.block.at_once], window) for n in range(self.block.at_once)
            ]
            parts = [share.result() for share in shares]
        read = [device for part in parts for device in part.read]
        errors = [part.error for part in parts if part.error is not None]
        if errors and not read:
            raise errors[0]
        notes: list[Note] = []
        if len(read) < len(devices):
            self._turn = turn + len(read)  # the next run begins where this one ended
            gone = sum(part.gone for part in parts)
            if len(read) + gone < len(devices):
                notes.append(("incomplete", f"{len(read)} of {len(devices)} access points"))
        return self._batch(read, window, notes)

    def _share(self, devices: list[Listed], window: Window) -> _Share:
        done = _Share()
        since = window.since.get(Dataset.AP_SAMPLES)
        oldest = max(window.now.timestamp() - DAY, since.timestamp() if since else 0)
        with Client(self.block, window.deadline) as client:
            for ident, key, _, _ in devices:
                known = window.known.get(key)
                # The newest point grows until its time is over, so it is read again; older ones stand.
                after = oldest if known is None or window.full else max(oldest, known.timestamp() - 1)
                try:
                    done.read.append(device_of(key, client.get_json(*_asked(ident)), after))
                except FetchError as error:
                    if error.code == "not_found":
                        done.gone += 1  # deleted since it was listed
                        continue
                    done.error = error
                    if error.code in ("http_status", "broken", "schema_drift") and not client.guard.expired:
                        continue  # of this device alone, perhaps
                    break
        return done

    def _batch(self, read: list[Device], window: Window, notes: list[Note]) -> Batch:
        rows: list[tuple[Any, ...]] = []
        ahead = 0.0
        for device in read:
            rows += [(device.key, *row, None, None, None) for row in device.rows[:-1]]
            if not device.rows:
                continue
            clients: int | None = None
            rate: Rate = (None, None)
            report = device.report
            if report is not None:
                off = report.clock - window.now.timestamp()
                ahead = max(ahead, off)
                if abs(off) <= self._hold:
                    clients = report.clients
                    rate = self._counters.rate(device.key, report.reading) if report.reading else rate
            rows.append((device.key, *device.rows[-1], clients, *rate))
        columns = ["key", "at", "up", "latency_ms", "loss", "clients", "rx_bps", "tx_bps"]
        frame = pd.DataFrame(rows, columns=columns, dtype=object).astype({"at": "int64"})
        found, said = self._ahead.capped(frame, window.now)
        if ahead > AHEAD_SECONDS and not said:
            said = [("clock_ahead", f"+{duration(ahead)}")]
        samples = pd.DataFrame(
            {
                "ap": found["key"].astype("str"),
                "at": pd.to_datetime(found["at"], unit="ms", utc=True).astype("datetime64[us, UTC]"),
                "up": found["up"].astype(bool),
                "clients": found["clients"].astype("Int64"),
                **{name: found[name].astype("float64") for name in ("rx_bps", "tx_bps", "latency_ms", "loss")},
            }
        )
        problems = [problem for device in read for problem in device.problems]
        return Batch(
            Dataset.AP_SAMPLES, samples.reset_index(drop=True), ordered=True, problems=problems, notes=notes + said
        )


@dataclass(slots=True)
class _Share:
    """What one of those who ask together has read; `gone`: devices that are no more."""

    read: list[Device] = field(default_factory=list)
    gone: int = 0
    error: FetchError | None = None


def _asked(ident: str) -> tuple[str, dict[str, str]]:
    # Times come without a zone, in the one that is asked for; in another than UTC a day is up to 31 hours long.
    return f"{API}/monitoring/device/{ident}/", {"status": "true", "time": "1d", "timezone": "UTC"}


def _pages(client: Client, path: str, records: str = "results", *, attempts: int = ATTEMPTS) -> list[dict[str, Any]]:
    """All rows of a list, which must be as many as it announces. `next` is not followed: it says only that there is
    more, for it names the host that OpenWISP believes to be.
    """
    rows: list[Any] = []
    seen: set[str] = set()
    page = 1
    while True:
        body = client.get_json(path, {"page": str(page), "page_size": str(PAGE_ROWS)}, attempts=attempts)
        found, count = required(body, records, list, path), required(body, "count", int, path)
        mark = fingerprint(found, 16)
        if mark in seen:
            raise FetchError("paging_loop", f"page {page} of {path} repeats an earlier one", permanent=True)
        seen.add(mark)
        rows += found
        if not body.get("next"):
            break
        if len(rows) >= count or not found:
            raise FetchError("too_many_pages", f"{path}: {len(rows)} of {count} and still a next one", permanent=True)
        page += 1
    if len(rows) < count:
        raise FetchError("incomplete", f"{path}: {len(rows)} of {count}", permanent=True)
    return rows


def _latitude_longitude(geometry: Any) -> tuple[float | None, float | None]:
    """GeoJSON writes longitude first."""
    found = geometry.get("coordinates") if isinstance(geometry, dict) and geometry.get("type") == "Point" else None
    good = isinstance(found, list) and len(found) >= 2 and all(isinstance(n, int | float) for n in found[:2])
    return (float(found[1]), float(found[0])) if good and found else (None, None)
