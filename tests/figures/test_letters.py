"""The charts of the page of letters by their outline."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pytest

from coc.figures import letter_shares, letters
from coc.figures.palette import DARK
from coc.ui.context import context_of
from coc.ui.letter_frames import of_view
from tests.figures.test_outline import look, words
from tests.ui import factory

CTX = context_of(factory.view("surat"))
DRAWN = {
    "letter_flow": letters.flow,
    "letter_cumulative": letters.cumulative,
    "letter_calendar": letters.calendar,
    "letter_types": letter_shares.types,
    "letter_mix": letter_shares.mix,
    "letter_paperless": letter_shares.paperless,
    "letter_waiting": letter_shares.waiting,
    "letter_compare": letter_shares.compared,
}


def frame(chart: str) -> pd.DataFrame:
    found = of_view(CTX, chart)
    assert found is not None
    return found.copy()


def drawn(chart: str, **columns: Any) -> dict[str, Any]:
    figure: dict[str, Any] = DRAWN[chart](frame(chart).assign(**columns), look())
    return figure


@pytest.mark.parametrize("chart", DRAWN)
@pytest.mark.parametrize("dark", [True, False])
def test_plotly_and_json_accept_each_chart_and_the_bundle_knows_its_traces(chart: str, dark: bool) -> None:
    figure = DRAWN[chart](frame(chart), look(dark=dark))
    go.Figure(figure)
    assert json.loads(json.dumps(figure, allow_nan=False)) == figure
    assert {trace["type"] for trace in figure["data"]} <= {"bar", "scatter"}


@pytest.mark.parametrize("chart", DRAWN)
def test_a_frame_without_rows_draws_nothing(chart: str) -> None:
    assert DRAWN[chart](frame(chart).iloc[0:0], look())["data"] == []


def test_no_stage_of_the_cumulative_flow_crosses_another_and_each_band_says_how_many_wait() -> None:
    figure = drawn("letter_cumulative")
    completed, dispositioned, registered = (trace["y"] for trace in figure["data"])
    assert all(r >= d >= c for r, d, c in zip(registered, dispositioned, completed, strict=True))
    said = " ".join(words(figure))
    assert f"<b>{registered[-1] - dispositioned[-1]}</b> menunggu<br>disposisi" in said
    assert f"<b>{dispositioned[-1] - completed[-1]}</b> menunggu<br>selesai" in said


def test_a_day_that_was_corrected_later_carries_a_mark_and_the_word_once() -> None:
    days = frame("letter_flow")
    corrected = days["working"].astype(bool) & (days.index % 7 == 0)
    figure = drawn("letter_flow", corrected=corrected)
    marks = figure["data"][-1]
    assert marks["name"] == "dikoreksi"
    assert len(marks["x"]) == int(corrected.sum()) > 1
    assert [word for word in words(figure) if "dikoreksi" in word] == ["◆ dikoreksi"]
    assert not any("dikoreksi" in word for word in words(drawn("letter_flow", corrected=False)))


def test_a_column_that_no_source_records_is_not_drawn() -> None:
    figure = letters.flow(frame("letter_flow").drop(columns="completed"), look())
    assert {trace["name"] for trace in figure["data"]} == {"Terdaftar", "Didisposisi", "dikoreksi"}
    rows = letter_shares.compared(frame("letter_compare").drop(columns="completed"), look())
    assert len(rows["data"][0]["x"]) == 2


def test_a_short_window_has_the_date_of_every_day() -> None:
    figure = letters.flow(frame("letter_flow").tail(7), look())
    assert figure["layout"]["xaxis"]["ticktext"] == ["5 Mar", "6 Mar", "9 Mar", "10 Mar", "hari ini"]


def test_the_calendar_has_a_square_a_day_from_monday_and_marks_holidays_and_today() -> None:
    figure = drawn("letter_calendar")
    assert len(figure["layout"]["shapes"]) == 90
    assert [word for word in words(figure) if len(word) == 3] == ["Sen", "Sel", "Rab", "Kam", "Jum", "Sab", "Min"]
    (points,) = figure["data"]
    off = [day for day, seen in zip(frame("letter_calendar")["day"], points["marker"]["opacity"], strict=True) if seen]
    assert {"2026-01-01", "2026-02-17"} <= set(off)
    outlined = [shape for shape in figure["layout"]["shapes"] if shape["line"]["width"]]
    assert [(shape["y0"] + shape["y1"]) / 2 for shape in outlined] == [pytest.approx(2)]  # a Wednesday


def test_types_beyond_the_tenth_are_one_row_that_says_how_many() -> None:
    rows = pd.DataFrame({"field": "type", "value": [f"jenis_{i}" for i in range(13)], "count": range(13, 0, -1)})
    said = words(letter_shares.types(rows, look()))
    assert said[0] == "Jenis 0"
    assert said[-2] == "4 jenis lain"
    assert said[-1].startswith(str(4 + 3 + 2 + 1))
    assert "lain" not in " ".join(words(letter_shares.types(rows.head(10), look())))


def test_shares_are_of_their_own_section() -> None:
    figure = drawn("letter_mix")
    kinds, media = figure["data"][0]["x"][:3], figure["data"][0]["x"][-2:]
    assert sum(kinds) == pytest.approx(1, abs=0.001)
    assert sum(media) == pytest.approx(1, abs=0.001)
    assert {"Surat masuk", "Amat segera", "Tanpa kertas", "Derajat"} <= set(words(figure))


def paper(**rates: tuple[int, int]) -> pd.DataFrame:
    rows = [(unit, f"Unit {unit}", *counts) for unit, counts in rates.items()]
    total = ("", "", sum(r[2] for r in rows), sum(r[3] for r in rows))
    return pd.DataFrame([total, *rows], columns=["unit", "name", "electronic", "eligible"])


def test_units_with_the_most_paper_come_first_and_those_with_hardly_a_letter_are_not_ranked() -> None:
    given = paper(A=(9, 10), B=(1, 10), C=(0, 4), D=(5, 10))
    said = words(letter_shares.paperless(given, look()))
    assert said[:8:2] == ["Unit B", "Unit D", "Unit A", "1 unit lain"]
    assert said[1].endswith("dari 10")
    assert said[7].endswith("dari 4")
    assert said[-1].startswith("kota 44")


def test_a_chosen_unit_has_its_row_whatever_its_rank_and_however_few_its_letters() -> None:
    given = paper(**{f"U{i}": (i, 20) for i in range(12)}, Z=(3, 3))
    said = words(letter_shares.paperless(given, look(), "Z"))
    assert "<b>Unit Z</b>" in said
    assert len([word for word in said if word.startswith(("Unit", "<b>Unit"))]) == letter_shares.RANKED
    colours = letter_shares.paperless(given, look(), "Z")["data"][0]["marker"]["color"]
    assert colours.count(DARK.accent) == 1


def test_only_what_waits_longer_than_the_limit_is_red_and_the_limit_is_named() -> None:
    figure = drawn("letter_waiting")
    assert figure["data"][0]["marker"]["color"] == [DARK.faint] * 2 + [DARK.bad] * 4
    assert "batas 8 jam kerja" in words(figure)
    assert words(figure)[:6] == ["≤ 4", "4–8", "8–16", "16–40", "40–80", "> 80"]


def test_a_comparison_is_per_working_day() -> None:
    sides = {"period": ["now", "before"], "working_days": [4, 5], "begun": True, "registered": [440, 500]}
    figure = letter_shares.compared(pd.DataFrame(sides), look())
    assert figure["data"][0]["x"] == [110]
    assert figure["data"][1]["x"] == [100]
    assert "+10" in words(figure)[1]


@pytest.mark.parametrize("missing", [{"begun": False}, {"working_days": [4, 0]}])
def test_nothing_is_compared_with_days_that_are_not_known_or_not_worked(missing: dict[str, Any]) -> None:
    assert drawn("letter_compare", **missing)["data"] == []
