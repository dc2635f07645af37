"""What the address of `/telusur` asks; whatever in it is no choice of ours is told in words, never silently taken."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from coc.access.questions import AGES, Asked, of, takes
from coc.domain.datasets import CHANNELS, DEVICES, LETTER_KINDS, MEDIA, URGENCIES
from coc.metrics import registered
from coc.metrics.city import WINDOWS, WindowName
from coc.ui.i18n import Translator
from coc.ui.links import ITEMS_PATH, WITH_ITEMS

# What is one of a few; offices and the type are whatever a source calls them.
CLOSED: Final[Mapping[str, tuple[str, ...]]] = {
    "age": tuple(AGES),
    "flow": ("arrived", "departed"),
    "part": ("whole",),
    "channel": CHANNELS,
    "device": DEVICES,
    "kind": LETTER_KINDS,
    "medium": MEDIA,
    "urgency": URGENCIES,
}
NARROWS: Final = ("age", "flow", "part", "office", "to", "channel", "device", "kind", "type", "medium", "urgency")
_CODE: Final = re.compile(r"[\w:.\- ]{1,60}")
_OF_EVERY_PAGE: Final = frozenset({"lang", "theme", "lens", "realm", "scope"})
_PAGES: Final = re.compile(r"[1-9]\d{0,5}")
_SHOWN: Final = 40  # characters of what somebody made up


@dataclass(frozen=True, slots=True)
class Address:
    """`asked`: None without such a KPI or unit. `page`: the first is 1. `told`: what was not taken, in words."""

    asked: Asked | None = None
    page: int = 1
    told: tuple[str, ...] = ()

    def at(self, **changes: str) -> str:
        """The list with something else chosen, from its first page; "" takes a choice away."""
        return f"{ITEMS_PATH}?{urlencode(_kept(self.query | changes))}"

    @property
    def query(self) -> dict[str, str]:
        """What the address says, but for the page."""
        if self.asked is None:
            return {}
        asked = self.asked
        said = {"kpi": asked.kpi, "unit": asked.unit or "", "window": asked.window, "age": asked.age or ""}
        return _kept(said | dict(asked.chosen))


def _kept(said: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in said.items() if value}


def address_of(query: Mapping[str, Any], units: Collection[str], say: Translator) -> Address:
    """The address in hand. `units`: the codes of those that there are."""
    said = {name: value for name, value in query.items() if isinstance(value, str) and value}
    kpi, unit = said.pop("kpi", ""), said.pop("unit", "")
    if not has_items(kpi):
        return Address(told=(say("telusur.told.kpi", value=_cut(kpi)),) if kpi else ())
    if unit and unit not in units:
        return Address(told=(say("telusur.told.unit", value=_cut(unit)),))
    told: list[str] = []
    window, page = _window(said, told, say), _page(said, told, say)
    chosen = _narrows(kpi, said, told, say)
    told += [say("telusur.told.unknown", name=_cut(name)) for name in said.keys() - _OF_EVERY_PAGE]
    age = chosen.pop("age", None)
    return Address(Asked(kpi, window, unit or None, age, chosen), page, tuple(sorted(told)))


def has_items(kpi: str) -> bool:
    return kpi in registered() and kpi.split(".")[0] in WITH_ITEMS


def _window(said: dict[str, str], told: list[str], say: Translator) -> WindowName:
    value = said.pop("window", "30d")
    if value not in WINDOWS:
        told.append(say("telusur.told.value", value=_cut(value), name=say("telusur.filter.window")))
        return "30d"
    return value


def _page(said: dict[str, str], told: list[str], say: Translator) -> int:
    value = said.pop("page", "1")
    if not _PAGES.fullmatch(value):
        told.append(say("telusur.told.page", value=_cut(value)))
        return 1
    return int(value)


def _narrows(kpi: str, said: dict[str, str], told: list[str], say: Translator) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in NARROWS:
        value = said.pop(name, "")
        if not value:
            continue
        if of(kpi) is None or name not in takes(kpi):
            told.append(say("telusur.told.unfit", name=say(f"telusur.filter.{name}")))
        elif value not in CLOSED.get(name, (value,)) or not _CODE.fullmatch(value):
            told.append(say("telusur.told.value", value=_cut(value), name=say(f"telusur.filter.{name}")))
        else:
            found[name] = value
    return found


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
