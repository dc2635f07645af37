"""Before the store can be opened: the same port answers, says what is missing, and hands over by itself."""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

import uvicorn

from coc.access.gatekeeper import cookie, query_value
from coc.live.choices import LANGUAGE_COOKIE
from coc.live.plain import healthz, sentence
from coc.live.problems import send_problem
from coc.live.refusal_page import bare_page
from coc.settings.models import Settings
from coc.store.patience import Obstacle, open_in_time, try_to_open
from coc.store.trouble import Cause
from coc.ui.failures import failure
from coc.ui.i18n import LANGUAGES, t

T = TypeVar("T")
_RETRY: Final = (b"retry-after", b"5")
# A kiosk has nobody who presses reload. Only a server that can serve is gone back to.
_SCRIPT: Final = (
    "setInterval(()=>fetch('/readyz',{cache:'no-store'}).then(a=>{if(a.ok)location.reload()}).catch(()=>{}),2000)"
)
_HASH: Final = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
_CSP: Final = (
    f"default-src 'none'; connect-src 'self'; script-src 'sha256-{_HASH}'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
).encode()


def open_behind_a_page(
    opening: Callable[[], T], settings: Settings, host: str, port: int
) -> tuple[T, socket.socket | None] | None:
    """What `opening` gives; while a store in trouble keeps it waiting, the port answers with a page that says so.

    With it the socket that already listens, where there was a wait: connections of the moment between are kept. None
    where the server was told to end. Raises what no waiting would mend.
    """
    found = try_to_open(opening)
    if not isinstance(found, Obstacle):
        return found, None
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=1024)
    waiting = _Waiting(opening, settings, found.cause)
    waiting.serve(listener.dup())
    if waiting.error is not None:
        listener.close()
        raise waiting.error
    if not waiting.opened:
        listener.close()
        return None
    return waiting.opened[0], listener


class _Waiting:
    """An ASGI app for as long as a thread tries to open the store."""

    def __init__(self, opening: Callable[[], Any], settings: Settings, cause: Cause) -> None:
        self.settings, self.cause = settings, cause
        self.opened: list[Any] = []
        self.error: Exception | None = None
        self._opening = opening
        self._ended = threading.Event()
        config = uvicorn.Config(
            self, access_log=False, log_config=None, log_level="warning", server_header=False, ws="none",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self._server = uvicorn.Server(config)

    def serve(self, listener: socket.socket) -> None:
        thread = threading.Thread(target=self._try, name="store", daemon=True)
        thread.start()
        try:
            self._server.run(sockets=[listener])
        finally:
            self._ended.set()
        thread.join()

    def _try(self) -> None:
        try:
            found = open_in_time(self._opening, self._ended.wait, self._found)
            if found is not None:
                self.opened.append(found)
        except Exception as error:  # noqa: BLE001 - raised again by the thread that waits
            self.error = error
        self._server.should_exit = True

    def _found(self, obstacle: Obstacle) -> None:
        self.cause = obstacle.cause

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        path: str = scope["path"]
        if path == "/healthz":
            await healthz(scope, receive, send)
        elif path.startswith(("/readyz", "/metrics", "/api", "/live", "/_", "/assets")):
            await send_problem(send, 503, sentence(self.cause), code=self.cause)
        else:
            await self._page(scope, send)

    async def _page(self, scope: Any, send: Any) -> None:
        asked = query_value(scope, "lang") or cookie(scope, LANGUAGE_COOKIE) or ""
        language = asked if asked in LANGUAGES else self.settings.city.languages[0]
        say = t(language)
        why = failure(say, self.cause)
        body = bare_page(
            language,
            self.settings.city.name,
            say("waiting.title"),
            (why.what, why.mend, say("waiting.more")),
            self.cause,
            _SCRIPT,
        )
        headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"content-security-policy", _CSP),
            _RETRY,
        ]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
