"""A program of the machine as a child process: started, looked at, stopped and killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

START_SECONDS: Final = 40.0


class Program:
    """`log`: where its output goes, shown where it does not come up."""

    def __init__(self, words: Iterable[str], log: Path, env: dict[str, str] | None = None) -> None:
        self.words, self.log, self.env = list(words), log, {**os.environ, **(env or {})}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, ready: Callable[[], bool]) -> None:
        """Returns when `ready` says so."""
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.words, env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        process = self.process

        def is_ready() -> bool:
            gone = process.poll()
            assert gone is None, f"{self.words[0]} ended with {gone}: {self.tail()}"
            return ready()

        until(is_ready, START_SECONDS, self.tail)

    def kill(self) -> None:
        """At once, as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]

    def _end(self, how: signal.Signals) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(15)
        with contextlib.suppress(ProcessLookupError):  # and those that it started
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(15)


def answers(url: str) -> Callable[[], bool]:
    """Whether a good answer comes from there."""

    def look() -> bool:
        with contextlib.suppress(OSError, urllib.error.URLError), urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
        return False

    return look


def busy() -> float:
    """How many times slower than an idle machine this one is: what waits for a processor, by processors."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def until(holds: Callable[[], bool], seconds: float, said: Callable[[], object] = lambda: "") -> float:
    """Wait for it; how long it took. `said`: what to show where it does not come true.

    `seconds` is for a machine with nothing else to do; one that is busy gets so much longer.
    """
    start = time.monotonic()
    while not holds():
        assert time.monotonic() - start < seconds * busy(), f"not within {seconds:g} s: {said()}"
        time.sleep(0.1)
    return time.monotonic() - start
