"""The bulk path measured: generated batches through the whole pipeline, then the same rows by a bare executemany."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from coc.bench import generate
from coc.bench.generate import Size
from coc.clock import Clock
from coc.domain.datasets import COLUMNS, SAMPLES, Dataset
from coc.ingest import pull_connector
from coc.settings.models import ConnectorBlock, Settings
from coc.store import Store
from coc.store.partitions import ensure
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


def source_of(dataset: Dataset) -> str:
    """Letters come from one system and samples from another, as in a city."""
    return "bench_wifi" if dataset in SAMPLES else "bench"


def load(store: Store, settings: Settings, clock: Clock, size: Size, step: Step) -> tuple[int, float]:
    """Letters, dispositions and samples through the pipeline: rows and seconds (making the rows is not counted)."""
    now, rows, seconds = pd.Timestamp(clock.now()), 0, 0.0
    for dataset, make in (*MADE, *SAMPLED):
        for frame in make(size, now):
            started = time.perf_counter()
            batch = Generated(iter([(dataset, frame)]))
            report = pull_connector(store, source_of(dataset), block(), batch, settings, clock, full=False)
            seconds += time.perf_counter() - started
            if report.error_code or report.stored != len(frame):
                raise RuntimeError(f"the bench's {dataset} did not load: {report}")
            rows += len(frame)
            step(f"{dataset.value}: {rows:,} rows at {rows / seconds:,.0f} a second")
    return rows, seconds


def bare(loaded: Store, empty: Store, step: Step) -> float:
    """The same rows, already in tuples, by executemany into the same tables with the same indexes: seconds."""
    seconds, rows = 0.0, 0
    mark = "?" if loaded.sqlite else "%s"
    for dataset, _ in (*MADE, *SAMPLED):
        table = dataset.value
        with loaded.engine.connect() as reader:
            if not loaded.sqlite:
                reader = reader.execution_options(stream_results=True)
            found = reader.exec_driver_sql(f"SELECT * FROM {table}")
            insert = f"INSERT INTO {table} VALUES ({', '.join([mark] * len(found.keys()))})"
            while chunk := found.cursor.fetchmany(generate.CHUNK):
                seconds += _insert(empty, dataset, insert, chunk, at=list(found.keys()))
                rows += len(chunk)
                step(f"{table}: {rows:,} rows by a bare executemany at {rows / seconds:,.0f} a second")
    return seconds


def _insert(empty: Store, dataset: Dataset, insert: str, chunk: Sequence[Any], at: list[str]) -> float:
    with empty.engine.connect() as connection:
        if dataset in SAMPLES and not empty.sqlite:
            with connection.begin():  # the months are there already; making them is not what is measured
                ensure(connection, dataset.value, np.array([row[at.index("at")] for row in chunk], dtype="int64"))
        started = time.perf_counter()
        with connection.begin():
            connection.connection.cursor().executemany(insert, chunk)
        return time.perf_counter() - started


def minute(store: Store, settings: Settings, clock: Clock, size: Size) -> None:
    """One pull of all access points: a sample each, newer than any before."""
    number = next(_minutes)
    end = pd.Timestamp(clock.now()) + pd.Timedelta(seconds=min(number * 5, 55))
    frame = next(generate.ap_samples(replace(size, samples_days=1 / 1440), end, number))
    batch = Generated(iter([(Dataset.AP_SAMPLES, frame)]))
    report = pull_connector(store, source_of(Dataset.AP_SAMPLES), block(), batch, settings, clock, full=False)
    if report.stored != len(frame):
        raise RuntimeError(f"the bench's minute of samples did not load: {report}")


_minutes = itertools.count(1)


def delta(store: Store, settings: Settings, clock: Clock, rows: int = 1_000) -> None:
    """A thousand rows that change: half of them new letters, half dispositions that are done now."""
    now = pd.Timestamp(clock.now())
    small = Size("delta", rows // 2, rows // 2, 1, 1, 0)
    for dataset, make in MADE:
        frame = next(make(small, now, time.monotonic_ns()))  # no delta repeats another
        frame["source_id"] = frame["source_id"].str.replace("L" if dataset is Dataset.LETTERS else "D", "X", n=1)
        batch = Generated(iter([(dataset, frame.assign(updated_at=now))]))
        report = pull_connector(store, source_of(dataset), block(), batch, settings, clock, full=False)
        if report.stored != len(frame):
            raise RuntimeError(f"the bench's delta of {dataset} did not load: {report}")
