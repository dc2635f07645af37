"""Samples by month on PostgreSQL: a partition for each UTC month, made when its first row comes, dropped whole.

Bounds are microseconds since 1970 UTC, as `at` is. The names tell the month: ap_samples_2026_03.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from coc.domain.datasets import SAMPLES
from coc.store import columns as codec

_NAME: Final = re.compile(rf"({'|'.join(sorted(d.value for d in SAMPLES))})_(\d{{4}})_(\d{{2}})")
_OF_PARENT: Final = (
    "FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass(:parent) ORDER BY 1"
)
_KIND: Final = sa.text("SELECT relkind FROM pg_class WHERE oid = to_regclass(:name)")
_NAMES: Final = sa.text(f"SELECT c.relname {_OF_PARENT}")
_SIZES: Final = sa.text(f"SELECT c.relname AS name, pg_total_relation_size(c.oid) AS bytes {_OF_PARENT}")


@dataclass(frozen=True, slots=True)
class Partition:
    """One month of one samples table: rows with `start` <= at < `end`. `bytes`: with its indexes."""

    name: str
    start: int
    end: int
    bytes: int


def is_partition(name: str) -> bool:
    """Whether a table of this name is a month of samples."""
    return _NAME.fullmatch(name) is not None


def is_cut(connection: Connection, table: str) -> bool:
    """Whether a table is kept in partitions."""
    if connection.dialect.name != "postgresql":
        return False
    return connection.execute(_KIND, {"name": table}).scalar() == "p"


def held(connection: Connection, table: str) -> list[Partition]:
    """The partitions of a samples table, oldest first."""
    found = []
    for row in connection.execute(_SIZES, {"parent": table}):
        named = _NAME.fullmatch(row.name)
        if named is not None:
            start, end = _bounds(int(named[2]) * 12 + int(named[3]) - 1)
            found.append(Partition(row.name, start, end, int(row.bytes)))
    return found


def status(connection: Connection, table: str) -> list[dict[str, Any]]:
    """Name, rows and bytes of each partition, oldest first."""
    counted = connection.exec_driver_sql(f"SELECT tableoid::regclass::text, count(*) FROM {table} GROUP BY 1")
    rows = {name: int(n) for name, n in counted}
    return [{"name": p.name, "rows": rows.get(p.name, 0), "bytes": p.bytes} for p in held(connection, table)]


def ensure(connection: Connection, table: str, at: npt.NDArray[np.int64]) -> None:
    """Make the partitions that rows at these times need. In a write transaction, where writers stand in line."""
    wanted = {_name(table, month): month for month in _months(at)}
    known = connection.execute(_NAMES, {"parent": table}).scalars()
    for name in sorted(wanted.keys() - set(known)):
        start, end = _bounds(wanted[name])
        # Made apart and then attached: PARTITION OF would lock the whole table against its readers.
        connection.exec_driver_sql(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)")
        connection.exec_driver_sql(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end})")


def drop(connection: Connection, partition: Partition) -> int:
    """Drop a partition; how many rows it held."""
    rows = connection.exec_driver_sql(f"SELECT count(*) FROM {partition.name}").scalar_one()
    connection.exec_driver_sql(f"DROP TABLE {partition.name}")
    return int(rows)


def _months(at: npt.NDArray[np.int64]) -> Iterable[int]:
    """The distinct months of instants, counted from year 0."""
    months = at.astype("datetime64[us]").astype("datetime64[M]").astype("int64")
    return (int(m) + 1970 * 12 for m in np.unique(months))


def _name(table: str, month: int) -> str:
    return f"{table}_{month // 12:04}_{month % 12 + 1:02}"


def _bounds(month: int) -> tuple[int, int]:
    return _first(month), _first(month + 1)


def _first(month: int) -> int:
    return codec.micros(datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC))
