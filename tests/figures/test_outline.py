"""Figures by their outline: traces, axes, labels; from frames, without a page."""

from __future__ import annotations

import itertools
import json
import math
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coc.figures import correspondence, dispositions, network
from coc.figures.look import Look, safe, short, spread
from coc.figures.palette import DARK, LIGHT
from coc.figures.scale import nice_ceiling, share_floor
from coc.figures.spark import spark
from coc.figures.template import SIZE
from coc.ui.format import Writer
from coc.ui.i18n import t
from tests.ui import factory

BOARDS = factory.boards()
FRAMES = {
    "flow": (correspondence.flow, BOARDS["correspondence"].frames["flow"]),
    "by_unit": (dispositions.backlog_by_unit, BOARDS["disposition"].frames["by_unit"]),
    "by_age": (dispositions.backlog_by_age, BOARDS["disposition"].frames["by_age"]),
    "channels": (dispositions.channels, BOARDS["disposition"].frames["channels"]),
    "wifi": (network.wifi_by_hour, BOARDS["wifi"].frames["by_hour"]),
    "latency": (network.app_latency, BOARDS["apps"].frames["latency"]),
}


def look(language: str = "id", dark: bool = True) -> Look:
    writer = Writer(language, ZoneInfo("Asia/Jakarta"))
    colours = DARK if dark else LIGHT
    return Look(colours, t(language), writer.number, writer.percent, writer.hour, writer.short_date)


def words(figure: dict[str, Any]) -> list[str]:
    return [a["text"] for a in figure["layout"].get("annotations", [])]


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("dark", [True, False])
def test_plotly_accepts_every_key_and_value(name: str, dark: bool) -> None:
    draw, frame = FRAMES[name]
    go.Figure(draw(frame, look(dark=dark)))


@pytest.mark.parametrize("name", FRAMES)
def test_a_figure_is_plain_lists_on_our_own_template(name: str) -> None:
    draw, frame = FRAMES[name]
    figure = draw(frame, look())
    assert json.loads(json.dumps(figure, allow_nan=False)) == figure
    layout = figure["layout"]["template"]["layout"]
    assert layout["font"]["size"] == SIZE >= 18
    assert layout["paper_bgcolor"] == "rgba(0,0,0,0)"
    assert not layout["showlegend"]
    assert "title" not in figure["layout"]


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_without_rows_draws_nothing_and_raises_nothing(name: str) -> None:
    draw, frame = FRAMES[name]
    assert draw(frame.iloc[0:0], look())["data"] == []


@pytest.mark.parametrize("name", FRAMES)
def test_the_bundle_that_is_served_knows_every_trace(name: str) -> None:
    draw, frame = FRAMES[name]
    assert {trace["type"] for trace in draw(frame, look())["data"]} <= {"bar", "scatter"}


@pytest.mark.parametrize("name", ["flow", "by_unit", "by_age"])
def test_bars_stand_on_zero(name: str) -> None:
    draw, frame = FRAMES[name]
    figure = draw(frame, look())
    axis = "xaxis" if name == "by_unit" else "yaxis"
    assert figure["layout"][axis]["range"][0] == 0


def test_the_flow_shows_working_days_only_and_marks_holidays() -> None:
    figure = FRAMES["flow"][0](FRAMES["flow"][1], look())
    bars = figure["data"][0]
    assert len(bars["x"]) == int(FRAMES["flow"][1]["working"].sum())
    assert "Libur" in words(figure)
    assert any(shape["type"] == "rect" for shape in figure["layout"]["shapes"])


def test_a_day_that_is_not_over_is_outlined_and_dotted() -> None:
    figure = FRAMES["flow"][0](FRAMES["flow"][1], look())
    assert figure["data"][0]["marker"]["color"][-1] == "rgba(0,0,0,0)"
    assert [t["line"].get("dash") for t in figure["data"][1:] if "line" in t] == [None, "dot", None, "dot"]
    assert figure["layout"]["xaxis"]["ticktext"][-1] == "hari ini"


def test_a_long_leave_is_named() -> None:
    frame = FRAMES["flow"][1].copy()
    leave = frame.index[8:16]
    frame.loc[leave, "working"] = False
    frame.loc[leave, "note"] = "Idul Fitri"
    assert "Idul Fitri" in words(FRAMES["flow"][0](frame, look()))


def test_the_units_with_the_largest_backlog_come_first_and_ten_at_most() -> None:
    frame = pd.DataFrame(
        {"unit": [f"U{i}" for i in range(30)], "name": [f"Unit {i}" for i in range(30)], "backlog": range(1, 31)}
    ).assign(overdue=0, due_soon=0)
    figure = dispositions.backlog_by_unit(frame, look())
    assert words(figure)[0] == "Unit 29"
    assert len(figure["data"][0]["y"]) == 10


def test_a_name_too_long_for_its_row_shows_the_units_code() -> None:
    frame = pd.DataFrame(
        {"unit": ["DPMPTSP"], "name": ["Dinas Penanaman Modal dan Pelayanan Terpadu Satu Pintu"], "backlog": [3]}
    ).assign(overdue=1, due_soon=0)
    assert "DPMPTSP" in words(dispositions.backlog_by_unit(frame, look()))


def test_a_name_from_a_source_is_shown_and_never_obeyed() -> None:
    frame = pd.DataFrame({"unit": ["X"], "name": ["<b>Dinas</b> & co"], "backlog": [3], "overdue": [0], "due_soon": 0})
    assert "&lt;b&gt;Dinas&lt;/b&gt; &amp; co" in words(dispositions.backlog_by_unit(frame, look()))


def test_hidden_counts_are_null_in_the_data_and_say_so_in_words_after_all_others() -> None:
    frame = pd.DataFrame(
        {
            "unit": ["A", "C", "B"],
            "name": ["Zeta", "Beta", "Alfa"],
            "backlog": [40, None, None],
            "overdue": [10, None, None],
            "backlog_masked": ["", "complement", "complement"],
            "overdue_masked": ["", "complement", "lt5"],
        }
    )
    figure = dispositions.backlog_by_unit(frame, look())
    assert words(figure)[::2] == ["Zeta", "Alfa", "Beta"]
    assert words(figure)[3].endswith("&lt; 5</span> / disamarkan")
    assert words(figure)[5] == "disamarkan"
    assert [trace["x"][1:] for trace in figure["data"]] == [[None, None], [None, None]]


def test_a_backlog_whose_overdue_part_is_hidden_is_drawn_as_one() -> None:
    frame = pd.DataFrame({"unit": ["A"], "name": ["Alfa"], "backlog": [40], "overdue": [None]})
    figure = dispositions.backlog_by_unit(frame.assign(backlog_masked="", overdue_masked="complement"), look())
    assert [(trace["name"], trace["x"]) for trace in figure["data"]][1:] == [
        ("Belum lewat tenggat", [None]),
        ("Tunggakan", [40]),
    ]


def test_where_all_is_hidden_one_row_stands_for_all_units() -> None:
    frame = pd.DataFrame({"unit": [""], "name": [""], "backlog": [None], "overdue": [None]})
    figure = dispositions.backlog_by_unit(frame.assign(backlog_masked="complement", overdue_masked=""), look())
    assert words(figure) == ["Semua unit", "disamarkan"]


def test_shares_of_channels_add_up_to_the_whole() -> None:
    figure = FRAMES["channels"][0](FRAMES["channels"][1], look())
    assert sum(figure["data"][0]["text"]) == pytest.approx(1, abs=0.001)
    assert {"Ponsel", "Laptop", "PC", "Teks", "Perintah suara"} <= set(words(figure))


def test_an_hour_that_was_not_measured_is_a_gap_with_a_word() -> None:
    figure = FRAMES["wifi"][0](FRAMES["wifi"][1], look())
    line = figure["data"][0]
    assert [i for i, v in enumerate(line["y"]) if v is None] == [5, 6]
    assert line["connectgaps"] is False
    assert "Tanpa data" in words(figure)


def test_the_lowest_hour_is_named() -> None:
    assert "93.4% at 02:00" in words(FRAMES["wifi"][0](FRAMES["wifi"][1], look("en")))


def test_wifi_that_was_never_down_needs_no_lowest_hour() -> None:
    frame = FRAMES["wifi"][1].assign(up_share=1.0, coverage=1.0)
    assert words(network.wifi_by_hour(frame, look())) == []


def test_the_slowest_applications_are_named_and_silence_is_marked() -> None:
    figure = FRAMES["latency"][0](FRAMES["latency"][1], look())
    assert words(figure)[0].startswith("SIMRS")
    assert len(words(figure)) == 3
    (silent,) = [trace for trace in figure["data"] if trace["mode"] == "markers"]
    assert silent["marker"]["color"] == DARK.bad


def test_one_application_and_one_quarter_of_an_hour_can_be_seen() -> None:
    frame = FRAMES["latency"][1].iloc[:1]
    figure = go.Figure(network.app_latency(frame, look()))
    assert [trace.mode for trace in figure.data] == ["markers"]
    first, last = figure.layout.xaxis.range
    assert first < 0 < last  # the one point stands inside


@settings(max_examples=50)
@given(st.lists(st.floats(min_value=0, max_value=1000), min_size=1, max_size=6), st.floats(min_value=1, max_value=60))
def test_labels_end_up_apart_and_in_their_order(values: list[float], gap: float) -> None:
    placed = spread(values, gap)
    ordered = [p for _, p in sorted(zip(values, placed, strict=True))]
    assert all(b - a >= gap * 0.9 for a, b in itertools.pairwise(ordered))


@given(st.floats(min_value=0.1, max_value=1e7))
def test_an_axis_ends_at_a_round_number_not_far_above(value: float) -> None:
    top = nice_ceiling(value)
    assert value <= top + 1e-6
    assert top <= max(2.0, value * 2)


@given(st.floats(min_value=0, max_value=1))
def test_an_availability_axis_holds_its_lowest_value(lowest: float) -> None:
    assert 0 <= share_floor(lowest) <= lowest


def test_a_sparkline_breaks_at_a_gap_and_needs_two_points() -> None:
    source = spark([1, 2, None, 3, math.nan, 4], DARK)
    assert source is not None
    assert source.count("M") == 3
    assert len(source) < 700
    assert spark([1, None], DARK) is None


def test_a_cut_name_ends_at_a_word() -> None:
    assert short("SIMRS Abdul Manap", 14) == "SIMRS Abdul…"
    assert short("SIPADEK", 14) == "SIPADEK"
    assert safe("a<b") == "a&lt;b"


def test_a_month_of_weekends_draws_nothing() -> None:
    days = [date(2026, 3, 7) + timedelta(days=i) for i in range(2)]
    frame = pd.DataFrame({"day": days, "registered": 3, "dispositioned": 1, "completed": 1}).assign(
        working=False, partial=[False, True], note=""
    )
    assert correspondence.flow(frame, look())["data"] == []
