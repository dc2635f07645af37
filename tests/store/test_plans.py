"""After a first load PostgreSQL plans for as many rows as there are, not for an empty table."""

from __future__ import annotations

from coc.domain.datasets import Dataset
from coc.store import plans
from tests.databases import Postgres
from tests.ingest.kit import batch, city, letter

ROWS = 3_000


def test_a_first_load_is_planned_for_at_once_and_a_small_change_costs_nothing(postgres: Postgres) -> None:
    src = city(lambda: postgres.create(migrated=True))
    assert src.pull(batch(Dataset.LETTERS, [letter(i) for i in range(ROWS)])).stored == ROWS
    with src.store.read() as connection:
        known = connection.exec_driver_sql("SELECT reltuples FROM pg_class WHERE relname = 'letters'").scalar_one()
    assert known == ROWS
    assert src.pull(batch(Dataset.LETTERS, [letter(i) for i in range(ROWS, ROWS + 9)])).stored == 9
    assert plans.renew(src.store) == []
    src.store.close()
