"""`/healthz`, `/readyz`, `/metrics`: for machines that watch this one."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

from coc.live.measures import CONTENT_TYPE
from coc.live.problems import send_problem
from coc.live.services import Services
from coc.store.trouble import SENTENCES, Cause, cause_of

log = logging.getLogger("coc.live")
_KNOWN_SECONDS: Final = 0.5
AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]


async def _send(send: Any, body: bytes, content_type: bytes) -> None:
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": [*headers, (b"cache-control", b"no-store")]})
    await send({"type": "http.response.body", "body": body})


async def healthz(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001 - ASGI
    """Alive. It tells a stranger nothing else."""
    await _send(send, b"ok\n", b"text/plain; charset=utf-8")


def readyz(services: Services) -> AsgiApp:
    """Whether this process can serve: store reachable, migrated, boards looked at."""
    # Anyone may ask, so asking often costs the store nothing.
    known: list[tuple[float, tuple[str, str] | None]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        if not known or time.monotonic() - known[0][0] > _KNOWN_SECONDS:
            known[:] = [(time.monotonic(), await asyncio.to_thread(_not_ready, services))]
        why = known[0][1]
        if why:
            await send_problem(send, 503, why[1], code=why[0])
        else:
            await _send(send, b"ready\n", b"text/plain; charset=utf-8")

    return app


def _not_ready(services: Services) -> tuple[str, str] | None:
    """A stable code and a sentence; None where all is well."""
    try:
        state = services.store.schema_state()
    except Exception as error:
        cause = cause_of(error)
        if cause is not None:
            return cause, sentence(cause)
        log.exception("the store cannot be read")
        return Cause.AWAY, "The store cannot be reached."
    trouble = services.store.health.trouble
    if trouble is not None:
        return trouble.cause, sentence(trouble.cause)
    if not state.up_to_date:
        return "schema", "The store's schema is not this program's: run `coc db upgrade`."
    return None if services.ready else ("starting", "The first boards are being built.")


def sentence(cause: Cause) -> str:
    """A store's trouble as a whole English sentence."""
    said = SENTENCES[cause]
    return f"{said[0].upper()}{said[1:]}."


def metrics(services: Services) -> AsgiApp:
    services.measures.watch(
        {
            "coc_epoch": ("The realm's epoch", lambda: float(services.reader.epoch("admin"))),
            "coc_streams": ("Open event streams", lambda: float(services.hub.streams)),
        },
        lambda: _feeds(services),
        lambda: _stores(services),
    )

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        await _send(send, await asyncio.to_thread(services.measures.text), CONTENT_TYPE)

    return app


def _feeds(services: Services) -> dict[str, dict[str, Any]]:
    now = services.now()
    return {
        name: {"state": f["state"], "age": _age(now, f.get("as_of"))}
        for name, f in services.reader.ages("admin").items()
    }


def _stores(services: Services) -> dict[str, Cause | None]:
    """What ails the realm's store and the control store."""
    stores = {"realm": services.store, "control": services.control}
    troubles = {name: store.health.trouble for name, store in stores.items() if store is not None}
    return {name: trouble.cause if trouble else None for name, trouble in troubles.items()}


def _age(now: datetime, as_of: str | None) -> float | None:
    return None if as_of is None else (now - datetime.fromisoformat(as_of)).total_seconds()
