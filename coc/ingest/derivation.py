"""What a disposition takes from its letter, calendars and limits: filled at ingest, mended when those change."""

from __future__ import annotations

from typing import Final

import pandas as pd
import sqlalchemy as sa

from coc.domain.datasets import COLUMNS, Dataset
from coc.domain.derive import derivation_digest, derive
from coc.domain.limits import Limits
from coc.domain.worktime import Calendars, build_calendars
from coc.ingest.context import known_units
from coc.ingest.recompute import settle_states
from coc.settings.models import Realm, Settings
from coc.store import Store, Tx, bulk
from coc.store import columns as codec
from coc.store.tables import DERIVED, FROM_LETTER, TABLES, stored_columns

# letter_x of a disposition is x of its letter.
_LETTER_FACTS: Final = tuple(c for c in COLUMNS[Dataset.LETTERS] if f"letter_{c.name}" in {f.name for f in FROM_LETTER})
_DISPOSITIONS: Final = TABLES[Dataset.DISPOSITIONS]
_MENDED: Final = (*FROM_LETTER, *DERIVED)
_SLICE: Final = 20_000


def with_letters(tx: Tx, source: str, dispositions: pd.DataFrame) -> pd.DataFrame:
    """The frame with what its letters say (`FROM_LETTER`); null where the letter has not arrived."""
    wanted = dispositions["letter_id"].unique()
    key = COLUMNS[Dataset.LETTERS][0]
    letters = bulk.held(tx.connection, Dataset.LETTERS, source, wanted, (key, *_LETTER_FACTS))
    return _joined(dispositions, letters)


def _joined(dispositions: pd.DataFrame, letters: pd.DataFrame) -> pd.DataFrame:
    facts = letters.set_index("source_id")[[c.name for c in _LETTER_FACTS]].add_prefix("letter_")
    found = facts.reindex(dispositions["letter_id"]).set_axis(dispositions.index)
    return dispositions.drop(columns=list(found.columns), errors="ignore").join(found)


def derived(dispositions: pd.DataFrame, calendars: Calendars, limits: Limits) -> pd.DataFrame:
    """The frame with `DERIVED` computed anew; it holds `FROM_LETTER` already."""
    made = derive(dispositions, calendars, limits)
    return dispositions.drop(columns=list(made.columns), errors="ignore").join(made)


def follow_letters(
    tx: Tx, source: str, letters: pd.DataFrame, calendars: Calendars, limits: Limits, digest: str
) -> int:
    """Bring the dispositions of letters that arrived or changed in line with them; how many changed."""
    mine = sa.select(_DISPOSITIONS.c.source).where(_DISPOSITIONS.c.source == source).limit(1)
    if letters.empty or tx.connection.execute(mine).first() is None:
        return 0
    held = bulk.where_in(
        tx.connection,
        Dataset.DISPOSITIONS,
        source,
        _DISPOSITIONS.c.letter_id,
        letters["source_id"],
        stored_columns(Dataset.DISPOSITIONS),
    )
    if held.empty:
        return 0
    now = _joined(held, letters)
    moved = codec.row_hash(held, FROM_LETTER) != codec.row_hash(now, FROM_LETTER)
    return _mend(tx, source, derived(now[moved], calendars, limits), digest)


def _mend(tx: Tx, source: str, rows: pd.DataFrame, digest: str) -> int:
    """Write the letter's facts and the derived columns of known dispositions, under the transaction's commit."""
    if rows.empty:
        return 0
    bulk.amend(tx, Dataset.DISPOSITIONS, source, rows, _MENDED, derived_from=digest)
    return len(rows)


def rederive(store: Store, calendars: Calendars, limits: Limits) -> int:
    """Recompute the dispositions that were derived from other calendars or limits; how many.

    Called when the realm starts and after its units changed. Each slice is a commit of its own, so a stop in between
    loses nothing.
    """
    digest = derivation_digest(calendars, limits)
    stale = (
        sa.select(*codec.select_list(_DISPOSITIONS, stored_columns(Dataset.DISPOSITIONS)))
        .where(_DISPOSITIONS.c.derived_from != digest)
        .limit(_SLICE)
    )
    total = 0
    while True:
        with store.commit("calendar") as tx:
            rows = tx.connection.execute(stale).cursor.fetchall()
            frame = codec.to_frame(rows, stored_columns(Dataset.DISPOSITIONS))
            for source, part in frame.groupby("source"):
                total += _mend(tx, str(source), derived(part, calendars, limits), digest)
        if len(rows) < _SLICE:
            return total


def settle(store: Store, settings: Settings, realm: Realm) -> int:
    """Bring what a realm derived to the calendars, limits and polling intervals of today's config.

    How many rows changed, and entities whose states were computed anew.
    """
    units = known_units(store, settings, realm)
    calendars = build_calendars(settings.calendar, settings.city.time_zone, units)
    return rederive(store, calendars, settings.limits) + settle_states(store, settings, realm)
