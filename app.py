"""The application: `build` puts it together, `serve` runs it. Nobody imports this module; pages use
`coc.live.services.current()`.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from a2wsgi import WSGIMiddleware

from coc.access import Audit, Gatekeeper, Sessions, Tokens
from coc.access.address import Address
from coc.access.published import shown_of
from coc.access.table import BOARDS, declare, declare_named
from coc.alerts.board import NAMES as ALERT_BOARDS
from coc.boards.subjects import SUBJECTS
from coc.clock import Clock, from_environment
from coc.export.http import build_exports
from coc.live.api import build_api
from coc.live.boards_loop import Boards, BoardsLoop
from coc.live.build_id import build_id
from coc.live.compressed import Compressed
from coc.live.connection import Doorkeeper
from coc.live.doors import HANDLE, build_doors
from coc.live.frames import FrameRoute, Frames
from coc.live.gate import Gate
from coc.live.hub import Hub
from coc.live.measures import Measures
from coc.live.plain import healthz, metrics, readyz
from coc.live.proxied import AsgiApp, proxied
from coc.live.services import Services, install
from coc.live.site import build_site
from coc.live.stream import Stream
from coc.live.waiting import open_behind_a_page
from coc.settings.models import Realm, Settings
from coc.ui.vendored import unpack

if TYPE_CHECKING:
    from coc.alerts.watch import Watch
    from coc.store import Control, Store

log = logging.getLogger("coc.app")
ROOT: Final = Path(__file__).resolve().parent
DOORS: Final = frozenset({"masuk", "keluar", "akun"})
WORKERS: Final = 8  # threads for Dash; streams and frames need none
STOP_SECONDS: Final = 2
# Python hands the interpreter over every 5 ms by default: with boards being computed, each of a thousand answers would
# wait that long for each of its system calls.
SWITCH_SECONDS: Final = 0.0005


class Application:
    """A raw ASGI app: live routes by themselves, what is below a root to its own app, the rest to Dash on Flask.

    `roots`: by a path's first segment.
    """

    def __init__(
        self, services: Services, loop: BoardsLoop, routes: dict[str, Any], roots: dict[str, Any], site: Any
    ) -> None:
        self.services, self.loop, self.routes = services, loop, routes
        self.roots, self.site = roots, site
        self.on_start: list[Callable[[], None]] = []
        self.on_stop: list[Callable[[], None]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        path = scope["path"]
        route = self.routes.get(path)
        if route is None:
            route = self.roots.get(path.split("/", 2)[1], self.site)
        await route(scope, receive, send)

    async def _live(self, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.services.hub.bind()
                self.loop.start()
                for step in self.on_start:
                    step()
                await send({"type": "lifespan.startup.complete"})
            else:
                self.services.hub.close()
                for step in self.on_stop:
                    with contextlib.suppress(Exception):
                        step()
                self.loop.stop()
                self.services.audit.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


def build(
    settings: Settings,
    realm: Realm,
    *,
    clock: Clock,
    store: Store,
    control: Control | None,
    builder: Boards,
    next_runs: Callable[[], Mapping[str, datetime]] = dict,
    watch: Watch | None = None,
    pages_folder: Path = ROOT / "pages",
    assets_folder: Path = ROOT / "assets",
) -> tuple[AsgiApp, Application]:
    """The ASGI app and, inside its gate, the application. Starts no thread but the audit writer's."""
    if realm == "demo":
        # The public address is the live realm's; the demo realm has an origin of its own, which config does not name.
        settings = settings.model_copy(update={"server": settings.server.model_copy(update={"public_url": None})})
    unpack(assets_folder)  # before the build id reads the folder and Dash lists it
    tokens, sessions, measures = Tokens(settings, control), Sessions(settings, realm, control), Measures()
    https = Address(settings.server.public_url).https
    gatekeeper, audit = Gatekeeper(realm, tokens, sessions, https=https), Audit(control, realm)
    services = Services(
        settings=settings,
        realm=realm,
        clock=clock,
        store=store,
        control=control,
        tokens=tokens,
        sessions=sessions,
        gatekeeper=gatekeeper,
        audit=audit,
        hub=Hub(),
        build=build_id(settings, realm, [ROOT / "app.py", ROOT / "coc", pages_folder, assets_folder]),
        measures=measures,
    )
    install(services)
    site = build_site(services, pages_folder, assets_folder)
    frames = Frames(services)

    def told() -> None:
        frames.ahead()
        services.hub.tell()

    api, doors, exports = build_api(services), build_doors(services), build_exports(services)
    routes = {
        "/healthz": healthz,
        "/readyz": readyz(services),
        "/metrics": metrics(services),
        "/live/frame": FrameRoute(frames),
        HANDLE: doors,
        "/api/v1/stream": Stream(services.hub, gatekeeper, services.event, services.news),
    }
    roots: dict[str, Any] = {"api": api, "export": exports, **dict.fromkeys(DOORS, doors)}
    declare_named("board", ["feeds", *ALERT_BOARDS, *(s.name for s in SUBJECTS)], BOARDS)
    declare([*routes, *(str(getattr(route, "path", route)) for route in (*api.routes, *doors.routes, *exports.routes))])
    loop = BoardsLoop(services, builder, told=told, next_runs=next_runs, watch=watch.step if watch else None)
    services.alerts_moved = loop.commit
    wsgi: Any = site
    flask: Any = WSGIMiddleware(wsgi, workers=WORKERS)
    application = Application(services, loop, routes, roots, Compressed(flask))
    gate = Gate(application, settings, realm, gatekeeper, audit, measures)
    return proxied(gate, settings.server.trusted_proxies), application


class _Server(uvicorn.Server):
    """Ends the streams at the first signal: a stop does not wait for screens that never leave."""

    hub: Hub

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.hub.close()
        super().handle_exit(sig, frame)


def serve(
    settings: Settings,
    host: str,
    port: int,
    realm: Realm,
    no_scheduler: bool = False,
    clock: Clock | None = None,
) -> None:
    """Serve one realm until SIGTERM (SystemExit 0) or Ctrl-C (KeyboardInterrupt): one process, one store."""
    from coc.alerts.watch import Watch
    from coc.boards import Builder, KeepingThread
    from coc.ingest import LedScheduler, settle
    from coc.store import BOARDS, Candidate, Control, Lease, open_store
    from coc.store.patience import require_sound
    from coc.store.trouble import trouble_passed_over
    from coc.ui.alert_letters import Letters

    url = settings.store.url if realm == "live" else settings.store.demo_url
    clock = clock or from_environment()
    if threading.current_thread() is threading.main_thread():
        # uvicorn stops first and then hands the signal on: the callers' clean-up must still run.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

    def opening() -> tuple[Store, Control]:
        store = open_store(url)
        require_sound(store)
        return store, Control(settings.store.control_url)

    opened = open_behind_a_page(opening, settings, host, port)
    if opened is None:
        return
    (store, control), listener = opened
    building = Candidate(Lease(store, BOARDS))
    builder = Builder(store, settings, realm, clock, building)
    watch = Watch(control, settings, realm, clock, builder, shown=shown_of, write=Letters(settings))
    scheduler: LedScheduler | None = None

    def next_runs() -> dict[str, datetime]:
        return {} if scheduler is None else scheduler.next_runs()

    gate, application = build(
        settings,
        realm,
        clock=clock,
        store=store,
        control=control,
        builder=builder,
        next_runs=next_runs,
        watch=watch,
    )
    if no_scheduler:
        with trouble_passed_over():
            settle(store, settings, realm)  # else the scheduler does, at its start
    else:
        scheduler = LedScheduler(store, settings, realm, clock, on_commit=application.loop.commit)
        application.on_start.append(scheduler.start)
        application.on_stop.append(scheduler.shutdown)
    keeping = KeepingThread(builder)
    building.start()
    keeping.start()
    watch.start()
    application.on_stop += [keeping.stop, watch.stop, building.stop]
    protocol: Any = Doorkeeper(trusted=settings.server.trusted_proxies).protocol()
    config = uvicorn.Config(
        gate,
        host=host,
        port=port,
        http=protocol,
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        ws="none",
        timeout_graceful_shutdown=STOP_SECONDS,
        timeout_keep_alive=75,
    )
    sys.setswitchinterval(SWITCH_SECONDS)
    server = _Server(config)
    server.hub = application.services.hub
    try:
        server.run(sockets=[listener] if listener else None)
    finally:
        store.close()
        control.close()
