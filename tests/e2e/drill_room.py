"""Two COCs on two simulated cities of one seed and one clock: one city has drills, the other never heard of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import requests

import data_connectors
from coc.boards import ALL, Builder
from coc.boards.pasts import Pasts
from coc.cli.simulated import addressed
from coc.domain.datasets import Dataset
from coc.ingest import PullReport, pull_connector
from coc.ingest.basis import Basis
from coc.ingest.context import Surroundings
from coc.ingest.feeds import Feed, feed_states
from coc.metrics.past import present
from coc.settings.models import Settings
from coc.simulate.server import Handle, start
from coc.store import Quarantined, open_store
from coc.store.quarantine import Choice

REALM: Any = "demo"
SITES = {
    "file": "titik-wifi.csv",
    "fields": {
        "source_id": "kode", "name": "nama", "site_kind": "jenis", "area": "kecamatan", "unit": "opd",
        "status": "status", "installed_at": "terpasang", "capacity": "kapasitas",
    },
    "values": {
        "status": {"direncanakan": "planned", "pemasangan": "installing", "aktif": "active", "dihentikan": "retired"},
    },
    "time": {"zone": "Asia/Jakarta", "format": "date"},
}  # fmt: skip
POINTS = {"file": "access-points.csv", "fields": {"source_id": "kode", "site": "titik", "name": "nama"}}
BLOCKS: dict[str, dict[str, Any]] = {
    # A frozen feed is told after ten minutes here, to spare the test four working hours.
    "sipadek": {"type": "sipadek", "url": "simulator", "frozen_after": "10 min"},
    "wifi": {
        "type": "prometheus", "url": "simulator", "label": "ap", "health": 'up{job="wifi"}',
        "queries": {"up": 'probe_success{job="wifi"}', "clients": "ap_clients"},
    },
    "aplikasi": {"type": "http_probe", "timeout_seconds": 1,
                 "services": {"ppid": {"url": "simulator"}, "website": {"url": "simulator"}}},
    "titik_wifi": {"type": "files", "url": "simulator", "datasets": {"sites": SITES, "access_points": POINTS}},
}  # fmt: skip
ROWS = (Dataset.UNITS, Dataset.LETTERS, Dataset.DISPOSITIONS, Dataset.SITES, Dataset.ACCESS_POINTS, Dataset.AP_SAMPLES)


class HandClock:
    """Stands until a test moves it."""

    speed = 0.0

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def pass_minutes(self, minutes: float) -> None:
        self.at += timedelta(minutes=minutes)


def _settings(port: int, deadline: float) -> Settings:
    kinds = data_connectors.registry()
    made = {
        name: kinds[block["type"]].Block(realm=REALM, deadline_seconds=deadline, **block)
        for name, block in BLOCKS.items()
    }
    return addressed(Settings(connectors=made), port)


@dataclass
class Coc:
    """A COC and the city it reads."""

    folder: Path
    clock: HandClock
    deadline: float = 20.0
    city: Handle = field(init=False)

    def __post_init__(self) -> None:
        self.city = start(clock=self.clock)
        self.store = open_store(f"sqlite:///{self.folder}/coc.db")
        self.settings = _settings(self.city.port, self.deadline)
        kinds = data_connectors.registry()
        self.connectors = {n: kinds[b.type](n, b) for n, b in self.settings.connectors.items()}

    def close(self) -> None:
        self.city.stop()
        self.store.close()

    def pull(self, name: str, **how: Any) -> PullReport:
        block = self.settings.connectors[name]
        return pull_connector(self.store, name, block, self.connectors[name], self.settings, self.clock, **how)

    def feed(self, name: str) -> Feed:
        block = self.settings.connectors[name]
        calendars = Surroundings(self.store, self.settings, block, self.clock).calendars
        states = feed_states(self.store, self.settings, REALM, self.clock, calendars)
        return next(f for f in states if f.name == name)

    def held(self, source: str) -> list[Quarantined]:
        """What waits in quarantine."""
        return self.store.quarantined(Choice(source=source))

    def tables(self, *datasets: Dataset) -> dict[Dataset, pd.DataFrame]:
        return {d: self.table(d) for d in datasets or ROWS}

    def table(self, dataset: Dataset) -> pd.DataFrame:
        """All that is not deleted, by key, without when the source last touched it."""
        frame = self.store.export(dataset).drop(columns="updated_at", errors="ignore")
        keys = [c for c in ("source_id", "code", "ap", "at") if c in frame.columns]
        return frame.sort_values(keys).reset_index(drop=True)

    def kpis(self, *names: str) -> list[Any]:
        """City-wide values of this moment."""
        snapshot = Builder(self.store, self.settings, REALM, self.clock).refresh()
        assert snapshot is not None
        found = []
        for name in names:
            kpis = snapshot.boards[name.split(".")[0], ALL].kpis
            row = kpis[(kpis["id"] == name) & (kpis["unit"] == "") & (kpis["window"] == "30d")].iloc[0]
            found.append(row["value"] if row["state"] == "ok" else None)
        return found

    def states(self) -> dict[str, str]:
        """Of each access point, as the boards have it."""
        basis = Basis.of(self.settings, REALM)
        pasts = Pasts(self.store, Dataset.AP_SAMPLES, basis.limits, basis.holds)
        past, _ = pasts.refresh(pd.Timestamp(self.clock.now()), self.store.commit_number())
        return present(past).set_index("entity")["state"].to_dict()

    def drill(self, name: str, method: str = "POST", **query: str) -> list[dict[str, Any]]:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(method, f"{self.city.url}/drill/{name}", params=query, timeout=10)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


@dataclass
class Room:
    """`struck`: the COC whose city has drills; `calm`: the other."""

    struck: Coc
    calm: Coc
    clock: HandClock

    def pull_both(self, name: str, **how: Any) -> PullReport:
        self.calm.pull(name, **how)
        return self.struck.pull(name, **how)

    def equal(self, *datasets: Dataset) -> None:
        for dataset, frame in self.calm.tables(*datasets).items():
            pd.testing.assert_frame_equal(self.struck.table(dataset), frame, obj=dataset.value)
