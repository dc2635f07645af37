"""What states and rollups are computed from beside the samples: the limits, and how long a sample of each source holds.

Stored beside them, so that a changed limit or polling interval is noticed, and the entities it touches wait to be
computed anew (`coc.ingest.settle_states`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

import sqlalchemy as sa

from coc.domain.datasets import Dataset
from coc.domain.instants import SECOND
from coc.domain.limits import ApLimits, hold_seconds
from coc.ingest import closed
from coc.ingest.closed import Maintenance
from coc.settings.models import Realm, Settings
from coc.store import Tx
from coc.store.state_tables import state_basis, state_heads, state_stale
from coc.store.tables import sample_heads

_LIMITS: Final = "limits.ap"
_HOLD: Final = "hold of "


@dataclass(frozen=True, slots=True)
class Basis:
    """`holds`: microseconds by source; of a source that config does not name (any more), the least.

    `maintenance`: what config declares; which entities it covers is `coc.ingest.closed`'s.
    """

    limits: ApLimits
    holds: defaultdict[str, int]
    maintenance: Maintenance

    @classmethod
    def of(cls, settings: Settings, realm: Realm) -> Self:
        known = {name: _micros(block.every_seconds) for name, block in settings.of_realm(realm).items()}
        return cls(settings.limits.ap, defaultdict(lambda: _micros(0), known), Maintenance.of(settings))

    def note(self, tx: Tx, sources: Iterable[str]) -> None:
        """Write down what is used from now on; what was computed from something else waits from now on."""
        held = {r.name: r.value for r in tx.connection.execute(sa.select(state_basis))}
        wanted = {_LIMITS: self.limits.model_dump_json()} | {_HOLD + s: str(self.holds[s]) for s in sources}
        for name, value in wanted.items():
            if held.get(name) == value:
                continue
            if name in held:
                _to_compute(tx, None if name == _LIMITS else name.removeprefix(_HOLD))
            tx.connection.execute(sa.delete(state_basis).where(state_basis.c.name == name))
            tx.connection.execute(sa.insert(state_basis).values(name=name, value=value))
        closed.note(tx, self.maintenance)


def _micros(every_seconds: float) -> int:
    return round(hold_seconds(every_seconds) * SECOND)


def _to_compute(tx: Tx, source: str | None) -> None:
    """Of one source the entities that it sampled, else all that have a head."""
    c = sample_heads.c if source is not None else state_heads.c
    known = sa.select(c.dataset, c.entity).distinct()
    if source is not None:
        known = known.where(c.source == source)
    waits = sa.select(state_stale.c.dataset, state_stale.c.entity)
    fresh = known.where(sa.tuple_(c.dataset, c.entity).not_in(waits))
    tx.connection.execute(sa.insert(state_stale).from_select(["dataset", "entity"], fresh))


def waiting(tx: Tx, dataset: Dataset) -> set[str]:
    """The entities of a dataset that wait to be computed anew."""
    c = state_stale.c
    return set(tx.connection.execute(sa.select(c.entity).where(c.dataset == dataset.value)).scalars())


def sampled_by(tx: Tx) -> list[str]:
    """Every source that ever brought a sample."""
    return list(tx.connection.execute(sa.select(sample_heads.c.source).distinct()).scalars())
