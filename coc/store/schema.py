"""Migrations: bring a database to this code's schema, or say in a sentence why that is impossible."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Final, Literal

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from coc.store import postgres
from coc.store.engine import Database, StoreError

Which = Literal["store", "control"]
VERSION_TABLES: Final[dict[Which, str]] = {"store": "coc_store_version", "control": "coc_control_version"}
_FOLDERS: Final[dict[Which, str]] = {"store": "versions", "control": "control"}


class SchemaError(StoreError):
    """The database's schema and this code do not fit."""


@dataclass(frozen=True, slots=True)
class SchemaState:
    """`current`: the database's revision (None: empty); `head`: this code's."""

    current: str | None
    head: str
    known: bool

    @property
    def up_to_date(self) -> bool:
        return self.current == self.head


def _config(which: Which) -> Config:
    folder = str(resources.files("coc.store").joinpath("migrations"))
    config = Config()
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.set_main_option("path_separator", "newline")  # a path may hold spaces and colons
    config.set_main_option("version_locations", f"{folder}/{_FOLDERS[which]}".replace("%", "%%"))
    config.attributes["version_table"] = VERSION_TABLES[which]
    return config


@lru_cache(maxsize=2)
def _script(which: Which) -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(which))


def schema_state(database: Database, which: Which = "store") -> SchemaState:
    """What the database holds against what this code wants. Reads only."""
    script = _script(which)
    head = script.get_current_head() or ""
    with database.read() as connection:
        if not database.sqlite:
            postgres.require_utf8(connection)
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLES[which]})
        current = context.get_current_revision()
    known = current is None or current in {s.revision for s in script.walk_revisions()}
    return SchemaState(current, head, known)


def upgrade(database: Database, which: Which = "store", to: str = "head") -> SchemaState:
    """Bring the database to this code's schema (or `to`, a revision); the state before. Does nothing when it is there.

    Raises SchemaError when a newer version of the product wrote it.
    """
    before = require_known(database, which)
    if not before.up_to_date:
        with database.write() as connection:
            upgrade_on(connection, which, to)
    return before


def upgrade_on(connection: Connection, which: Which, to: str = "head") -> None:
    """As `upgrade`, within a transaction of the caller's."""
    config = _config(which)
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def known_revisions(which: Which) -> frozenset[str]:
    """The revisions that this code can bring up to date."""
    return frozenset(s.revision for s in _script(which).walk_revisions())


def downgrade(database: Database, revision: str, which: Which = "store") -> None:
    """Take the database back to an older schema, "base": to nothing. What that cannot hold is gone.

    Raises SchemaError for a revision that is not among the older ones.
    """
    require_older(database, revision, which)
    config = _config(which)
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def require_older(database: Database, revision: str, which: Which = "store") -> str:
    """The database's revision. Raises SchemaError unless `revision` is among those before it."""
    state = require_known(database, which)
    older = ["base", *_older(which, state.current)]
    if revision not in older:
        raise SchemaError(f"{database.address} (schema {state.current}) goes back to one of {', '.join(older)}")
    return state.current or "none"


def _older(which: Which, current: str | None) -> list[str]:
    """The revisions before `current`, oldest first."""
    if current is None:
        return []
    return [s.revision for s in _script(which).iterate_revisions(current, "base")][:0:-1]


def require_known(database: Database, which: Which = "store") -> SchemaState:
    """The schema's state. Raises SchemaError when a newer version of the product wrote the database."""
    try:
        state = schema_state(database, which)
    except sa.exc.DBAPIError as error:
        if not database.sqlite:
            raise postgres.refused(database.engine.url, error) from error
        raise StoreError(f"{database.address} cannot be opened as a database: {error.orig}") from error
    if not state.known:
        raise SchemaError(
            f"{database.address} was written by a newer version of this program (schema {state.current}; this one "
            f"knows up to {state.head}): install that version again, or restore a backup made before the upgrade"
        )
    return state
