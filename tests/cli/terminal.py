"""`coc` as a person calls it: a real process in a folder of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from coc.cli.app import app
from tests.cli.feed import TOKEN


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def items(self) -> list[dict[str, Any]]:
        body = json.loads(self.out)
        assert set(body) == {"items"}
        return list(body["items"])


@dataclass
class Terminal:
    """A folder with a config.yaml, from which `coc` is called."""

    folder: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    def write(self, text: str) -> Path:
        self.config.write_text(text, encoding="utf-8")
        return self.config

    def environment(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("COC") and k != "PORT"}
        return {**kept, "FEED_TOKEN": TOKEN, **(env or {})}

    def coc(self, *args: str, env: Mapping[str, str] | None = None) -> Ran:
        """The command in this process: the same code behind the same words, without a second of imports each."""
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.folder),
            mock.patch.dict(os.environ, self.environment(env), clear=True),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            app(args, prog_name="coc")
        assert "Traceback" not in err.getvalue(), err.getvalue()
        return Ran(int(ended.value.code or 0), out.getvalue(), err.getvalue())

    def run(self, *args: str, env: Mapping[str, str] | None = None) -> Ran:
        """The command as a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "coc.cli", *args],
            cwd=self.folder,
            env=self.environment(env),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    def start(self, *args: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "coc.cli", *args],
            cwd=self.folder,
            env=self.environment(env),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def interrupt(self, process: subprocess.Popen[str], with_signal: int = signal.SIGINT) -> tuple[Ran, float]:
        """Ctrl-C, and how long it took to end."""
        pressed = time.monotonic()
        process.send_signal(with_signal)
        out, err = process.communicate(timeout=20)  # a source that hangs does so for a minute
        assert "Traceback" not in err, err
        return Ran(process.returncode, out, err), time.monotonic() - pressed


def wait_until(true: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
