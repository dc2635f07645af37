"""`python -m coc.simulate`: the simulated city until Ctrl-C, or until its parent is gone."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading

from coc.clock import ClockError
from coc.simulate.city import SEED
from coc.simulate.server import start

_INTERRUPTED, _TERMINATED, _FAILED, _USAGE = 130, 143, 1, 2


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 130 after SIGINT, 143 after SIGTERM, 0 when the parent has gone, 1 when the port is taken."""
    parser = argparse.ArgumentParser(prog="python -m coc.simulate", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--seed", type=int, default=SEED, help="another seed, another city")
    parser.add_argument("--speed", type=float, default=1.0, help="seconds of the city's life per second")
    parser.add_argument("--with-parent", action="store_true", help="end when the parent process ends")
    asked = parser.parse_args(arguments)
    ended, code = threading.Event(), [0]

    def end(number: int, _frame: object) -> None:
        code[0] = _INTERRUPTED if number == signal.SIGINT else _TERMINATED
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    try:
        handle = start(asked.port, asked.seed, asked.speed)
    except OSError as error:
        sys.stderr.write(f"port {asked.port} cannot be used: {error.strerror}\n")
        return _FAILED
    except ClockError as error:
        sys.stderr.write(f"{error}\n")
        return _USAGE
    parent = os.getppid()
    with handle:
        sys.stdout.write(f"{handle.url}\n")
        sys.stdout.flush()
        while not ended.wait(0.5):
            if asked.with_parent and os.getppid() != parent:
                break
    return code[0]


if __name__ == "__main__":
    sys.exit(main())
