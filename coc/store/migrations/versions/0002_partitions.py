"""Samples by month on PostgreSQL; on SQLite nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KEYS = {
    "ap_samples": ("ap", "at"),
    "service_samples": ("service", "vantage", "at"),
    "link_samples": ("link", "at"),
}


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table, keys in _KEYS.items():
            _exchange(table, keys, " PARTITION BY RANGE (at)")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table, keys in _KEYS.items():
            _exchange(table, keys, "")


def _exchange(table: str, keys: tuple[str, ...], partitioned: str) -> None:
    """Make the table anew, by month or whole, with all its rows."""
    connection = op.get_bind()
    old = f"{table}_before"
    connection.execute(sa.text(f"ALTER TABLE {table} RENAME TO {old}"))
    # The names of indexes are the schema's, not the table's: the old ones make room.
    connection.execute(sa.text(f"ALTER TABLE {old} DROP CONSTRAINT {table}_pkey"))
    for column in ("at", "rev"):
        connection.execute(sa.text(f"DROP INDEX ix_{table}_{column}"))
    connection.execute(sa.text(f"CREATE TABLE {table} (LIKE {old}){partitioned}"))
    if partitioned:
        for year, month in _months(connection, old):
            start, end = _micros(year, month), _micros(year + month // 12, month % 12 + 1)
            connection.execute(
                sa.text(
                    f"CREATE TABLE {table}_{year:04}_{month:02} PARTITION OF {table} FOR VALUES FROM ({start}) TO ({end})"
                )
            )
    connection.execute(sa.text(f"INSERT INTO {table} SELECT * FROM {old}"))
    # Indexes after the rows: twice as fast.
    op.create_primary_key(f"{table}_pkey", table, list(keys))
    for column in ("at", "rev"):
        op.create_index(f"ix_{table}_{column}", table, [column])
    op.drop_table(old)


def _months(connection: sa.Connection, table: str) -> list[tuple[int, int]]:
    found = connection.execute(
        sa.text(f"SELECT DISTINCT date_trunc('month', to_timestamp(floor(at / 1000000.0)) AT TIME ZONE 'UTC') FROM {table}")
    )
    return sorted((at.year, at.month) for (at,) in found)


def _micros(year: int, month: int) -> int:
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1_000_000
