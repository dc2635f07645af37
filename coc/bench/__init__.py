"""`coc bench`: DESIGN's budgets measured in one run, each as a ratio to a floor or a plain twin where one is named."""

from __future__ import annotations

import asyncio
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from coc.clock import Clock
    from coc.settings.models import Settings
    from coc.store import Store

World: TypeAlias = "tuple[Store, Settings, Clock]"
Step = Callable[[str], None]

FRAME = "/live/frame?page=overview&lang=id&theme=dark"
NOW = "2026-10-14T10:00:00+07:00"
_CONFIG = """
connectors:
  bench: {type: sipadek, url: "http://127.0.0.1:9/coc/v1", enabled: false}
  bench_wifi: {type: prometheus, url: "http://127.0.0.1:9", label: ap, enabled: false, queries: {up: probe_success}}
"""


class Report:
    """Rows of (what, measured, budget, within)."""

    def __init__(self, console: Console, size: str) -> None:
        self.console = console
        self.missed = 0
        self.table = Table(title=f"coc bench --size {size}", title_justify="left")
        for name in ("what", "measured", "budget", ""):
            self.table.add_column(name)

    def add(self, what: str, measured: str, budget: str, within: bool) -> None:
        self.missed += not within
        self.table.add_row(what, measured, budget, "[green]within[/]" if within else "[red]missed[/]")


def main(size: str) -> int:
    """Run the bench in a folder of its own, print the table; 1 where a budget is missed."""
    os.environ["COC_CLOCK"] = NOW
    console = Console(stderr=True)
    report = Report(Console(), size)
    with tempfile.TemporaryDirectory(prefix="coc-bench-") as folder, console.status("starting") as status:
        _measure(Path(folder), size, report, status.update)
    report.console.print(report.table)
    return 1 if report.missed else 0


def _measure(folder: Path, size: str, report: Report, step: Step) -> None:
    import data_connectors
    from coc.bench import pipeline
    from coc.bench.generate import SIZES
    from coc.clock import from_environment
    from coc.settings.load import load
    from coc.store import open_store

    config = folder / "config.yaml"
    config.write_text(_CONFIG)
    blocks = {kind: connector.Block for kind, connector in data_connectors.registry().items()}
    settings, clock = load(config, blocks), from_environment()
    database, floor = folder / "var/coc.db", folder / "floor.db"
    store = open_store(f"sqlite:///{database}")
    rows, seconds = pipeline.load(store, settings, clock, SIZES[size], step)
    open_store(f"sqlite:///{floor}").close()
    step("the same rows by a bare executemany")
    _, bare_seconds = pipeline.bare(database, floor)
    ratio = bare_seconds / seconds
    report.add("bulk load / bare insert", f"{ratio:.2f} ({rows / seconds:,.0f} rows/s)", ">= 0.25", ratio >= 0.25)
    _boards(store, settings, clock, report, step)
    mb = database.stat().st_size / 1e6
    report.add("store size", f"{mb:,.0f} MB for {rows:,} rows", "told", within=True)
    _serving(config, database, (store, settings, clock), report, step)
    store.close()


def _boards(store: Store, settings: Settings, clock: Clock, report: Report, step: Step) -> None:
    from coc.bench import pipeline
    from coc.boards import Builder

    step("boards from nothing")
    builder = Builder(store, settings, "live", clock)
    started = time.perf_counter()
    builder.refresh()
    cold = time.perf_counter() - started
    took = []
    for _ in range(5):
        step("boards after a delta of 1,000 rows")
        pipeline.delta(store, settings, clock)
        started = time.perf_counter()
        builder.refresh()
        took.append(time.perf_counter() - started)
    middle = statistics.median(took) * 1000
    said = f"{middle:.0f} ms (from nothing {cold:.1f} s)"
    report.add("boards after a 1,000-row delta, median", said, "<= 500 ms", middle <= 500)


def _serving(config: Path, database: Path, world: World, report: Report, step: Step) -> None:
    from coc.bench import pipeline, serving

    store, settings, clock = world

    step("refreshes of the wall overview, ours and the plain twin's")
    port = serving.free_port()
    with serving.running(serving.serve_command(config, port), port, FRAME) as process:
        ours = serving.cost(process, port, FRAME, 2_000)
        twin_port = serving.free_port()
        now = int(clock.now().timestamp() * 1e6)
        with serving.running(serving.twin_command(database, twin_port, now), twin_port, "/_dash-layout") as twin:
            plain = serving.cost(twin, twin_port, "/_dash-update-component", 5, serving.twin_body())
        share = plain.cpu_ms / ours.cpu_ms
        within = ours.cpu_ms <= 1 and share >= 200
        said = f"{ours.cpu_ms:.2f} ms, 1/{share:,.0f} of the twin's {plain.cpu_ms:,.0f} ms"
        report.add("server CPU a refresh", said, "<= 1 ms, <= 1/200", within)
        report.add("a refresh over the wire", f"{ours.bytes / 1000:.1f} kB", "<= 10 kB", ours.bytes <= 10_000)

        def commit() -> float:
            pipeline.delta(store, settings, clock)
            return time.perf_counter()

        step("one commit to 1,000 clients")
        _allow_sockets()
        took = asyncio.run(serving.fan_out(port, FRAME, 1_000, commit))
        p95 = took[int(len(took) * 0.95)]
        report.add("commit to frame at 1,000 clients, p95", f"{p95:.2f} s", "<= 1 s", p95 <= 1)
        rss = process.memory_info().rss / 1e6
        report.add("memory of coc serve", f"{rss:.0f} MB", "<= 400 MB", rss <= 400)


def _allow_sockets() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 8_192:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(8_192, hard), hard))
