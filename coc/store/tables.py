"""The tables of a realm's store, made from `COLUMNS`: canonical columns, `source`, `rev`, `row_hash`, derived ones.

Instants are BIGINT microseconds since 1970 UTC, booleans SMALLINT: the same on SQLite and PostgreSQL. `rev` is the
number of the commit that last changed the row.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from coc.domain.datasets import COLUMNS, KEYS, SAMPLES, Column, Dataset, Kind

TYPES: Final[dict[Kind, type[sa.types.TypeEngine[Any]]]] = {
    Kind.TEXT: sa.Text,
    Kind.TIME: sa.BigInteger,
    Kind.DATE: sa.Text,
    Kind.INT: sa.BigInteger,
    Kind.FLOAT: sa.Double,
    Kind.BOOL: sa.SmallInteger,
}

# What a disposition takes from its letter, once it has arrived; then what `coc.domain.derive` makes of both.
FROM_LETTER: Final = (
    Column("letter_kind"),
    Column("letter_urgency"),
    Column("letter_security"),
    Column("letter_registered_at", Kind.TIME),
    Column("letter_deleted", Kind.BOOL),
)
DERIVED: Final = (
    Column("due", Kind.TIME),
    Column("needs_follow_up", Kind.BOOL),
    Column("followup_hours", Kind.FLOAT),
    Column("outside_hours", Kind.BOOL),
)
EXTRA: Final[dict[Dataset, tuple[Column, ...]]] = {Dataset.DISPOSITIONS: (*FROM_LETTER, *DERIVED)}

metadata = sa.MetaData()


def stored_columns(dataset: Dataset) -> tuple[Column, ...]:
    """Canonical columns, then the derived ones."""
    return COLUMNS[dataset] + EXTRA.get(dataset, ())


def key_columns(dataset: Dataset) -> tuple[str, ...]:
    """The primary key: samples by themselves (whichever source saw them), all else within its source."""
    return KEYS[dataset] if dataset in SAMPLES else ("source", *KEYS[dataset])


def _table(dataset: Dataset) -> sa.Table:
    keys = key_columns(dataset)
    columns: list[sa.Column[Any]] = [sa.Column("source", sa.Text, nullable=False)]
    columns += [sa.Column(c.name, TYPES[c.kind], nullable=c.name not in keys) for c in stored_columns(dataset)]
    columns.append(sa.Column("rev", sa.BigInteger, nullable=False))
    if dataset not in SAMPLES:
        columns.append(sa.Column("row_hash", sa.BigInteger, nullable=False))
    if dataset is Dataset.DISPOSITIONS:
        columns.append(sa.Column("derived_from", sa.Text, nullable=False))
    # Samples are found by their key alone: on SQLite the table is its own index, on PostgreSQL it is cut by month.
    sampled: dict[str, Any] = {"sqlite_with_rowid": False, "postgresql_partition_by": "RANGE (at)"}
    return sa.Table(
        dataset.value, metadata, *columns, sa.PrimaryKeyConstraint(*keys), **(sampled if dataset in SAMPLES else {})
    )


TABLES: Final[dict[Dataset, sa.Table]] = {dataset: _table(dataset) for dataset in Dataset}

_letters, _dispositions = TABLES[Dataset.LETTERS], TABLES[Dataset.DISPOSITIONS]
for _dataset in (Dataset.LETTERS, Dataset.DISPOSITIONS, *SAMPLES):
    sa.Index(f"ix_{_dataset.value}_rev", TABLES[_dataset].c.rev)
for _dataset in SAMPLES:
    sa.Index(f"ix_{_dataset.value}_at", TABLES[_dataset].c.at)
sa.Index("ix_letters_registered_at", _letters.c.registered_at)
sa.Index("ix_letters_completed_at", _letters.c.completed_at)
sa.Index("ix_dispositions_issued_at", _dispositions.c.issued_at)
sa.Index("ix_dispositions_completed_at", _dispositions.c.completed_at)
sa.Index("ix_dispositions_due", _dispositions.c.due)
sa.Index("ix_dispositions_letter_id", _dispositions.c.source, _dispositions.c.letter_id)

_cancelled = _dispositions.c.cancelled_at.is_not(None)
sa.Index(
    "ix_dispositions_cancelled_at",
    _dispositions.c.cancelled_at,
    sqlite_where=_cancelled,
    postgresql_where=_cancelled,
)

commits = sa.Table(
    "commits",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.BigInteger, nullable=False),  # system time
    sa.Column("source", sa.Text, nullable=False),
)

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)

# How far each source is known: where the next pull begins, its newest record, the columns that ever held a value.
positions = sa.Table(
    "positions",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("dataset", sa.Text, primary_key=True),
    sa.Column("watermark", sa.BigInteger),
    sa.Column("newest", sa.BigInteger),
    sa.Column("seen", sa.Text, nullable=False),  # JSON list of columns
    sa.Column("backfilled_to", sa.BigInteger),
)

# The newest sample of each entity, so that nobody must look through all samples for it.
sample_heads = sa.Table(
    "sample_heads",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("dataset", sa.Text, primary_key=True),
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
)

feeds = sa.Table(
    "feeds",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),  # in a row
    sa.Column("last_good", sa.BigInteger),  # system time
    sa.Column("last_good_business", sa.BigInteger),
    sa.Column("as_of", sa.BigInteger),
    sa.Column("notes", sa.Text, nullable=False),  # JSON [[code, detail]] of the last run
    sa.Column("standing", sa.Text, nullable=False),  # JSON {code: detail}: waits for a person
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("started", sa.BigInteger, nullable=False),  # system time
    sa.Column("started_business", sa.BigInteger, nullable=False),
    sa.Column("seconds", sa.Double, nullable=False),
    sa.Column("whole", sa.SmallInteger, nullable=False),
    sa.Column("rows_in", sa.BigInteger, nullable=False),
    sa.Column("stored", sa.BigInteger, nullable=False),
    sa.Column("unchanged", sa.BigInteger, nullable=False),
    sa.Column("quarantined", sa.BigInteger, nullable=False),
    sa.Column("error_code", sa.Text),
    sa.Column("error_detail", sa.Text),
    sa.Index("ix_runs_source", "source", "id"),
)

quarantine = sa.Table(
    "quarantine",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("dataset", sa.Text, nullable=False),
    sa.Column("source_id", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("field", sa.Text, nullable=False),
    sa.Column("value", sa.Text),
    sa.Column("fields", sa.Text, nullable=False),  # JSON of the mapped fields
    sa.Column("first_seen", sa.BigInteger, nullable=False),
    sa.Column("last_seen", sa.BigInteger, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("origin", sa.Text),  # JSON: the row as the source had it, where its mapping can be applied anew
    sa.Column("digest", sa.Text),  # of its content: whether the source sends the very same row
    sa.Column("history", sa.Text, nullable=False, server_default="[]"),  # JSON list of what became of it
    sa.Column("dropped_at", sa.BigInteger),  # null: open
    sa.Column("dropped_by", sa.Text),
    sa.Column("note", sa.Text),
    sa.UniqueConstraint("source", "dataset", "source_id", name="uq_quarantine_row"),
)
_open = quarantine.c.dropped_at.is_(None)
sa.Index(
    "ix_quarantine_open",
    quarantine.c.source,
    quarantine.c.reason,
    quarantine.c.field,
    sqlite_where=_open,
    postgresql_where=_open,
)

boards = sa.Table(
    "boards",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("population", sa.Text, primary_key=True),
    sa.Column("epoch", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("computed_at", sa.BigInteger, nullable=False),
    sa.Column("as_of", sa.BigInteger),
    sa.Column("payload", sa.LargeBinary, nullable=False),
)

# What was published at each day's end: once kept it stays, whatever is known later. Found by their key alone.
kept_values = sa.Table(
    "kept_values",
    metadata,
    sa.Column("kpi", sa.Text, nullable=False),
    sa.Column("population", sa.Text, nullable=False),
    sa.Column("day", sa.Text, nullable=False),  # the city's date
    sa.Column("payload", sa.LargeBinary, nullable=False),  # by unit its value and state (`coc.boards.kept`)
    sa.Column("kept_at", sa.BigInteger, nullable=False),  # business time
    sa.PrimaryKeyConstraint("kpi", "population", "day"),
    sqlite_with_rowid=False,
)
sa.Index("ix_kept_values_day", kept_values.c.day)

# Who leads (`coc.store.lease`). `holder`: JSON of the process, null when the role was given back.
leases = sa.Table(
    "leases",
    metadata,
    sa.Column("role", sa.Text, primary_key=True),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("holder", sa.Text),
    sa.Column("application", sa.Text, nullable=False),
    sa.Column("taken", sa.BigInteger, nullable=False),  # system time
    sa.Column("beat", sa.BigInteger, nullable=False),
)
