"""The cubes of /disposisi against the KPIs, and against counting row by row in plain Python."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from coc.boards.subjects import desks, handling
from coc.metrics import WINDOWS, City, compute
from coc.metrics.handling import EVERY
from coc.metrics.handover import LEADING, OWN, REST, TOP_OFFICES, TOP_UNITS
from tests.domain.minutes import JAKARTA
from tests.metrics import cities
from tests.metrics.cities import UNITS, Row, wib
from tests.metrics.oracle import Oracle, midnight, quantile, working_hours
from tests.metrics.strategies import mail

Mail = tuple[datetime, list[Row], list[Row]]
NOW = wib("2026-03-11T14:05")
MAKERS = handling.SUBJECT.frames
SCOPES = ("", *UNITS)
# A date without its hour, and no completion at all.
DATES = cities.EVERYTHING - {"dispositions.issued_at"} | {"dispositions.issued_at@date"}
NEVER_DONE = frozenset(p for p in cities.EVERYTHING if p.split("@")[0] != "dispositions.completed_at")


def oracle_of(made: Mail) -> Oracle:
    return Oracle(*made, cities.PROFILES)


def kpis(city: City, *ids: str) -> dict[tuple[str, str, str], float]:
    rows = compute(city, [f"disposition.{i}" for i in ids])
    return {(r.id.split(".")[1], r.unit, r.window): r.value for r in rows.itertuples()}


def of(rows: list[Row], unit: str) -> list[Row]:
    return [r for r in rows if unit in ("", r["to_unit"])]


def issued_in(oracle: Oracle, window: str, unit: str = "") -> list[Row]:
    start = midnight(oracle.now, int(window[:-1]) - 1)
    rows = [r for r in of(oracle.dispositions, unit) if r["cancelled_at"] is None]
    return [r for r in rows if start <= r["issued_at"] <= oracle.now]


def kind(row: Row, *, folded: bool, own: bool = True) -> str:
    word, *unit = row["from_office"].split(":")
    if own and unit[:1] == [row["to_unit"]]:
        return OWN
    leads = word in ("walikota", "wakil_walikota", "sekda") or word.startswith("asisten")
    return LEADING if folded and leads else word


@settings(max_examples=10)
@given(mail())
def test_the_backlog_is_whole_in_every_cut_and_its_old_part_is_what_outlived_the_line(made: Mail) -> None:
    city, oracle = cities.city(*made), oracle_of(made)
    found = kpis(city, "backlog", "overdue", "followup_hours_p85")
    ages, bins, lines = (MAKERS[name](city) for name in ("ages", "ageing", "lines"))
    for unit in SCOPES:
        mine = ages[ages["unit"] == unit]
        assert mine["backlog"].sum() == bins.loc[bins["unit"] == unit, "count"].sum() == found["backlog", unit, "90d"]
        assert mine["overdue"].sum() == found["overdue", unit, "90d"]
        waiting = oracle._open(of(oracle.dispositions, unit))
        line = lines[lines["unit"] == unit]
        if not waiting:
            assert line.empty
            continue
        own = found["followup_hours_p85", unit, "90d"]
        limit = found["followup_hours_p85", "", "90d"] if np.isnan(own) else own
        old = [working_hours(r["issued_at"], oracle.now, oracle.profile(r["to_unit"])) > limit + 1e-9 for r in waiting]
        assert line["own"].tolist() == [not np.isnan(own)]
        assert line["hours"].tolist() == pytest.approx([round(limit, 2)], nan_ok=True, abs=0.011)
        assert line["beyond"].tolist() == [sum(old)]
        assert bins.loc[(bins["unit"] == unit) & bins["beyond"], "count"].sum() == sum(old)


@settings(max_examples=10)
@given(mail())
def test_the_spread_is_the_tiles_quantiles_and_that_of_each_urgency(made: Mail) -> None:
    city, oracle = cities.city(*made), oracle_of(made)
    names = ("followup_hours_p50", "followup_hours_p85", "followup_hours_p95")
    found, cube = kpis(city, *names), MAKERS["spread"](city)
    rows = {(r.unit, r.window, r.urgency): r for r in cube.itertuples()}
    urgency = {(x["source"], x["source_id"]): x["urgency"] for x in made[1]}
    for unit in SCOPES:
        for window in WINDOWS:
            start = midnight(oracle.now, int(window[:-1]) - 1)
            hours: dict[str, list[float]] = {}
            for r in oracle._nf(of(oracle.dispositions, unit)):
                if r["completed_at"] is not None and start <= r["completed_at"] <= oracle.now:
                    took = working_hours(r["issued_at"], r["completed_at"], oracle.profile(r["to_unit"]))
                    for key in (EVERY, urgency.get((r["source"], r["letter_id"]), "absent")):
                        hours.setdefault(key, []).append(took)
            assert {u for s, w, u in rows if (s, w) == (unit, window)} == set(hours)
            for key, values in hours.items():
                row = rows[unit, window, key]
                assert row.count == len(values)
                said = [quantile(values, q) for q in (0.5, 0.85, 0.95)]
                assert [row.p50, row.p85, row.p95] == pytest.approx(said, abs=0.0051)
            if EVERY in hours:
                told = [found[name, unit, window] for name in names]
                row = rows[unit, window, EVERY]
                assert [row.p50, row.p85, row.p95] == pytest.approx(told, abs=0.0051)


@settings(max_examples=10)
@given(mail())
def test_what_comes_and_goes_by_day_and_by_week_is_the_net_flow_and_ends_in_the_backlog(made: Mail) -> None:
    city = cities.city(*made)
    found, steps = kpis(city, "net_flow", "backlog"), MAKERS["balance"](city)
    for unit in SCOPES:
        for window, step in (("7d", "day"), ("30d", "day"), ("90d", "week")):
            mine = steps[(steps["unit"] == unit) & (steps["step"] == step)]
            first = midnight(made[0], int(window[:-1]) - 1).date().isoformat()
            days = mine[mine["day"] >= first]
            assert days["arrived"].sum() - days["departed"].sum() == found["net_flow", unit, window]
            if len(mine):
                assert mine.sort_values("day")["backlog"].iloc[-1] == found["backlog", unit, window]
    city_days = steps[steps["unit"] == ""]
    assert (city_days["step"] == "day").sum() == 30
    assert (city_days["step"] == "week").sum() == 13
    assert city_days.loc[city_days["step"] == "week", "day"].iloc[0] == midnight(made[0], 89).date().isoformat()


@settings(max_examples=10)
@given(mail())
def test_each_hour_of_the_week_holds_what_was_given_in_it(made: Mail) -> None:
    oracle, cube = oracle_of(made), MAKERS["week"](cities.city(*made))
    for unit in SCOPES:
        for window in WINDOWS:
            here = [r["issued_at"].astimezone(JAKARTA) for r in issued_in(oracle, window, unit)]
            wanted = Counter((at.weekday(), at.hour) for at in here)
            rows = cube[(cube["unit"] == unit) & (cube["window"] == window)]
            assert rows["weekday"].tolist() == (list(range(7)) if wanted else [])
            held = {(r["weekday"], h): r[f"h{h:02}"] for r in rows.to_dict("records") for h in range(24)}
            assert {k: n for k, n in held.items() if n} == wanted


@settings(max_examples=10)
@given(mail())
@pytest.mark.parametrize("folded", [True, False])
def test_a_handover_counts_its_dispositions_and_the_median_of_their_hours(folded: bool, made: Mail) -> None:
    oracle, subject = oracle_of(made), handling.SUBJECT if folded else desks.SUBJECT
    cube = subject.frames["handover"](cities.city(*made))
    held = {(r.unit, r.window, r.office, r.to): r for r in cube.itertuples()}
    assert len(held) == len(cube)
    wanted = 0
    for unit in UNITS:
        for window in WINDOWS:
            rows = issued_in(oracle, window, unit)
            offices = {kind(r, folded=folded) for r in rows}
            wanted += len(offices)
            for office in offices:
                mine = [r for r in rows if kind(r, folded=folded) == office]
                check(held[unit, window, office, unit], mine, oracle)
    assert sum(unit != "" for unit, *_ in held) == wanted
    for window in WINDOWS:
        rows = issued_in(oracle, window)
        whole = [row for (unit, w, _, to), row in held.items() if (unit, w, to) == ("", window, "")]
        assert sum(row.count for row in whole if row.office != REST) == len(rows)
        by_unit = [row for (unit, w, _, to), row in held.items() if (unit, w) == ("", window) and to]
        assert sum(row.count for row in by_unit) == sum(kind(r, folded=folded) != OWN for r in rows)
        for row in whole:
            if row.office != REST:
                check(row, [r for r in rows if kind(r, folded=folded) == row.office], oracle)


def check(row: Any, mine: list[Row], oracle: Oracle) -> None:
    hours = [
        working_hours(r["issued_at"], r["completed_at"], oracle.profile(r["to_unit"]))
        for r in oracle._nf(mine)
        if r["completed_at"] is not None
    ]
    assert (row.count, row.done) == (len(mine), len(hours))
    assert row.hours == pytest.approx(median(hours) if hours else np.nan, nan_ok=True, abs=0.0051)


@settings(max_examples=10)
@given(mail())
def test_means_are_counted_whole_and_no_disposition_twice(made: Mail) -> None:
    oracle, city = oracle_of(made), cities.city(*made)
    by_all, by_office = MAKERS["means"](city), desks.SUBJECT.frames["means"](city)
    for window in WINDOWS:
        for unit in SCOPES:
            rows = issued_in(oracle, window, unit)
            assert of_window(by_all, unit, window)["count"].sum() == len(rows)
        assert of_window(by_office, "", window)["count"].sum() == len(issued_in(oracle, window))
    assert set(by_office["unit"]) <= {""}


def of_window(cube: pd.DataFrame, unit: str, window: str) -> pd.DataFrame:
    return cube[(cube["unit"] == unit) & (cube["window"] == window)]


def test_the_leaders_offices_are_one_but_on_the_board_that_leaders_read() -> None:
    offices = ("walikota", "wakil_walikota", "sekda", "asisten_2", "kepala:DISDIK", "camat:KEC-01")
    rows = [{"issued_at": NOW - timedelta(days=1), "from_office": o} for o in offices]
    city = cities.city(NOW, [], rows)
    for name in ("handover", "means"):
        told = set(MAKERS[name](city)["office"])
        assert told - {"", REST} == {LEADING, "camat", OWN if name == "handover" else "kepala"}
        assert "sekda" in set(desks.SUBJECT.frames[name](city)["office"])


def test_small_givers_and_takers_are_folded_and_nothing_is_lost() -> None:
    offices = [f"bagian_{i}" for i in range(TOP_OFFICES + 3)]
    rows = [
        {"issued_at": NOW - timedelta(days=1), "from_office": o} for i, o in enumerate(offices) for _ in range(9 - i)
    ]
    cube = MAKERS["handover"](cities.city(NOW, [], rows))
    matrix = cube[(cube["unit"] == "") & (cube["window"] == "7d") & (cube["to"] == "DISDIK")]
    assert sorted(matrix["office"]) == sorted([*offices[:TOP_OFFICES], REST])
    assert matrix["count"].sum() == len(rows)
    whole = cube[(cube["unit"] == "") & (cube["window"] == "7d") & (cube["to"] == "")]
    assert sorted(whole["office"]) == sorted([*offices, REST])


def test_leaders_come_before_who_gives_more_and_a_units_own_office_gives_it_nothing_from_outside() -> None:
    offices = {
        "kepala:DISDIK": 12,
        "kabid:DISDIK:2": 8,
        "kepala:DINKES": 9,
        "camat:KEC-01": 8,
        "lurah:X": 7,
        "walikota": 1,
    }
    rows = [{"issued_at": NOW - timedelta(days=1), "from_office": o} for o, n in offices.items() for _ in range(n)]
    city = cities.city(NOW, [], rows)
    cube = desks.SUBJECT.frames["handover"](city)
    here = cube[(cube["window"] == "7d") & (cube["to"] == "DISDIK")].set_index("office")["count"]
    mine = cube[(cube["window"] == "7d") & (cube["unit"] == "DISDIK")].set_index("office")["count"]
    assert mine.to_dict() == {"kepala": 9, "camat": 8, "lurah": 7, "walikota": 1, OWN: 20}
    matrix = cube[(cube["window"] == "7d") & (cube["unit"] == "") & (cube["to"] == "DISDIK")]
    assert matrix.set_index("office")["count"].to_dict() == {"walikota": 1, "kepala": 9, "camat": 8, REST: 7}
    assert here.sum() == mine.sum() + 25
    assert cube.loc[cube["unit"] == "", "to"].nunique() <= TOP_UNITS + 2


def test_more_kinds_of_office_than_can_be_told_apart_are_of_the_rest() -> None:
    rows = [{"issued_at": NOW - timedelta(days=1), "from_office": f"meja_{i:02}"} for i in range(30)]
    cube = MAKERS["handover"](cities.city(NOW, [], rows))
    assert not cube.duplicated(["unit", "window", "office", "to"]).any()
    mine = cube[(cube["unit"] == "DISDIK") & (cube["window"] == "7d")]
    assert mine["count"].sum() == 30
    assert mine.loc[mine["office"] == REST, "count"].tolist() == [6]


def test_an_hour_that_is_half_worked_or_more_is_office_time() -> None:
    city = cities.city(wib("2025-11-26T10:00"), [], [{"issued_at": wib("2025-11-26T09:30")}])
    week = MAKERS["week"](city)
    office = week[(week["unit"] == "") & (week["window"] == "30d")].set_index("weekday")["office"]
    assert [h for h, mark in enumerate(office[0]) if mark == "1"] == [7, 8, 9, 10, 11, 13, 14, 15]
    assert [h for h, mark in enumerate(office[4]) if mark == "1"] == [7, 8, 9, 10, 11, 13, 14, 15, 16]
    assert "1" not in office[6]


@pytest.mark.parametrize(
    ("provided", "empty"),
    [
        (NEVER_DONE, {"ages", "ageing", "lines", "spread", "balance"}),
        (DATES, {"ageing", "lines", "spread", "week"}),
    ],
    ids=["no completion", "dates alone"],
)
def test_what_no_source_records_is_not_drawn(provided: frozenset[str], empty: set[str]) -> None:
    rows = [
        {"issued_at": NOW - timedelta(days=3)},
        {"issued_at": NOW - timedelta(days=3), "completed_at": NOW - timedelta(days=2)},
    ]
    city = cities.city(NOW, [], rows, provided=provided)
    made = {name: make(city) for name, make in MAKERS.items()}
    assert {name for name, frame in made.items() if frame.empty} == empty
    assert made["handover"]["hours"].isna().all()
    assert made["handover"]["done"].sum() == 0


def test_what_is_overdue_is_null_where_nobody_records_when_anything_is_due() -> None:
    dues = {"dispositions.due_at", "letters.urgency"}
    provided = frozenset(p for p in cities.EVERYTHING if p.split("@")[0] not in dues and not p.startswith("letters."))
    ages = MAKERS["ages"](cities.city(NOW, [], [{"issued_at": NOW - timedelta(days=30)}], provided=provided))
    assert ages.loc[ages["unit"] == "", "backlog"].tolist() == [1]
    assert ages["overdue"].isna().all()


def test_a_city_without_dispositions_has_no_rows_but_its_days() -> None:
    city = cities.city(NOW, [], [])
    made = {name: make(city) for name, make in MAKERS.items()}
    assert {name for name, frame in made.items() if len(frame)} == {"balance"}
    assert made["balance"][["arrived", "departed", "backlog"]].to_numpy().sum() == 0


def test_what_is_put_in_the_store_comes_back_the_same() -> None:
    from coc.boards import codec

    rows = [{"issued_at": NOW - timedelta(days=d), "to_unit": u} for d in range(40) for u in UNITS[:2]]
    made = {name: make(cities.city(NOW, [], rows)) for name, make in MAKERS.items()}
    back = codec.load_frames(codec.pack(codec.dump_frames(made)))
    for name, frame in made.items():
        pd.testing.assert_frame_equal(back[name], frame, check_dtype=False)
