"""The bulk path measured: generated batches through the whole pipeline, then the same rows by a bare executemany."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pandas as pd

from coc.bench import generate
from coc.bench.generate import Size
from coc.clock import Clock
from coc.domain.datasets import COLUMNS, Dataset
from coc.ingest import pull_connector
from coc.settings.models import ConnectorBlock, Settings
from coc.store import Store
from data_connectors.base import Batch, Reachability, Window

Step = Callable[[str], None]
MADE = ((Dataset.LETTERS, generate.letters), (Dataset.DISPOSITIONS, generate.dispositions))
SAMPLED = ((Dataset.AP_SAMPLES, generate.ap_samples),)


class Generated:
    """A connector that yields ready frames: what remains is the pipeline alone."""

    kind: ClassVar[str] = "bench"
    datasets: ClassVar[set[Dataset]] = {Dataset.LETTERS, Dataset.DISPOSITIONS, Dataset.AP_SAMPLES}

    def __init__(self, batches: Iterator[tuple[Dataset, pd.DataFrame]]) -> None:
        self._batches = batches

    def check(self) -> Reachability:
        return Reachability(ok=True, said="generated")

    def provides(self) -> frozenset[str]:
        return frozenset(f"{d.value}.{c.name}" for d in self.datasets for c in COLUMNS[d])

    def pull(self, window: Window) -> Iterator[Batch]:
        for dataset, frame in self._batches:
            yield Batch(dataset, frame, ordered=True, source_now=window.now)


def block() -> ConnectorBlock:
    return ConnectorBlock(type="bench", deadline_seconds=36_000)


def load(store: Store, settings: Settings, clock: Clock, size: Size, step: Step) -> tuple[int, float]:
    """Letters, dispositions and samples through the pipeline: rows and seconds (making the rows is not counted)."""
    now, rows, seconds = pd.Timestamp(clock.now()), 0, 0.0
    for dataset, make in (*MADE, *SAMPLED):
        for frame in make(size, now):
            started = time.perf_counter()
            batch = Generated(iter([(dataset, frame)]))
            report = pull_connector(store, "bench", block(), batch, settings, clock, full=False)
            seconds += time.perf_counter() - started
            if report.error_code or report.stored != len(frame):
                raise RuntimeError(f"the bench's {dataset} did not load: {report}")
            rows += len(frame)
            step(f"{dataset.value}: {rows:,} rows at {rows / seconds:,.0f} a second")
    return rows, seconds


def bare(loaded: Path, empty: Path) -> tuple[int, float]:
    """The same rows, already in tuples, by executemany into the same tables with the same indexes: rows and seconds."""
    source, target = sqlite3.connect(loaded), sqlite3.connect(empty, isolation_level=None)
    target.execute("PRAGMA journal_mode=WAL")
    target.execute("PRAGMA synchronous=NORMAL")
    rows, seconds = 0, 0.0
    for dataset in (*MADE, *SAMPLED):
        reader = source.execute(f"SELECT * FROM {dataset[0].value}")
        marks = ",".join("?" * len(reader.description))
        while chunk := reader.fetchmany(generate.CHUNK):
            started = time.perf_counter()
            target.execute("BEGIN")
            target.executemany(f"INSERT INTO {dataset[0].value} VALUES ({marks})", chunk)
            target.execute("COMMIT")
            seconds += time.perf_counter() - started
            rows += len(chunk)
    source.close()
    target.close()
    return rows, seconds


def delta(store: Store, settings: Settings, clock: Clock, rows: int = 1_000) -> None:
    """A thousand rows that change: half of them new letters, half dispositions that are done now."""
    now = pd.Timestamp(clock.now())
    small = Size("delta", rows // 2, rows // 2, 1, 1, 0)
    for dataset, make in MADE:
        frame = next(make(small, now, time.monotonic_ns()))  # no delta repeats another
        frame["source_id"] = frame["source_id"].str.replace("L" if dataset is Dataset.LETTERS else "D", "X", n=1)
        batch = Generated(iter([(dataset, frame.assign(updated_at=now))]))
        report = pull_connector(store, "bench", block(), batch, settings, clock, full=False)
        if report.stored != len(frame):
            raise RuntimeError(f"the bench's delta of {dataset} did not load: {report}")
