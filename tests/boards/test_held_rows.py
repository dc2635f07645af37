"""What is held in memory is what the store holds, however often rows were replaced."""

from __future__ import annotations

from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from coc.boards.held_rows import HeldRows, LetterPlaces, keys_of
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


@settings(max_examples=30, deadline=None)
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


LETTERS = st.dictionaries(KEYS, st.tuples(UNITS, st.none(), st.booleans()), max_size=5)
GIVEN = st.dictionaries(KEYS, st.sampled_from(["1", "2", "3", "4", None]), max_size=5)


@settings(max_examples=30, deadline=None)
@given(LETTERS, GIVEN, st.lists(st.tuples(LETTERS, GIVEN), max_size=12))
def test_each_disposition_finds_its_letter_however_both_were_replaced(
    first: dict[tuple[str, str], tuple[str, str | None, bool]],
    handed: dict[tuple[str, str], str | None],
    later: list[tuple[dict[tuple[str, str], tuple[str, str | None, bool]], dict[tuple[str, str], str | None]]],
) -> None:
    letters, given_ = HeldRows(frame(first)), HeldRows(dispositions(handed))
    places, there, of = LetterPlaces(letters, given_), {*first}, dict(handed)
    for mail, more in later:
        if mail:
            places.take_letters(frame(mail))
        if more:
            places.take_given(dispositions(more))
        there |= {*mail}
        of |= more
        newest = {key: place for place, key in enumerate(keys_of(given_.frame))}
        for (source, own), letter in of.items():
            place = int(places.of[newest[source, own]])
            found = None if place < 0 else letters.frame["source_id"].iloc[place]
            assert found == (letter if (source, letter) in there else None)
            # The version that counts, not one that was replaced: those are marked deleted.
            assert place < 0 or place == max(i for i, k in enumerate(keys_of(letters.frame)) if k == (source, letter))


def dispositions(rows: dict[tuple[str, str], str | None]) -> pd.DataFrame:
    made: list[dict[str, Any]] = [
        {"source": s, "source_id": i, "letter_id": letter, "deleted": False, "issued_at": REGISTERED}
        for (s, i), letter in rows.items()
    ]
    return cities.frame(Dataset.DISPOSITIONS, made)
