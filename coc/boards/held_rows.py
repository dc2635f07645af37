"""One dataset's rows held in memory: a refresh costs what changed, not what is held.

A row that another version replaces stays where it is, marked deleted, and the new one comes at the end: nothing is
moved, and where each key stands is known without a search. Words that come again and again are held as codes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

Key = tuple[str, str]  # source, source_id
Places = npt.NDArray[np.intp]

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

    def places(self, keys: Iterable[Key]) -> Places:
        """Where each key's row stands, -1 for one that is not held."""
        return np.array([self._places.get(key, -1) for key in keys], dtype=np.intp)

    def take(self, fresh: pd.DataFrame) -> Places:
        """The newest version of some rows, new ones among them, each key once; they are the last rows afterwards.

        Gives where the newest version of each row that was held stands now; -1 of one that was replaced long ago.
        """
        keys = keys_of(fresh)
        known = self.places(keys)
        replaced = known[known >= 0]
        held, fresh = self._same_words(fresh)
        gone = held["deleted"].to_numpy(dtype=bool, na_value=False).copy()
        gone[replaced] = True
        self._replaced += len(replaced)
        start = len(held)
        moved = np.arange(start)
        moved[replaced] = start + np.flatnonzero(known >= 0)
        deleted = pd.array(gone, dtype="boolean")
        self.frame = pd.concat([held.assign(deleted=deleted), fresh], ignore_index=True)
        self._places.update(zip(keys, range(start, start + len(keys)), strict=True))
        if self._replaced > _MOST_REPLACED * len(self.frame):
            moved = self._drop_replaced()[moved]
        return moved

    def _same_words(self, fresh: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Both with the same categories: those that are held, and then the new ones."""
        held, coded = self.frame, {}
        more: dict[str, pd.Series[Any]] = {}
        for name in (c for c in fresh if c in _CODED):
            words: Any = held[name].cat.categories
            dtype: Any = held[name].dtype  # the very same, or pandas compares all words to find out
            texts = pd.Index(fresh[name].to_numpy(dtype=object), dtype=object)
            codes = words.get_indexer(texts)
            unknown = [text for text in dict.fromkeys(texts[codes < 0]) if isinstance(text, str)]
            if unknown:
                words = words.append(pd.Index(unknown, dtype=words.dtype))
                dtype = pd.CategoricalDtype(words)
                more[name] = held[name].astype(dtype)
                codes = words.get_indexer(texts)
            coded[name] = pd.Categorical.from_codes(codes, dtype=dtype)
        return (held.assign(**more) if more else held), fresh.assign(**coded)

    def _drop_replaced(self) -> Places:
        """Gives where each row that stays stands now, -1 of the others."""
        last = np.zeros(len(self.frame), dtype=bool)
        last[list(self._places.values())] = True
        self.frame = self.frame[last].reset_index(drop=True)
        self._places = self._indexed()
        self._replaced = 0
        return np.where(last, np.cumsum(last) - 1, -1)

    def _indexed(self) -> dict[Key, int]:
        return {key: place for place, key in enumerate(keys_of(self.frame))}


class LetterPlaces:
    """Where the letter of each held disposition stands among the held letters (`of`), -1 where it is not held."""

    def __init__(self, letters: HeldRows, given: HeldRows) -> None:
        self._letters, self._given = letters, given
        keys = pd.MultiIndex.from_frame(letters.frame[["source", "source_id"]])
        wanted = pd.MultiIndex.from_frame(given.frame[["source", "letter_id"]])
        self.of: Places = np.asarray(keys.get_indexer(wanted), dtype=np.intp)

    def take_letters(self, fresh: pd.DataFrame) -> None:
        moved = self._letters.take(fresh)
        self.of = np.append(moved, -1)[self.of]
        self._look_up(np.flatnonzero(self.of < 0))  # those whose letter came only now

    def take_given(self, fresh: pd.DataFrame) -> None:
        moved = self._given.take(fresh)
        size, were, there = len(self._given.frame), self.of, moved >= 0
        self.of = np.full(size, -1, dtype=np.intp)
        self.of[moved[there]] = were[there]
        self._look_up(np.arange(size - len(fresh), size))

    def _look_up(self, rows: Places) -> None:
        of = self._given.frame[["source", "letter_id"]].iloc[rows]
        self.of[rows] = self._letters.places(zip(of["source"].tolist(), of["letter_id"].tolist(), strict=True))


def keys_of(frame: pd.DataFrame) -> list[Key]:
    return list(zip(frame["source"].tolist(), frame["source_id"].tolist(), strict=True))
