"""The command line. This module stays light: `coc --help` answers before anything heavy is imported."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time

INTERRUPTED, TERMINATED = 130, 143
_CODES = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED}
_PATIENCE_SECONDS = 4.0  # Ctrl-C ends within 5 s, whatever a thread, a driver or a busy machine is waiting for

_IMPATIENT = 3  # not the second: uvicorn raises the one that it caught again
_kept: list[socket.socket] = []


def main() -> None:
    """Entry point of `coc`."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _end_in_time()
    try:
        from coc.cli.app import app

        app(prog_name="coc")
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(INTERRUPTED)
    finally:
        # What is left is the interpreter's own end; a Ctrl-C in it would only show its insides.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _end_in_time() -> None:
    """After Ctrl-C the process cleans up, for a few seconds at most; at the third it is gone at once.

    The wakeup file descriptor hears a signal whoever has taken over its handler (uvicorn does) and whatever the main
    thread is busy with. Nothing is lost by the hard way out: what is not committed is rolled back, children see their
    pipe close.
    """
    hears, tells = socket.socketpair()
    tells.setblocking(False)
    signal.set_wakeup_fd(tells.fileno(), warn_on_full_buffer=False)

    def listen() -> None:
        until: float | None = None
        heard, code = 0, INTERRUPTED
        while True:
            hears.settimeout(None if until is None else max(0.0, until - time.monotonic()))
            try:
                number = hears.recv(1)[0]
            except TimeoutError:
                os._exit(code)
            if number not in _CODES:
                continue
            heard += number == signal.SIGINT
            if heard == _IMPATIENT:
                os._exit(INTERRUPTED)
            if until is None:
                until, code = time.monotonic() + _PATIENCE_SECONDS, _CODES[signal.Signals(number)]

    _kept.append(tells)
    threading.Thread(target=listen, name="signals", daemon=True).start()
