"""`coc` as a person runs it: a pull to its end, a server until the block ends."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

API_TOKEN = "checker-token"
NOW = datetime.fromisoformat("2026-03-02T10:00:00+07:00")


def _coc(config: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "coc.cli", "--config", str(config), *words]


def _env() -> dict[str, str]:
    return {**os.environ, "COC_CLOCK": NOW.isoformat()}


def pull(config: Path) -> dict[str, dict[str, Any]]:
    """A full pull; what it did, by connector."""
    done = subprocess.run(
        _coc(config, "pull", "--full", "--json"), env=_env(), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {item["name"]: item for item in json.loads(done.stdout)["items"]}


class Served:
    """`coc serve --no-scheduler` on a free port, as a context that gives a fetch function."""

    def __init__(self, config: Path, *flags: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            _coc(config, "serve", "--port", str(self.port), *flags),
            env=_env(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def fetch(self, path: str) -> dict[str, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", headers={"Authorization": f"Bearer {API_TOKEN}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def __enter__(self) -> Callable[[str], dict[str, Any]]:
        until = time.monotonic() + 40
        while time.monotonic() < until:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=1)
            except OSError:
                assert self.process.poll() is None, self.process.stderr.read().decode()
                time.sleep(0.2)
            else:
                return self.fetch
        raise AssertionError("the server did not become ready in 40 s")

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(10)
        self.process.stderr.close()
