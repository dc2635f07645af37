"""What only a browser can tell of the page of letters."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.conftest import Screen
from tests.browser.test_pages import PHONE, WALL

pytestmark = pytest.mark.browser
_MIDDLES = """([chart, title, words]) => {
  const middle = (e) => { const b = e.getBoundingClientRect(); return (b.top + b.bottom) / 2; };
  const card = document.querySelector('.coc-card-' + chart);
  const said = [...card.querySelectorAll('svg text')].find((t) => t.textContent === words);
  const link = card.querySelector(`.coc-row-link[title="${title}"]`).getBoundingClientRect();
  return [link.top, middle(said), link.bottom, link.width];
}"""


ROWS = [
    ("letter_types", "Buka surat: Undangan", "Undangan"),
    ("letter_mix", "Buka surat: Masih kertas", "Masih kertas"),
    ("letter_paperless", "Buka surat yang masih kertas: PARBUD", "PARBUD"),
    ("letter_waiting", "Buka surat yang lewat batas", "8–16"),
]


def test_a_link_lies_over_the_row_it_is_of_at_every_size(screen: Callable[..., Screen]) -> None:
    shown = screen("/surat")
    for size in (WALL, PHONE):
        shown.size(*size)
        for row in ROWS:
            top, middle, bottom, width = shown.page.evaluate(_MIDDLES, [row[0], row[1], row[2]])
            assert top < middle < bottom, row
            assert width > 150, row
    assert shown.said == []
