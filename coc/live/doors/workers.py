"""Work at the door has threads of its own: a crowd there holds up nobody who is inside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class CrowdedError(Exception):
    """More waits than will be looked at in a time that anybody waits."""


class Workers:
    """`run` is for the event loop; what it runs blocks, for the length of a hash or of a provider's answer."""

    def __init__(self, what: str, at_once: int, most_waiting: int) -> None:
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix=what)
        self._waiting, self._most_waiting = 0, most_waiting

    async def run(self, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """The work's answer. Raises CrowdedError at once where too much waits."""
        if self._waiting >= self._most_waiting:
            raise CrowdedError
        self._waiting += 1
        done = asyncio.get_running_loop().run_in_executor(self._threads, partial(work, *args, **named))
        done.add_done_callback(self._finished)
        # Who leaves must not let another in before the work is done.
        return await asyncio.shield(done)

    def _finished(self, done: asyncio.Future[T]) -> None:
        self._waiting -= 1
        if not done.cancelled():
            done.exception()  # seen here, where nobody may wait for it any more


def hashing() -> Workers:
    """For passwords: as many as hash at once (`coc.access.passwords`), and some seconds of work that waits."""
    return Workers("passwords", 2, 60)


def asking() -> Workers:
    """For the identity provider, which may hang: a way in that waits there takes no thread of the pages."""
    return Workers("provider", 4, 40)
