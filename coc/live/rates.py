"""How often one may: counts per minute, in memory, of this process."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from coc.access import Refusal, Viewer

_MINUTE: Final = 60.0
_MOST_KEYS: Final = 20_000
UNNAMED: Final = ("loopback", "demo")  # viewers that are many people
TOO_OFTEN: Final = Refusal(429, "Too often", "Too many requests came from there; try again in a minute.", code="often")


@dataclass(frozen=True, slots=True)
class Rates:
    """Most of a kind within a minute; docs/decisions/068 says why these."""

    refusals: int = 600  # of one address: requests by nobody that is known
    posts: int = 1_200  # of one session or token
    posts_of_place: int = 6_000  # of one address: an office behind one
    forms_of_place: int = 300  # sign-in forms of one address: each costs a hash


class PerMinute:
    """Counts of the running minute; all start anew with the next one. Beyond 20,000 names new ones are not counted."""

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks = ticks
        self._since = ticks()
        self._counts: dict[str, int] = {}

    def count(self, name: str) -> int:
        """Count one; how many there are of the name, this one included."""
        self._turn()
        found = self._counts.get(name, 0) + 1
        if found > 1 or len(self._counts) < _MOST_KEYS:
            self._counts[name] = found
        return found

    def left(self) -> int:
        """Seconds until the next minute."""
        return max(1, int(self._since + _MINUTE - self._ticks() + 0.999))

    def _turn(self) -> None:
        now = self._ticks()
        if now - self._since >= _MINUTE:
            self._since = now
            self._counts = {}


def place(address: str) -> str:
    """An address as a place to count by: of IPv6 the network that one household or office has."""
    try:
        found = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return address
    mapped = getattr(found, "ipv4_mapped", None)
    if mapped is not None:
        return str(mapped)
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else address


class Throttle:
    """What is refused for being too often. A good session's reads are never counted."""

    def __init__(self, rates: Rates | None = None, ticks: Callable[[], float] = time.monotonic) -> None:
        self._rates = rates or Rates()
        self._minute = PerMinute(ticks)

    def refusal(self, address: str) -> Refusal | None:
        """To be asked where a request by nobody that is known is refused."""
        return self._over(f"refused {place(address)}", self._rates.refusals)

    def post(self, address: str, viewer: Viewer | None) -> Refusal | None:
        """To be asked for each POST. `viewer`: None for the forms before a sign-in."""
        if viewer is None:
            return self._over(f"form {place(address)}", self._rates.forms_of_place)
        if viewer.session or viewer.name not in UNNAMED:
            return self._over(f"post {viewer.session or viewer.name}", self._rates.posts)
        return self._over(f"posts {place(address)}", self._rates.posts_of_place)

    def left(self) -> int:
        """Seconds after which it may be tried again."""
        return self._minute.left()

    def _over(self, what: str, most: int) -> Refusal | None:
        return TOO_OFTEN if self._minute.count(what) > most else None
