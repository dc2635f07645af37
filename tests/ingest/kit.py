"""A source under the test's thumb: batches in, a store on a real database, a clock that stands where it is put."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from coc.clock import FrozenClock
from coc.domain.datasets import Dataset
from coc.ingest import PullReport, pull_connector
from coc.settings.models import ConnectorBlock, Settings
from coc.store import Store, open_store
from data_connectors.base import Batch, FetchError, Reachability, Window
from tests.databases import NewDatabase

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)  # 10:00 in Jambi, a Monday


def iso(hours_ago: float = 0.0) -> str:
    return (NOW - timedelta(hours=hours_ago)).isoformat()


def letter(i: object, **fields: Any) -> dict[str, Any]:
    """A letter in FEED's words; fields of value `...` are left out."""
    row = {
        "source_id": f"L-{i}",
        "kind": "incoming",
        "type": "surat_dinas",
        "category": "general",
        "urgency": "segera",
        "security": "biasa",
        "unit": "DISDIK",
        "medium": "electronic",
        "pages": 2,
        "registered_at": iso(48),
        "completed_at": None,
        "updated_at": iso(48),
        "deleted": False,
    }
    return {k: v for k, v in (row | fields).items() if v is not ...}


def disposition(i: object, letter_id: str = "L-1", **fields: Any) -> dict[str, Any]:
    row = {
        "source_id": f"D-{i}",
        "letter_id": letter_id,
        "from_office": "sekda",
        "to_unit": "DISDIK",
        "channel": "voice",
        "device": "phone",
        "instruction": "TINDAK_LANJUTI",
        "issued_at": iso(40),
        "completed_at": None,
        "updated_at": iso(40),
        "deleted": False,
    }
    return {k: v for k, v in (row | fields).items() if v is not ...}


def unit(code: str, **fields: Any) -> dict[str, Any]:
    return {"code": code, "name": code, "kind": "department", "calendar": None, "updated_at": iso(900)} | fields


def sample(ap: str, minutes_ago: float, **fields: Any) -> dict[str, Any]:
    return {"ap": ap, "at": iso(minutes_ago / 60), "up": True, "clients": 3, "latency_ms": 12.5} | fields


def batch(dataset: Dataset, rows: list[dict[str, Any]], **more: Any) -> Batch:
    frame = pd.DataFrame({k: pd.Series([r.get(k) for r in rows], dtype=object) for k in dict.fromkeys(_names(rows))})
    return Batch(dataset, frame, **({"source_now": NOW, "ordered": True} | more))


def _names(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield from row


def ids(dataset: Dataset, found: set[str], **more: Any) -> Batch:
    return Batch(dataset, pd.DataFrame(), ids=found, **({"source_now": NOW} | more))


@dataclass
class Fake:
    """Yields `gives` at each pull; an exception among them is raised where it stands."""

    gives: list[Batch | Exception] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    datasets: set[Dataset] = field(default_factory=lambda: {Dataset.UNITS, Dataset.LETTERS, Dataset.DISPOSITIONS})
    kind: ClassVar[str] = "sipadek"

    def check(self) -> Reachability:
        return Reachability(ok=True, said="here")

    def pull(self, window: Window) -> Iterator[Batch]:
        self.windows.append(window)
        for item in self.gives:
            if isinstance(item, Exception):
                raise item
            yield item


@dataclass
class City:
    """One store, one source named `src`, pulled by hand."""

    store: Store
    block: ConnectorBlock
    source: Fake = field(default_factory=Fake)
    settings: Settings = field(default_factory=Settings)
    now: datetime = NOW
    name: str = "src"

    def __post_init__(self) -> None:
        self.settings = Settings(connectors={self.name: self.block})

    def pull(self, *gives: Batch | Exception, **how: Any) -> PullReport:
        self.source.gives = list(gives)
        clock = FrozenClock(self.now)
        return pull_connector(self.store, self.name, self.block, self.source, self.settings, clock, **how)

    def letters(self) -> pd.DataFrame:
        return self.store.letters(NOW - timedelta(days=4000), after_rev=0).set_index("source_id").sort_index()

    def dispositions(self) -> pd.DataFrame:
        return self.store.dispositions(NOW - timedelta(days=4000), after_rev=0).set_index("source_id").sort_index()


def city(where: Path | NewDatabase, type_: str = "sipadek", **block: Any) -> City:
    """On an SQLite file in a folder, or on a fresh database of the fixture `new_database` (a test on each kind)."""
    url = f"sqlite:///{where}/coc.db" if isinstance(where, Path) else where()
    return City(open_store(url), ConnectorBlock(type=type_, **block))


REFUSED = FetchError("unreachable", "src.example.go.id")
