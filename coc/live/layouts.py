"""A page's first paint, kept for as long as its epoch: a thousand screens that reload at once draw it once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from coc.ui.page import View

_MOST: Final = 64
# A layout that is asked for more than these may show something of its own.
PLAIN: Final = frozenset({"lang", "theme", "scope", "unit", "ap", "service", "window", "view", "lens", "realm"})


@dataclass(frozen=True, slots=True)
class Key:
    page: str
    lens: str
    scope: str
    window: str
    part: str
    language: str
    theme: str
    epoch: int
    stamp: str


@dataclass(frozen=True, slots=True)
class Painted:
    """The components, never changed once made, and the view they show."""

    body: Any
    view: View | None


class Layouts:
    def __init__(self) -> None:
        self._held: OrderedDict[Key, Painted] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key, query: Mapping[str, Any], make: Callable[[], Painted]) -> Painted:
        """What is held for the key, else what `make` gives. What `make` raises is held for nobody."""
        if not PLAIN.issuperset(query):
            return make()
        held = self._held.get(key)
        if held is not None:
            return held
        with self._lock:
            held = self._held.get(key)
            if held is None:
                held = self._held[key] = make()
                while len(self._held) > _MOST:
                    self._held.popitem(last=False)
        return held
