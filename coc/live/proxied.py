"""Whose request it is: a trusted proxy says for whom it asks, and nobody else is believed."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from coc.access.address import proxies

AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]


def proxied(inner: AsgiApp, trusted: Sequence[str]) -> AsgiApp:
    """`inner`, told the client's address and scheme by `X-Forwarded-For` and `-Proto` of the trusted proxies.

    The address is the rightmost hop that is no trusted proxy. What is none stays the proxy's. The headers stay in the
    request: whatever carries them is not at this machine.
    """
    if not trusted:
        return inner

    async def told(scope: Any, receive: Any, send: Any) -> None:
        if not _is_address(scope["client"]):
            scope["client"] = scope.pop("coc.peer")
        await inner(scope, receive, send)

    untyped: Any = ProxyHeadersMiddleware
    middleware: AsgiApp = untyped(told, proxies(trusted))

    async def asked(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await inner(scope, receive, send)
            return
        await middleware({**scope, "coc.peer": scope.get("client")}, receive, send)

    return asked


def _is_address(client: Any) -> bool:
    try:
        ipaddress.ip_address(str(client[0]) if client else "")
    except ValueError:
        return client is None
    return True
