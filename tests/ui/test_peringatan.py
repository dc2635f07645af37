"""/peringatan: the worst that nobody knows of first, in words; the public sees none of a unit, nor who did what."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Any

import pytest

from coc.settings.models import Settings
from coc.ui.page import View
from tests.ui import factory, factory_peringatan
from tests.ui.tree import attribute, text_of, with_attribute

page = importlib.import_module("pages.peringatan")
HELD = factory_peringatan.boards(factory.NOW)


def view(lens: str = "operator", *, calm: bool = False, language: str = "id", **held: Any) -> View:
    boards = dict(factory_peringatan.boards(factory.NOW, calm=True) if calm else HELD) | held
    return replace(factory.view("peringatan", held=boards, language=language), lens=lens)


def test_what_nobody_knows_of_comes_first_then_the_worst_then_the_oldest() -> None:
    order = list(with_attribute(page.render(view())["peringatan-now"], "data-alert"))
    assert order == ["1", "4", "2", "3", "5", "6"]


def test_each_says_what_it_is_its_figure_since_when_and_whose_it_is() -> None:
    lines = with_attribute(page.render(view())["peringatan-now"], "data-alert")
    late = text_of(lines["4"])
    for words in (
        "Waspada",
        "Disposisi terlambat, Dinas Pendidikan",
        "31",
        "20",
        "26 jam",
        "kepala OPD",
        "Belum diakui",
    ):
        assert words in late
    assert "Aplikasi PPDB padam" in text_of(lines["1"])
    assert "Seluruh WiFi SMPN 7 Jambi padam" in text_of(lines["2"])
    assert "11 titik, listrik padam" in text_of(lines["3"])
    assert "Diakui operator" in text_of(lines["5"])
    assert "Dibisukan sampai" in text_of(lines["6"])
    assert "Naik turun" in text_of(lines["6"])


@pytest.mark.parametrize(("lens", "acts"), [("operator", 6), ("leader", 6), ("admin", 6), ("head", 0), ("room", 0)])
def test_only_who_may_act_has_the_way_to_it(lens: str, acts: int) -> None:
    links = with_attribute(page.render(view(lens))["peringatan-now"], "href")
    assert len(links) == acts


def test_the_public_sees_none_of_a_unit_and_not_who_knows_of_it() -> None:
    shown = page.render(view("public", alerts=factory_peringatan.public(HELD["alerts"])))
    said = text_of(shown["peringatan-now"]["children"])
    assert "Dinas Pendidikan" not in said
    assert "Sudah ditangani" in said
    assert "Diakui" not in said
    assert shown["peringatan-delivery-card"]["hidden"]


def test_messages_are_for_who_tends_the_machine_with_why_one_waits() -> None:
    assert page.render(view("head"))["peringatan-delivery-card"]["hidden"]
    told = page.render(view("admin"))["peringatan-delivery"]
    states = {attribute(row, "data-state") for row in with_attribute(told, "data-message").values()}
    assert states == {"sent", "waiting", "dead"}
    assert "server tidak dapat dicapai" in text_of(told["children"])


def test_a_calm_city_says_so_and_who_watches() -> None:
    said = text_of(page.render(view(calm=True))["peringatan-now"]["children"])
    assert "Tidak ada peringatan aktif" in said
    assert f"{len(Settings().alerts.in_force)} aturan" in said


@pytest.mark.parametrize(
    ("language", "words"), [("id", "Titik WiFi padam selama 5 menit"), ("en", "WiFi points down for 5 min")]
)
def test_every_rule_is_told_in_words(language: str, words: str) -> None:
    rules = page.render(view(language=language))["peringatan-rules"]["children"]
    assert set(with_attribute(rules, "data-rule")) == set(Settings().alerts.in_force)
    assert words in text_of(rules)
