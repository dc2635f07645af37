"""What a render says: every KPI with its raw value, every feed with its state, in both languages, from any boards."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from plotly.io.json import to_json_plotly

from coc.boards.board import Board
from coc.settings.models import Target
from coc.ui import shell
from coc.ui.context import context_of
from tests.ui import factory
from tests.ui.tree import attribute, text_of, walk, with_attribute

overview = importlib.import_module("pages.overview")
sumber = importlib.import_module("pages.sumber")
surat = importlib.import_module("pages.surat")
disposisi = importlib.import_module("pages.disposisi")
pimpinan = importlib.import_module("pages.pimpinan")
opd = importlib.import_module("pages.opd")
wifi = importlib.import_module("pages.wifi")
wifi_point = importlib.import_module("pages.wifi_point")
opd_unit = importlib.import_module("pages.opd_unit")
aplikasi = importlib.import_module("pages.aplikasi")
aplikasi_satu = importlib.import_module("pages.aplikasi_satu")
PAGES = (overview, aplikasi, surat, disposisi, pimpinan, opd, opd_unit, sumber, wifi, wifi_point, aplikasi_satu)


def _whole(page: Any, view: Any) -> Any:
    return shell.compose(page.PAGE, page.skeleton, page.render, view)


def test_every_kpi_carries_the_boards_whole_value() -> None:
    shown = with_attribute(overview.render(factory.view()), "data-kpi")
    assert {k: float(attribute(c, "data-value")) for k, c in shown.items()} == factory.VALUES


def test_a_null_kpi_is_a_dash_with_an_empty_value_and_its_reason() -> None:
    props = overview.render(factory.view(held=factory.boards(disposition__backlog=None)))
    backlog = with_attribute(props, "data-kpi")["disposition.backlog"]
    assert attribute(backlog, "data-value") == ""
    assert text_of(backlog) == "–"
    assert "belum ada data" in text_of(props["overview-backlog"]["children"])


def test_a_unit_s_hidden_figure_is_no_number_and_says_how_it_is_hidden() -> None:
    held = factory.boards()
    board = held["disposition"]
    rows = [(f"disposition.{k}", "DISDIK", "30d", float("nan"), "masked") for k in ("backlog", "overdue")]
    kpis = pd.DataFrame(rows, columns=list(board.kpis.columns))
    masks = pd.DataFrame([("disposition.overdue", "DISDIK", "lt5")], columns=["id", "unit", "kind"])
    held["disposition"] = replace(board, kpis=kpis, frames={**board.frames, "masks": masks})
    props = overview.render(replace(factory.view(held=held), scope="DISDIK", lens="public"))
    shown = with_attribute(props, "data-kpi")
    for kpi, said in {"disposition.backlog": "–", "disposition.overdue": "< 5"}.items():
        names = ("data-value", "data-masked", "data-unit")
        assert tuple(attribute(shown[kpi], name) for name in names) == ("", "lt5", "DISDIK")
        assert text_of(shown[kpi]) == said
    assert "disamarkan" in text_of(props["overview-overdue"]["children"])


def test_a_kpi_that_no_source_records_says_so() -> None:
    held = factory.boards(correspondence__completed_today=None)
    kpis = held["correspondence"].kpis
    kpis.loc[kpis["id"] == "correspondence.completed_today", "state"] = "not_recorded"
    said = text_of(overview.render(factory.view(held=held, language="en"))["overview-completed"]["children"])
    assert "not recorded" in said


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("held", [{}, factory.empty_boards()], ids=["no boards", "empty boards"])
@pytest.mark.parametrize("language", ["id", "en"])
def test_a_page_opens_on_an_empty_store(page: Any, held: dict[str, Board], language: str) -> None:
    words = text_of(_whole(page, factory.view(page.PAGE.name, held=held, language=language)))
    assert "nan" not in words.casefold().split()
    assert "None" not in words
    assert ("Belum ada data" if language == "id" else "No data yet") in words


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_refresh_sets_only_what_the_page_has_and_is_json(page: Any, theme: str) -> None:
    view = factory.view(page.PAGE.name, theme=theme)
    held = {getattr(c, "id", None) for c in walk(_whole(page, view))}
    props = page.render(view)
    assert set(props) <= held
    assert all(key.startswith(f"{page.PAGE.name}-") for key in props)
    assert len(json.loads(to_json_plotly(props))) == len(props)


def test_the_same_view_gives_the_same_bytes() -> None:
    first, second = (to_json_plotly(overview.render(factory.view())) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("page", [overview, sumber])
def test_each_feed_shows_its_state_by_shape_and_word_and_its_age(page: Any) -> None:
    props = page.render(factory.view(page.PAGE.name, held=factory.with_feeds(*factory.TROUBLE)))
    marks = with_attribute(props, "data-feed")
    assert {n: attribute(m, "data-state") for n, m in marks.items()} == {f["name"]: f["state"] for f in factory.TROUBLE}
    words = {"failing": "Gagal", "late": "Tertunda", "frozen": "Membeku", "never": "Belum ada data", "fresh": "Terkini"}
    for mark in marks.values():
        state = attribute(mark, "data-state")
        assert words.get(state, "Nonaktif") in text_of(mark)
        assert any(f"coc-icon-{state}" in (getattr(c, "className", "") or "") for c in walk(mark))
    assert "1 jam" in text_of(marks["sipadek"])
    assert attribute(marks["sipadek"], "data-as-of") == "2026-03-11T05:58:12+00:00"
    assert attribute(marks["eoffice_lama"], "data-as-of") == ""


def test_a_section_names_the_worst_of_the_feeds_that_make_it_stale_and_counts_the_rest() -> None:
    props = overview.render(factory.view(held=factory.with_feeds(*factory.TROUBLE)))
    assert text_of(props["overview-mail-mark"]["children"]).strip() == "sipadek: Gagal +1"
    assert text_of(props["overview-network-mark"]["children"]).strip() == "aplikasi: Membeku +1"
    assert overview.render(factory.view())["overview-mail-mark"]["children"] == []


def test_simulated_data_is_marked_on_every_page_and_real_data_is_not() -> None:
    for page in PAGES:
        name = page.PAGE.name
        assert "DATA SIMULASI" in text_of(_whole(page, factory.view(name, simulated=True)))
        assert "SIMULATED DATA" in text_of(_whole(page, factory.view(name, simulated=True, language="en")))
        assert "SIMULASI" not in text_of(_whole(page, factory.view(name)))


def test_a_target_is_met_near_or_missed() -> None:
    def foot(target: Target) -> str:
        view = factory.view(targets={"disposition.on_time_rate": target})
        return text_of(overview.render(view)["overview-ontime"]["children"])

    assert "Target 85\N{NO-BREAK SPACE}% tercapai" in foot(Target(target=0.85))
    assert "Di bawah target 90\N{NO-BREAK SPACE}%" in foot(Target(target=0.9, warn=0.8))
    assert "Jauh di bawah target 95\N{NO-BREAK SPACE}%" in foot(Target(target=0.95, warn=0.9))


def test_a_count_that_should_fall_is_judged_the_other_way_round() -> None:
    def foot(target: Target) -> str:
        view = factory.view(targets={"disposition.backlog": target})
        return text_of(overview.render(view)["overview-backlog"]["children"])

    assert "tercapai" in foot(Target(target=1500))
    assert "Jauh di atas target 1.000" in foot(Target(target=1000))


def test_nothing_overdue_is_nothing_to_act_on() -> None:
    calm = overview.render(factory.view(held=factory.boards(disposition__overdue=0)))
    assert calm["overview-overdue"]["data-tone"] == ""
    assert overview.render(factory.view())["overview-overdue"]["data-tone"] == "act"


def test_a_failed_source_says_what_and_how_in_both_languages() -> None:
    held = factory.with_feeds(*factory.TROUBLE)
    for language, what, mend in (
        ("id", "Yang datang halaman masuk, bukan data.", "Cara membetulkan"),
        ("en", "A login page came instead of data.", "How to mend it"),
    ):
        cards = with_attribute(sumber.render(factory.view("sumber", held=held, language=language)), "data-feed")
        said = text_of(cards["sipadek"])
        assert what in said
        assert mend in said
        assert "GET /letters, 200, text/html" in said
        assert "40" in said


def test_the_worst_source_comes_first() -> None:
    cards = sumber.render(factory.view("sumber", held=factory.with_feeds(*factory.TROUBLE)))["sumber-cards"]["children"]
    assert [attribute(c, "data-state") for c in cards] == ["failing", "never", "frozen", "late", "fresh", "disabled"]


def test_deletions_that_wait_for_a_decision_come_right_after_what_fails_and_are_counted() -> None:
    waits = factory.feed("sipadek", error_code="mass_deletion", error_detail="2431 of 34406 letters")
    held = factory.with_feeds(factory.feed("aplikasi", "late"), waits, factory.feed("wifi", "failing"))
    painted = sumber.render(factory.view("sumber", held=held))
    cards = painted["sumber-cards"]["children"]
    assert [attribute(c, "data-feed") for c in cards] == ["wifi", "sipadek", "aplikasi"]
    assert [attribute(c, "data-tone") for c in cards] == ["bad", "bad", "warn"]
    assert "2.431 dari 34.406 surat" in text_of(cards)
    assert "`coc pull" not in text_of(cards)
    assert "coc pull sipadek --full --allow-deletions" in text_of(cards)
    assert text_of(painted["sumber-summary"]["children"]) == "1 perlu keputusan1 Gagal1 Tertunda1 Terkini"


def test_what_the_lens_hides_is_not_on_the_card() -> None:
    masked = factory.feed("sipadek", "failing", quarantined=None, quarantine_open=None)
    cards = sumber.render(factory.view("sumber", held=factory.with_feeds(masked)))["sumber-cards"]["children"]
    said = text_of(cards)
    assert "Dikarantina" not in said
    assert "hanya untuk operator" in said


def test_no_source_teaches_how_to_connect_the_first() -> None:
    said = text_of(sumber.render(factory.view("sumber", held={}))["sumber-cards"]["children"])
    assert "type: sipadek" in said
    assert "coc check" in said


@pytest.mark.parametrize(("language", "words"), [("id", "Riwayat: 12 dari 30 hari"), ("en", "History: 12 of 30 days")])
def test_a_card_tells_how_far_back_the_past_is_read_until_it_is_whole(language: str, words: str) -> None:
    def said(*rows: dict[str, Any]) -> str:
        view = factory.view("sumber", held=factory.with_feeds(*rows), language=language)
        return text_of(sumber.render(view)["sumber-cards"]["children"])

    assert words in said(factory.feed("wifi", history=[12, 30]))
    assert words.split(":")[0] not in said(factory.feed("wifi"))


def test_an_unfinished_day_is_not_drawn_as_a_fall() -> None:
    def line(today: float) -> list[str]:
        held = factory.boards()
        kpis = held["correspondence"].kpis
        kpis.loc[kpis["id"] == "correspondence.registered_today", "value"] = today
        return [
            c.src for c in walk(overview.render(factory.view(held=held))["overview-registered"]) if hasattr(c, "src")
        ]

    assert line(0.0) == line(400.0) != []


def test_the_refresh_of_the_wall_is_small() -> None:
    import brotli

    assert len(brotli.compress(to_json_plotly(overview.render(factory.view())).encode(), quality=5)) < 10_000


def test_the_clients_words_are_the_catalogues() -> None:
    context = context_of(factory.view(language="en"))
    page = _whole(overview, factory.view(language="en"))
    (words,) = with_attribute(page, "data-coc-words")
    assert json.loads(words)["minutes"] == context.say("age.minutes")
