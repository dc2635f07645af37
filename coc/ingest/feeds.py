"""The state of each feed, first rule that holds: disabled, never, failing, frozen, late, fresh (DOMAIN, State).

The wall must never lie: a source that answers with yesterday's rows is `frozen`, one that we could not ask is `late`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal

import data_connectors
from coc.clock import Clock
from coc.domain.datasets import MOVING, SAMPLES, Dataset
from coc.domain.worktime import Calendars
from coc.ingest.history import has_history
from coc.settings.models import ConnectorBlock, FrozenAfter, Realm, Settings
from coc.store import PULLS, FeedRecord, Run, Store

State = Literal["disabled", "never", "failing", "frozen", "late", "fresh"]

_LETTERS_STAND_STILL: Final = FrozenAfter(seconds=4 * 3600, working=True)
_SAMPLES_STAND_STILL: Final = FrozenAfter(seconds=600)
_SOONEST_LATE: Final = 60.0  # seconds
MOST_PLACED: Final = 200  # refused rows of a source that are told one by one


@dataclass(frozen=True, slots=True)
class Feed:
    """One connector as the trust strip and `/sumber` show it; `as_of` and `last_good` are business time.

    `notes`: (code, detail) findings of the last run. `standing`: alerts that wait for a person, code -> detail.
    `refused`: what waits in quarantine, (reason, field, rows); `places`: where in a file, where they are few, (reason,
    field, file, row). `failing_since`: the first of the runs that failed in a
    row. `frozen_since`: the newest record's own time, where that stands still. `history`: while the past fills in, how
    many days are read and how many are wanted.
    """

    name: str
    kind: str
    datasets: tuple[str, ...]
    enabled: bool
    state: State
    as_of: datetime | None = None
    last_good: datetime | None = None
    last_run: Run | None = None
    next_run: datetime | None = None
    refused: tuple[tuple[str, str, int], ...] = ()
    places: tuple[tuple[str, str, str, int], ...] = ()
    failing_since: datetime | None = None
    frozen_since: datetime | None = None
    history: tuple[int, int] | None = None
    notes: tuple[tuple[str, str], ...] = ()
    standing: Mapping[str, str] = field(default_factory=dict)

    @property
    def quarantine_open(self) -> int:
        return sum(rows for _, _, rows in self.refused)


def feed_states(
    store: Store,
    settings: Settings,
    realm: Realm,
    clock: Clock,
    calendars: Calendars,
    next_runs: Mapping[str, datetime] | None = None,
) -> list[Feed]:
    """Every connector of the realm in the order of config.yaml."""
    records = {r.source: r for r in store.feeds()}
    leader = store.leader(PULLS)
    led = leader is not None and leader.holder is not None
    waiting = store.quarantine_counts()
    few = [name for name, refused in waiting.items() if sum(n for _, _, n in refused) <= MOST_PLACED]
    files = [name for name, block in settings.of_realm(realm).items() if block.type == "files" and name in few]
    places = store.quarantine_places(files)
    return feeds_of(records, waiting, settings, realm, clock, calendars, next_runs or {}, led=led, places=places)


def feeds_of(
    records: Mapping[str, FeedRecord],
    waiting: Mapping[str, Sequence[tuple[str, str, int]]],
    settings: Settings,
    realm: Realm,
    clock: Clock,
    calendars: Calendars,
    next_runs: Mapping[str, datetime],
    *,
    led: bool,
    places: Mapping[str, Sequence[tuple[str, str, str, int]]] = MappingProxyType({}),
) -> list[Feed]:
    """As `feed_states`, of records and quarantine counts in hand. `led`: whether some process pulls on schedule."""
    feeds = []
    for name, block in settings.of_realm(realm).items():
        record = records.get(name, FeedRecord(name))
        datasets = filled_by(name, block)
        state = state_of(block, datasets, record, clock, calendars)
        feeds.append(
            Feed(
                name=name,
                kind=block.type,
                datasets=tuple(sorted(datasets)),
                enabled=block.enabled,
                state=state,
                as_of=record.as_of,
                last_good=record.last_good_business,
                last_run=record.last_run,
                next_run=next_runs.get(name) or (_expected(block, record, clock) if led else None),
                refused=tuple(waiting.get(name, ())),
                places=tuple(places.get(name, ())),
                failing_since=record.failing_since,
                frozen_since=record.newest if state == "frozen" else None,
                history=_history(name, block, record, clock),
                notes=tuple(record.notes),
                standing=dict(record.standing),
            )
        )
    return feeds


def _expected(block: ConnectorBlock, record: FeedRecord, clock: Clock) -> datetime | None:
    """When another process, which keeps the schedule, will pull next: its last run tells; None when that is past."""
    if record.last_run is None or not block.enabled:
        return None
    at = record.last_run.started_business + timedelta(seconds=block.every_seconds * (clock.speed or 1.0))
    return at if at > clock.now() else None


def _history(name: str, block: ConnectorBlock, record: FeedRecord, clock: Clock) -> tuple[int, int] | None:
    """Whole days read and wanted of a source that tells its past; None before its first good pull, and when done."""
    connector = data_connectors.registry()[block.type](name, block)
    if not block.enabled or record.last_good is None or not has_history(connector):
        return None
    read = clock.now() - (record.reached or clock.now())
    wanted = timedelta(days=block.backfill_days)
    return None if read >= wanted else (max(read.days, 0), math.ceil(block.backfill_days))


def filled_by(name: str, block: ConnectorBlock) -> frozenset[Dataset]:
    """The datasets this connector fills as configured."""
    provided = data_connectors.registry()[block.type](name, block).provides()
    return frozenset(Dataset(p.split(".")[0]) for p in provided)


def state_of(
    block: ConnectorBlock, datasets: frozenset[Dataset], record: FeedRecord, clock: Clock, calendars: Calendars
) -> State:
    if not block.enabled:
        return "disabled"
    if record.last_good_business is None:
        return "never"
    if record.failures >= 2:
        return "failing"
    if _stands_still(block, datasets, record, calendars):
        return "frozen"
    # Business time may run faster than life (demo) or not at all (a frozen clock): schedules are life's.
    elapsed = (clock.now() - record.last_good_business).total_seconds() / (clock.speed or 1.0)
    return "late" if elapsed > max(3 * block.every_seconds, _SOONEST_LATE) else "fresh"


def _stands_still(
    block: ConnectorBlock, datasets: frozenset[Dataset], record: FeedRecord, calendars: Calendars
) -> bool:
    """Whether the newest record was already too old when we last asked; a pause of ours is not the source."""
    limit = block.frozen_after or _default_limit(datasets)
    newest, asked = record.newest, record.last_good_business
    if limit is None or newest is None or asked is None:
        return False
    if limit.working:
        return bool(calendars.default.hours_between(newest, asked)[0] * 3600 > limit.seconds)
    return asked - newest > timedelta(seconds=limit.seconds)


def _default_limit(datasets: frozenset[Dataset]) -> FrozenAfter | None:
    if not datasets & set(MOVING):
        return None
    return _SAMPLES_STAND_STILL if datasets & set(SAMPLES) else _LETTERS_STAND_STILL
