"""`coc serve` as it ships, on a config of its own, with this machine's clock."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import sys
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.real.programs import Program, answers

_TOKEN: Final = "real-systems-token"  # of a server that lives for this test
PULL: Final = 1.0  # seconds between two pulls
BUILD: Final = 4.0  # a pull, its commit, the boards, the stream


class Coc:
    """A context; `values` and `feeds` are what its API says."""

    def __init__(self, folder: Path, port: int, connectors: dict[str, Any]) -> None:
        self.folder, self.port = folder, port
        config = folder / "config.yaml"
        key = {"sha256": hashlib.sha256(_TOKEN.encode()).hexdigest(), "role": "admin", "expires": "2099-01-01"}
        limits = {"ap": {"failures": 3, "successes": 2}}
        whole = {"connectors": connectors, "limits": limits, "access": {"api_tokens": {"checker": key}}}
        config.write_text(json.dumps(whole))
        words = [sys.executable, "-m", "coc.cli", "--config", str(config), "serve", "--port", str(port)]
        self.program = Program(words, folder / "coc.log")

    def __enter__(self) -> Self:
        self.program.start(answers(f"{self.url}/readyz"))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.program.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> list[dict[str, Any]]:
        request = urllib.request.Request(f"{self.url}{path}", headers={"Authorization": f"Bearer {_TOKEN}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            items: list[dict[str, Any]] = json.load(answer)["items"]
        return items

    def values(self, *kpis: str) -> tuple[float | None, ...]:
        found = {item["id"]: item["value"] for item in self.get("/api/v1/kpis")}
        return tuple(found[kpi] for kpi in kpis)

    def wifi(self) -> tuple[float | None, ...]:
        """Access points up, degraded, down, no data."""
        return self.values("wifi.up", "wifi.degraded", "wifi.down", "wifi.no_data")

    def feed(self, name: str) -> dict[str, Any]:
        return next(item for item in self.get("/api/v1/feeds") if item["name"] == name)

    def read(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What its store holds, read beside it."""
        with sqlite3.connect(f"file:{self.folder / 'var' / 'coc.db'}?mode=ro", uri=True) as store:
            return store.execute(sql, values).fetchall()

    def changes(self, entity: str) -> list[tuple[float, str]]:
        """When which state came, as kept."""
        sql = "SELECT at, state FROM state_changes WHERE entity = ? ORDER BY at"
        return [(at / 1e6, state) for at, state in self.read(sql, entity)]
