"""The page of the WiFi programme: its KPIs, used beside installed, waiting schools, what an empty one teaches."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from coc.boards.board import Board
from coc.ui import shell
from coc.ui.page import View
from tests.ui import factory
from tests.ui.tree import attribute, text_of, with_attribute

program = importlib.import_module("pages.wifi_program")


def view(language: str = "id", **frames: pd.DataFrame) -> View:
    held = factory.boards()
    changed: Board = replace(held["programme"], frames={**held["programme"].frames, **frames})
    return factory.view("program", language=language, held=held | {"programme": changed})


def said(props: Any, name: str) -> str:
    return text_of(props[f"program-{name}"]["children"])


def totals() -> Any:
    return factory.boards()["programme"].frames["totals"].iloc[0]


def test_the_three_figures_of_the_programme_are_there_with_their_values() -> None:
    shown = with_attribute(program.render(view()), "data-kpi")
    found = {kpi: int(attribute(c, "data-value")) for kpi, c in shown.items()}
    mine = totals()
    assert found == {
        "wifi.installed": mine["installed"],
        "wifi.target": mine["target"],
        "wifi.schools_served": mine["schools_served"],
    }


def test_used_stands_beside_installed_and_what_nobody_measured_is_not_called_unused() -> None:
    mine = totals()
    words = said(program.render(view()), "used")
    assert f"{mine['used']}dari {mine['installed']} terpasang" in words.replace(" dari", "dari")
    assert f"{mine['low']} sepi" in words
    assert f"{mine['unknown']} belum terukur" in words
    frame = factory.boards()["programme"].frames["totals"]
    nobody = frame.assign(used=0, low=0, unknown=frame["installed"])
    words = said(program.render(view(totals=nobody)), "used")
    assert "belum terukur" in words
    assert "0" not in words


def test_a_kind_of_which_nobody_measured_the_use_has_a_dash_and_no_zero() -> None:
    frame = factory.boards()["programme"].frames["by_kind"]
    drawn = [
        [a["text"] for a in program.render(v)["program-program_kinds"]["figure"]["layout"]["annotations"]]
        for v in (view(by_kind=frame.assign(used=0, low=0)), view(by_kind=frame.assign(used=0, low=1)))
    ]
    assert [texts.count("–") for texts in drawn] == [len(frame), 0]


def test_the_schools_that_wait_are_named_with_their_days_past_the_target_in_red() -> None:
    props = program.render(view())
    frame = factory.boards()["programme"].frames["schools"]
    rows = props["program-list"]["children"]
    assert [text_of(row).startswith(n) for row, n in zip(rows, frame["name"], strict=False)] == [True] * len(frame)
    first = rows[0].children[-1]
    assert attribute(first, "data-tone") == "act"
    assert f"{int(frame['days'].iloc[0])} hari lewat target" in text_of(first)
    assert "dan 3 sekolah lagi" in text_of(rows[-1]), "a wall shows eight and says how many more there are"


def test_a_forecast_says_on_what_it_rests_and_where_there_is_none_why() -> None:
    for row, words in (
        ((1.0, 6, "", "2028-09-01"), "6 titik dalam 6 bulan terakhir · bila tetap secepat itu, selesai September 2028"),
        ((0.5, 3, "", ""), "belum selesai dalam 5 tahun"),
        ((float("nan"), 2, "few", ""), "2 titik dalam 6 bulan terakhir: terlalu sedikit untuk perkiraan"),
        ((float("nan"), 2, "undated", ""), "tanpa perkiraan"),
        ((float("nan"), 2, "finished", ""), "semua titik terpasang"),
    ):
        outlook = pd.DataFrame([row], columns=["a_month", "lately", "why", "done"])
        assert words in said(program.render(view(outlook=outlook)), "program_burnup-note")


def test_without_a_forecast_the_picture_has_no_dotted_line() -> None:
    frame = factory.boards()["programme"].frames["burnup"]
    drawn = [
        program.render(v)["program-program_burnup"]["figure"]
        for v in (view(), view(burnup=frame.assign(forecast=float("nan"))))
    ]
    assert [[t["line"]["dash"] for t in f["data"]] for f in drawn] == [["solid", "solid", "dot"], ["solid", "solid"]]


def test_sites_without_a_date_are_told_where_they_are_counted() -> None:
    frame = factory.boards()["programme"].frames["totals"].assign(undated=4, no_target=2)
    words = said(program.render(view(totals=frame)), "basis")
    assert "4 titik terpasang tanpa tanggal" in words
    assert "2 titik tanpa tanggal target" in words


@pytest.mark.parametrize(("language", "words"), [("id", "satu baris per titik"), ("en", "one row a site")])
def test_an_empty_programme_teaches_which_file_to_give(language: str, words: str) -> None:
    props = program.render(factory.view("program", language=language, held=factory.empty_boards()))
    assert props["program-teach"]["hidden"] is False
    assert words in said(props, "teach")
    assert "coc template sites" in said(props, "teach")
    assert program.render(view())["program-teach"]["hidden"] is True


def test_everybody_served_and_no_school_at_all_are_not_the_same_word() -> None:
    frame = factory.boards()["programme"].frames
    none = frame["schools"].iloc[:0]
    served = program.render(view(schools=none))
    without = program.render(view(schools=none, totals=frame["totals"].assign(schools=0)))
    assert "sudah terlayani" in said(served, "list-empty")
    assert "Tidak ada sekolah" in said(without, "list-empty")


def test_the_page_is_the_same_bytes_for_the_same_view_and_leads_back_to_the_wifi() -> None:
    one, two = (repr(program.render(view())) for _ in range(2))
    assert one == two
    whole = shell.compose(program.PAGE, program.skeleton, program.render, view())
    hrefs = {getattr(c, "href", "") for c in whole._traverse()}
    assert {"/wifi", "/wifi?view=pemakaian", "/wifi/program"} <= hrefs


def test_the_page_of_sources_names_the_rows_of_a_register_that_are_refused() -> None:
    sumber = importlib.import_module("pages.sumber")
    held = factory.with_feeds(*factory.TROUBLE)
    words = "".join(text_of(its.get("children")) for its in sumber.render(factory.view("sumber", held=held)).values())
    assert "titik-wifi.csv, baris 4, 19" in words
    assert "titik-wifi.csv, baris 7" in words
