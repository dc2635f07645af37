"""The tables of the state engine (`coc.metrics.heads`): all of them are made from the samples, and can be again.

An entity is what is sampled (`ap`, `service`, `link`) and, of services, the vantage it was seen from ("": the COC).
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from coc.domain.instants import DAY, HOUR
from coc.metrics.buckets import FIVE_MINUTES
from coc.store.tables import metadata

ENTITY: Final = ("dataset", "entity", "vantage")
# The fields of a head, as `coc.metrics.heads.HEAD` names them, and what holds them.
_FIELDS: Final[dict[str, tuple[type[sa.types.TypeEngine[Any]], bool]]] = {
    "at": (sa.BigInteger, False),
    "up": (sa.SmallInteger, False),
    "hold": (sa.BigInteger, False),  # microseconds
    "clients": (sa.BigInteger, True),
    "latency": (sa.Double, True),
    "loss": (sa.Double, True),
    "down": (sa.SmallInteger, False),
    "run": (sa.Integer, False),
    "slow": (sa.SmallInteger, False),
    "poor": (sa.SmallInteger, False),
    "poor_run": (sa.Integer, False),
    "flapping": (sa.SmallInteger, False),
    "changes": (sa.Integer, False),
    "spell": (sa.BigInteger, True),
}


def _keyed(name: str, *more: sa.Column[Any], by: str | None = None) -> sa.Table:
    keys: list[sa.Column[Any]] = [sa.Column(n, sa.Text, nullable=False) for n in ENTITY]
    if by is not None:
        keys.append(sa.Column(by, sa.BigInteger, nullable=False))
    # Found by their key alone: the table is its own index.
    key = sa.PrimaryKeyConstraint(*(k.name for k in keys))
    return sa.Table(name, metadata, *keys, *more, key, sqlite_with_rowid=False)


def _head() -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=null) for name, (kind, null) in _FIELDS.items()]


# After the last sample; then what was known before the first sample of each clock hour that has one.
state_heads = _keyed("state_heads", *_head())
state_marks = _keyed("state_marks", *_head(), by="hour")
# The samples that brought a state. The first sample of an entity is one; silence is not, for time alone brings it.
state_changes = _keyed("state_changes", sa.Column("state", sa.Text, nullable=False), by="at")


def _rollup(name: str) -> sa.Table:
    sums = [sa.Column(n, sa.BigInteger, nullable=False) for n in ("up_us", "down_us", "client_us", "rev")]
    return _keyed(name, *sums, by="at")


# Known time up to the head's sample, in microseconds: whole numbers add up to the same in any order.
ROLLUPS: Final[dict[int, sa.Table]] = {
    FIVE_MINUTES: _rollup("rollups_5min"),
    HOUR: _rollup("rollups_hour"),
    DAY: _rollup("rollups_day"),
}

# What states and rollups were computed from: the limits, and how long a sample of each source holds.
state_basis = sa.Table(
    "state_basis",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

# Entities that wait to be computed anew, whole.
state_stale = sa.Table(
    "state_stale",
    metadata,
    sa.Column("dataset", sa.Text, primary_key=True),
    sa.Column("entity", sa.Text, primary_key=True),
)

STATE_TABLES: Final = (state_heads, state_marks, state_changes, *ROLLUPS.values(), state_basis, state_stale)
