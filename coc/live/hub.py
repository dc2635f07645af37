"""The hub tells every open stream that the epoch moved. Told from any thread, it wakes the event loop once."""

from __future__ import annotations

import asyncio


class Hub:
    """Bound to the event loop at its start. `waiter` is resolved at each `tell` and then replaced."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self.waiter: asyncio.Future[None] | None = None
        self.closing = False
        self.streams = 0

    def bind(self) -> None:
        """Called on the event loop, before the first stream opens."""
        self._loop = asyncio.get_running_loop()
        self.waiter = self._loop.create_future()

    def tell(self) -> None:
        """Wake every stream. From any thread; before `bind` nobody listens."""
        self._call(self._wake)

    def close(self) -> None:
        """End every stream, so that a stop does not wait for clients that never leave."""
        self.closing = True
        self._call(self._wake)

    def _call(self, function: object) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(function)  # type: ignore[arg-type]

    def _wake(self) -> None:
        assert self._loop is not None
        old, self.waiter = self.waiter, self._loop.create_future()
        if old is not None and not old.done():
            old.set_result(None)
