"""Many rows at once: by executemany and by COPY, on SQLite and PostgreSQL, the outcome is the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from coc.domain.datasets import COLUMNS, DTYPES, KEYS, SAMPLES, Column, Dataset, Kind
from coc.store import Store, bulk, open_store, staged, tables
from coc.store import columns as codec
from coc.store.tables import DERIVED, stored_columns

WORDS = ["", " ", "NULL", r"\N", 'a"b', "tab\there", "Ñandú", "😀", "%s", "\\", "baris\nbaru", "'; DROP TABLE letters"]
D, L = Dataset.DISPOSITIONS, Dataset.LETTERS


@pytest.fixture(params=["sqlite", "postgresql by executemany", "postgresql by COPY"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(staged, "FEW", 1 if "COPY" in request.param else 10**9)
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/coc.db"
    else:
        url = request.getfixturevalue("postgres").create(migrated=True)
    opened = open_store(url)
    yield opened
    opened.close()


def _column(column: Column, keys: np.ndarray[Any, Any], rng: np.random.Generator) -> pd.Series[Any]:
    n = len(keys)
    if column.kind is Kind.TIME:
        raw = 1_767_225_600_000_000 + rng.integers(0, 10**12, n)
        found: pd.Series[Any] = pd.Series(pd.to_datetime(raw, unit="us", utc=True))
    elif column.kind is Kind.FLOAT:
        found = pd.Series(rng.choice([0.1, -0.0, 1e300, 5e-324, 2.5], n))
    elif column.kind is Kind.INT:
        found = pd.Series(rng.choice([0, 1, 2**53, -(2**53)], n))
    elif column.kind is Kind.BOOL:
        found = pd.Series(rng.random(n) < 0.5)
    else:
        found = pd.Series(rng.choice(WORDS, n))
    return found.astype(DTYPES[column.kind]).mask(pd.Series(rng.random(n) < 0.2))


def _frame(dataset: Dataset, keys: list[int], seed: int) -> pd.DataFrame:
    """Rows of these keys with anything in them."""
    rng, numbers = np.random.default_rng(seed), np.array(keys)
    frame = pd.DataFrame({c.name: _column(c, numbers, rng) for c in stored_columns(dataset)})
    for name in KEYS[dataset]:
        if name == "at":
            at = 1_767_225_600_000_000 + numbers * 86_400_000_000
            frame[name] = pd.to_datetime(at, unit="us", utc=True).as_unit("us")
        else:
            frame[name] = pd.Series([f"k'{k % 7 if dataset in SAMPLES else k}" for k in keys], dtype="str")
    return frame


def _put(store: Store, dataset: Dataset, *frames: pd.DataFrame) -> list[int]:
    """In one transaction; how many rows each changed."""
    extra: dict[str, Any] = {} if dataset in SAMPLES else {"row_hash": 7}
    if dataset is D:
        extra["derived_from"] = "x"
    with store.commit("src") as tx:
        return [bulk.upsert(tx, dataset, f, source="src", **extra) for f in frames]


def _held(store: Store, dataset: Dataset) -> list[dict[str, Any]]:
    table = tables.TABLES[dataset]
    with store.read() as connection:
        rows = [dict(r._mapping) for r in connection.execute(sa.select(table))]
    return sorted(rows, key=lambda r: [str(r[c.name]) for c in table.primary_key])


@pytest.mark.parametrize("dataset", [L, D, Dataset.AP_SAMPLES, Dataset.SERVICE_SAMPLES, Dataset.SITES])
def test_three_batches_leave_the_rows_that_their_rule_leaves(store: Store, dataset: Dataset) -> None:
    batches = [_frame(dataset, list(range(first, first + 40)), first) for first in (0, 20, 35)]
    expected: dict[Any, dict[str, Any]] = {}
    counts = []
    for batch in batches:
        names = [c.name for c in stored_columns(dataset)]
        rows = codec.to_rows(batch, stored_columns(dataset), {}, names)
        counts.append(sum(_takes(dataset, expected, dict(zip(names, row, strict=True))) for row in rows))
    assert _put(store, dataset, *batches[:2]) + _put(store, dataset, batches[2]) == counts
    found = {tuple(r[k] for k in KEYS[dataset]): {c: r[c] for c in names} for r in _held(store, dataset)}
    assert found == expected
    if dataset in SAMPLES:
        assert _put(store, dataset, batches[2]) == [0]


def _takes(dataset: Dataset, held: dict[Any, dict[str, Any]], row: dict[str, Any]) -> bool:
    """The rule in words: an older change never overwrites a newer, an equal sample changes nothing."""
    key = tuple(row[k] for k in KEYS[dataset])
    was = held.get(key)
    if was is not None:
        if dataset in SAMPLES and was == row:
            return False
        both = was.get("updated_at"), row.get("updated_at")
        if dataset not in SAMPLES and None not in both and both[1] < both[0]:
            return False
    held[key] = row
    return True


def test_known_rows_are_amended_and_unknown_ones_are_not_made(store: Store) -> None:
    _put(store, D, _frame(D, list(range(30)), 1))
    before = _held(store, D)
    change = _frame(D, list(range(10, 40)), 2)
    with store.commit("src") as tx:
        bulk.amend(tx, D, "src", change, DERIVED, derived_from="y")
        bulk.amend(tx, D, "other", change, DERIVED, derived_from="z")
    rows = codec.to_rows(change, stored_columns(D), {}, ["source_id", *(c.name for c in DERIVED)])
    wanted = {row[0]: dict(zip((c.name for c in DERIVED), row[1:], strict=True)) for row in rows}
    expected = [
        r | wanted[r["source_id"]] | {"derived_from": "y", "rev": 2} if r["source_id"] in wanted else r for r in before
    ]
    assert sum(r["rev"] == 2 for r in expected) == 20
    assert _held(store, D) == expected


def test_rows_are_found_by_any_number_of_keys(store: Store) -> None:
    _put(store, L, _frame(L, list(range(bulk.CHUNK + 10)), 3))
    keys = [f"k'{i}" for i in range(5, bulk.CHUNK + 20)]
    with store.read() as connection:
        found = bulk.held(connection, L, "src", keys, COLUMNS[L][:1], "row_hash")
        assert bulk.held(connection, L, "src", [], COLUMNS[L][:1]).empty
    assert set(found["source_id"]) == set(keys[: bulk.CHUNK + 5])
    assert found["row_hash"].dtype == np.int64


def test_a_refused_batch_tells_nothing_of_its_rows(store: Store) -> None:
    bad = _frame(L, [1, 2], 4)
    bad.loc[1, "source_id"] = None
    bad["subject"] = "Bapak Rahasia"
    with pytest.raises(sa.exc.DBAPIError) as caught:
        _put(store, L, bad)
    assert "Rahasia" not in f"{caught.value}{caught.value.__cause__}"
    assert _held(store, L) == []
