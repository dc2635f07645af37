"""Every page at three sizes, in both languages and themes and all states: what a visitor would see go wrong."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from tests.browser.conftest import Screen
from tests.ui import factory

pytestmark = pytest.mark.browser
WALL, WALL_4K, PHONE = (1920, 1080), (3840, 2160), (390, 844)
LOOKS = [
    ("normal", "id", "dark"),
    ("normal", "en", "light"),
    ("empty", "id", "light"),
    ("trouble", "en", "dark"),
    ("simulated", "id", "dark"),
    ("large", "en", "light"),
]
_OVERFLOW = (
    "() => [document.documentElement.scrollWidth - innerWidth, document.documentElement.scrollHeight - innerHeight]"
)
# Text whose box is too small for it, and boxes whose children stick out.
_CLIPPED = """() => {
  const own = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  const cut = (e) => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 3;
  const boxes = '.coc-tile, .coc-card, .coc-trust, .coc-header, .coc-feed, .coc-section-head';
  return [...document.querySelectorAll('.coc-frame *')]
    .filter((e) => !e.closest('svg') && !e.closest('.coc-sr') && e.offsetParent !== null)
    .filter((e) => getComputedStyle(e).display !== 'inline' && (own(e) || e.matches(boxes)))
    .filter((e) => e.matches(boxes) ? e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1 : cut(e))
    .map((e) => [e.className, e.textContent.slice(0, 40), e.scrollWidth - e.clientWidth].join(' | '));
}"""
# A chart's words must lie inside the chart and not on each other.
_CHART_WORDS = """() => {
  const wrong = [];
  for (const card of document.querySelectorAll('.coc-card-body')) {
    const frame = card.getBoundingClientRect();
    const words = [...card.querySelectorAll('svg text')].filter((w) => w.textContent.trim())
      .map((w) => [w.textContent, w.getBoundingClientRect()]);
    for (const [text, box] of words) {
      const across = Math.max(frame.left - box.left, box.right - frame.right);
      const out = Math.max(across, frame.top - box.top, box.bottom - frame.bottom);
      if (out > 3) wrong.push('outside: ' + text + ' by ' + out.toFixed(1));
    }
    words.forEach(([text, a], i) => words.slice(i + 1).forEach(([other, b]) => {
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 2 && high > Math.min(a.height, b.height) * 0.35) wrong.push('on each other: ' + text + ' / ' + other);
    }));
  }
  return wrong;
}"""
_SMALLEST = """() => {
  const k = parseFloat(getComputedStyle(document.documentElement).getPropertyValue('--k'));
  return Math.min(...[...document.querySelectorAll('.coc-frame *')]
    .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()))
    .filter((e) => !e.closest('.coc-sr') && e.getBoundingClientRect().width > 0)
    .map((e) => parseFloat(getComputedStyle(e).fontSize) * (e.closest('svg') ? k : 1)));
}"""
WALLS = ("/", "/surat", "/disposisi", "/pimpinan", "/opd", "/peringatan")  # fit one screen
Show = Callable[..., Screen]


def overflow(screen: Screen) -> list[int]:
    """Pixels too wide, and too high."""
    found: list[int] = screen.page.evaluate(_OVERFLOW)
    return found


def faults(screen: Screen) -> list[str]:
    found: list[str] = screen.page.evaluate(_CLIPPED) + screen.page.evaluate(_CHART_WORDS)
    return found


# 4K is the same picture twice as sharp (below): what lies well at 1080p lies well there.
SIZES = [pytest.param([WALL, PHONE], id="wall and phone"), pytest.param([WALL_4K], id="4k", marks=pytest.mark.slow)]


@pytest.mark.parametrize(("state", "language", "theme"), LOOKS)
@pytest.mark.parametrize(
    "path", ["/", "/surat", "/disposisi", "/pimpinan", "/opd", "/opd/DISDIK", "/peringatan", "/sumber"]
)
@pytest.mark.parametrize("sizes", SIZES)
def test_nothing_scrolls_sideways_is_cut_or_lies_on_another(
    screen: Show, path: str, state: str, language: str, theme: str, sizes: list[tuple[int, int]]
) -> None:
    shown = screen(path, state, language, theme)
    for width, height in sizes:
        shown.size(width, height)
        sideways, down = shown.page.evaluate(_OVERFLOW)
        assert sideways <= 0, f"{width}: {sideways} px too wide"
        if path in WALLS and width != PHONE[0]:
            assert down <= 0, f"{width}: {down} px too high"
            assert shown.page.evaluate(_SMALLEST) >= 0.0093 * width
        assert faults(shown) == [], f"at {width} x {height}"
    assert shown.said == []
    assert shown.foreign == []


def test_the_overview_shows_every_number_of_its_boards(screen: Show) -> None:
    shown = screen("/")
    read = shown.page.eval_on_selector_all("[data-kpi]", "all => all.map(e => [e.dataset.kpi, e.dataset.value])")
    assert {kpi: float(value) for kpi, value in read} == factory.VALUES


def test_4k_is_the_same_picture_twice_as_sharp(screen: Show) -> None:
    shown = screen("/")
    boxes = """() => [...document.querySelectorAll('[data-tile]')].map((e) => {
        const b = e.getBoundingClientRect(); return [b.left, b.top, b.width, b.height].map((v) => v / innerWidth); })"""
    shown.size(*WALL)
    small = shown.page.evaluate(boxes)
    shown.size(*WALL_4K)
    large = shown.page.evaluate(boxes)
    assert len(small) == 17
    for one, other in zip(small, large, strict=True):
        assert one == pytest.approx(other, abs=0.0015)


def test_every_chart_is_drawn_by_the_bundle_we_ship(screen: Show) -> None:
    shown = screen("/")
    shown.size(*WALL)
    kinds: list[list[list[str]]] = shown.page.evaluate(
        """() => [...document.querySelectorAll('.js-plotly-plot')]
             .map((plot) => plot.data.map((given, i) => [given.type, plot._fullData[i].type]))"""
    )
    assert len(kinds) == 6
    assert all(asked == drawn for plot in kinds for asked, drawn in plot)
    assert shown.page.evaluate("() => Plotly.version") == "4.1.1"


def test_charts_have_no_buttons_that_upload_anything(screen: Show) -> None:
    shown = screen("/")
    shown.size(*WALL)
    assert shown.page.locator(".modebar").count() == 0


def test_a_refresh_paints_new_numbers_into_the_same_nodes(screen: Show) -> None:
    shown = screen("/")
    shown.size(*WALL)
    before: Any = shown.page.evaluate("() => document.getElementsByTagName('*').length")
    shown.page.evaluate(
        """() => dash_clientside.set_props('overview-backlog', {children: [
             {namespace: 'dash_html_components', type: 'Span',
              props: {'data-kpi': 'disposition.backlog', 'data-value': '7', children: '7'}}]})"""
    )
    shown.page.wait_for_selector("[data-kpi='disposition.backlog'][data-value='7']")
    assert shown.page.evaluate("() => document.getElementsByTagName('*').length") <= before
    assert shown.said == []


def test_the_banner_covers_nothing_of_the_page(screen: Show) -> None:
    boxes = """() => ['#coc-banner', '.coc-header'].map((s) => document.querySelector(s).getBoundingClientRect())
        .map((box) => [box.top, box.bottom])"""
    shown = screen("/", "trouble")
    for size in (WALL, PHONE):
        shown.size(*size)
        (top, bottom), (header, _) = shown.page.evaluate(boxes)
        assert top == 0
        assert header >= bottom


def test_cards_of_the_sources_lie_close_and_in_their_order(screen: Show) -> None:
    """The worst first, read along the top; below each card the next one follows without a hole."""
    shown = screen("/sumber", "trouble")
    shown.size(*WALL)
    boxes: list[list[float]] = shown.page.evaluate(
        """() => [...document.querySelectorAll('.coc-source')].map((card) => card.getBoundingClientRect())
             .map((box) => [box.left, box.top, box.bottom])"""
    )
    columns: dict[float, list[tuple[float, float]]] = {}
    for left, top, bottom in boxes:
        columns.setdefault(left, []).append((top, bottom))
    assert list(columns) == sorted(columns)
    assert len(columns) == 3
    holes = [below[0] - above[1] for cards in columns.values() for above, below in pairwise(cards)]
    assert all(8 <= hole <= 20 for hole in holes), holes


def test_the_page_says_in_words_that_the_connection_is_lost(screen: Show) -> None:
    shown = screen("/", "trouble", "en")
    assert shown.page.locator(".coc-when-lost").is_visible()
    assert not shown.page.locator(".coc-when-live").is_visible()
    assert shown.page.locator(".coc-when-lost").inner_text() == "Offline"
