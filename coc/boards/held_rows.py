"""One dataset's rows held in memory: a refresh costs what changed, not what is held.

A row that another version replaces stays where it is, marked deleted, and the new one comes at the end: nothing is
moved, and where each key stands is known without a search. Words that come again and again are held as codes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pandas as pd

Key = tuple[str, str]  # source, source_id

_CODED: Final = frozenset(
    {"kind", "type", "category", "urgency", "security", "unit", "medium", "from_office", "to_unit", "to_office"}
    | {"channel", "device", "instruction", "letter_kind", "letter_urgency", "letter_security"}
)
_MOST_REPLACED: Final = 0.25  # of all rows; then they are dropped


class HeldRows:
    """`frame`: canonical dtypes, but that columns of few words are categorical."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame.assign(**{c: frame[c].astype("category") for c in frame if c in _CODED})
        self._places = self._indexed()
        self._replaced = 0

    def __contains__(self, key: Key) -> bool:
        return key in self._places

    def missing(self, keys: Iterable[Key]) -> list[Key]:
        return [key for key in keys if key not in self._places]

    def take(self, fresh: pd.DataFrame) -> None:
        """The newest version of some rows, new ones among them; each key once."""
        keys = keys_of(fresh)
        replaced = [place for key in keys if (place := self._places.get(key)) is not None]
        held, fresh = self._same_words(fresh)
        gone = held["deleted"].to_numpy(dtype=bool, na_value=False).copy()
        gone[replaced] = True
        self._replaced += len(replaced)
        start = len(held)
        deleted = pd.array(gone, dtype="boolean")
        self.frame = pd.concat([held.assign(deleted=deleted), fresh], ignore_index=True)
        self._places.update(zip(keys, range(start, start + len(keys)), strict=True))
        if self._replaced > _MOST_REPLACED * len(self.frame):
            self._drop_replaced()

    def _same_words(self, fresh: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Both with the same categories: those that are held, and then the new ones."""
        held, coded = self.frame, {}
        more: dict[str, pd.Series[Any]] = {}
        for name in (c for c in fresh if c in _CODED):
            known = held[name].cat.categories
            new = pd.Index(fresh[name].dropna().unique()).difference(known, sort=False)
            if len(new):
                more[name] = held[name].cat.add_categories(new)
            coded[name] = fresh[name].astype(pd.CategoricalDtype(known.append(new)))
        return (held.assign(**more) if more else held), fresh.assign(**coded)

    def _drop_replaced(self) -> None:
        last = np.zeros(len(self.frame), dtype=bool)
        last[list(self._places.values())] = True
        self.frame = self.frame[last].reset_index(drop=True)
        self._places = self._indexed()
        self._replaced = 0

    def _indexed(self) -> dict[Key, int]:
        return {key: place for place, key in enumerate(keys_of(self.frame))}


def keys_of(frame: pd.DataFrame) -> list[Key]:
    return list(zip(frame["source"].tolist(), frame["source_id"].tolist(), strict=True))
