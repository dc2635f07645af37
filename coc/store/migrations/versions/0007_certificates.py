"""When the certificate of a service ends."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("services", sa.Column("certificate_until", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("services", "certificate_until")
