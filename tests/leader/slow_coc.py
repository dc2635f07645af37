"""`coc` whose writes of rows take long: `python -m tests.leader.slow_coc MARKER SECONDS ARGUMENTS...`.

MARKER appears when a transaction has written rows and not yet committed.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from coc.store import bulk


def main(marker: Path, seconds: float, arguments: list[str]) -> None:
    real = bulk.upsert

    def slow(*args: Any, **extra: Any) -> int:
        changed = real(*args, **extra)
        marker.touch()
        time.sleep(seconds)
        return changed

    bulk.upsert = slow
    from coc.cli import main as coc

    sys.argv = ["coc", *arguments]
    coc()


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])
