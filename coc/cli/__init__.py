"""The command line. This module stays light: `coc --help` answers before anything heavy is imported."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType

INTERRUPTED = 130
_PATIENCE_SECONDS = 4.0  # Ctrl-C ends within 5 s, whatever a thread or a driver is waiting for


def main() -> None:
    """Entry point of `coc`."""
    signal.signal(signal.SIGINT, _interrupt)
    try:
        from coc.cli.app import app

        app(prog_name="coc")
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(INTERRUPTED)


def _interrupt(_signum: int, _frame: FrameType | None) -> None:
    """The first Ctrl-C ends cleanly; if that takes too long, or at the second, it ends at once."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    last_resort = threading.Timer(_PATIENCE_SECONDS, os._exit, args=(INTERRUPTED,))
    last_resort.daemon = True
    last_resort.start()
    raise KeyboardInterrupt
