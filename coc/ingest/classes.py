"""A letter whose row is refused keeps its stored contents, but never a class lower than the refused row may mean.

Who may see a letter hangs on its class. Were the old one kept while the new cannot be read, a letter that has just
become secret would stay in sight for as long as somebody takes to mend a mapping (docs/decisions/086).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from coc.domain.datasets import COLUMNS, SECURITIES, Dataset
from coc.domain.instants import NAT, to_micros
from coc.ingest.clean import clean_column
from coc.ingest.context import Surroundings
from coc.ingest.derivation import follow_letters
from coc.store import Rejected, Tx, bulk
from coc.store import columns as codec

_FIELD: Final = "security"
_HIGHEST: Final = len(SECURITIES) - 1
_LETTERS: Final = COLUMNS[Dataset.LETTERS]
_CLASS: Final = tuple(c for c in _LETTERS if c.name == _FIELD)
_CHANGED: Final = next(c for c in _LETTERS if c.name == "updated_at")


def raise_refused(tx: Tx, around: Surroundings, source: str, refused: Sequence[Rejected]) -> int:
    """Raise stored letters to the class that their refused row names, to the highest where it cannot be read.

    How many were raised. A refused row that is older than the stored one says nothing; a good row lowers it again, as
    it differs from what is stored.
    """
    wanted = {row.source_id: rank for row in refused if (rank := _rank(row)) is not None}
    if not wanted:
        return 0
    held = bulk.held(tx.connection, Dataset.LETTERS, source, wanted, _LETTERS)
    ranks = held["source_id"].map(wanted).to_numpy(dtype="int64")
    stored = held[_FIELD].fillna(SECURITIES[0]).map(SECURITIES.index).to_numpy(dtype="int64")
    raised = held[(ranks > stored) & ~_older(held, refused)]
    if raised.empty:
        return 0
    classes = [SECURITIES[wanted[id]] for id in raised["source_id"]]
    raised = raised.assign(**{_FIELD: pd.Series(classes, index=raised.index, dtype="str")})
    bulk.amend(tx, Dataset.LETTERS, source, raised, _CLASS, row_hash=codec.row_hash(raised, _LETTERS))
    follow_letters(tx, source, raised, around.calendars, around.settings.limits, around.digest)
    return len(raised)


def _rank(row: Rejected) -> int | None:
    """The class that a refused row may have; None where it says none, which is no change of it."""
    said = row.fields.get(_FIELD)
    if row.field == _FIELD:
        return _HIGHEST
    if said is None or (isinstance(said, str) and not said.strip()):
        return None
    text = said.strip() if isinstance(said, str) else ""
    return SECURITIES.index(text) if text in SECURITIES else _HIGHEST


def _older(held: pd.DataFrame, refused: Sequence[Rejected]) -> Any:
    """Which stored rows are newer than their refused one; where either has no time, none is."""
    said = {row.source_id: row.fields.get(_CHANGED.name) for row in refused}
    came = to_micros(clean_column(_CHANGED, held["source_id"].map(said).astype("object"))[0])
    was = to_micros(held[_CHANGED.name])
    return (came != NAT) & (was != NAT) & np.less(came, was)
