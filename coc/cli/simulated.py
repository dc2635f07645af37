"""`url: simulator`: the simulated city started beside a command, its address put where config says `simulator`."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coc.cli.frame import Refusal
from coc.cli.processes import Child
from coc.cli.realm import sqlite_file
from coc.clock import Clock, RunningClock, from_environment
from coc.settings.checks import SIMULATOR
from coc.settings.models import own_services

if TYPE_CHECKING:
    from coc.settings.models import ConnectorBlock, Realm, Settings

log = logging.getLogger("coc.simulated")
START_SECONDS = 40.0
# type -> where the simulator serves that kind of source; http_probe's services each have their own
_PATHS: Mapping[str, str] = {"sipadek": "/coc/v1", "prometheus": "/prometheus", "files": "/data"}


def is_simulated(block: ConnectorBlock) -> bool:
    return block.url == SIMULATOR or any(getattr(s, "url", None) == SIMULATOR for s in own_services(block).values())


def needed(settings: Settings, realm: Realm) -> bool:
    """Whether an enabled connector of the realm wants the simulated city."""
    return any(is_simulated(b) for b in settings.of_realm(realm).values() if b.enabled)


def addressed(settings: Settings, port: int) -> Settings:
    """The settings with every `simulator` replaced by the address of the simulated city on `port`."""
    base = f"http://127.0.0.1:{port}"
    connectors = {
        name: _addressed(block, base) if is_simulated(block) else block for name, block in settings.connectors.items()
    }
    return settings.model_copy(update={"connectors": connectors})


def _addressed(block: ConnectorBlock, base: str) -> ConnectorBlock:
    update: dict[str, Any] = {}
    if block.url == SIMULATOR:
        update["url"] = base + _PATHS.get(block.type, "")
    if block.type == "sipadek":
        from pydantic import SecretStr

        update["auth"] = block.auth.model_copy(update={"bearer": SecretStr(SIMULATOR)})
    if services := own_services(block):
        update["services"] = {
            key: spec.model_copy(update={"url": f"{base}/apps/{key}"}) if spec.url == SIMULATOR else spec
            for key, spec in services.items()
        }
    return block.model_copy(update=update)


def city_info(port: int, timeout: float = 2.0) -> dict[str, Any] | None:
    """What the simulated city on `port` says of itself, or None where none answers."""
    import requests

    try:
        with requests.Session() as session:
            session.trust_env = False
            found = session.get(f"http://127.0.0.1:{port}/info", timeout=timeout).json()
    except (requests.RequestException, ValueError):
        return None
    return found if isinstance(found, dict) and {"now", "speed", "seed"} <= set(found) else None


def clock_of(port: int) -> Clock:
    """The demo realm's business time: the simulated city's own."""
    info = city_info(port)
    if info is None:
        raise Refusal(f"the simulated city on port {port} does not answer")
    return RunningClock(datetime.fromisoformat(info["now"]), float(info["speed"]), time.monotonic())


def _note(settings: Settings) -> Path | None:
    """Where `coc serve` leaves the port of its simulated city, for a `coc pull` beside it."""
    file = sqlite_file(settings.store.demo_url)
    return file.with_name("simulator.json") if file else None


def running(settings: Settings) -> int | None:
    """The port of a simulated city that a `coc serve` on the same store keeps, if it answers."""
    note = _note(settings)
    try:
        port = int(json.loads(note.read_text(encoding="utf-8"))["port"]) if note else 0
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return port if port and city_info(port) else None


@contextlib.contextmanager
def started(settings: Settings, *, keep: bool, announce: bool = False) -> Iterator[int]:
    """A simulated city of our own for as long as the block runs; yields its port.

    `keep`: start it again, on the same port, when it dies. `announce`: let other commands find it.
    """
    ready, found = threading.Event(), {"port": 0}
    arguments = ["simulate", "--port", "0", "--announce"]

    def line(text: str) -> None:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            found["port"] = int(json.loads(text)["port"])
            arguments[2] = str(found["port"])  # the same port after a restart
            ready.set()

    child = Child("the simulated city", arguments, on_line=line, keep=keep)
    note = _note(settings) if announce else None
    try:
        deadline = time.monotonic() + START_SECONDS
        while not ready.wait(0.1):
            if time.monotonic() > deadline or not (keep or child.alive):
                raise Refusal("the simulated city did not start; `coc simulate` shows why")
        port = found["port"]
        if note:
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(json.dumps({"port": port, "pid": child.pid}), encoding="utf-8")
        yield port
    finally:
        child.stop()
        if note:
            note.unlink(missing_ok=True)


def clock_at_hand(settings: Settings, realm: Realm) -> Clock:
    """The realm's clock without starting anything: the demo's own where its city runs, else the machine's."""
    port = running(settings) if realm == "demo" else None
    return clock_of(port) if port else from_environment()


@contextlib.contextmanager
def at_hand(settings: Settings, realm: Realm, wanted: bool) -> Iterator[tuple[Settings, Clock]]:
    """Settings with real addresses and the realm's clock, for the length of one command.

    The simulated city that `coc serve` keeps is used where one answers; else one is started for the time being.
    """
    if not wanted:
        yield settings, from_environment()
        return
    port = running(settings)
    if port:
        yield addressed(settings, port), clock_of(port) if realm == "demo" else from_environment()
        return
    with started(settings, keep=False) as own:
        yield addressed(settings, own), clock_of(own) if realm == "demo" else from_environment()
