"""Links to the items behind a figure."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from coc.ui import links
from coc.ui.context import Context, context_of
from tests.ui.factory import view


def _ctx(lens: str, scope: str = "") -> Context:
    return context_of(replace(view("overview"), lens=lens, scope=scope, window="7d"))


@pytest.mark.parametrize("lens", ["operator", "head", "leader"])
def test_a_figure_leads_to_its_items_in_the_scope_and_window_on_screen(lens: str) -> None:
    found = links.items(_ctx(lens, "DISDIK"), "disposition.overdue", age="gt5")
    assert found == "/telusur?kpi=disposition.overdue&unit=DISDIK&window=7d&age=gt5"


@pytest.mark.parametrize("lens", ["public", "room", "admin"])
def test_a_lens_without_letter_rows_has_nothing_to_follow(lens: str) -> None:
    assert links.items(_ctx(lens), "disposition.overdue") is None


def test_a_figure_of_the_network_has_no_letters_behind_it() -> None:
    assert links.items(_ctx("leader"), "wifi.up") is None


def test_the_city_and_an_empty_choice_narrow_nothing() -> None:
    assert links.items(_ctx("leader"), "disposition.backlog", office="") == (
        "/telusur?kpi=disposition.backlog&window=7d"
    )


@pytest.mark.parametrize("id", ["a/b?c=1&d=é", "~2F", "100%", "..", "005/XI/2026", "a b", "日"])
def test_an_id_of_any_signs_is_one_segment_and_comes_back(id: str) -> None:
    path = links.letter("e office", id)
    empty, page, source, letter = path.split("/")
    assert (empty, page, links.told(source), links.told(letter)) == ("", "telusur", "e office", id)
    assert re.fullmatch(r"[A-Za-z0-9_~-]+", letter)


def test_a_segment_that_nobody_wrote_breaks_nothing() -> None:
    assert links.told("~FF~zz%41") == "\ufffd~zzA"
