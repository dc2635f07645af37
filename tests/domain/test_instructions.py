from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coc.domain import reference
from coc.domain.instructions import GROUPS, OTHER, code_of, codes_of, needs_follow_up, normalise

TABLE = reference.instructions()
SPOKEN = [(spoken, row["kode"]) for row in TABLE for spoken in row["ucapan"]]
CLOSES_WHEN_READ = {row["kode"] for row in TABLE if not row["wajib_tindak_lanjut"]}


@pytest.mark.parametrize("row", TABLE, ids=lambda r: r["kode"])
def test_a_code_is_itself_in_any_case(row: dict[str, str]) -> None:
    assert code_of(row["kode"]) == code_of(row["kode"].lower()) == code_of(f"  {row['kode'].title()}. ") == row["kode"]


@pytest.mark.parametrize(("spoken", "code"), SPOKEN)
def test_every_spoken_variant_is_understood_within_a_sentence(spoken: str, code: str) -> None:
    assert code_of(f"Mohon, {spoken.upper()}! ya pak") == code


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("tidak setuju", "TOLAK"),  # the longest phrase first, its words consumed: not SETUJU
        ("untuk diketahui dan laksanakan", "LAKSANAKAN"),  # of several, one that needs follow-up
        ("arsipkan; untuk perhatian", "UNTUK_PERHATIAN"),  # none does: the longest
        ("Tindak\tlanjuti -- segera", "TINDAK_LANJUTI"),
        ("file", "ARSIPKAN"),
        ("profile", OTHER),  # whole words only
        ("laksanakanlah", OTHER),
        ("", OTHER),
        ("???", OTHER),
        ("tidak bicarakan setuju", "SETUJU"),
        ("untuk file diketahui", "ARSIPKAN"),  # consumed words do not join their neighbours
    ],
)
def test_words_become_the_code_a_clerk_would_choose(said: str, code: str) -> None:
    assert code_of(said) == code


def test_what_nobody_recognises_needs_follow_up_and_has_a_group() -> None:
    assert GROUPS[OTHER] == "lainnya"
    codes = pd.Series(
        ["ARSIPKAN", OTHER, None, "untuk diketahui", "HADIRI", "ngawur"], dtype="str", index=[*range(3, 9)]
    )
    flags = needs_follow_up(codes)
    assert flags.tolist() == [False, True, True, False, True, True]
    assert flags.index.tolist() == codes.index.tolist()


def test_a_column_is_mapped_as_its_texts_are() -> None:
    texts = pd.Series(["hadiri", None, "Hadiri", "arsip", "hadiri"], dtype="str")
    assert codes_of(texts).tolist() == ["HADIRI", OTHER, "HADIRI", "ARSIPKAN", "HADIRI"]
    assert codes_of(texts.iloc[:0]).empty


def plain(text: str) -> str:
    """The rule again, word by word."""
    words: list[str | None] = list(normalise(text).split())
    for row in TABLE:
        if " ".join(w for w in words if w) == row["kode"].lower().replace("_", " "):
            return str(row["kode"])
    found = []
    for spoken, code in sorted(SPOKEN, key=lambda s: -len(s[0])):
        phrase = spoken.split()
        for i in range(len(words) - len(phrase) + 1):
            if words[i : i + len(phrase)] == phrase:
                words[i : i + len(phrase)] = [None] * len(phrase)
                found.append(code)
    return next((c for c in found if c not in CLOSES_WHEN_READ), found[0] if found else OTHER)


vocabulary = sorted({w for spoken, _ in SPOKEN for w in spoken.split()} | {"dan", "segera", "pak"})


@settings(max_examples=60)
@given(st.lists(st.sampled_from(vocabulary), max_size=7), st.sampled_from([" ", ", ", "; ", " - "]))
def test_any_sentence_needs_follow_up_as_the_rule_read_word_by_word_says(words: list[str], glue: str) -> None:
    said = glue.join(words)
    got, expected = code_of(said), plain(said)
    assert (got in CLOSES_WHEN_READ) == (expected in CLOSES_WHEN_READ)
    assert got in GROUPS
