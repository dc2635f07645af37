"""Which maintenance each sampled entity is in: what rollups leave out, and what must be made anew when it changes.

Of each entity its windows are written down beside its state (`state_basis`), and what is written is what is used: a
changed config, or a point that moved to another site, makes the entity wait to be computed anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from coc.domain.datasets import SAMPLES, Dataset
from coc.domain.instants import DAY, NAT
from coc.domain.planned import Planned
from coc.metrics.closures import NO_CLOSURES, Closures, Places, closures, cut
from coc.metrics.heads import Heads, Pieces
from coc.settings.models import Settings
from coc.store import Tx, bulk, ledger
from coc.store.ledger import Key
from coc.store.rows import fetch
from coc.store.state_tables import state_basis, state_stale
from coc.store.tables import TABLES

_CLOSED: Final = "closed "
_CONFIG: Final = "network.maintenance"
Windows: TypeAlias = tuple[Planned, ...]


@dataclass(frozen=True, slots=True)
class Maintenance:
    """What config says today, whoever it covers."""

    windows: Windows = ()

    @classmethod
    def of(cls, settings: Settings) -> Maintenance:
        zone = settings.city.time_zone
        return cls(tuple(sorted({w.planned(zone) for w in settings.network.maintenance}, key=lambda w: w.text)))

    @property
    def text(self) -> str:
        return json.dumps([w.text for w in self.windows])


@dataclass(frozen=True, slots=True)
class Closed:
    """The windows of some keys, by position."""

    windows: tuple[Windows, ...]

    def cut(self, pieces: Pieces) -> Pieces:
        if not any(self.windows) or not len(pieces.start):
            return pieces
        return cut(pieces, self.between(int(pieces.start.min()), int(pieces.end.max())))

    def between(self, first: int, last: int) -> Closures:
        """Those with time in [first, last)."""
        every = sorted({w for windows in self.windows for w in windows}, key=lambda w: w.text)
        if not every:
            return NO_CLOSURES
        spans = [w.spans(first, last) for w in every]
        return closures([w.text for w in every], spans, ({w.text for w in windows} for windows in self.windows))[0]


def written(connection: Connection, dataset: Dataset, keys: Sequence[Key]) -> Closed:
    """The windows of these keys that states and rollups are made with."""
    held = _held(connection)
    return Closed(tuple(_parsed(held.get(_name(dataset, key))) for key in keys))


def closed_of(tx: Tx, today: Maintenance, dataset: Dataset, keys: Sequence[Key], heads: Heads) -> Closed:
    """The same; of keys that have no head yet today's are written first."""
    return renewed(tx, today, dataset, keys, [at == NAT for at in heads["at"].tolist()])


def renewed(
    tx: Tx, today: Maintenance, dataset: Dataset, keys: Sequence[Key], which: Sequence[bool] | None = None
) -> Closed:
    """`written`, after today's windows were written of all these keys, or of those marked in `which`."""
    fresh = list(keys if which is None else compress(keys, which))
    if fresh and today.windows:
        _write(tx, _wanted(tx.connection, today, dataset, fresh))
    return written(tx.connection, dataset, keys)


def note(tx: Tx, today: Maintenance, *, whole: bool = False) -> None:
    """Write down what covers each entity from now on; one whose known past that changes waits to be computed anew.

    Without `whole` only where config changed: where things stand is looked at when the realm settles.
    """
    held = _held(tx.connection)
    was = held.pop(_CONFIG, Maintenance().text)
    if was == today.text and not (whole and (today.windows or held)):
        return
    floor = ledger.floor(tx.connection)
    for dataset in SAMPLES:
        keys, heads = ledger.read_heads(tx.connection, dataset)
        wanted = _wanted(tx.connection, today, dataset, keys)
        moved = {name: text for name, text in wanted.items() if held.get(name, _NONE) != text}
        known = {_name(dataset, key): at for key, at in zip(keys, heads["at"].tolist(), strict=True)}
        stale = {name for name, text in moved.items() if _matters(held.get(name), text, floor, known[name])}
        _to_compute(tx, dataset, {key[0] for key in keys if _name(dataset, key) in stale})
        _write(tx, moved)
    if was != today.text:
        _write(tx, {_CONFIG: today.text})


_NONE: Final = "[]"
_LONGEST: Final = 400 * DAY  # samples are not kept for longer


def _matters(old: str | None, new: str, floor: int, at: int) -> bool:
    """Whether a window that came or went has any of the time that the entity's samples tell of."""
    changed = set(_parsed(old)) ^ set(_parsed(new))
    first = max(floor, at - _LONGEST)
    return any(len(window.spans(first, at)[0]) for window in changed)


def _wanted(connection: Connection, today: Maintenance, dataset: Dataset, keys: Sequence[Key]) -> dict[str, str]:
    """By name what covers each key today."""
    if not today.windows:
        return {_name(dataset, key): _NONE for key in keys}
    tables = (fetch(connection, d, order=_by_key(d)) for d in (Dataset.ACCESS_POINTS, Dataset.LINKS, Dataset.SITES))
    places = Places.of(*tables)
    found = {}
    for key in keys:
        scopes = places.scopes_of(dataset, key)
        found[_name(dataset, key)] = json.dumps([w.text for w in today.windows if w.scope in scopes])
    return found


def _by_key(dataset: Dataset) -> list[sa.ColumnElement[Any]]:
    """Of two rows with one id the last one counts, as it does for boards."""
    c = TABLES[dataset].c
    return [c.source_id, c.source]


def _name(dataset: Dataset, key: Key) -> str:
    return f"{_CLOSED}{dataset.value} {json.dumps(key)}"


def _parsed(text: str | None) -> Windows:
    return tuple(Planned.parse(window) for window in json.loads(text)) if text else ()


def _held(connection: Connection) -> dict[str, str]:
    c = state_basis.c
    mine = sa.or_(c.name.startswith(_CLOSED), c.name == _CONFIG)
    return {row.name: row.value for row in connection.execute(sa.select(c.name, c.value).where(mine))}


def _write(tx: Tx, texts: Mapping[str, str]) -> None:
    for names in bulk.chunks(texts):
        tx.connection.execute(sa.delete(state_basis).where(state_basis.c.name.in_(names)))
    rows = [{"name": name, "value": text} for name, text in texts.items() if text != _NONE]
    if rows:
        tx.connection.execute(sa.insert(state_basis), rows)
    tx.touched = tx.touched or bool(texts)  # what reads the windows hears of it


def _to_compute(tx: Tx, dataset: Dataset, entities: Iterable[str]) -> None:
    c = state_stale.c
    waits = set(tx.connection.execute(sa.select(c.entity).where(c.dataset == dataset.value)).scalars())
    rows = [{"dataset": dataset.value, "entity": entity} for entity in sorted(set(entities) - waits)]
    if rows:
        tx.connection.execute(sa.insert(state_stale), rows)
