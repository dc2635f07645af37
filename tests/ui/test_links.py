"""Links to the items behind a figure."""

from __future__ import annotations

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


def test_an_id_of_any_signs_is_one_segment() -> None:
    assert links.letter("e office", "a/b?c=1&d=é") == "/telusur/e%20office/a%2Fb%3Fc%3D1%26d%3D%C3%A9"
