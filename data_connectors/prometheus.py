"""Samples of access points, applications or links from a Prometheus (or anything that speaks its query API).

Every pull reads all measurements since the last one, not only the latest: an outage of ours loses nothing, and flapping
between two pulls is seen. `up` of Prometheus is the exporter's health and never an access point's.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar, Final, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from coc.clock import from_environment
from coc.domain.datasets import SAMPLED, Dataset, parted
from coc.domain.model import Model
from coc.settings.models import ConnectorBlock
from data_connectors.ahead import Ahead
from data_connectors.base import Batch, Reachability, Window
from data_connectors.client import Client
from data_connectors.keeping import objects, provided
from data_connectors.promjoin import Named
from data_connectors.promql import Api, Expression
from data_connectors.promread import Note, Reader, Wanted, no_rows
from data_connectors.reach import reached

_OF: Final = {
    Dataset.AP_SAMPLES: ("clients", "rx_bps", "tx_bps", "latency_ms", "loss"),
    Dataset.SERVICE_SAMPLES: ("status", "latency_ms"),
    Dataset.LINK_SAMPLES: ("latency_ms", "loss"),
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
        """`label` names the access point, service or link. `health`: the exporter's own up-query, asked when nothing
        comes. `vantage_label`: names the site or link from which a service was measured, empty: the COC's own room;
        `vantage`: the one that holds for all of this source.

        `step_seconds`: of range queries, where the source gives no raw samples; null: learnt from the samples' rhythm.
        """

        url: str
        label: str = "ap"
        vantage_label: str | None = Field(None, min_length=1)
        vantage: str | None = Field(None, min_length=1)
        dataset: Literal["ap_samples", "service_samples", "link_samples"] = "ap_samples"
        queries: Queries
        health: str | None = None
        step_seconds: float | None = Field(None, ge=1)

        @model_validator(mode="after")
        def _one_vantage_of_services(self) -> Self:
            given = [n for n in ("vantage_label", "vantage") if getattr(self, n) is not None]
            if len(given) > 1:
                raise ValueError("`vantage` holds for all that is read: leave it or `vantage_label` out")
            if given and self.dataset != "service_samples":
                raise ValueError(f"`{given[0]}` is of services: only `dataset: service_samples` has vantages")
            return self

    def __init__(self, name: str, block: Block) -> None:
        self.name, self.block = name, block
        self._dataset = Dataset(block.dataset)
        self._entity = SAMPLED[self._dataset][0]
        texts = {c: getattr(block.queries, c) for c in _OF[self._dataset]}
        self._wanted = Wanted(
            up=Expression.of(block.queries.up),
            gauges={c: Expression.of(t) for c, t in texts.items() if t},
            named=Named(block.label, block.vantage_label),
            health=block.health,
            step_seconds=block.step_seconds,
            backfill_days=block.backfill_days,
            every_seconds=block.every_seconds,
        )
        self._ahead = Ahead()

    def provides(self) -> frozenset[str]:
        vantage = {"vantage"} if self.block.vantage or self.block.vantage_label else set()
        return provided(self.block, {self._dataset: {self._entity, "at", "up", *vantage, *self._wanted.gauges}})

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
            {"source_id": parted(key)[0], "field": "up", "reason": "unknown_value", "value": f"{value:g}"}
            for key, value in rows[odd].drop_duplicates("key", keep="last")[["key", "value"]].itertuples(index=False)
        ]
        rows, notes = self._ahead.capped(rows[~odd], now)
        names = {key: parted(key) for key in rows["key"].unique()}
        found = pd.DataFrame(
            {
                self._entity: rows["key"].map({key: entity for key, (entity, _) in names.items()}).astype("str"),
                "at": pd.to_datetime(rows["at"], unit="ms", utc=True).astype("datetime64[us, UTC]"),
                "up": rows["value"].astype(bool),
            }
        )
        if self.block.vantage or self.block.vantage_label:
            vantages = {key: vantage or self.block.vantage for key, (_, vantage) in names.items()}
            found["vantage"] = objects(
                [vantages[key] for key in rows["key"]]
            ).to_numpy()  # rows have an index of their own
        for column in self._wanted.gauges:
            values = rows[column].where(np.isfinite(rows[column]))
            if column == "status":
                values = values.where(values > 0)  # 0: no HTTP answer was had
            whole = column in ("status", "clients") and bool((values.dropna() % 1 == 0).all())
            found[column] = values.astype("Int64") if whole else values
        return found.reset_index(drop=True), problems, notes
