"""/opd and /opd/<unit>: who needs help, who has the habit, and where one unit stands."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from coc.access.masks import masked_board
from coc.settings.models import Target, UnitTarget
from tests.ui import factory
from tests.ui.tree import attribute, text_of, walk, with_attribute

opd = importlib.import_module("pages.opd")
opd_unit = importlib.import_module("pages.opd_unit")
HELD = factory.boards()


def rows_of(props: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(props["opd-rows"]["data-coc-rows"])
    return found


def cells(rows: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """The cells of the table by KPI and unit."""
    return {(c["kpi"], c["unit"]): c for row in rows for c in row["cells"] if "kpi" in c}


def test_every_unit_has_a_row_with_its_own_figures_and_leads_to_its_page() -> None:
    rows = rows_of(opd.render(factory.view("opd", held=HELD)))
    names = HELD["correspondence"].frames["names"]
    assert {row["href"] for row in rows} == {f"/opd/{code}" for code in names["code"]}
    kpis = HELD["disposition"].kpis
    mine = kpis[(kpis["id"] == "disposition.backlog") & (kpis["window"] == "30d")].set_index("unit")["value"]
    found = cells(rows)
    for code in names["code"]:
        assert float(found["disposition.backlog", code]["value"]) == mine[code]


def test_the_unit_with_most_overdue_comes_first() -> None:
    found = cells(rows_of(opd.render(factory.view("opd", held=HELD))))
    order = [float(c["value"]) for (kpi, _), c in found.items() if kpi == "disposition.overdue"]
    assert order == sorted(order, reverse=True)
    assert order[0] > 0


def test_adoption_is_told_by_a_shape_and_a_word() -> None:
    found = cells(rows_of(opd.render(factory.view("opd", held=HELD))))
    told = {(c["text"], c["icon"]) for (kpi, _), c in found.items() if kpi == "adoption.rate"}
    assert told == {("ya", "target-met"), ("belum", "disabled")}


def test_a_head_has_as_many_columns_as_a_row() -> None:
    for lens in ("leader", "public"):
        props = opd.render(replace(factory.view("opd", held=HELD), lens=lens))
        assert len(props["opd-head"]["children"][0].children) == 1 + len(rows_of(props)[0]["cells"])


def test_the_map_counts_the_wards_that_have_the_habit() -> None:
    tiles = opd.render(factory.view("opd", held=HELD, language="en"))["opd-map"]["children"]
    kpis = HELD["adoption"].kpis
    rate = kpis[(kpis["id"] == "adoption.rate") & (kpis["window"] == "30d")].set_index("unit")["value"]
    listed = HELD["units"].frames["list"]
    districts = listed[listed["kind"] == "district"]
    assert len(tiles) == len(districts) == 11
    for tile, code in zip(tiles, districts["unit"], strict=True):
        wards = listed.loc[listed["parent"] == code, "unit"]
        assert f"{int(rate[wards].sum())}/{len(wards)}" in text_of(tile)
        assert [attribute(c, "data-habit") for c in walk(tile) if getattr(c, "className", "") == "coc-ward"].count(
            "yes"
        ) == int(rate[wards].sum())


def test_the_public_sees_published_counts_and_no_small_one() -> None:
    held = {name: masked_board(board, "public", ()) for name, board in HELD.items() if name not in ("units", "offices")}
    view = replace(factory.view("opd", held=held, language="en"), lens="public")
    props = opd.render(view)
    assert "opd-map" not in props
    found = cells(rows_of(props))
    assert {kpi.split(".")[1] for kpi, _ in found} <= {
        "backlog", "overdue", "due_soon", "undispositioned", "registered_today", "completed_today"
    }  # fmt: skip
    hidden = [c for c in found.values() if "masked" in c]
    assert hidden
    assert all(c["value"] == c["sort"] == "" for c in hidden)
    assert any(c["text"] == "< 5" for c in hidden)
    assert not any(c["value"] in {"1", "2", "3", "4"} for c in found.values())


def test_a_unit_is_judged_by_its_own_target_beside_the_median_of_units() -> None:
    targets = {"disposition.on_time_rate": Target(target=0.99, units={"DISDIK": UnitTarget(target=0.01)})}
    view = factory.view("unit", held=HELD, targets=targets, language="en")
    figures = opd_unit.render(view)["unit-figures"]["children"]
    said = text_of(figures).replace("\u00a0", " ")
    assert "1%" in said
    assert "99%" not in said
    medians = HELD["units"].frames["medians"]
    mine = medians[(medians["id"] == "disposition.backlog") & (medians["window"] == "30d")]["value"].iloc[0]
    row = next(
        c
        for c in walk(figures)
        if with_attribute(c, "data-kpi").keys() == {"disposition.backlog"} and type(c).__name__ == "Tr"
    )
    assert view.settings.city.name
    assert f"{mine:g}" in text_of(row)


def test_each_configured_type_is_listed_used_or_not() -> None:
    said = [text_of(c) for c in opd_unit.render(factory.view("unit", held=HELD))["unit-types"]["children"]]
    assert len(said) == len(factory.view("unit", held=HELD).settings.letter_types)
    assert any(s.endswith("belum") for s in said)


@pytest.mark.parametrize("unit", ["KOSONG"])
def test_a_unit_without_anything_says_so_in_words(unit: str) -> None:
    view = replace(factory.view("unit", held=HELD), scope=unit)
    props = opd_unit.render(view)
    assert "Tidak ada disposisi yang menunggu" in text_of(props["unit-held-empty"]["children"])


def test_what_is_kept_of_twelve_weeks_is_the_units_own() -> None:
    past = HELD["units"].frames["past"]
    frame = opd_unit._frame(opd_unit.context_of(factory.view("unit", held=HELD)), "habit")
    assert isinstance(frame, pd.DataFrame)
    mine = past[past["unit"] == "DISDIK"]
    assert frame["registered"].sum() == mine["registered"].sum()
    assert len(frame) == 12
