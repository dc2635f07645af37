"""WiFi as a browser shows it: every section on a wall and on a phone, and where its marks lead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import Screen
from tests.browser.test_pages import _SMALLEST, PHONE, WALL, faults, overflow
from tests.ui import factory_wifi

pytestmark = pytest.mark.browser
Show = Callable[..., Screen]


def opened(screen: Show, view: str, state: str, language: str, theme: str) -> Screen:
    """A section of the page: by its address, as a wall has it."""
    shown = screen("/wifi", state, language, theme)
    if view != "sekarang":
        shown.page.goto(f"{shown.origin}/wifi?state={state}&lang={language}&theme={theme}&view={view}")
        shown.page.wait_for_selector(".coc-header")
    return shown


@pytest.mark.parametrize(
    ("view", "state", "language", "theme"),
    [
        ("sekarang", "large", "en", "light"),
        ("sekarang", "empty", "id", "dark"),
        ("pemakaian", "normal", "id", "dark"),
        ("wilayah", "large", "en", "light"),
    ],
)
def test_a_section_is_one_screen_on_a_wall_and_one_column_on_a_phone(
    screen: Show, view: str, state: str, language: str, theme: str
) -> None:
    shown = opened(screen, view, state, language, theme)
    for size in (WALL, PHONE):
        shown.size(*size)
        sideways, down = overflow(shown)
        assert sideways <= 0
        if size == WALL:
            assert down <= 0
            assert shown.page.evaluate(_SMALLEST) >= 0.0093 * WALL[0]
        assert faults(shown) == [], f"at {size}"
    assert shown.said == []
    assert shown.foreign == []


def test_a_mark_on_the_map_is_where_its_link_is(screen: Show) -> None:
    shown = screen("/wifi")
    shown.size(*WALL)
    found: list[Any] = shown.page.evaluate(
        """() => {
          const box = (e) => e.getBoundingClientRect();
          const middle = (e) => [box(e).left + box(e).width / 2, box(e).top + box(e).height / 2];
          const links = [...document.querySelectorAll('.coc-map-link')].map(middle);
          const marks = [...document.querySelectorAll('#wifi-map .points path')].map(middle);
          return marks.map(([x, y]) => Math.min(...links.map(([u, v]) => Math.hypot(u - x, v - y))));
        }"""
    )
    assert len(found) == 44
    assert max(found) < 4


def test_one_point_on_wall_and_phone(screen: Show) -> None:
    shown = screen(f"/wifi/{factory_wifi.POINT}", "normal", "en", "light")
    for size in (WALL, PHONE):
        shown.size(*size)
        assert overflow(shown)[0] <= 0
        assert faults(shown) == [], f"at {size}"
    assert shown.said == []
    assert shown.foreign == []
