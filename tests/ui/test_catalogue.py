"""Both catalogues hold every message that the product can say."""

from __future__ import annotations

import csv
import re
import string
from pathlib import Path

import pytest

from coc.metrics.registry import registered
from coc.ui.failures import failure
from coc.ui.i18n import LANGUAGES, t
from data_connectors.base import FAILURES

ROOT = Path(__file__).parents[2]
_ID = re.compile(r"""["']((?:[a-z][a-z_]*)\.(?:[a-z][a-z0-9_]*)(?:\.[a-z0-9_]+)*)["']""")
_ROOTS = {key.split(".")[0] for key in t("id").messages}


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_hold_the_same_messages_with_the_same_places() -> None:
    first, second = (t(language).messages for language in LANGUAGES)
    assert first.keys() == second.keys()
    assert {k for k in first if _places(first[k]) != _places(second[k])} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_is_empty(language: str) -> None:
    assert [k for k, v in t(language).messages.items() if not v.strip()] == []


def test_every_message_named_in_the_code_exists() -> None:
    used = set()
    for folder in ("coc/ui", "coc/figures", "pages"):
        for file in (ROOT / folder).rglob("*.py"):
            used |= {m for m in _ID.findall(file.read_text(encoding="utf-8")) if m.split(".")[0] in _ROOTS}
    assert used - registered().keys() - t("id").messages.keys() == set()


@pytest.mark.parametrize("code", FAILURES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_failure_says_what_and_how_to_mend_it(code: str, language: str) -> None:
    said = failure(t(language), code)
    assert said.what.endswith(".")
    assert len(said.mend) > 25
    assert said.what != said.mend


def test_a_failure_of_a_plugin_keeps_its_code_in_sight() -> None:
    assert "warp_core" in failure(t("en"), "warp_core").what


def test_an_unknown_language_is_indonesian() -> None:
    assert t("fr")("overview.title") == t("id")("overview.title")


def test_terms_are_the_glossarys() -> None:
    with (ROOT / "coc/reference/glossary.csv").open(encoding="utf-8") as file:
        terms = {row["id"].casefold(): row["en"].casefold() for row in csv.DictReader(file)}
    for message, term in (
        ("by_unit.overdue", "terlambat"),
        ("foot.due_soon", "mendekati tenggat"),
        ("kpi.on_time_rate", "tepat waktu"),
        ("kpi.wifi_points", "titik wifi"),
        ("channel.voice", "perintah suara"),
    ):
        assert t("id")(message).casefold() == term
        assert t("en")(message).casefold().split(" ")[0] in terms[term]


def test_the_words_for_up_degraded_and_down_are_the_glossarys() -> None:
    said = [t("id")(f"state.{state}").casefold() for state in ("up", "degraded", "down")]
    assert said == ["aktif", "gangguan", "padam"]
