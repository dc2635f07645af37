"""The WiFi programme: every site at one stage, the burn-up a count of rows, a forecast only where there is a pace."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coc.domain.datasets import SITE_STATUSES
from coc.metrics import burnup, programme
from coc.metrics.city import City
from coc.metrics.registry import compute
from coc.metrics.sites import STAGES
from tests.metrics import cities
from tests.metrics.cities import Row, wib
from tests.ui.factory_program import known_days

NOW = wib("2026-03-11T14:05:00")
DAY = timedelta(days=1)


def city(*sites: Row, points: list[Row] | None = None, **more: Any) -> City:
    return cities.city(NOW, sites=list(sites), access_points=points, **more)


def kpi(of: City, name: str) -> float:
    found = compute(of, [name])
    return float(found["value"].iloc[0])


def site(status: str = "active", installed: str | None = None, target: str | None = None, **more: Any) -> Row:
    at = {"installed_at": wib(installed) if installed else None, "target_at": wib(target) if target else None}
    return {"status": status, **at, **more}


def used_of(of: City) -> dict[str, str]:
    frame = programme.site_use(of)
    return dict(zip(frame["site"], frame["state"], strict=True))


days = st.one_of(st.none(), st.integers(-1500, 1500).map(lambda n: NOW + n * DAY))
rows = st.fixed_dictionaries(
    {
        "status": st.sampled_from(SITE_STATUSES),
        "installed_at": days,
        "target_at": days,
        "site_kind": st.sampled_from([None, "school", "park"]),
        "area": st.sampled_from([None, "15.71.04", "Telanaipura", "Antah"]),
    }
)


@given(st.lists(rows, max_size=12))
@settings(max_examples=15, deadline=None)
def test_every_site_stands_at_one_stage_in_every_table_and_the_sums_are_the_kpis(sites: list[Row]) -> None:
    made = city(*sites)
    for frame in (programme.by_kind(made), programme.by_area(made)):
        assert (frame[list(STAGES)].sum(axis=1) == frame["target"]).all()
        assert (frame["idle"] + frame["active"] == frame["installed"]).all()
        assert frame["target"].sum() == kpi(made, "wifi.target")
        assert frame["installed"].sum() == kpi(made, "wifi.installed")
    assert programme.funding(made)["installed"].sum() == kpi(made, "wifi.installed")
    live = [s for s in sites if s["status"] != "retired" and s["site_kind"] == "school"]
    assert len(programme.waiting_schools(made)) + kpi(made, "wifi.schools_served") == len(live)


@given(st.lists(rows, max_size=12))
@settings(max_examples=15, deadline=None)
def test_the_burn_up_counts_what_was_installed_and_planned_by_each_day(sites: list[Row]) -> None:
    made = city(*sites)
    frame = burnup.burnup(made)
    live = [s for s in sites if s["status"] != "retired"]

    def day(at: datetime | None) -> str | None:
        return None if at is None else str(at.astimezone(made.calendars.zone).date())

    if frame.empty:
        dated = [s for s in live if s["target_at"] or (s["installed_at"] and s["installed_at"] <= NOW)]
        assert not dated
        return
    installed = [s for s in live if s["status"] == "active" or (s["installed_at"] and s["installed_at"] <= NOW)]
    undated = [s for s in installed if s["installed_at"] is None or s["installed_at"] > NOW]
    assert frame["at"].is_monotonic_increasing
    assert frame.loc[frame["today"], "installed"].tolist() == [kpi(made, "wifi.installed")]
    for row in frame.to_dict("records"):
        assert row["planned"] == sum((day(s["target_at"]) or "9") <= row["at"] for s in live)
        if row["at"] <= day(NOW):
            known = [s for s in installed if s not in undated and day(s["installed_at"]) <= row["at"]]
            assert row["installed"] == len(undated) + len(known)


def paced(lately: int, *more: Row) -> City:
    """A programme of twenty sites, some of which were installed in the last half year."""
    done = [site(installed=f"2025-{9 + n % 4:02d}-05T09:00:00") for n in range(lately)]
    return city(*done, *more, *[site("planned", target="2026-12-01T00:00:00") for _ in range(20 - lately)])


def test_the_forecast_is_the_pace_of_the_last_six_complete_months_and_says_when_it_would_be_done() -> None:
    made = paced(6)
    outlook, frame = burnup.outlook(made).iloc[0], burnup.burnup(made)
    assert (outlook["a_month"], outlook["lately"], outlook["why"]) == (1.0, 6, "")
    assert outlook["done"][:7] == "2027-05"  # 14 sites, one a month, from March 2026 on
    today = frame[frame["today"]].iloc[0]
    assert (today["installed"], today["forecast"]) == (6, 6)
    assert frame["forecast"].iloc[-1] == 20
    assert frame.loc[frame["at"] < today["at"], "forecast"].isna().all(), "the past is no forecast"
    assert frame.loc[frame["at"] > today["at"], "installed"].isna().all(), "the future is not installed"


def test_what_was_installed_in_this_month_or_long_ago_is_no_pace() -> None:
    recent = [site(installed="2026-03-05T09:00:00") for _ in range(5)]
    old = [site(installed="2025-08-31T09:00:00") for _ in range(5)]
    outlook = burnup.outlook(paced(2, *recent, *old)).iloc[0]
    assert (outlook["lately"], outlook["why"]) == (2, "few")


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (paced(2), "few"),
        (paced(6, *[site() for _ in range(3)]), "undated"),
        (city(*[site(installed="2025-10-01T09:00:00") for _ in range(9)]), "finished"),
    ],
)
def test_where_there_is_no_honest_pace_nothing_is_forecast_and_the_reason_is_told(made: City, why: str) -> None:
    assert burnup.outlook(made)["why"].tolist() == [why]
    assert burnup.burnup(made)["forecast"].isna().all()


def test_a_slow_pace_names_no_year_beyond_five() -> None:
    made = city(*[site(installed="2025-11-01T09:00:00") for _ in range(3)], *[site("planned") for _ in range(90)])
    assert burnup.outlook(made)["done"].tolist() == [""]
    assert burnup.burnup(made)["at"].iloc[-1] < "2031-04"


def test_waiting_schools_come_longest_past_their_target_first_and_those_without_a_target_last() -> None:
    made = city(
        site("planned", target="2026-05-01T00:00:00", name="Nanti", site_kind="school"),
        site("installing", target="2025-03-11T00:00:00", name="Setahun", site_kind="school", area="telanaipura"),
        site("planned", name="Entah", site_kind="school"),
        site("planned", installed="2026-01-05T00:00:00", target="2026-03-01T00:00:00", name="Mati", site_kind="school"),
        site("active", name="Jalan", site_kind="school"),
        site("planned", target="2020-01-01T00:00:00", name="Taman", site_kind="park"),
    )
    frame = programme.waiting_schools(made)
    assert frame["name"].tolist() == ["Setahun", "Mati", "Nanti", "Entah"]
    assert frame["days"].tolist()[:3] == [365, 10, -51]
    assert frame["stage"].tolist() == ["installing", "idle", "planned", "planned"]
    assert frame["area"].tolist()[0] == "Telanaipura"


@pytest.mark.parametrize(
    "area", ["15.71.01", "Telanaipura", "Kecamatan TELANAIPURA ", "15.71.01.1001", "kec. telanaipura"]
)
def test_a_kecamatan_is_known_by_its_code_its_name_or_a_kelurahan_of_it(area: str) -> None:
    frame = programme.by_area(city(site(area=area)))
    assert (frame["area"].tolist(), frame["name"].tolist()) == (["15.71.01"], ["Telanaipura"])


def test_an_area_that_nobody_knows_has_a_row_as_it_is_written_and_none_comes_last() -> None:
    frame = programme.by_area(city(site(area="Antah"), site(area=None), site(area="15.71.02")))
    assert frame["name"].tolist() == ["Jambi Selatan", "Antah", ""]


def measured(clients: dict[str, tuple[float, int]], **more: Any) -> City:
    """Points `<site>-n` with mean clients over so many days before today."""
    points = [{"source_id": ap, "site": ap.rpartition("-")[0]} for ap in clients]
    sites = [site(source_id=code) for code in dict.fromkeys(p["site"] for p in points)]
    made = city(*sites, points=points, **more)
    rows = [(ap, NOW - n * DAY, mean) for ap, (mean, known) in clients.items() for n in range(1, known + 1)]
    return replace(made, known_days=known_days(rows))


def test_a_site_is_used_when_its_points_together_have_the_client_hours_of_the_limit() -> None:
    hour = 1 / 24  # of one client a day, as a mean
    made = measured({"A-1": (2.5 * hour, 30), "A-2": (2.6 * hour, 30), "B-1": (4.9 * hour, 30)})
    assert used_of(made) == {"A": "used", "B": "low"}
    frame = programme.site_use(made)
    assert frame[["site", "clients"]].to_numpy().tolist() == [["B", 4.9], ["A", 5.1]]


def test_days_that_nobody_measured_are_not_taken_for_empty() -> None:
    made = measured({"A-1": (0.25, 10), "B-1": (9.0, 6)})
    assert used_of(made) == {"A": "used", "B": "unknown"}, "of six days nobody can say"


def test_a_site_of_which_one_point_is_not_known_may_be_used() -> None:
    made = measured({"A-1": (0.0, 30), "A-2": (9.0, 3), "B-1": (9.0, 30), "B-2": (9.0, 3)})
    assert used_of(made) == {"A": "unknown", "B": "used"}


def test_what_is_older_than_thirty_days_says_nothing_of_the_use() -> None:
    made = measured({"A-1": (0.0, 30)})
    old = known_days([("A-1", NOW - n * DAY, 900.0) for n in range(31, 60)])
    assert used_of(replace(made, known_days=old)) == {"A": "unknown"}
    assert used_of(made) == {"A": "low"}


def test_where_no_source_counts_clients_nobody_knows_what_is_used() -> None:
    made = measured({"A-1": (9.0, 30)}, provided=cities.EVERYTHING - {"ap_samples.clients"})
    assert used_of(made) == {"A": "unknown"}
    totals = programme.totals(made).iloc[0]
    assert (totals["used"], totals["low"], totals["unknown"]) == (0, 0, 1)


def test_without_sites_there_is_nothing_to_tell() -> None:
    empty = city()
    assert programme.totals(empty).empty
    assert burnup.burnup(empty).empty
    assert programme.waiting_schools(empty).empty
