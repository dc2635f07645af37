"""`coc bench`: DESIGN's budgets measured in one run, each as a ratio to a floor or a plain twin where one is named."""

from __future__ import annotations

import asyncio
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from coc.bench import databases, pipeline, serving
from coc.bench.generate import SIZES, Size

if TYPE_CHECKING:
    import psutil

    from coc.clock import Clock
    from coc.settings.models import Settings
    from coc.store import Store

Step = Callable[[str], None]

FRAME = "/live/frame?page=overview&lang=id&theme=dark"
# Frames that nobody asked for yet: what a filter costs who touches it first.
_CHOICES = [
    f"/live/frame?page={page}&lang=id&theme=dark&scope={unit}&window={window}"
    for page in ("surat", "disposisi")
    for unit in ("", "DISDIK", "DINKES", "SETDA", "KEC-01")
    for window in ("7d", "90d")
]
NOW = "2026-10-14T10:00:00+07:00"
_CONFIG = """
connectors:
  bench: {type: sipadek, url: "http://127.0.0.1:9/coc/v1", enabled: false}
  bench_wifi: {type: prometheus, url: "http://127.0.0.1:9", label: ap, enabled: false, queries: {up: probe_success}}
"""


class Report:
    """Rows of (what, measured, budget, within)."""

    def __init__(self, console: Console, size: str, database: str) -> None:
        self.console = console
        self.missed = 0
        self.table = Table(title=f"coc bench --size {size} --database {database}", title_justify="left")
        for name in ("what", "measured", "budget", ""):
            self.table.add_column(name)

    def add(self, what: str, measured: str, budget: str, within: bool) -> None:
        self.missed += not within
        self.table.add_row(what, measured, budget, "[green]within[/]" if within else "[red]missed[/]")


def main(size: str, database: str = "sqlite") -> int:
    """Run the bench in a folder of its own, print the table; 1 where a budget is missed.

    `database`: sqlite, or postgresql: a server that a PyPI package ships, for as long as the bench runs.
    """
    os.environ["COC_CLOCK"] = NOW
    console = Console(stderr=True)
    report = Report(Console(), size, database)
    with (
        tempfile.TemporaryDirectory(prefix="coc-bench-") as folder,
        databases.opened(database, Path(folder)) as new,
        console.status("starting") as status,
    ):
        _measure(Path(folder), size, new, report, status.update)
    report.console.print(report.table)
    return 1 if report.missed else 0


def _measure(folder: Path, size: str, new: databases.New, report: Report, step: Step) -> None:
    small = _refresh_at_s(folder, new, step) if size != "S" else None
    city = City.made(folder, new())
    loaded = _bulk(city, new, report, SIZES[size], step)
    _boards(city, report, SIZES[size], step)
    held = int(city.store.status()["bytes"] or 0) / 1e6
    report.add("store size", f"{held:,.0f} MB for {loaded:,} rows", "told", within=True)
    ours = _serving(city, report, step)
    if small is not None:
        growth = ours.cpu_ms / small.cpu_ms
        said = f"{growth:.2f} x ({small.cpu_ms:.2f} to {ours.cpu_ms:.2f} ms)"
        report.add("growth of a refresh, S to L", said, "<= 1.1 x", growth <= 1.1)
    city.store.close()


def _refresh_at_s(folder: Path, new: databases.New, step: Step) -> serving.Cost:
    """What a refresh costs at S, in the same run."""
    city = City.made(folder / "S", new())
    pipeline.load(city.store, city.settings, city.clock, SIZES["S"], lambda said: step(f"S first: {said}"))
    with city.served() as (process, port):
        cost = serving.cost(process, port, FRAME, 5_000)
    city.store.close()
    return cost


@dataclass(frozen=True, slots=True)
class City:
    """A bench's store with what a process needs to serve it."""

    config: Path
    url: str
    store: Store
    settings: Settings
    clock: Clock

    @classmethod
    def made(cls, folder: Path, url: str) -> City:
        import data_connectors
        from coc.clock import from_environment
        from coc.settings.load import load
        from coc.store import open_store

        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "config.yaml"
        config.write_text(f"store: {{url: '{url}', control_url: 'sqlite:///control.db'}}\n{_CONFIG}")
        blocks = {kind: connector.Block for kind, connector in data_connectors.registry().items()}
        return cls(config, url, open_store(url), load(config, blocks), from_environment())

    @contextmanager
    def served(self) -> Iterator[tuple[psutil.Process, int]]:
        """`coc serve` of this city, once it answers."""
        port = serving.free_port()
        with serving.running(serving.serve_command(self.config, port), port, FRAME) as process:
            yield process, port


def _bulk(city: City, new: databases.New, report: Report, size: Size, step: Step) -> int:
    """The whole pipeline against the same rows by a bare executemany, into as many indexes; rows loaded."""
    from coc.store import open_store

    rows, seconds = pipeline.load(city.store, city.settings, city.clock, size, step)
    step("the same rows by a bare executemany")
    floor = open_store(new())
    bare_seconds = pipeline.bare(city.store, floor, step)
    floor.close()
    ratio = bare_seconds / seconds
    report.add("bulk load / bare insert", f"{ratio:.2f} ({rows / seconds:,.0f} rows/s)", ">= 0.25", ratio >= 0.25)
    return rows


def _boards(city: City, report: Report, size: Size, step: Step) -> None:
    from coc.boards import Builder

    step("boards from nothing")
    builder = Builder(city.store, city.settings, "live", city.clock)
    cold = _timed(builder.refresh)
    for what, change in (
        ("1,000-row delta", lambda: pipeline.delta(city.store, city.settings, city.clock)),
        (
            f"minute of {size.access_points:,} points",
            lambda: pipeline.minute(city.store, city.settings, city.clock, size),
        ),
    ):
        wrote, took = [], []
        for _ in range(5):
            step(f"boards after a {what}")
            wrote.append(_timed(change))
            took.append(_timed(builder.refresh))
        middle, write = statistics.median(took) * 1000, statistics.median(wrote) * 1000
        said = f"{middle:.0f} ms (from nothing {cold:.1f} s; the rows' own commits {write:.0f} ms)"
        report.add(f"boards after a {what}, median", said, "<= 500 ms", middle <= 500)


def _timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _serving(city: City, report: Report, step: Step) -> serving.Cost:
    step("refreshes of the wall overview, ours and the plain twin's")
    with city.served() as (process, port):
        ours = serving.cost(process, port, FRAME, 5_000)
        twin_port = serving.free_port()
        now = int(city.clock.now().timestamp() * 1e6)
        with serving.running(serving.twin_command(city.url, twin_port, now), twin_port, "/_dash-layout") as twin:
            plain = serving.cost(twin, twin_port, "/_dash-update-component", 5, serving.twin_body())
        share = plain.cpu_ms / ours.cpu_ms
        within = ours.cpu_ms <= 1 and share >= 200
        said = f"{ours.cpu_ms:.2f} ms, 1/{share:,.0f} of the twin's {plain.cpu_ms:,.0f} ms"
        report.add("server CPU a refresh", said, "<= 1 ms, <= 1/200", within)
        report.add("a refresh over the wire", f"{ours.bytes / 1000:.1f} kB", "<= 10 kB", ours.bytes <= 10_000)

        def commit() -> float:
            pipeline.delta(city.store, city.settings, city.clock)
            return time.perf_counter()

        step("choices of unit and window")
        chosen = serving.first_answers(port, _CHOICES)
        slow = chosen[int(len(chosen) * 0.95)] * 1000
        said = f"{slow:.0f} ms ({len(chosen)} choices, each for the first time)"
        report.add("a choice of unit and window, p95", said, "<= 300 ms", slow <= 300)

        step("one commit to 1,000 clients")
        _allow_sockets()
        took = asyncio.run(serving.fan_out(port, FRAME, 1_000, commit))
        p95 = took[int(len(took) * 0.95)]
        report.add("commit to frame at 1,000 clients, p95", f"{p95:.2f} s", "<= 1 s", p95 <= 1)
        rss = process.memory_info().rss / 1e6
        report.add("memory of coc serve", f"{rss:.0f} MB", "<= 400 MB", rss <= 400)
    return ours


def _allow_sockets() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 8_192:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(8_192, hard), hard))
