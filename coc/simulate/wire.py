"""Answers on the wire: sent whole, a byte at a time, or not at all (the connection is closed)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from coc.simulate.feed import Answer

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_BODY_LIMIT: Final = 1_000_000
_DRIP_SECONDS: Final = 0.5  # between two bytes: shorter than any timeout, so that only a deadline ends it


async def body_of(receive: Receive) -> bytes:
    body, more = b"", True
    while more and len(body) < _BODY_LIMIT:
        message = await receive()
        body += message.get("body", b"")
        more = bool(message.get("more_body"))
    return body


async def reply(send: Send, answer: Answer, head: bool = False) -> None:
    await _begin(send, answer)
    await send({"type": "http.response.body", "body": b"" if head else answer.body})


async def drip(receive: Receive, send: Send, answer: Answer, going_on: Callable[[], bool]) -> None:
    """A byte every half second while `going_on`; the rest at once when it no longer is, or nobody reads any more."""
    transport = _transport(receive)
    await _begin(send, answer)
    sent = 0
    while sent < len(answer.body) and going_on() and not (transport is not None and transport.is_closing()):
        await send({"type": "http.response.body", "body": answer.body[sent : sent + 1], "more_body": True})
        sent += 1
        await asyncio.sleep(_DRIP_SECONDS)
    await send({"type": "http.response.body", "body": answer.body[sent:]})


async def hang_up(receive: Receive) -> bool:
    """Close the connection without an answer, as a crashed server does; False where that cannot be done."""
    transport = _transport(receive)
    if transport is None:
        return False
    transport.abort()
    for _ in range(3):  # let the server notice, so that it does not answer in our place
        await asyncio.sleep(0)
    return True


def _transport(receive: Receive) -> Any:
    return getattr(getattr(receive, "__self__", None), "transport", None)


async def _begin(send: Send, answer: Answer) -> None:
    headers = [("content-type", answer.content_type), ("content-length", str(len(answer.body))), *answer.headers]
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
