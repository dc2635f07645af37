"""Beside a figure that moved stands what was down that day, worded as coincidence, with the way to it."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Any

import pytest

from tests.ui import factory, factory_coincidence
from tests.ui.tree import text_of

PAGES = {"overview": "correspondence.registered_today", "surat": "correspondence.registered_today"}
PAGES |= {"disposisi": "disposition.net_flow"}


def shown(page: str, language: str = "id", moved: int = 3, **view: Any) -> Any:
    held = factory.boards()
    held["coincidence"] = replace(held["coincidence"], frames=factory_coincidence.frames(moved)["coincidence"])
    made = replace(factory.view(page, language=language, held=held), **view)
    return importlib.import_module(f"pages.{page}").render(made)[f"{page}-coincidence"]["children"]


@pytest.mark.parametrize("page", PAGES)
def test_the_line_says_what_moved_and_what_was_down_and_leads_there(page: str) -> None:
    (line,) = shown(page)
    assert line.to_plotly_json()["props"]["data-coincidence"] == PAGES[page]
    said = text_of(line)
    assert said.startswith("10 Mar: " if page == "overview" else "Selasa 10 Mar: ")
    assert "bersamaan dengan SIPADEK mati 3,4\xa0jam" in said
    named = 1 if page == "overview" else 2
    assert said.endswith(f" +{3 - named}")
    assert [a.href for a in _links(line)] == ["/aplikasi"] * named
    assert "5%" in line.title.replace(" ", "").replace("\xa0", "")
    assert "belum tentu" in line.title


def _links(line: Any) -> list[Any]:
    return [part for part in line.children[1].children if getattr(part, "href", None)]


def test_no_language_calls_it_a_cause() -> None:
    for language in ("id", "en"):
        for page in PAGES:
            said = text_of(shown(page, language)[0]).lower()
            assert not any(word in said for word in ("karena", "akibat", "sebab", "because", "cause", "due to"))
    assert "at the same time as" in text_of(shown("surat", "en")[0])


def test_on_a_normal_day_and_of_a_unit_nothing_is_said() -> None:
    assert shown("surat", moved=0) == []
    assert shown("surat", scope="DISDIK") == []
