"""Alerts: what is pending or fires, what fired, mutes, messages that wait to be sent, and whose turn it is to write."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "alert_states",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("realm", "rule", "scope"),
    )
    op.create_table(
        "alert_history",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("fired", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger()),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("acknowledged", sa.BigInteger()),
        sa.Column("acknowledged_role", sa.Text()),
        sa.Column("acknowledged_by", sa.Text()),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("realm", "rule", "scope", "since", name="uq_alert_history"),
    )
    op.create_index("ix_alert_history_ended", "alert_history", ["realm", "ended"])
    op.create_table(
        "alert_mutes",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text()),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "alert_outbox",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try", sa.BigInteger(), nullable=False),
        sa.Column("settled", sa.BigInteger()),
        sa.Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key", name="uq_alert_outbox_key"),
    )
    op.create_index("ix_alert_outbox_due", "alert_outbox", ["realm", "state", "next_try"])
    op.create_table(
        "alert_fences",
        sa.Column("realm", sa.Text(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("realm"),
    )


def downgrade() -> None:
    for table in ("alert_fences", "alert_outbox", "alert_mutes", "alert_history", "alert_states"):
        op.drop_table(table)
