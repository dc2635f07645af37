"""Password work has threads of its own: a crowd at the door holds up nobody who is inside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_AT_ONCE: Final = 2  # as many as hash at once (`coc.access.passwords`)
_MOST_WAITING: Final = 60  # some seconds of work


class CrowdedError(Exception):
    """More passwords wait than will be looked at in a time that anybody waits."""


class Hashing:
    """`run` is for the event loop; what it runs blocks for the length of a hash."""

    def __init__(self) -> None:
        self._workers = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="passwords")
        self._waiting = 0

    async def run(self, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """The work's answer. Raises CrowdedError at once where too much waits."""
        if self._waiting >= _MOST_WAITING:
            raise CrowdedError
        self._waiting += 1
        done = asyncio.get_running_loop().run_in_executor(self._workers, partial(work, *args, **named))
        done.add_done_callback(self._finished)
        # Who leaves must not let another in before the work is done.
        return await asyncio.shield(done)

    def _finished(self, done: asyncio.Future[T]) -> None:
        self._waiting -= 1
        if not done.cancelled():
            done.exception()  # seen here, where nobody may wait for it any more
