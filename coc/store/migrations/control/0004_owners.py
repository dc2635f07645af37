"""Whose an API token is: null for one that was made at the machine."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_tokens", sa.Column("owner", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("api_tokens", "owner")
