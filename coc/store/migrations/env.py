"""Runs migrations on the connection and version table that `coc.store.schema` hands over."""

from __future__ import annotations

from alembic import context

_given = context.config.attributes

context.configure(
    connection=_given["connection"],
    version_table=_given["version_table"],
    transaction_per_migration=False,
    render_as_batch=True,
)
context.run_migrations()
