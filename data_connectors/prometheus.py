"""Samples of access points or applications from a Prometheus (or anything that speaks its query API).

Every pull reads all measurements since the last one, not only the latest: an outage of ours loses nothing, and flapping
between two pulls is seen. `up` of Prometheus is the exporter's health and never an access point's.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar, Final, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from coc.clock import from_environment
from coc.domain.datasets import SAMPLED, Dataset
from coc.domain.model import Model
from coc.settings.models import ConnectorBlock
from data_connectors.ahead import Ahead
from data_connectors.base import Batch, Reachability, Window
from data_connectors.client import Client
from data_connectors.keeping import provided
from data_connectors.promql import Api, Expression
from data_connectors.promread import Note, Reader, Wanted, no_rows
from data_connectors.reach import reached

_OF: Final = {
    Dataset.AP_SAMPLES: ("clients", "rx_bps", "tx_bps", "latency_ms", "loss"),
    Dataset.SERVICE_SAMPLES: ("status", "latency_ms"),
}


class Queries(Model):
    """PromQL. `loss` 0..1; `rx_bps` bits a second that the access point receives from its clients, `tx_bps` sends."""

    up: str = Field(min_length=1)
    latency_ms: str | None = None
    clients: str | None = None
    rx_bps: str | None = None
    tx_bps: str | None = None
    loss: str | None = None
    status: str | None = None


class Prometheus:
    """The preset `type: prometheus`."""

    kind: ClassVar[str] = "prometheus"
    datasets: ClassVar[set[Dataset]] = set(_OF)
    history: ClassVar[bool] = True  # the scheduler reads the past in pieces, after the present

    class Block(ConnectorBlock):
        """`label` names the access point or service. `health`: the exporter's own up-query, asked when nothing comes.

        `step_seconds`: of range queries, where the source gives no raw samples; null: learnt from the samples' rhythm.
        """

        url: str
        label: str = "ap"
        dataset: Literal["ap_samples", "service_samples"] = "ap_samples"
        queries: Queries
        health: str | None = None
        step_seconds: float | None = Field(None, ge=1)

    def __init__(self, name: str, block: Block) -> None:
        self.name, self.block = name, block
        self._dataset = Dataset(block.dataset)
        self._entity = SAMPLED[self._dataset][0]
        texts = {c: getattr(block.queries, c) for c in _OF[self._dataset]}
        self._wanted = Wanted(
            up=Expression.of(block.queries.up), gauges={c: Expression.of(t) for c, t in texts.items() if t},
            label=block.label, health=block.health, step_seconds=block.step_seconds, backfill_days=block.backfill_days,
            every_seconds=block.every_seconds,
        )  # fmt: skip
        self._ahead = Ahead()

    def provides(self) -> frozenset[str]:
        return provided(self.block, {self._dataset: {self._entity, "at", "up", *self._wanted.gauges}})

    def check(self) -> Reachability:
        def look(client: Client) -> str:
            now = from_environment().now()
            reader = Reader(self._wanted, Api(client), Window(now, client.guard.deadline), None)
            found = reader.present(None) or reader.present(reader.now)
            if not found:
                raise reader.nothing()
            return f"the query for up finds {len(found)} series"

        return reached(self.block, look)

    def pull(self, window: Window) -> Iterator[Batch]:
        """Samples since the watermark; on a first or full pull history back to `backfill_days`, newest first."""
        with Client(self.block, window.deadline) as client:
            reader = Reader(self._wanted, Api(client), window, window.since.get(self._dataset))
            for rows in reader.read():
                yield self._batch(rows, reader)
            if reader.notes:
                yield self._batch(no_rows(self._wanted.gauges), reader)

    def _batch(self, rows: pd.DataFrame, reader: Reader) -> Batch:
        frame, problems, notes = self.frame(rows, reader.window.now)
        for note in notes:
            reader.note(*note)
        # A sample stands for itself, so each batch may commit on its own, whichever comes first.
        batch = Batch(self._dataset, frame, ordered=True, problems=problems, notes=reader.notes)
        reader.notes = []
        return batch

    def frame(self, rows: pd.DataFrame, now: datetime) -> tuple[pd.DataFrame, list[dict[str, Any]], list[Note]]:
        """Canonical columns of joined rows; rows whose `up` is neither 0 nor 1 are problems."""
        odd = ~rows["value"].isin((0.0, 1.0))
        problems = [
            {"source_id": key, "field": "up", "reason": "unknown_value", "value": f"{value:g}"}
            for key, value in rows[odd].drop_duplicates("key", keep="last")[["key", "value"]].itertuples(index=False)
        ]
        rows, notes = self._ahead.capped(rows[~odd], now)
        found = pd.DataFrame(
            {
                self._entity: rows["key"].astype("str"),
                "at": pd.to_datetime(rows["at"], unit="ms", utc=True).astype("datetime64[us, UTC]"),
                "up": rows["value"].astype(bool),
            }
        )
        for column in self._wanted.gauges:
            values = rows[column].where(np.isfinite(rows[column]))
            if column == "status":
                values = values.where(values > 0)  # 0: no HTTP answer was had
            whole = column in ("status", "clients") and bool((values.dropna() % 1 == 0).all())
            found[column] = values.astype("Int64") if whole else values
        return found.reset_index(drop=True), problems, notes
