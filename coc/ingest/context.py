"""What a pull needs to know of its realm beside the rows: the valid units, the calendars, the limits, now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pandas as pd

from coc.clock import Clock
from coc.domain import reference
from coc.domain.datasets import Dataset
from coc.domain.derive import derivation_digest
from coc.domain.worktime import Calendars, build_calendars
from coc.ingest.validate import World
from coc.settings.models import ConnectorBlock, Settings
from coc.store import Store

STRICT_TYPE: Final = "sipadek"  # FEED v1 to the letter; the other kinds are milder


class Surroundings:
    """One pull's view of its realm; `renew` after units were stored."""

    def __init__(self, store: Store, settings: Settings, block: ConnectorBlock, clock: Clock) -> None:
        self.store, self.settings, self.block, self.clock = store, settings, block, clock
        self.strict = block.type == STRICT_TYPE
        self._seen: set[str] = set()
        self.renew()

    def renew(self) -> None:
        units = known_units(self.store, self.settings, self.block.realm)
        self.calendars: Calendars = build_calendars(self.settings.calendar, self.settings.city.time_zone, units)
        self.digest = derivation_digest(self.calendars, self.settings.limits)
        self._codes = frozenset(units["code"])

    def also_known(self, codes: Iterable[str]) -> None:
        """Units of a dry run: valid for the letters behind them, though not stored."""
        self._seen.update(codes)

    def world(self) -> World:
        return World(pd.Timestamp(self.clock.now()), self._codes | self._seen, self.calendars.names)


def known_units(store: Store, settings: Settings, realm: str) -> pd.DataFrame:
    """The union of what the realm's enabled connectors supplied; the shipped list while none did (DOMAIN, Units)."""
    sources = [name for name, b in settings.connectors.items() if b.realm == realm and b.enabled]
    units = store.table(Dataset.UNITS, sources)
    return reference.units() if units.empty else units
