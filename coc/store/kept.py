"""Published values at rest: opaque payloads, one a KPI, population and day. The first one kept is the one published."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from coc.store import columns as codec
from coc.store.engine import Database
from coc.store.tables import kept_values

_PIECE: Final = 500


@dataclass(frozen=True, slots=True)
class KeptRow:
    """`payload`: by unit its value and state."""

    kpi: str
    population: str
    day: date
    payload: bytes


class Kept(Database):
    def keep(self, rows: Sequence[KeptRow], at: datetime) -> None:
        """Keep what is not kept yet; what is stays as it was published. `at`: business time."""
        found = [
            {
                "kpi": row.kpi,
                "population": row.population,
                "day": row.day.isoformat(),
                "payload": row.payload,
                "kept_at": codec.micros(at),
            }
            for row in rows
        ]
        insert = (sqlite.insert if self.sqlite else postgresql.insert)(kept_values).on_conflict_do_nothing()
        for first in range(0, len(found), _PIECE):
            with self.write() as connection:
                connection.execute(insert, found[first : first + _PIECE])

    def kept_keys(self, since: date) -> set[tuple[str, str, date]]:
        """(KPI, population, day) of all that is kept of that day and after."""
        table = kept_values
        keys = sa.select(table.c.kpi, table.c.population, table.c.day).where(table.c.day >= since.isoformat())
        with self.read() as connection:
            return {(kpi, who, date.fromisoformat(day)) for kpi, who, day in connection.execute(keys)}

    def kept_count(self, since: date) -> int:
        """How many are kept of that day and after: another number where something was kept."""
        counted = sa.select(sa.func.count()).where(kept_values.c.day >= since.isoformat())
        with self.read() as connection:
            return int(connection.execute(counted).scalar_one())

    def kept(self, kpis: Iterable[str], population: str, since: date, until: date) -> list[KeptRow]:
        """What was published of these KPIs in [since, until]."""
        table = kept_values
        where: list[Any] = [table.c.kpi.in_(list(kpis)), table.c.population == population]
        where.append(table.c.day.between(since.isoformat(), until.isoformat()))
        with self.read() as connection:
            rows = connection.execute(sa.select(table).where(*where).order_by(table.c.kpi, table.c.day)).all()
        return [KeptRow(r.kpi, r.population, date.fromisoformat(r.day), bytes(r.payload)) for r in rows]
