"""The charts of /disposisi by their outline, and the rows that a choice of unit and window selects."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pytest

from coc.figures import chosen, handling, handover, rhythm
from coc.figures.palette import DARK, LIGHT
from coc.figures.rows import fitting
from coc.figures.template import SIZE
from coc.ui.i18n import t
from tests.figures.test_outline import look, words
from tests.ui import factory

BOARDS = factory.boards()
HELD, DESKS = BOARDS["handling"].frames, BOARDS["desks"].frames
NAMES = dict(zip(*(BOARDS["correspondence"].frames["names"][c] for c in ("code", "name")), strict=True))
SAY = t("id")
SCOPES = ("", "DISDIK")
Draw = Callable[[str, str], dict[str, Any]]


def holding(scope: str, _window: str = "30d", dark: bool = True) -> dict[str, Any]:
    return handling.holding(chosen.holding(HELD["ages"], scope, NAMES), look(dark=dark))


def ageing(scope: str, _window: str = "30d", dark: bool = True) -> dict[str, Any]:
    return handling.ageing(chosen.ageing(HELD["ageing"], HELD["lines"], scope), look(dark=dark))


def spread(scope: str, window: str = "30d", dark: bool = True) -> dict[str, Any]:
    return handling.spread(chosen.spread(HELD["spread"], scope, window, NAMES, SAY), look(dark=dark))


def balance(scope: str, window: str = "30d", dark: bool = True) -> dict[str, Any]:
    return rhythm.balance(chosen.balance(HELD["balance"], scope, window), look(dark=dark))


def matrix(scope: str, window: str = "30d", dark: bool = True) -> dict[str, Any]:
    rows = chosen.handover(DESKS["handover"], HELD["lines"], scope, window, NAMES, SAY)
    return handover.handover(rows, look(dark=dark))


def means(scope: str, window: str = "30d", dark: bool = True) -> dict[str, Any]:
    return handover.means(chosen.means(HELD["means"], scope, window), look(dark=dark))


def week(scope: str, window: str = "30d", dark: bool = True) -> dict[str, Any]:
    return rhythm.week(chosen.of(HELD["week"], scope, window), look(dark=dark))


CHARTS = (holding, ageing, spread, balance, matrix, means, week)


@pytest.mark.parametrize("draw", CHARTS)
@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("window", ["7d", "90d"])
def test_plotly_accepts_each_chart_in_each_choice(draw: Callable[..., Any], scope: str, window: str) -> None:
    figure = draw(scope, window, window == "7d")
    go.Figure(figure)
    assert json.loads(json.dumps(figure, allow_nan=False)) == figure
    assert {trace["type"] for trace in figure["data"]} <= {"bar", "scatter"}
    assert figure["layout"]["template"]["layout"]["font"]["size"] == SIZE
    sizes = [a["font"].get("size", SIZE) for a in figure["layout"]["annotations"] if "font" in a]
    assert min(sizes, default=SIZE) == SIZE


@pytest.mark.parametrize("draw", CHARTS)
def test_an_unknown_unit_has_nothing_to_draw_but_the_others_rows(draw: Callable[..., Any]) -> None:
    drawn = draw("NOWHERE")["data"]
    assert bool(drawn) == (draw in (holding, spread))  # the units' ranking, and the city's spread beside none


def test_the_unit_with_most_of_the_oldest_comes_first() -> None:
    rows = pd.DataFrame(
        {
            "row": ["A", "A", "B", "C", "C"],
            "bucket": ["0-1", "gt5", "gt5", "gt5", "4-5"],
            "backlog": [90, 2, 5, 2, 1],
            "overdue": [0, 1, 5, 0, 0],
            "mine": False,
        }
    )
    figure = handling.holding(rows, look())
    names = [w for w in words(figure) if w in ("A", "B", "C")]
    assert names == ["B", "C", "A"]
    assert figure["data"][0]["text"][:4] == [0, 0, 0, 5]
    strips = [s for s in figure["layout"]["shapes"] if s["fillcolor"] == DARK.bad]
    assert [round((s["x1"] - s["x0"]) / 0.94, 2) for s in strips] == [1.0, 0.5]
    assert any("5</span> / <b>5</b>" in w for w in words(figure))


def test_a_backlog_of_which_nobody_knows_what_is_overdue_has_no_red() -> None:
    rows = pd.DataFrame({"row": ["A"], "bucket": ["gt5"], "backlog": [5], "overdue": [math.nan], "mine": [False]})
    figure = handling.holding(rows, look())
    assert "<b>5</b>" in words(figure)
    assert not [s for s in figure["layout"]["shapes"] if s["fillcolor"] == DARK.bad]


def test_a_long_name_is_cut_where_its_code_is_a_number() -> None:
    assert fitting("Dinas Sosial", "DINSOS") == "Dinas Sosial"
    assert fitting("Kecamatan Jambi Timur", "KEC-03") == "Kec. Jambi Timur"
    assert fitting("Kelurahan Kenali Asam Atas", "KEL-07.1006") == "Kel. Kenali Asam…"
    assert fitting("Dinas Penanaman Modal dan Pelayanan Terpadu", "DPMPTSP") == "DPMPTSP"


def test_the_chosen_unit_stands_first_and_bold() -> None:
    assert "<b>Dinas Pendidikan</b>" in next(w for w in words(holding("DISDIK")) if "Dinas" in w)


def test_red_bubbles_lie_right_of_the_line_and_are_counted() -> None:
    figure = ageing("")
    (line,) = [s["x0"] for s in figure["layout"]["shapes"] if s["line"].get("dash")]
    within, beyond = figure["data"]
    assert max(within["x"]) <= line <= min(beyond["x"])
    assert beyond["marker"]["color"] == DARK.bad
    city = HELD["lines"].set_index("unit").loc[""]
    assert sum(beyond["text"]) == city["beyond"]
    assert sum(within["text"]) + sum(beyond["text"]) == city["open"]
    assert f"85 % dalam {city['hours']:.1f} jam".replace(".", ",") in words(figure)


def test_without_a_line_nothing_is_past_it() -> None:
    rows = HELD["ageing"][HELD["ageing"]["unit"] == ""].assign(beyond=False, line=math.nan)
    figure = handling.ageing(rows, look())
    assert figure["data"][1]["x"] == []
    assert not [s for s in figure["layout"]["shapes"] if s["line"].get("dash")]


def test_each_urgency_and_the_slowest_units_have_their_p85() -> None:
    said = words(spread(""))
    assert said[:2] == ["Semua", "Amat segera"]
    cube = HELD["spread"]
    units = cube[(cube["unit"] != "") & (cube["window"] == "30d") & (cube["urgency"] == "all") & (cube["count"] >= 5)]
    slowest = units.sort_values("p85", ascending=False)["p85"].head(4)
    assert [w for w in said if w.startswith("<b>")][-4:] == [f"<b>{look().number(v, 1)}</b>" for v in slowest]


def test_a_units_spread_stands_beside_the_citys() -> None:
    assert words(spread("DISDIK"))[:2] == ["Semua", "Seluruh kota"]


def test_arrivals_stand_on_zero_and_the_window_says_how_many_steps() -> None:
    for window, steps in (("7d", 7), ("30d", 30), ("90d", 13)):
        figure = balance("", window)
        assert figure["data"][0]["type"] == "bar"
        assert figure["layout"]["yaxis"]["range"][0] == 0
        assert len(figure["data"][0]["y"]) == steps
    assert len(balance("DISDIK", "30d")["data"][0]["y"]) == 30


def test_a_day_on_which_nothing_moved_keeps_the_backlog_of_the_day_before() -> None:
    days = [f"2026-03-0{d}" for d in range(1, 6)]
    city = pd.DataFrame(
        {"unit": "", "step": "day", "day": days, "arrived": 9, "departed": 9, "backlog": 5, "working": 1}
    )
    mine = pd.DataFrame({"unit": "X", "step": "day", "day": [days[1], days[3]], "arrived": [3, 0], "departed": [1, 2]})
    rows = chosen.balance(pd.concat([city, mine.assign(backlog=[6, 4], working=1)]), "X", "30d")
    assert rows["arrived"].tolist() == [0, 3, 0, 0, 0]
    assert rows["backlog"].tolist() == [4, 6, 6, 4, 4]


def test_a_handover_over_the_line_is_amber_and_folded_rows_come_last() -> None:
    rows = pd.DataFrame(
        {
            "office": ["sekda", "*", "sekda", "meja_baru", "sekda", "*"],
            "to": ["DISDIK", "DISDIK", "DINKES", "DISDIK", "", "*"],
            "name": ["Dinas Pendidikan", "Dinas Pendidikan", "Dinas Kesehatan", "Dinas Pendidikan", "Semua", "Lain"],
            "count": [40, 90, 12_400, 8, 60, 3],
            "hours": [30.25, 2.0, 4.5, math.nan, 9.0, 1.0],
            "slow": 26.0,
        }
    )
    figure = handover.handover(rows, look())
    said = words(figure)
    assert said[:3] == ["Sekda", "Meja baru", "Lainnya"]
    assert f"<b>40</b> <span style='color:{DARK.warn}'><b>30</b></span>" in said
    assert f"<b>12 rb</b> <span style='color:{DARK.muted}'>4</span>" in said
    assert "<b>8</b>" in said
    assert [w for w in said if w in ("Dinas Kesehatan", "Dinas Pendidikan", "Lain", "Semua")][-2:] == ["Lain", "Semua"]


def test_of_one_unit_the_offices_are_the_rows_beside_all_units() -> None:
    said = words(matrix("DISDIK"))
    assert said[:2] == ["Dinas Pendidikan", "Semua unit"]
    assert "Wali Kota" in said


def test_a_name_of_an_office_from_a_source_is_shown_and_never_obeyed() -> None:
    rows = pd.DataFrame(
        {"office": ["<b>x"], "to": ["A"], "name": ["<i>A"], "count": [3], "hours": [1.0], "slow": [9.0]}
    )
    said = words(handover.handover(rows, look()))
    assert "&lt;b&gt;x" in said
    assert "&lt;i&gt;A" in said


def test_shares_of_means_are_of_the_office_and_strips_of_the_devices() -> None:
    figure = means("")
    channels = 4
    rows = [figure["data"][0]["text"][i : i + channels] for i in range(0, len(figure["data"][0]["text"]), channels)]
    assert all(sum(row) == pytest.approx(1, abs=0.001) for row in rows)
    assert {s["fillcolor"] for s in figure["layout"]["shapes"]} >= {DARK.accent, DARK.muted, DARK.faint}


def test_hours_of_work_are_told_by_colour_and_all_168_hold_their_number() -> None:
    figure = week("", dark=False)
    assert len(figure["data"][0]["text"]) == 168
    assert {"Sen", "Min"} <= set(words(figure))
    assert {s["fillcolor"] for s in figure["layout"]["shapes"]} == {LIGHT.accent, LIGHT.muted, LIGHT.band}
