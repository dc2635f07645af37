"""`coc serve` and `coc worker`: the long-running ones."""

from __future__ import annotations

import contextlib
import importlib
import ipaddress
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from coc.cli.frame import (
    USAGE,
    ConfigOption,
    RealmOption,
    Refusal,
    config_path,
    guarded,
    log_to_stderr,
    open_config,
    say,
)

if TYPE_CHECKING:
    from coc.clock import Clock
    from coc.settings.load import Config
    from coc.settings.models import Realm, Settings

log = logging.getLogger("coc.worker")
_BEAT_SECONDS = 1.0


@guarded
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option("--host", metavar="H", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="P", envvar="PORT", min=0, max=65535)] = 8050,
    realm: RealmOption = None,
    no_scheduler: Annotated[
        bool,
        typer.Option("--no-scheduler", metavar=" ", help="Serve only; a `coc worker` or `coc pull` fills the store."),
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Serve the pages, and pull on schedule; the simulated city and the demo realm start beside it where needed."""
    log_to_stderr(logging.INFO)
    opened = open_config(config_path(context, config), realm)
    settings = opened.settings
    chosen = _decided(settings, realm)
    _refuse_strangers(settings, chosen, host)
    port = _free(host, port)
    for odd in _odd(settings, chosen):
        say(f"warning: {odd}")
    with _sources(settings, chosen) as (addressed, clock), _demo_beside(opened, chosen, host):
        _announce(settings, chosen, host, port)
        _application().serve(addressed, host, port, chosen, no_scheduler, clock)


@guarded
def worker(context: typer.Context, realm: RealmOption = None, config: ConfigOption = None) -> None:
    """The scheduler alone, boards included, until SIGTERM or Ctrl-C. Any number may run: one leads, others stand by."""
    log_to_stderr(logging.INFO)
    settings = open_config(config_path(context, config), realm).settings
    chosen = _decided(settings, realm)
    if not any(block.enabled for block in settings.of_realm(chosen).values()):
        raise Refusal(f"config names no enabled connector of the {chosen} realm: there is nothing to do", USAGE)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with _sources(settings, chosen) as (addressed, clock):
        _work(addressed, chosen, clock, ended)


def _decided(settings: Settings, realm: Realm | None) -> Realm:
    """Which realm this process serves; a database that must be asked for it is waited for."""
    from coc.cli.realm import decide
    from coc.store.patience import open_in_time

    def wait(seconds: float) -> bool:
        time.sleep(seconds)
        return False

    found = open_in_time(lambda: decide(settings, realm), wait)
    assert found is not None
    return found


def _work(settings: Settings, realm: Realm, clock: Clock, ended: threading.Event) -> None:
    from coc.access.published import shown_of
    from coc.alerts.watch import Watch
    from coc.boards import Builder, KeepingThread
    from coc.cli.realm import open_store
    from coc.ingest import LedScheduler
    from coc.store import BOARDS, Candidate, Control, Lease
    from coc.store.patience import open_in_time
    from coc.store.trouble import trouble_passed_over
    from coc.ui.alert_letters import Letters

    opened = open_in_time(lambda: (open_store(settings, realm), Control(settings.store.control_url)), ended.wait)
    if opened is None:
        return
    store, control = opened
    committed = threading.Event()
    scheduler = LedScheduler(store, settings, realm, clock, on_commit=committed.set)
    building = Candidate(Lease(store, BOARDS))
    builder = Builder(store, settings, realm, clock, building)
    keeping = KeepingThread(builder)
    watch = Watch(control, settings, realm, clock, builder, shown=shown_of, write=Letters(settings))
    building.start()
    scheduler.start()
    keeping.start()
    watch.start()
    place = "leading" if scheduler.leads else "standing by, another process leads"
    say(f"pulling the {realm} realm of {settings.city.name} until Ctrl-C ({place})")
    try:
        while not ended.is_set():
            committed.wait(_BEAT_SECONDS)
            committed.clear()
            with trouble_passed_over():
                builder.refresh(scheduler.next_runs())
                watch.step()
    finally:
        keeping.stop()
        watch.stop()
        scheduler.shutdown()
        building.stop()
        store.close()
        control.close()


def _application() -> ModuleType:
    """app.py, which stands beside the package and in none: found from wherever coc is called.

    Imported by name and late: it stands above every package, and takes a second.
    """
    beside = str(Path(__file__).resolve().parents[2])
    if beside not in sys.path:
        sys.path.append(beside)
    return importlib.import_module("app")


@contextlib.contextmanager
def _sources(settings: Settings, realm: Realm) -> Iterator[tuple[Settings, Clock]]:
    """Settings with real addresses and the realm's clock; the simulated city is kept running where one is wanted."""
    from coc.cli import simulated
    from coc.clock import from_environment

    if not simulated.needed(settings, realm):
        yield settings, from_environment()
        return
    with simulated.started(settings, keep=True, announce=True) as port:
        clock = simulated.clock_of(port) if realm == "demo" else from_environment()
        yield simulated.addressed(settings, port), clock


@contextlib.contextmanager
def _demo_beside(opened: Config, realm: Realm, host: str) -> Iterator[None]:
    """The demo realm as a process of its own, without the live realm's secrets, where config enables it."""
    settings = opened.settings
    if realm != "live" or not settings.demo.enabled or not settings.of_realm("live"):
        yield
        return
    from coc.cli.processes import Child

    arguments = ["--config", str(opened.path), "serve", "--realm", "demo", "--host", host]
    arguments += ["--port", str(settings.demo.port)]
    secrets = {*opened.variables["live"] - opened.variables["demo"], "PORT"}
    child = Child("the demo realm", arguments, on_line=_echo, without=secrets)
    try:
        yield
    finally:
        child.stop()


def _echo(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse_strangers(settings: Settings, realm: Realm, host: str) -> None:
    """DESIGN, Security: the live realm is shown beyond this machine only once somebody can sign in."""
    if realm != "live" or _has_admin(settings):
        return
    if settings.server.public_url:
        why = f"server.public_url is {settings.server.public_url}"
    elif settings.server.trusted_proxies:
        why = "server.trusted_proxies names a proxy"
    elif not _is_loopback(host):
        why = f"--host {host} is not loopback"
    else:
        return
    raise Refusal(
        f"the live realm is not served beyond this machine while no admin's account exists ({why}): nobody could sign "
        "in. `coc user add NAME --role admin` makes one"
    )


def _has_admin(settings: Settings) -> bool:
    from coc.store.control import Control

    control = Control(settings.store.control_url)
    try:
        return any(a.role == "admin" and a.disabled is None for a in control.accounts())
    finally:
        control.close()


def _free(host: str, port: int) -> int:
    """The port, or a free one for 0. Refuses one that is taken, before anything else is started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As uvicorn binds: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            said = f"{host}:{port} cannot be listened on ({error.strerror})"
            raise Refusal(f"{said}; give another port with --port P or PORT=P") from error
        return int(probe.getsockname()[1])


def _announce(settings: Settings, realm: Realm, host: str, port: int) -> None:
    shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else f"[{host}]" if ":" in host else host  # noqa: S104 - compared
    kind = "live realm" if realm == "live" else "demo realm, simulated data"
    _echo(f"{settings.city.name} ({kind}): http://{shown}:{port}")


def _odd(settings: Settings, realm: Realm) -> Iterator[str]:
    from coc.cli.look import warnings_of

    yield from warnings_of(settings)
    blocks = settings.of_realm(realm)
    if not blocks:
        yield f"config names no connector of the {realm} realm: there is nothing to pull"
    elif not any(block.enabled for block in blocks.values()):
        yield f"every connector of the {realm} realm is disabled"
    if realm == "live" and os.environ.get("COC_CLOCK"):
        yield f"COC_CLOCK freezes the live realm at {os.environ['COC_CLOCK']}"
    if realm == "live" and settings.of_realm("demo") and not settings.demo.enabled:
        yield "config names demo connectors, but demo.enabled is false: they are not served"
    if settings.demo.enabled and realm == "live" and not settings.of_realm("demo"):
        yield "demo.enabled is true, but config names no demo connector: the demo realm stays empty"
