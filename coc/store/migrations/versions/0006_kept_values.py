"""What was published at each day's end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_values",
        sa.Column("kpi", sa.Text(), nullable=False),
        sa.Column("population", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kpi", "population", "day"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_kept_values_day", "kept_values", ["day"], unique=False)


def downgrade() -> None:
    op.drop_table("kept_values")
