"""Child processes that end with us: the simulated city, and the demo realm beside the live one."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Collection

log = logging.getLogger("coc.processes")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_STOP_SECONDS = 2.0


class Child:
    """`coc ARGUMENTS` as a child. Started again when it dies, with growing pauses, if `keep` says so.

    `on_line` is called for each line of its standard output. It is in its own session, so that Ctrl-C reaches it
    through us alone; it dies with us because it watches the pipe that we hold (`coc.cli.child`).
    """

    def __init__(
        self,
        name: str,
        arguments: list[str],
        *,
        on_line: Callable[[str], None],
        without: Collection[str] = (),
        keep: bool = True,
    ) -> None:
        self.name, self.arguments, self.keep = name, arguments, keep
        self._on_line = on_line
        self._env = {k: v for k, v in os.environ.items() if k not in without}
        self._stopping = threading.Event()
        self._process = self._start()
        self._thread = threading.Thread(target=self._attend, name=f"child-{name}", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._stopping.set()
        process = self._process
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "coc.cli.child", *self.arguments]
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True, env=self._env
        )

    def _attend(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            for line in self._process.stdout or ():
                self._on_line(line.strip())
                pause = _FIRST_PAUSE
            code = self._process.wait()
            if self._stopping.is_set() or not self.keep:
                return
            log.warning("%s ended (exit %s); started again in %.1f s", self.name, code, pause)
            if self._stopping.wait(pause):
                return
            pause = min(2 * pause, _LONGEST_PAUSE)
            self._process = self._start()
