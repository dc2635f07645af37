"""The technical line of a failure: in the viewer's language, but for names, paths and a source's own words."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from coc.ui.context import Context, context_of
from coc.ui.details import detail_words
from tests.ui import factory

ROOT = Path(__file__).parents[2]
# Where today's kinds of sources say why they failed.
SPEAKERS = ("answers", "client", "files", "freeradius", "http_probe", "librenms", "librenmsread", "mapping",
            "prometheus", "promql", "promread", "sipadek", "sqlread", "tables", "transport", "unifi")  # fmt: skip
UNSAID = {"source_error", "http_status", "no_history", "evaluation_time"}  # quoted, or their words say all
# Nothing in them is a word: an address, a status, a size.
WORDLESS = {"{}", "{}: {}", "{}:{} {}", "{} MB", "HTTP {}{}"}


def context(language: str) -> Context:
    return context_of(factory.view("sumber", language=language))


@pytest.mark.parametrize(
    ("code", "detail", "said"),
    [
        ("mass_deletion", "2431 of 34406 letters, 4 of 9 sites", "2.431 dari 34.406 surat, 4 dari 9 lokasi WiFi"),
        ("clock_ahead", "+7 h", "+7 jam"),
        ("too_slow", "10 s", "10 detik"),
        ("too_slow", "10 s (a.test:443 does not take the connection)",
         "10 detik (a.test:443 tidak menerima sambungan)"),
        ("unreachable", "a.test:443 refuses the connection", "a.test:443 menolak sambungan"),
        ("unlabelled", "2 of 1300 series have no label `ap`", "2 dari 1.300 deret tanpa label `ap`"),
        ("too_many_pages", "/letters: 80 pages in 41 s and still a next one",
         "/letters: 80 halaman dalam 41 detik dan masih ada lanjutannya"),
        ("certificate", "Hostname mismatch, certificate is not valid for 'a.test'.",
         "sertifikat itu bukan untuk a.test"),
        ("schema_drift", "letters.completed_at", "letters.completed_at"),
        ("source_error", "the answer ends early", "the answer ends early"),  # the source's own words
    ],
)  # fmt: skip
def test_a_detail_is_said_in_indonesian(code: str, detail: str, said: str) -> None:
    assert detail_words(context("id"), code, detail) == said


def test_in_english_a_detail_stays_as_it_was_said() -> None:
    for detail in ("the answer ends early", "a.test closed the connection", "+7 h", "data.csv, row 7: no `unit`"):
        assert detail_words(context("en"), "broken", detail) == detail


@pytest.mark.parametrize("speaker", SPEAKERS)
def test_every_detail_of_a_connector_is_known_in_both_languages(speaker: str) -> None:
    tree = ast.parse((ROOT / f"data_connectors/{speaker}.py").read_text(encoding="utf-8"))
    details = set(_details(tree))
    filled = {d.replace("{}", "7") for d in details if d not in WORDLESS}
    unknown = {d for d in filled if detail_words(context("id"), "broken", d) == d}
    assert unknown == set()


def _details(tree: ast.Module) -> Iterator[str]:
    """The sentences given to FetchError, and those put together in `said` just before; `{}` for what is filled in."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in ("FetchError", "note") and len(node.args) > 1:
            if isinstance(node.args[0], ast.Constant) and node.args[0].value not in UNSAID:
                yield from _sentence(node.args[1])
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "said":
            yield from _sentence(node.value)


def _name(function: ast.expr) -> str:
    return str(getattr(function, "id", getattr(function, "attr", "")))


def _sentence(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
