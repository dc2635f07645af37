"""The audit log becomes a hash chain that only grows; existing lines are chained as they stand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from coc.store import columns as codec
from coc.store.control.chain import GENESIS, AuditLine, hash_of

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SAID = "the audit log is append-only"
_SLICE = 5_000
_SQLITE = {
    "audit_stays": "UPDATE ON audit",
    "audit_remains": "DELETE ON audit WHEN OLD.id > coalesce((SELECT max(id) FROM audit_anchors), -1)",
    # INSERT OR REPLACE deletes without a word to the trigger above.
    "audit_is_added_to": "INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)",
    "audit_anchors_stay": "UPDATE ON audit_anchors",
    "audit_anchors_remain": "DELETE ON audit_anchors",
}
_POSTGRES = {
    "audit_stays": "UPDATE OR TRUNCATE ON audit FOR EACH STATEMENT",
    "audit_remains": "DELETE ON audit FOR EACH ROW",
    "audit_anchors_stay": "UPDATE OR DELETE OR TRUNCATE ON audit_anchors FOR EACH STATEMENT",
}
_FUNCTION = f"""
CREATE OR REPLACE FUNCTION coc_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE pruned bigint;
BEGIN
  IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'audit' THEN
    EXECUTE 'SELECT max(id) FROM ' || quote_ident(TG_TABLE_SCHEMA) || '.audit_anchors' INTO pruned;
    IF OLD.id <= pruned THEN RETURN OLD; END IF;
  END IF;
  RAISE EXCEPTION '{_SAID}';
END $$
"""
# Tables that a restore keeps in a schema of their own use it too.
_DROP_FUNCTION = """
DO $$ BEGIN
  DROP FUNCTION IF EXISTS coc_audit_append_only();
EXCEPTION WHEN dependent_objects_still_exist THEN NULL;
END $$
"""


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "audit_anchors",
        sa.Column("id", number, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("pruned", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("audit", sa.Column("realm", sa.Text(), nullable=False, server_default=""))
    op.add_column("audit", sa.Column("late", sa.SmallInteger(), nullable=False, server_default="0"))
    op.add_column("audit", sa.Column("prev", sa.Text(), nullable=False, server_default=""))
    op.add_column("audit", sa.Column("hash", sa.Text(), nullable=False, server_default=""))
    connection = op.get_bind()
    _chain(connection)
    op.create_index("ux_audit_prev", "audit", ["prev"], unique=True)
    if connection.dialect.name == "sqlite":
        for name, when in _SQLITE.items():
            connection.exec_driver_sql(f"CREATE TRIGGER {name} BEFORE {when} BEGIN SELECT RAISE(ABORT, '{_SAID}'); END")
        return
    connection.exec_driver_sql(_FUNCTION)
    for name, when in _POSTGRES.items():
        connection.exec_driver_sql(f"CREATE TRIGGER {name} BEFORE {when} EXECUTE FUNCTION coc_audit_append_only()")


def _chain(connection: sa.Connection) -> None:
    names = ("id", "at", "who", "lens", "action", "what", "from_where", "outcome")
    table = sa.table("audit", *(sa.column(name) for name in (*names, "prev", "hash")))
    linked = sa.update(table).where(table.c.id == sa.bindparam("number"))
    linked = linked.values(prev=sa.bindparam("before"), hash=sa.bindparam("own"))
    rows = sa.select(*(table.c[n] for n in names)).order_by(table.c.id).limit(_SLICE)
    prev, some = GENESIS, connection.execute(rows).all()
    while some:
        links = []
        for r in some:
            at = codec.at_micros(r.at)
            own = hash_of(r.id, AuditLine(at, "", r.who, r.lens, r.action, r.what, r.from_where, r.outcome), prev)
            links.append({"number": r.id, "before": prev, "own": own})
            prev = own
        connection.execute(linked, links)
        some = connection.execute(rows.where(table.c.id > some[-1].id)).all()


def downgrade() -> None:
    # The older program knows no chain and no anchors; an upgrade chains the lines that are there anew.
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        for name in _SQLITE:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
    else:
        for name, when in _POSTGRES.items():
            connection.exec_driver_sql(f"DROP TRIGGER {name} ON {when.split(' ON ')[1].split()[0]}")
    op.drop_index("ux_audit_prev", table_name="audit")
    for name in ("hash", "prev", "late", "realm"):
        op.drop_column("audit", name)
    op.drop_table("audit_anchors")
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(_DROP_FUNCTION)
