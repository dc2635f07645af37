"""The figures of WiFi by their outline: what is drawn, where, and that nothing is told by colour alone."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import plotly.graph_objects as go
import pytest

from coc.figures import wifi_map, wifi_point, wifi_strips, wifi_use
from coc.figures.cells import cells
from coc.ui import wifi_rows
from coc.ui.context import context_of
from tests.ui import factory, factory_wifi

LOOK = context_of(factory.view("wifi")).look
FRAMES = factory_wifi.frames(factory.NOW)["network"]
POINTS = FRAMES["points"]


def test_a_cell_holds_its_own_middle_and_no_other() -> None:
    middles = ((0.0, 0.0), (1.0, 0.1), (0.2, 1.0), (1.3, 1.2))
    for me, polygon in zip(middles, cells(middles), strict=True):
        for at in middles:
            sides = [
                (q[0] - p[0]) * (at[1] - p[1]) - (q[1] - p[1]) * (at[0] - p[0])
                for p, q in zip(polygon, polygon[1:] + polygon[:1], strict=True)
            ]
            assert all(s > 0 for s in sides) == (at == me)


def test_each_state_has_a_shape_of_its_own_and_what_is_down_is_on_top() -> None:
    sites = wifi_rows.by_site(POINTS)
    drawn = wifi_map.sites_map(sites, LOOK, FRAMES["areas"])
    marks = [t for t in drawn["data"] if t["mode"] == "markers"]
    symbols = [t["marker"]["symbol"] for t in marks]
    assert len(set(symbols)) == len(symbols) == 4
    assert symbols[-1] == wifi_map._MARKS["down"][0]
    assert sum(len(t["x"]) for t in marks) == len(sites)
    assert len(drawn["data"]) - len(marks) == 11  # a cell a kecamatan
    go.Figure(drawn)


def test_a_site_shows_the_worst_of_its_points_once() -> None:
    sites = wifi_rows.by_site(POINTS).set_index("site")
    assert sites["points"].sum() == len(POINTS)
    for site, mine in POINTS.groupby("site"):
        worst = max(mine["state"], key=wifi_rows.WORST.__getitem__)
        assert sites.loc[site, "state"] == worst
        assert sites.loc[site, "since"] == mine.loc[mine["state"] == worst, "since"].min()
        assert mine.set_index("ap").loc[sites.loc[site, "ap"], "state"] == worst


def test_a_city_without_places_or_with_one_site_is_drawn_or_says_nothing() -> None:
    sites = wifi_rows.by_site(POINTS)
    assert wifi_map.sites_map(sites.assign(lat=float("nan")), LOOK, FRAMES["areas"])["data"] == []
    one = wifi_map.sites_map(sites.head(1), LOOK, None)
    assert len(one["data"]) == 1
    ((site, across, down),) = one["layout"]["meta"]["places"]
    assert (site, across, down) == (sites["site"].iloc[0], pytest.approx(0.5, abs=0.01), pytest.approx(0.5, abs=0.01))


def test_the_worst_point_stands_on_top_and_each_row_leads_to_its_point() -> None:
    day = wifi_rows.day_of(POINTS, FRAMES["strips"])
    drawn = wifi_strips.strips(day, LOOK, factory.NOW)
    rows = [row[3] for row in drawn["layout"]["meta"]["rows"]]
    assert rows == list(dict.fromkeys(day["ap"]))[: wifi_strips.ROWS]
    down = day[day["span"] == "down"].assign(long=lambda f: f["end"] - f["start"]).groupby("ap")["long"].sum()
    assert rows[0] == down.idxmax()
    heights = {t["name"]: t["width"] for t in drawn["data"]}
    assert len(set(heights.values())) == len(heights)
    go.Figure(drawn)


def test_a_day_without_a_bad_hour_is_a_whole_line() -> None:
    drawn = wifi_strips.strips(wifi_rows.day_of(POINTS.head(1), None), LOOK, factory.NOW, 1)
    assert [t["x"] for t in drawn["data"]] == [[1440]]


def test_what_goes_over_the_capacity_is_drawn_beyond_its_line() -> None:
    frame = pd.DataFrame({"name": ["A", "B"], "capacity": [10.0, 10.0], "peak": [15.0, 5.0], "over": [3, 0]})
    within, beyond = wifi_use.full(frame, LOOK)["data"]
    assert within["x"] == [1.0, 0.5]
    assert (beyond["base"], beyond["x"]) == ([1.0, 1.0], [0.5, 0.0])


def test_a_failed_answer_took_no_time_and_a_gap_stays_one() -> None:
    at = pd.to_datetime([factory.NOW - timedelta(minutes=m) for m in (600, 599, 1)], utc=True)
    frame = pd.DataFrame({"at": at, "up": [True, False, True], "latency_ms": [20.0, 5000.0, 30.0]})
    (line,) = wifi_point.latency(frame, LOOK, factory.NOW, 500)["data"]
    assert [v for v in line["y"] if v is not None] == [20.0, 30.0]
    assert line["connectgaps"] is False


@pytest.mark.parametrize("draw", [wifi_use.hours, wifi_use.full, wifi_use.gets, wifi_use.low])
def test_without_rows_nothing_is_drawn(draw: object) -> None:
    frame = pd.DataFrame({"hour": [], "clients": [], "most": [], "name": [], "peak": [], "ap": []})
    assert draw(frame, LOOK)["data"] == []  # type: ignore[operator]
