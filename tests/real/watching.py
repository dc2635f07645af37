"""A real Prometheus with real blackbox exporters: configured in a folder of its own, on free ports of loopback."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.real.programs import Program, answers

EVERY: Final = 2  # seconds between two scrapes; a probe may take 1.5 of them
_MODULES: Final = {"modules": {kind: {"prober": kind, "timeout": "1500ms"} for kind in ("http", "tcp")}}


class Blackbox:
    """An exporter that probes; dead, it can be started again at its port."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        config = folder / f"blackbox-{port}.yml"
        config.write_text(json.dumps(_MODULES))  # JSON is YAML
        listen = f"--web.listen-address=127.0.0.1:{port}"
        words = ["prometheus-blackbox-exporter", f"--config.file={config}", listen]
        self.program = Program(words, folder / f"blackbox-{port}.log")

    def start(self) -> None:
        self.program.start(answers(f"http://127.0.0.1:{self.port}/-/healthy"))


def probing(job: str, exporter: Blackbox, targets: Path, *, module: str = "http", site: str = "") -> dict[str, Any]:
    """A scrape job through a blackbox exporter, as documented; `targets` is read anew as it changes.

    `site`: where the exporter stands, as a label of all that it sees.
    """
    return {
        "job_name": job,
        "metrics_path": "/probe",
        "params": {"module": [module]},
        "file_sd_configs": [{"files": [str(targets)], "refresh_interval": "1s"}],
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["__param_target"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": f"127.0.0.1:{exporter.port}"},
            {"target_label": "site", "replacement": site},
        ],
    }


def scraping(job: str, port: int) -> dict[str, Any]:
    """A job of a plain exporter."""
    return {"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}


def write_targets(path: Path, label: str, urls: Mapping[str, str]) -> None:
    """In one move, as file_sd wants it."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps([{"targets": [url], "labels": {label: name}} for name, url in urls.items()]))
    new.rename(path)


@dataclass
class Prometheus:
    folder: Path
    port: int
    jobs: list[dict[str, Any]]
    program: Program = field(init=False)

    def __post_init__(self) -> None:
        config = self.folder / f"prometheus-{self.port}.yml"
        often = {"scrape_interval": f"{EVERY}s", "scrape_timeout": f"{EVERY}s"}
        config.write_text(json.dumps({"global": often, "scrape_configs": self.jobs}))
        words = [
            "prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.folder / f'tsdb-{self.port}'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]  # fmt: skip
        self.program = Program(words, self.folder / f"prometheus-{self.port}.log")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.program.start(answers(f"{self.url}/-/ready"))

    def ask(self, query: str) -> list[dict[str, Any]]:
        """What it says itself, without the product between."""
        words = urllib.parse.urlencode({"query": query})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{words}", timeout=5) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found

    def samples(self, selector: str) -> list[tuple[float, float]]:
        """Every sample of the last half hour, at its own time; of several series in order of time."""
        found = [(float(at), float(v)) for series in self.ask(f"{selector}[30m]") for at, v in series["values"]]
        return sorted(found)

    def finds(self, query: str, series: int) -> Callable[[], bool]:
        return lambda: len(self.ask(query)) >= series
