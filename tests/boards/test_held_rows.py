"""What is held in memory is what the store holds, however often rows were replaced."""

from __future__ import annotations

from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from coc.boards.held_rows import HeldRows
from coc.domain.datasets import Dataset
from tests.metrics import cities

REGISTERED = cities.wib("2026-03-02T08:00")
KEYS = st.sampled_from([("a", "1"), ("a", "2"), ("b", "1"), ("b", "3"), ("b", "4")])
UNITS = st.sampled_from(["DISDIK", "DINKES", "KEC-01"])
VERSIONS = st.dictionaries(KEYS, st.tuples(UNITS, st.sampled_from(["masuk", None]), st.booleans()), max_size=5)


def frame(rows: dict[tuple[str, str], tuple[str, str | None, bool]]) -> pd.DataFrame:
    made: list[dict[str, Any]] = [
        {"source": s, "source_id": i, "unit": unit, "type": type_, "deleted": gone, "registered_at": REGISTERED}
        for (s, i), (unit, type_, gone) in rows.items()
    ]
    return cities.frame(Dataset.LETTERS, made)


def shown(held: pd.DataFrame) -> set[tuple[Any, ...]]:
    alive = held[~held["deleted"].to_numpy(dtype=bool)]
    types = alive["type"].astype(object).where(alive["type"].notna(), None)
    return set(zip(alive["source"], alive["source_id"], alive["unit"].astype(str), types, strict=True))


@settings(max_examples=60, deadline=None)
@given(VERSIONS, st.lists(VERSIONS.filter(bool), max_size=12))
def test_the_newest_version_of_each_row_counts_and_no_other(
    first: dict[tuple[str, str], tuple[str, str | None, bool]],
    later: list[dict[tuple[str, str], tuple[str, str | None, bool]]],
) -> None:
    held, truth = HeldRows(frame(first)), dict(first)
    for versions in later:
        held.take(frame(versions))
        truth |= versions
        assert shown(held.frame) == {(*key, unit, type_) for key, (unit, type_, gone) in truth.items() if not gone}
        assert all(key in held for key in truth)
    assert len(held.frame) <= 2 * len(truth) + 5


def test_columns_of_few_words_are_held_as_codes_whatever_new_words_come() -> None:
    held = HeldRows(frame({("a", "1"): ("DISDIK", "undangan", False)}))
    held.take(frame({("a", "2"): ("DINKES", None, False)}))
    assert isinstance(held.frame["unit"].dtype, pd.CategoricalDtype)
    assert held.frame["unit"].tolist() == ["DISDIK", "DINKES"]
    assert held.frame["type"].isna().tolist() == [False, True]
