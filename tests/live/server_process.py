"""The application as a process of its own, to be killed and stopped: `python -m tests.live.server_process PORT STATE`.

STATE is a JSON file {epoch, value, state, age, build, trouble}; a change of it is a commit of another process.
"""

from __future__ import annotations

import errno
import json
import sys
import time
from datetime import timedelta
from pathlib import Path

from coc.clock import SystemClock
from tests.live.serving import served, snapshot


def main(port: int, state: Path) -> None:
    def made() -> object:
        found = json.loads(state.read_text())
        as_of = SystemClock().now() - timedelta(seconds=found.get("age", 0))
        return snapshot(found["epoch"], found["value"], as_of, found.get("state", "fresh"))

    with served(port=port, clock=SystemClock(), first=made()) as own:  # type: ignore[arg-type]
        seen = state.stat().st_mtime_ns
        while True:
            time.sleep(0.02)
            if state.stat().st_mtime_ns != seen:
                seen = state.stat().st_mtime_ns
                own.services.build = json.loads(state.read_text()).get("build", own.services.build)
                own.builder.next = made()  # type: ignore[assignment]
                if json.loads(state.read_text()).get("trouble"):
                    own.store.health.failed("write", OSError(errno.ENOSPC, "no space left"))
                else:
                    own.store.health.well("write")
                own.store.changed = True


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
