"""From the store's frames to the `City` that KPIs see: calendars, the list of units, sample holds, populations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Self

import pandas as pd

from coc.domain.datasets import Dataset
from coc.domain.instants import micros_of, to_index
from coc.domain.worktime import Calendars, build_calendars
from coc.ingest.context import known_units
from coc.metrics.city import City, Part, Places, no_windows
from coc.metrics.known import Known, nothing_known
from coc.metrics.maintenance import MAINTENANCE, POWER
from coc.metrics.past import Past
from coc.settings.models import Realm, Settings
from coc.store import Store

ALL: Final = "all"
PUBLIC: Final = "public"  # without rahasia and sangat_rahasia letters and their dispositions (DOMAIN, Privacy)
POPULATIONS: Final = (ALL, PUBLIC)
SECRET: Final = ("rahasia", "sangat_rahasia")


@dataclass(frozen=True, slots=True)
class Context:
    """What config and reference tables give a realm's boards, beside the rows."""

    settings: Settings
    units: pd.DataFrame
    calendars: Calendars

    @classmethod
    def of(cls, store: Store, settings: Settings, realm: Realm) -> Self:
        units = known_units(store, settings, realm)
        calendars = build_calendars(settings.calendar, settings.city.time_zone, units)
        return cls(settings, units, calendars)


def provided_by(settings: Settings, realm: Realm) -> frozenset[str]:
    """The "dataset.column" names that some connector of the realm records."""
    import data_connectors

    types = data_connectors.registry()
    found: set[str] = set()
    for name, block in settings.of_realm(realm).items():
        found |= types[block.type](name, block).provides()
    return frozenset(found)


def cities_of(
    frames: Mapping[Dataset, pd.DataFrame],
    pasts: Mapping[Dataset, Past],
    context: Context,
    now: pd.Timestamp,
    provided: frozenset[str],
    published: Mapping[str, pd.DataFrame] | None = None,
    known: Known | None = None,
    letter_places: Places | None = None,
) -> dict[str, City]:
    """The city at `now`, by population. Frames are shared, never changed.

    `published`: by population. `letter_places`: as `City` has it, where it is known.
    """
    settings, known = context.settings, known or nothing_known()
    whole = City(
        now=now,
        calendars=context.calendars,
        limits=settings.limits,
        letters=frames[Dataset.LETTERS],
        dispositions=frames[Dataset.DISPOSITIONS],
        letter_places=letter_places,
        units=context.units,
        sites=frames[Dataset.SITES],
        access_points=frames[Dataset.ACCESS_POINTS],
        ap_samples=frames[Dataset.AP_SAMPLES],
        services=frames[Dataset.SERVICES],
        service_samples=frames[Dataset.SERVICE_SAMPLES],
        links=frames[Dataset.LINKS],
        link_samples=frames[Dataset.LINK_SAMPLES],
        provided=provided,
        letter_types=settings.letter_types,
        unit_names=dict(zip(context.units["code"], context.units["name"], strict=True)),
        pasts=pasts,
        published=(published or {}).get(ALL),
        turns=known.turns,
        known_minutes=known.minutes,
        known_hours=known.hours,
        known_days=known.days,
        reasons=known.reasons,
        sampled=known.sampled,
        windows=_windows(settings, now),
    )
    part = _public(whole)
    mail, given = whole.letters.iloc[:0], whole.dispositions.iloc[:0]
    shown = (published or {}).get(PUBLIC)
    public = replace(whole, letters=mail, dispositions=given, letter_places=None, part=part, published=shown)
    return {ALL: whole, PUBLIC: public}


_BACK, _AHEAD = timedelta(days=32), timedelta(days=1)


def _windows(settings: Settings, now: pd.Timestamp) -> pd.DataFrame:
    """What config announces of the network, each time it comes: `City.windows`."""
    network, zone = settings.network, settings.city.time_zone
    first, last = micros_of(now - _BACK), micros_of(now + _AHEAD)
    rows: list[tuple[str, str, int, int, str]] = []
    for kind, windows in ((MAINTENANCE, network.maintenance), (POWER, network.power_cuts)):
        for window in windows:
            spans = window.planned(zone).spans(first, last)
            rows += [
                (kind, window.scope, *span, window.reason) for span in zip(*(s.tolist() for s in spans), strict=True)
            ]
    if not rows:
        return no_windows()
    found = pd.DataFrame(rows, columns=list(no_windows().columns))
    times = {name: to_index(found[name].to_numpy()) for name in ("start", "end")}
    return found.assign(**times).astype(dict.fromkeys(("kind", "scope", "reason"), "str"))


def _public(whole: City) -> Part:
    letters, given = whole.letters, whole.dispositions
    # A disposition whose letter has not arrived may belong to a secret one: not public until we know.
    known = given["letter_registered_at"].notna() & ~given["letter_security"].isin(SECRET)
    return Part(whole, (~letters["security"].isin(SECRET)).to_numpy(dtype=bool), known.to_numpy(dtype=bool))
