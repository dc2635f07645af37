"""The page of letters: its numbers, its charts of a unit and a window, and what it says where nothing is known."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from coc.figures.letter_shares import RANKED
from coc.settings.models import Settings
from coc.ui import shell
from coc.ui.page import View
from tests.ui import factory
from tests.ui.factory_surat import VALUES
from tests.ui.tree import attribute, text_of, walk, with_attribute

surat = importlib.import_module("pages.surat")
OWN = VALUES | {k: v for k, v in factory.VALUES.items() if k.startswith("correspondence.")}


def view(**changes: Any) -> View:
    language = changes.pop("language", "id")
    return replace(factory.view("surat", language=language), **changes)


def figure(props: Any, chart: str) -> dict[str, Any]:
    found: dict[str, Any] = props[f"surat-{chart}"]["figure"]
    return found


def words(props: Any, chart: str) -> str:
    return " ".join(note["text"] for note in figure(props, chart)["layout"].get("annotations", []))


def test_all_seven_figures_of_correspondence_are_there_with_their_whole_values() -> None:
    shown = with_attribute(surat.render(view()), "data-kpi")
    assert {kpi: float(attribute(c, "data-value")) for kpi, c in shown.items()} == OWN
    assert len(OWN) == 7


def test_the_rupiah_are_the_sheets_at_the_configured_price_and_the_page_says_on_what_they_rest() -> None:
    limits = factory.view().settings.limits.model_copy(update={"rupiah_per_sheet": 250, "default_copies": 9})
    props = surat.render(view(settings=Settings(limits=limits)))
    (rupiah,) = with_attribute(props, "data-rupiah")
    assert float(rupiah) == OWN["correspondence.sheets_saved"] * 250
    said = text_of(props["surat-basis"]["children"])
    assert "9 salinan" in said
    assert "Rp 250 per lembar" in said
    assert "config.yaml" in said


def test_categories_that_may_stay_on_paper_are_named_from_config() -> None:
    props = surat.render(view())
    assert "keuangan, kepegawaian, produk hukum" in text_of(props["surat-letter_paperless-note"]["children"])
    limits = factory.view().settings.limits.model_copy(update={"paper_exempt": ()})
    props = surat.render(view(settings=Settings(limits=limits)))
    assert "semua kategori dihitung" in text_of(props["surat-letter_paperless-note"]["children"])


def test_a_unit_and_a_window_change_the_charts_and_what_they_say_they_are_of() -> None:
    city, unit = (surat.render(view(scope=scope, window="7d")) for scope in ("", "DISDIK"))
    for chart in surat.CHARTS:
        if chart != "letter_paperless":  # all units, the chosen one marked
            assert figure(city, chart) != figure(unit, chart), chart
    note = text_of(unit["surat-letter_flow-note"]["children"])
    assert "Dinas Pendidikan" in note
    assert "7 hari" in note
    longer = surat.render(view(scope="DISDIK", window="90d"))
    assert len(figure(longer, "letter_flow")["data"][0]["x"]) > len(figure(unit, "letter_flow")["data"][0]["x"])


def test_today_is_said_to_be_partial() -> None:
    assert "hari ini baru sampai 14.05 WIB" in text_of(surat.render(view())["surat-letter_flow-note"]["children"])


def test_holidays_have_their_names_and_ramadan_its_line() -> None:
    said = words(surat.render(view()), "letter_flow")
    assert "Tahun Baru Imlek" in said
    assert "Ramadan" in said


def test_the_comparison_states_the_working_days_of_both_sides_and_ramadan() -> None:
    said = text_of(surat.render(view())["surat-letter_compare-note"]["children"])
    assert "19 hari kerja, dan 20 pada 5 pekan sebelumnya" in said
    assert "Ramadan: 14 dan 0" in said


def test_what_waits_is_not_drawn_where_no_source_records_it() -> None:
    held = factory.boards(correspondence__undispositioned=None, correspondence__completed_today=None)
    kpis = held["correspondence"].kpis
    kpis.loc[kpis["value"].isna(), "state"] = "not_recorded"
    props = surat.render(view(boards=held))
    for chart in ("letter_waiting", "letter_cumulative"):
        assert figure(props, chart)["data"] == []
        assert "tidak mencatat" in text_of(props[f"surat-{chart}-empty"]["children"])


def test_a_store_without_a_letter_does_not_say_that_nothing_waits() -> None:
    props = surat.render(view(boards=factory.empty_boards()))
    for chart in surat.CHARTS:
        assert "Belum ada surat dari sumber" in text_of(props[f"surat-{chart}-empty"]["children"])


def test_the_public_sees_the_flow_alone_and_no_hole_where_the_rest_would_be() -> None:
    held = {name: board for name, board in factory.boards().items() if name != "letters"}
    public = view(lens="public", boards=held)
    props = surat.render(public)
    charts = {name for name in surat.CHARTS if f"surat-{name}" in props}
    assert charts == {"letter_flow"}
    assert figure(props, "letter_flow")["data"]
    whole = shell.compose(surat.PAGE, surat.skeleton, surat.render, public)
    assert len([c for c in walk(whole) if "coc-card " in (getattr(c, "className", None) or "")]) == 1


@pytest.mark.parametrize("lens", ["operator", "leader", "room"])
def test_a_number_leads_to_its_letters_for_those_who_may_see_them(lens: str) -> None:
    links = [c.href for c in walk(surat.render(view(lens=lens))) if getattr(c, "className", "") == "coc-items"]
    assert bool(links) == (lens != "room")
    assert all(link.startswith("/telusur?kpi=correspondence.") for link in links)


def test_the_public_is_told_of_the_thirty_days_it_sees_and_that_a_units_flow_is_not_published() -> None:
    props = surat.render(view(lens="public", window="90d"))
    assert "30 hari" in text_of(props["surat-letter_flow-note"]["children"])
    assert "Ramadan" in words(props, "letter_flow")
    props = surat.render(view(lens="public", scope="DISDIK"))
    assert figure(props, "letter_flow")["data"] == []
    assert "tidak diterbitkan" in text_of(props["surat-letter_flow-empty"]["children"])


# Of a rate over all letters the whole: whatever their medium.
ALL_REGISTERED = {"kpi": "correspondence.paperless_rate_all", "part": "whole"}


@pytest.mark.parametrize(
    ("chart", "words", "asked"),
    [
        ("letter_types", "Buka surat: Undangan", {**ALL_REGISTERED, "type": "undangan"}),
        ("letter_mix", "Buka surat: Segera", {**ALL_REGISTERED, "urgency": "segera"}),
        ("letter_waiting", "Buka surat yang lewat batas", {"kpi": "correspondence.undispositioned"}),
    ],
)
def test_a_row_of_a_chart_leads_to_its_letters_in_the_same_unit_and_window(
    chart: str, words: str, asked: dict[str, str]
) -> None:
    props = surat.render(view(scope="DISDIK" if chart != "letter_waiting" else "", window="90d"))
    (link,) = [c for c in props[f"surat-{chart}-links"]["children"] if c.title == words]
    scope = {"unit": "DISDIK"} if chart != "letter_waiting" else {}
    assert dict(parse_qsl(urlsplit(link.href).query)) == asked | scope | {"window": "90d"}
    room = surat.render(view(lens="room"))
    assert room[f"surat-{chart}-links"]["children"] == []


def test_a_units_row_leads_to_its_letters_on_paper() -> None:
    links = surat.render(view())["surat-letter_paperless-links"]["children"]
    asked = [dict(parse_qsl(urlsplit(link.href).query)) for link in links]
    assert {a["kpi"] for a in asked} == {"correspondence.paperless_rate"}
    assert len({a["unit"] for a in asked}) == len(asked) == RANKED


def test_a_unit_without_a_letter_is_told_so_and_not_that_data_is_missing() -> None:
    unknown = surat.render(view(scope="KOSONG"))
    for chart in ("letter_flow", "letter_types", "letter_compare", "letter_calendar"):
        assert figure(unknown, chart)["data"] == []
        assert "Belum ada surat dalam rentang ini" in text_of(unknown[f"surat-{chart}-empty"]["children"])
    assert "Tidak ada surat masuk yang menunggu" in text_of(unknown["surat-letter_waiting-empty"]["children"])
