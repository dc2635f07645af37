"""What a service's samples said at known instants: a few rows, found by key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from coc.domain.datasets import Dataset
from coc.store.tables import TABLES

_PIECE: Final = 300  # instants a statement


class At(NamedTuple):
    """A sample's key; `vantage` "" is the COC's own room, `at` microseconds."""

    service: str
    vantage: str
    at: int


class Answer(NamedTuple):
    status: int | None
    reason: str | None


def answers(connection: Connection, keys: Iterable[At]) -> dict[At, Answer]:
    """Status and reason of the samples with these keys; one that is not stored is left out."""
    wanted = set(keys)
    table = TABLES[Dataset.SERVICE_SAMPLES]
    columns = (table.c.service, table.c.vantage, table.c.at, table.c.status, table.c.reason)
    found = {}
    for ats in _pieces(sorted({key.at for key in wanted})):
        for service, vantage, at, status, reason in connection.execute(sa.select(*columns).where(table.c.at.in_(ats))):
            key = At(service, vantage, at)
            if key in wanted:
                found[key] = Answer(status, reason)
    return found


def _pieces(ats: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ats[n : n + _PIECE] for n in range(0, len(ats), _PIECE))
