"""`coc simulate`: the simulated city's sources over HTTP."""

from __future__ import annotations

import json
import signal
import sys
import threading
from typing import Annotated

import typer

from coc.cli.frame import ConfigOption, Refusal, guarded


@guarded
def simulate(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any free port.")] = 8052,
    speed: Annotated[float, typer.Option("--speed", min=0, help="Seconds of the city's life per second.")] = 1.0,
    seed: Annotated[int | None, typer.Option("--seed", help="Another seed, another city.")] = None,
    config: ConfigOption = None,  # noqa: ARG001 - every command takes it
    announce: Annotated[bool, typer.Option("--announce", metavar=" ", hidden=True)] = False,
) -> None:
    """Serve the simulated city: COC feed v1, Prometheus, probe targets and exports. Obeys COC_CLOCK."""
    from coc.simulate.city import SEED
    from coc.simulate.server import serve

    try:
        handle = serve(port=port, speed=speed, seed=SEED if seed is None else seed)
    except OSError as error:
        raise Refusal(f"port {port} cannot be used ({error.strerror}); give another with --port") from error
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with handle:
        base = f"http://127.0.0.1:{handle.port}"
        if announce:
            sys.stdout.write(json.dumps({"port": handle.port}) + "\n")
            sys.stdout.flush()
        else:
            typer.echo(
                f"The simulated city, until Ctrl-C: {base}/coc/v1 (Bearer simulator), {base}/prometheus, {base}/data"
            )
        while not ended.wait(1.0):
            pass
