"""What the client script says by itself: ages that count on, the lost connection, a store in trouble."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import orjson

from coc.ui.i18n import t

_AGES: Final = ("seconds", "minutes", "hours", "days")
_BANNERS: Final = (
    "lost",
    "store_full",
    "store_read_only",
    "store_corrupt",
    "store_away",
    "store_busy",
    "since",
    "denied",
)


@lru_cache(maxsize=8)
def client_words(language: str) -> str:
    """As JSON. `{n}` stands for the number of an age, `{age}` for an age."""
    say = t(language)
    ages = {name: say(f"age.{name}", n="{n}") for name in _AGES}
    return orjson.dumps({**ages, **{name: say(f"banner.{name}") for name in _BANNERS}}).decode()
