"""The list behind a figure and the tree of a letter: at three sizes, by keyboard, and with texts that are too long."""

from __future__ import annotations

import pytest

from tests.browser.test_pages import PHONE, WALL, WALL_4K, Show, faults, overflow

pytestmark = pytest.mark.browser
LIST, TREE = "/telusur", "/telusur/sipadek/L-0"
LOOKS = [
    ("normal", "id", "dark"),
    ("large", "en", "light"),
    pytest.param("empty", "id", "light", marks=pytest.mark.slow),
]
SIZES = [pytest.param([WALL, PHONE], id="wall and phone"), pytest.param([WALL_4K], id="4k", marks=pytest.mark.slow)]


@pytest.mark.parametrize(("state", "language", "theme"), LOOKS)
@pytest.mark.parametrize("path", [LIST, TREE])
@pytest.mark.parametrize("sizes", SIZES)
def test_nothing_scrolls_sideways_or_is_cut(
    screen: Show, path: str, state: str, language: str, theme: str, sizes: list[tuple[int, int]]
) -> None:
    shown = screen(path, state, language, theme)
    for width, height in sizes:
        shown.size(width, height)
        assert overflow(shown)[0] <= 0, f"{width}"
        assert faults(shown) == [], f"at {width} x {height}"
    assert shown.said == []
    assert shown.foreign == []


def test_every_choice_letter_and_branch_is_reached_by_the_tab_key(screen: Show) -> None:
    for path, wanted in (
        (LIST, ".coc-items-chip, .coc-items-number, .coc-items-more summary"),
        (TREE, ".coc-tree-branch"),
    ):
        page = screen(path).page
        reached = set()
        for _ in range(80):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("() => document.activeElement.outerHTML"))
        there = page.eval_on_selector_all(wanted, "all => all.map(e => e.outerHTML)")
        assert there
        assert set(there) <= reached


def test_narrowing_further_keeps_what_is_chosen(screen: Show) -> None:
    page = screen(LIST).page
    page.click(".coc-items-more summary")
    page.select_option("select[name=urgency]", "segera")
    with page.expect_request("**/telusur?**") as asked:
        page.click(".coc-items-form button")
    query = dict(pair.split("=") for pair in asked.value.url.partition("?")[2].split("&"))
    kept = {"kpi": "disposition.overdue", "unit": "DISDIK", "window": "30d", "channel": "voice", "office": "walikota"}
    assert {k: v for k, v in query.items() if v} == kept | {"urgency": "segera"}


def test_on_a_phone_a_branch_is_set_in_below_its_parent_and_stays_readable(screen: Show) -> None:
    shown = screen(TREE)
    shown.size(*PHONE)
    boxes = shown.page.eval_on_selector_all(
        ".coc-tree-branch", "all => all.map(e => [e.getBoundingClientRect().left, e.getBoundingClientRect().width])"
    )
    assert len({left for left, _ in boxes}) == 5
    assert min(width for _, width in boxes) > 180
