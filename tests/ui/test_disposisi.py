"""What /disposisi says: the light of stability, what is not recorded, and what each lens is shown of it."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Any

import pytest

from coc.ui import shell
from coc.ui.page import View
from tests.ui import factory
from tests.ui.tree import attribute, text_of, walk, with_attribute

page = importlib.import_module("pages.disposisi")
CUTS = ("holding", "ageing", "spread", "balance", "handover", "means", "week")
KPIS = {
    "disposition.backlog", "disposition.overdue", "disposition.due_soon", "disposition.on_time_rate",
    "disposition.followup_hours_p50", "disposition.followup_hours_p85", "disposition.followup_hours_p95",
    "disposition.net_flow", "disposition.days_to_clear", "disposition.outside_hours_share",
}  # fmt: skip


def seen(lens: str = "operator", scope: str = "", window: Any = "30d", **more: Any) -> View:
    return replace(factory.view("disposisi", **more), lens=lens, scope=scope, window=window)


def held(kpi: str, value: float, state: str) -> dict[str, Any]:
    boards = factory.boards()
    kpis = boards["disposition"].kpis.copy()
    mine = kpis["id"].str.startswith(kpi)
    kpis.loc[mine, "value"], kpis.loc[mine, "state"] = value, state
    return boards | {"disposition": replace(boards["disposition"], kpis=kpis)}


def test_every_kpi_of_dispositions_is_on_the_page() -> None:
    assert set(with_attribute(page.render(seen()), "data-kpi")) == KPIS


@pytest.mark.parametrize(
    ("value", "state", "shape", "word", "number"),
    [
        (8.4, "ok", "up", "Arus seimbang", "8,4"),
        (8.4, "unstable", "degraded", "Arus tak seimbang", "8,4"),
        (float("nan"), "no_outflow", "down", "Tidak ada yang selesai", "–"),
    ],
)
def test_the_light_has_a_shape_and_a_word_beside_the_days(
    value: float, state: str, shape: str, word: str, number: str
) -> None:
    tile = page.render(seen(held=held("disposition.days_to_clear", value, state)))["disposisi-clear"]["children"]
    (light,) = [c for c in walk(tile) if getattr(c, "className", "") == "coc-light"]
    assert attribute(light, "data-light") == state
    assert text_of(light) == word
    assert any(f"coc-icon-{shape}" in (getattr(c, "className", "") or "") for c in walk(light))
    assert number in text_of(with_attribute({"t": {"children": tile}}, "data-kpi")["disposition.days_to_clear"])


def test_days_that_no_source_records_have_no_light() -> None:
    props = page.render(seen(held=held("disposition.days_to_clear", float("nan"), "not_recorded")))
    tile = props["disposisi-clear"]["children"]
    assert "tidak dicatat sumber" in text_of(tile)
    assert not [c for c in walk(tile) if getattr(c, "className", "") == "coc-light"]


@pytest.mark.parametrize(("net", "words"), [(118, "bertambah"), (-4, "berkurang"), (0, "tetap")])
def test_the_net_flow_says_where_the_backlog_goes(net: float, words: str) -> None:
    said = text_of(page.render(seen(held=held("disposition.net_flow", net, "ok")))["disposisi-netflow"]["children"])
    assert words in said
    assert {118: "+118", -4: "−4", 0: "0"}[int(net)] in said


def test_a_source_without_completion_is_told_so_and_nothing_is_drawn_as_known() -> None:
    boards = held("disposition.", float("nan"), "not_recorded")
    for language, words in (("id", "tidak mencatat kapan"), ("en", "does not record when")):
        props = page.render(seen(held=boards, language=language))
        for chart in ("holding", "ageing", "spread", "balance"):
            assert props[f"disposisi-{chart}"]["figure"]["data"] == []
            assert words in text_of(props[f"disposisi-{chart}-empty"]["children"])
        assert "jam disposisi" in text_of(props["disposisi-week-empty"]["children"]) or language == "en"


def test_due_dates_that_are_not_recorded_are_told_in_the_note() -> None:
    note = page.render(seen(held=held("disposition.overdue", float("nan"), "not_recorded")))["disposisi-holding-note"]
    assert "tenggat tidak dicatat" in text_of(note["children"])


def test_the_public_sees_tiles_and_ages_and_no_unit_nor_office() -> None:
    boards = factory.boards()
    for name in ("handling", "desks"):
        boards[name] = replace(boards[name], frames={})
    view = seen("public", held=boards)
    whole = shell.compose(page.PAGE, page.skeleton, page.render, view)
    ids = {getattr(c, "id", None) for c in walk(whole)}
    assert "disposisi-by_age" in ids
    assert not {f"disposisi-{chart}" for chart in CUTS} & ids
    assert set(page.render(view)) <= ids
    assert "data-coc-choice" not in str([c for c in walk(whole) if getattr(c, "className", "") == "coc-select"])


def test_offices_of_leaders_are_told_apart_only_where_their_board_is() -> None:
    boards = factory.boards()
    without = boards | {"desks": replace(boards["desks"], frames={})}
    for chart in ("handover", "means"):
        leader, others = (page.render(seen(held=h))[f"disposisi-{chart}"]["figure"] for h in (boards, without))
        heads = [[a["text"] for a in figure["layout"]["annotations"]] for figure in (leader, others)]
        assert "Sekda" in heads[0]
        assert "Pimpinan" not in heads[0]
        assert "Pimpinan" in heads[1]
        assert not {"Sekda", "Wali Kota", "Wakil"} & set(heads[1])


def test_a_choice_of_unit_and_window_changes_the_charts_and_their_notes() -> None:
    city, unit = page.render(seen()), page.render(seen(scope="DISDIK", window="7d"))
    for chart in CUTS:
        assert city[f"disposisi-{chart}"] != unit[f"disposisi-{chart}"]
    assert "7 hari" in text_of(unit["disposisi-spread-note"]["children"])
    assert "per tujuh hari" in text_of(page.render(seen(window="90d"))["disposisi-balance-note"]["children"])


def test_figures_lead_to_their_items_for_who_may_see_letters() -> None:
    def ways(lens: str) -> list[str]:
        props = page.render(seen(lens, scope="DISDIK"))
        return [c.href for p in props.values() for c in walk(p.get("children")) if getattr(c, "href", None)]

    assert any("kpi=disposition.overdue&unit=DISDIK&window=30d" in way for way in ways("head"))
    assert ways("room") == []


def test_an_empty_window_teaches_in_a_sentence() -> None:
    boards = factory.boards()
    frames = {name: frame.iloc[:0] for name, frame in boards["handling"].frames.items()}
    boards |= {n: replace(boards[n], frames=frames if n == "handling" else {}) for n in ("handling", "desks")}
    props = page.render(seen(held=boards))
    assert "Tidak ada disposisi yang menunggu" in text_of(props["disposisi-holding-empty"]["children"])
    assert "Belum ada disposisi yang selesai" in text_of(props["disposisi-spread-empty"]["children"])
