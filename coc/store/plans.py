"""Statistics for PostgreSQL's planner, renewed after a load that made another table of one.

A fresh database plans for empty tables until autovacuum comes by, a minute or more after the first load: just when the
first boards are built. SQLite plans by its indexes alone, which is what its queries are written and measured for.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from coc.store.engine import Database

MANY: Final = 1_000  # rows stored at once; after fewer it is not worth asking
_GROWN: Final = 10
_SMALL: Final = 32  # pages of 8 kB; of fewer, any plan is quick
# Sizes, and not the server's counts of changes, which reach other sessions late.
_OUTGROWN: Final = sa.text(
    "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace "
    "AND pg_relation_size(oid) / current_setting('block_size')::int >= greatest(:small, :grown * relpages) ORDER BY 1"
)


def renew(database: Database) -> list[str]:
    """Have the tables looked at anew that grew tenfold since the server last did; their names."""
    if database.sqlite:
        return []
    with database.engine.connect() as connection, connection.begin():
        outgrown = connection.execute(_OUTGROWN, {"small": _SMALL, "grown": _GROWN})
        names = [str(name) for name in outgrown.scalars()]
        for name in names:
            connection.exec_driver_sql(f"ANALYZE {name}")
    return names
