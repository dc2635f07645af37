"""States and rollups of access points and applications; what is stored already waits to be computed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ROLLUPS = ("rollups_5min", "rollups_hour", "rollups_day")


def upgrade() -> None:
    _keyed("state_heads", *_head())
    _keyed("state_marks", *_head(), by="hour")
    _keyed("state_changes", sa.Column("state", sa.Text(), nullable=False), by="at")
    for name in _ROLLUPS:
        sums = ("up_us", "down_us", "client_us", "rev")
        _keyed(name, *(sa.Column(n, sa.BigInteger(), nullable=False) for n in sums), by="at")
    op.create_table(
        "state_basis",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "state_stale",
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("dataset", "entity"),
    )
    op.execute("INSERT INTO state_stale (dataset, entity) SELECT DISTINCT dataset, entity FROM sample_heads")


def downgrade() -> None:
    for name in ("state_stale", "state_basis", *_ROLLUPS, "state_changes", "state_marks", "state_heads"):
        op.drop_table(name)


def _keyed(name: str, *more: sa.Column[Any], by: str | None = None) -> None:
    keys: list[sa.Column[Any]] = [sa.Column(n, sa.Text(), nullable=False) for n in ("dataset", "entity", "vantage")]
    if by is not None:
        keys.append(sa.Column(by, sa.BigInteger(), nullable=False))
    op.create_table(name, *keys, *more, sa.PrimaryKeyConstraint(*(k.name for k in keys)), sqlite_with_rowid=False)


def _head() -> list[sa.Column[Any]]:
    return [
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("up", sa.SmallInteger(), nullable=False),
        sa.Column("hold", sa.BigInteger(), nullable=False),
        sa.Column("clients", sa.BigInteger(), nullable=True),
        sa.Column("latency", sa.Double(), nullable=True),
        sa.Column("loss", sa.Double(), nullable=True),
        sa.Column("down", sa.SmallInteger(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("slow", sa.SmallInteger(), nullable=False),
        sa.Column("poor", sa.SmallInteger(), nullable=False),
        sa.Column("poor_run", sa.Integer(), nullable=False),
        sa.Column("flapping", sa.SmallInteger(), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("spell", sa.BigInteger(), nullable=True),
    ]
