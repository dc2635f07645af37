"""`python -m coc.cli.child ARGUMENTS`: `coc ARGUMENTS` that ends with its parent, however that one dies.

The parent holds the write end of our standard input; a closed pipe is the one death notice that even SIGKILL sends.
"""

from __future__ import annotations

import os
import signal
import threading
import time

_PATIENCE_SECONDS = 3.0


def _watch() -> None:
    try:
        while os.read(0, 4096):
            pass
    except OSError:  # a pipe that cannot be read has no parent either
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_PATIENCE_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_watch, name="parent-watch", daemon=True).start()
    from coc.cli import main

    main()
