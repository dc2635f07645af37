"""The table of units answers its viewer: sorts by any column, finds by name, and keeps both over an epoch."""

from __future__ import annotations

from collections.abc import Callable

from tests.browser.conftest import Screen

_BACKLOGS = """() => [...document.querySelectorAll('#opd-rows tr:not([hidden]) [data-kpi="disposition.backlog"]')]
  .map((e) => Number(e.dataset.value))"""
_NAMES = "() => [...document.querySelectorAll('#opd-rows tr:not([hidden]) .coc-name-long')].map((e) => e.textContent)"
_AGAIN = """() => { const rows = document.getElementById('opd-rows'); const told = JSON.parse(rows.dataset.cocRows);
  window.dash_clientside.set_props('opd-rows', { 'data-coc-rows': JSON.stringify(told.reverse()) }); }"""


def test_units_are_sorted_and_found_where_they_stand_and_stay_so(screen: Callable[..., Screen]) -> None:
    page = screen("/opd").page
    page.get_by_role("button", name="Tunggakan").click()
    most_first = page.evaluate(_BACKLOGS)
    assert most_first == sorted(most_first, reverse=True)
    page.get_by_role("button", name="Tunggakan").click()
    assert page.evaluate(_BACKLOGS) == sorted(most_first)
    page.get_by_label("Cari").fill("kecamatan")
    page.wait_for_timeout(300)
    names = page.evaluate(_NAMES)
    assert len(names) == 11
    assert all(name.startswith("Kecamatan") for name in names)
    before = page.evaluate(_BACKLOGS)
    page.evaluate(_AGAIN)
    page.wait_for_timeout(500)
    assert page.evaluate(_BACKLOGS) == before
    page.get_by_label("Cari").fill("")
    assert len(page.evaluate(_NAMES)) == 119
