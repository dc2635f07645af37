"""From a leader's words, typed or spoken, to the code of an instruction (DOMAIN, Edges: Instructions)."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

import pandas as pd

from coc.domain import reference

OTHER: Final = "LAINNYA"  # maps to nothing: group "lainnya", needs follow-up
_NOT_WORD: Final = re.compile(r"[\W_]+")


def normalise(text: str) -> str:
    """Lower case, punctuation to spaces, spaces collapsed."""
    return _NOT_WORD.sub(" ", text.lower()).strip()


_TABLE: Final = reference.instructions()
GROUPS: Final[dict[str, str]] = {row["kode"]: row["kelompok"] for row in _TABLE} | {OTHER: "lainnya"}
NEEDS_FOLLOW_UP: Final[dict[str, bool]] = {row["kode"]: row["wajib_tindak_lanjut"] for row in _TABLE} | {OTHER: True}
# A code is recognised as it is typed or as it is spoken: `TINDAK_LANJUTI`, `tindak-lanjuti`, `Tindak lanjuti`.
_CODES: Final = {normalise(code): code for code in GROUPS}
_SPOKEN: Final = sorted(
    ((normalise(spoken), row["kode"]) for row in _TABLE for spoken in row["ucapan"]), key=lambda s: (-len(s[0]), s[0])
)


@cache
def _code_of(words: str) -> str:
    if words in _CODES:
        return _CODES[words]
    rest, found = f" {words} ", []
    for spoken, code in _SPOKEN:
        if f" {spoken} " in rest:
            found.append(code)
            # Consumed words leave a mark that no phrase holds, so that their neighbours never join into a new phrase.
            rest = re.sub(rf"(?<= ){re.escape(spoken)}(?= )", "|", rest)
    return next((code for code in found if NEEDS_FOLLOW_UP[code]), found[0] if found else OTHER)


def code_of(text: Any) -> str:
    """The code of an instruction given as a code (any case) or in words; `LAINNYA` when nothing is recognised.

    The longest phrase wins, its words are consumed; of several instructions one that needs follow-up wins.
    """
    return _code_of(normalise(text)) if isinstance(text, str) else OTHER


def codes_of(texts: pd.Series[Any]) -> pd.Series[Any]:
    """`code_of` for a column; each distinct text is mapped once."""
    codes, distinct = pd.factorize(texts, use_na_sentinel=True)
    mapped = [*(code_of(t) for t in distinct), OTHER]  # index -1, missing, is the last
    return pd.Series([mapped[c] for c in codes], index=texts.index, dtype="str", name=texts.name)


def needs_follow_up(codes: pd.Series[Any]) -> pd.Series[bool]:
    """Whether each instruction stays open until somebody completes it; what is unknown does."""
    positions, distinct = pd.factorize(codes, use_na_sentinel=True)
    flags = pd.array([*(NEEDS_FOLLOW_UP[code_of(t)] for t in distinct), True], dtype="boolean").to_numpy(dtype=bool)
    return pd.Series(flags[positions], index=codes.index, dtype=bool)
