"""Access points and applications as a Zabbix watches them: hosts with a ping item, web scenarios.

Every pull reads the history of the items since the last one, so that an outage of ours loses nothing and flapping
between two pulls is seen; the last values fill in where Zabbix keeps no history. A measurement's time is its own clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, ClassVar, Final, Self

import pandas as pd
from pydantic import Field, model_validator

from coc.domain.datasets import Dataset
from coc.domain.model import Model
from coc.settings.models import ConnectorBlock
from data_connectors.ahead import Ahead, Note
from data_connectors.base import Batch, FetchError, Reachability, Window
from data_connectors.client import Client
from data_connectors.keeping import objects, provided
from data_connectors.reach import reached
from data_connectors.zabbixapi import Rpc
from data_connectors.zabbixread import FILLED, Item, Values, held, items_of, samples, values_of
from data_connectors.zabbixweb import scenarios, services

SPAN: Final = 6 * 3600  # seconds of history read at once
HOSTS: Final = 250  # whose items are asked for at once
SHORTEST_HOLD: Final = 300.0
RESERVE: Final = 0.25  # of the run's time, left to store what was read
_POINTS: Final = {"source_id", "site", "name", "lat", "lon"}


class Items(Model):
    """Item keys, the same on every host. `rx_bps`: what the access point receives from its clients."""

    up: str = Field(default="icmpping", min_length=1)
    latency_ms: str | None = "icmppingsec"
    loss: str | None = "icmppingloss"
    clients: str | None = None
    rx_bps: str | None = None
    tx_bps: str | None = None


class Zabbix:
    """The preset `type: zabbix`, for 5.4 and later."""

    kind: ClassVar[str] = "zabbix"
    datasets: ClassVar[set[Dataset]] = {
        Dataset.ACCESS_POINTS, Dataset.AP_SAMPLES, Dataset.SERVICES, Dataset.SERVICE_SAMPLES,
    }  # fmt: skip
    history: ClassVar[bool] = True

    class Block(ConnectorBlock):
        """`url`: the frontend's. `groups`: host groups of access points; `services`: of hosts with web scenarios.

        `site_tag`: the host tag that names an access point's site.
        """

        url: str
        groups: tuple[str, ...] = ()
        services: tuple[str, ...] = ()
        items: Items = Items()
        site_tag: str = "site"

        @model_validator(mode="after")
        def _something(self) -> Self:
            if not self.groups and not self.services:
                raise ValueError("name the host groups of access points in `groups`, of applications in `services`")
            return self

    def __init__(self, name: str, block: Block) -> None:
        self.name, self.block = name, block
        named = {column: getattr(block.items, column) for column in ("up", *FILLED)}
        self._columns = {key: column for column, key in named.items() if key}
        self._hold = max(3 * block.every_seconds, SHORTEST_HOLD)
        self._rests: dict[str, tuple[float, float]] = {}  # host -> when it was last not to be measured, epoch ms
        self._ahead = {Dataset.AP_SAMPLES: Ahead(), Dataset.SERVICE_SAMPLES: Ahead()}

    def provides(self) -> frozenset[str]:
        filled: dict[Dataset, set[str]] = {}
        if self.block.groups:
            filled[Dataset.ACCESS_POINTS] = _POINTS
            filled[Dataset.AP_SAMPLES] = {"ap", "at", *self._columns.values()}
        if self.block.services:
            filled[Dataset.SERVICES] = {"source_id", "name"}
            filled[Dataset.SERVICE_SAMPLES] = {"service", "at", "up", "status", "latency_ms", "reason"}
        return provided(self.block, filled)

    def check(self) -> Reachability:
        def look(client: Client) -> str:
            with Rpc(client, self.block, attempts=1) as rpc:
                said = []
                if self.block.groups:
                    hosts = self._hosts(rpc)
                    found, _ = self._items(rpc, hosts)
                    fed = sum(i.clock > 0 for i in found if i.column == "up")
                    said.append(f"{len(hosts)} access points, {fed} with a fed {self.block.items.up}")
                if self.block.services:
                    seen, _ = scenarios(rpc, self._groups(rpc, self.block.services))
                    said.append(f"{len(seen)} web scenarios")
                return f"Zabbix {rpc.version[:20]} answers with {' and '.join(said)}"

        return reached(self.block, look)

    def pull(self, window: Window) -> Iterator[Batch]:
        """Access points, their samples since the watermark (newest first on a first or full pull), applications."""
        with Client(self.block, window.deadline) as client, Rpc(client, self.block) as rpc:
            if self.block.groups:
                yield from self._points(rpc, window)
            if self.block.services and not _past(window):
                yield from self._applications(rpc, window)

    def _points(self, rpc: Rpc, window: Window) -> Iterator[Batch]:
        hosts = self._hosts(rpc)
        if not _past(window):
            yield Batch(Dataset.ACCESS_POINTS, _access_points(hosts, self.block.site_tag))
            if window.full:
                yield Batch(Dataset.ACCESS_POINTS, pd.DataFrame(), ids={str(host.get("host")) for host in hosts})
        now = window.now.timestamp()
        self._rest(hosts, now * 1000)
        items, problems = self._items(rpc, hosts)
        notes = self._missing(items)
        since = window.since.get(Dataset.AP_SAMPLES)
        oldest = since.timestamp() if since else now - self.block.backfill_days * 86_400
        reserve, end, newest = RESERVE * rpc.client.guard.left, math.floor(now), not _past(window)
        while True:
            start = max(math.floor(oldest), end - SPAN)
            for part in _chunks(items):
                rows = self._read(rpc, part, start, end, with_last=newest)
                frame, odd, said = self._samples(rows, window.now)
                yield Batch(Dataset.AP_SAMPLES, frame, ordered=True, problems=problems + odd, notes=notes + said)
                problems, notes = [], []
            end, newest = start, False
            if end <= oldest:
                return
            if rpc.client.guard.left < reserve:
                day = datetime.fromtimestamp(end, UTC).date().isoformat()
                said = [("backfill_incomplete", f"nothing before {day} yet; raise deadline_seconds")]
                yield Batch(Dataset.AP_SAMPLES, frame.iloc[:0], ordered=True, notes=said)
                return

    def _read(self, rpc: Rpc, items: list[Item], start: int, end: int, *, with_last: bool) -> pd.DataFrame:
        parts: list[Values] = [held(items, start - int(self._hold))] if with_last else []
        for kind in sorted({i.kind for i in items}):
            for is_up in (True, False):
                ids = [i.id for i in items if i.kind == kind and (i.column == "up") == is_up and i.clock > start]
                begin = start if is_up else start - int(self._hold)
                if ids:
                    parts += [values_of(rows) for rows in rpc.history(ids, kind, begin, end)]
        return samples(items, parts, start, self._hold)

    def _samples(self, rows: pd.DataFrame, now: datetime) -> tuple[pd.DataFrame, list[dict[str, Any]], list[Note]]:
        rows = self._awake(rows)
        odd = ~rows["value"].isin((0.0, 1.0))
        problems = [
            {"source_id": key, "field": "up", "reason": "unknown_value", "value": f"{value:g}"}
            for key, value in rows[odd].drop_duplicates("key", keep="last")[["key", "value"]].itertuples(index=False)
        ]
        rows, notes = self._ahead[Dataset.AP_SAMPLES].capped(rows[~odd], now)
        found = pd.DataFrame(
            {
                "ap": rows["key"].astype("str"),
                "at": pd.to_datetime(rows["at"], unit="ms", utc=True).astype("datetime64[us, UTC]"),
                "up": rows["value"].astype(bool),
            }
        )
        for column in self._columns.values():
            if column != "up":
                whole = column == "clients" and bool((rows[column].dropna() % 1 == 0).all())
                found[column] = rows[column].astype("Int64") if whole else rows[column]
        return found.reset_index(drop=True), problems, notes

    def _rest(self, hosts: list[dict[str, Any]], now: float) -> None:
        """Which hosts are disabled or in maintenance, and since which pull: Zabbix may go on measuring them."""
        for name in (str(host["host"]) for host in hosts if not _in_operation(host)):
            since, until = self._rests.get(name, (now, now))
            longest = 3 * self._hold * 1000
            self._rests[name] = (since if now - until <= longest else now, now)

    def _awake(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Without what was measured while its host rested: the next run reaches back behind its end."""
        rests = {key: self._rests[key] for key in rows["key"].unique() if key in self._rests}
        if not rests:
            return rows
        since, until = (rows["key"].map({key: rest[n] for key, rest in rests.items()}) for n in (0, 1))
        return rows[~((rows["at"] >= since) & (rows["at"] <= until))]

    def _applications(self, rpc: Rpc, window: Window) -> Iterator[Batch]:
        seen, problems = scenarios(rpc, self._groups(rpc, self.block.services))
        yield Batch(Dataset.SERVICES, pd.DataFrame({"source_id": objects(list(seen)), "name": objects(list(seen))}))
        if window.full:
            yield Batch(Dataset.SERVICES, pd.DataFrame(), ids=set(seen))
        frame, notes = services(seen, window.now, self._ahead[Dataset.SERVICE_SAMPLES])
        yield Batch(Dataset.SERVICE_SAMPLES, frame, ordered=True, problems=problems, notes=notes)

    def _groups(self, rpc: Rpc, names: tuple[str, ...]) -> list[str]:
        rows = rpc.rows("hostgroup.get", {"output": ["groupid", "name"], "filter": {"name": list(names)}}, count=False)
        known = {str(row.get("name")): str(row.get("groupid")) for row in rows}
        gone = [name for name in names if name not in known]
        if gone:
            raise FetchError("config", f"there is no host group `{gone[0]}` that this account may see", permanent=True)
        return [known[name] for name in names]

    def _hosts(self, rpc: Rpc) -> list[dict[str, Any]]:
        wanted = {
            "groupids": self._groups(rpc, self.block.groups),
            "output": ["hostid", "host", "name", "status", "maintenance_status"],
            "selectInventory": ["location_lat", "location_lon"],
            "selectTags": ["tag", "value"],
        }
        hosts = rpc.rows("host.get", wanted)
        if not hosts:
            said = f"no host in {', '.join(self.block.groups)} that this account may see"
            raise FetchError("source_empty", said, permanent=True)
        if not all({"hostid", "host", "status", "maintenance_status"} <= host.keys() for host in hosts):
            raise FetchError("schema_drift", "host.get has a host without its id, name or status", permanent=True)
        return hosts

    def _items(self, rpc: Rpc, hosts: list[dict[str, Any]]) -> tuple[list[Item], list[dict[str, Any]]]:
        """Of hosts in operation: one that is disabled or in maintenance is not down, it is not measured."""
        wanted = {
            "hostids": [str(host["hostid"]) for host in hosts],
            "output": ["itemid", "hostid", "key_", "value_type", "units", "status", "state", "lastclock", "lastvalue"],
            "filter": {"key_": list(self._columns)},
        }
        rows = rpc.rows("item.get", wanted)
        live = {str(host["hostid"]): str(host["host"]) for host in hosts if _in_operation(host)}
        found, problems = items_of(rows, self._columns, live)
        if live and not any(i.clock and i.column == "up" for i in found):
            raise FetchError("source_empty", f"no item `{self.block.items.up}` was ever fed", permanent=True)
        return found, problems

    def _missing(self, items: list[Item]) -> list[Note]:
        there = {i.column for i in items}
        return [("source_empty", f"no item `{k}`") for k, c in self._columns.items() if items and c not in there]


def _past(window: Window) -> bool:
    """Whether a piece of history is asked for, not the present: then Zabbix's last values do not belong to it."""
    return not window.full and bool(window.since) and not window.known


def _in_operation(host: dict[str, Any]) -> bool:
    return bool(host["status"] == "0" and host["maintenance_status"] == "0")


def _chunks(items: list[Item]) -> Iterator[list[Item]]:
    ordered = sorted(items, key=lambda i: i.key)
    by_host = [list(group) for _, group in groupby(ordered, key=lambda i: i.key)]
    for first in range(0, max(1, len(by_host)), HOSTS):
        yield [item for group in by_host[first : first + HOSTS] for item in group]


def _access_points(hosts: list[dict[str, Any]], site_tag: str) -> pd.DataFrame:
    places = [h["inventory"] if isinstance(h.get("inventory"), dict) else {} for h in hosts]
    return pd.DataFrame(
        {
            "source_id": objects([h["host"] for h in hosts]),
            "site": objects([_tag(h.get("tags"), site_tag) for h in hosts]),
            "name": objects([h.get("name") or h["host"] for h in hosts]),
            "lat": objects([_degrees(p.get("location_lat")) for p in places]),
            "lon": objects([_degrees(p.get("location_lon")) for p in places]),
        }
    )


def _tag(tags: Any, name: str) -> str | None:
    found = [t.get("value") for t in tags if isinstance(t, dict) and t.get("tag") == name] if tags else []
    return str(found[0]) if found and found[0] else None


def _degrees(text: Any) -> Any:
    """A number; null where blank; otherwise as it stands, for the pipeline to refuse."""
    if text is None or not str(text).strip():
        return None
    try:
        return float(text)
    except ValueError:
        return str(text)
