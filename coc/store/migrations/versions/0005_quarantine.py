"""Rows dropped from quarantine with a note; what a retry needs to map a row anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("quarantine", sa.Column("origin", sa.Text(), nullable=True))
    op.add_column("quarantine", sa.Column("digest", sa.Text(), nullable=True))
    op.add_column("quarantine", sa.Column("history", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("quarantine", sa.Column("dropped_at", sa.BigInteger(), nullable=True))
    op.add_column("quarantine", sa.Column("dropped_by", sa.Text(), nullable=True))
    op.add_column("quarantine", sa.Column("note", sa.Text(), nullable=True))
    op.create_index(
        "ix_quarantine_open",
        "quarantine",
        ["source", "reason", "field"],
        unique=False,
        sqlite_where=sa.text("dropped_at IS NULL"),
        postgresql_where=sa.text("dropped_at IS NULL"),
    )


def downgrade() -> None:
    # The older program knows no dropped rows: they are open again there, and nothing is lost but the notes.
    op.drop_index("ix_quarantine_open", table_name="quarantine")
    for name in ("note", "dropped_by", "dropped_at", "history", "digest", "origin"):
        op.drop_column("quarantine", name)
