"""The "i" of a figure in a real browser: with the keyboard, and through a refresh."""

from __future__ import annotations

from collections.abc import Callable

from tests.browser.conftest import Screen

# As Dash does it: the inside of the tile is made anew, its panels shut.
_REFRESH = """() => { const tile = document.getElementById('overview-backlog'); const held = tile.innerHTML;
  tile.innerHTML = held.replace(' open=""', ''); }"""


def test_a_figures_explanation_opens_and_shuts_by_keyboard_and_stays_over_a_refresh(
    screen: Callable[..., Screen],
) -> None:
    page = screen("/").page
    mark = page.locator("#overview-backlog summary")
    panel = page.locator("#overview-backlog .coc-info-panel")
    mark.focus()
    page.keyboard.press("Enter")
    assert "Rumus" in panel.inner_text()
    page.evaluate(_REFRESH)
    page.wait_for_timeout(300)
    assert panel.is_visible()
    assert page.evaluate("() => document.activeElement.tagName") == "SUMMARY"
    page.keyboard.press("Escape")
    assert not panel.is_visible()
    page.locator("#overview-overdue summary").click(force=True)
    mark.click(force=True)
    assert page.locator("details.coc-info[open]").count() == 1
    page.mouse.click(5, 500)
    assert page.locator("details.coc-info[open]").count() == 0
