"""From the store's frames to the `City` that KPIs see: calendars, the list of units, sample holds, populations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import pandas as pd

from coc.domain.datasets import Dataset
from coc.domain.limits import hold_seconds
from coc.domain.worktime import Calendars, build_calendars
from coc.ingest.context import known_units
from coc.metrics.city import City
from coc.settings.models import Realm, Settings
from coc.store import Store

ALL: Final = "all"
PUBLIC: Final = "public"  # without rahasia and sangat_rahasia letters and their dispositions (DOMAIN, Privacy)
POPULATIONS: Final = (ALL, PUBLIC)
_SECRET: Final = ("rahasia", "sangat_rahasia")


@dataclass(frozen=True, slots=True)
class Context:
    """What config and reference tables give a realm's boards, beside the rows."""

    settings: Settings
    units: pd.DataFrame
    calendars: Calendars
    holds: dict[str, float]

    @classmethod
    def of(cls, store: Store, settings: Settings, realm: Realm) -> Self:
        units = known_units(store, settings, realm)
        calendars = build_calendars(settings.calendar, settings.city.time_zone, units)
        holds = {name: hold_seconds(block.every_seconds) for name, block in settings.of_realm(realm).items()}
        return cls(settings, units, calendars, holds)


def provided_by(settings: Settings, realm: Realm) -> frozenset[str]:
    """The "dataset.column" names that some connector of the realm records."""
    import data_connectors

    types = data_connectors.registry()
    found: set[str] = set()
    for name, block in settings.of_realm(realm).items():
        found |= types[block.type](name, block).provides()
    return frozenset(found)


def city_of(
    frames: dict[Dataset, pd.DataFrame], context: Context, now: pd.Timestamp, population: str, provided: frozenset[str]
) -> City:
    """The city at `now` for one population. Frames are shared, never changed; samples carry `hold` (`held`)."""
    letters, dispositions = frames[Dataset.LETTERS], frames[Dataset.DISPOSITIONS]
    if population == PUBLIC:
        letters = letters[~letters["security"].isin(_SECRET)]
        # A disposition whose letter has not arrived may belong to a secret one: not public until we know.
        known = dispositions["letter_registered_at"].notna()
        dispositions = dispositions[known & ~dispositions["letter_security"].isin(_SECRET)]
    settings = context.settings
    return City(
        now=now,
        calendars=context.calendars,
        limits=settings.limits,
        letters=letters,
        dispositions=dispositions,
        units=context.units,
        sites=frames[Dataset.SITES],
        access_points=frames[Dataset.ACCESS_POINTS],
        ap_samples=frames[Dataset.AP_SAMPLES],
        services=frames[Dataset.SERVICES],
        service_samples=frames[Dataset.SERVICE_SAMPLES],
        provided=provided,
        letter_types=settings.letter_types,
        unit_names=dict(zip(context.units["code"], context.units["name"], strict=True)),
    )


def held(samples: pd.DataFrame, holds: dict[str, float]) -> pd.DataFrame:
    """Samples with `hold`: the seconds each holds, by the polling interval of its source."""
    codes, sources = pd.factorize(samples["source"])
    seconds = np.array([*(holds.get(str(name), hold_seconds(0)) for name in sources), hold_seconds(0)])
    return samples.assign(hold=seconds[codes])
