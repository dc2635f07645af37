"""Every drill against the real pipeline: what docs/drills.md promises while it lasts, and no trace of it afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from coc.domain.datasets import Dataset
from coc.ingest import pull_connector
from coc.simulate import faults, feed, timeline
from data_connectors import client
from tests.e2e.drill_room import Coc, HandClock, Room

MORNING = datetime.fromisoformat("2026-11-24T08:30:00+07:00")  # a Tuesday
LETTERS = (Dataset.LETTERS, Dataset.DISPOSITIONS)
POINTS = (Dataset.AP_SAMPLES,)
REGISTER = (Dataset.SITES, Dataset.ACCESS_POINTS)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """One pair of COCs for all drills, one after the other: each leaves the store as the next expects it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timeline, "KEPT_DAYS", 4)
        patch.setattr(feed, "RETENTION_DAYS", 3)
        patch.setattr(client, "BACKOFF_SECONDS", 0.01)
        patch.setattr(faults, "DELAY_SECONDS", 0.15)
        clock = HandClock(MORNING)
        made = Room(*(Coc(tmp_path_factory.mktemp(n), clock) for n in ("struck", "calm")), clock)
        for name in made.struck.settings.connectors:
            since = {"since": clock.now() - pd.Timedelta(hours=1)} if name == "wifi" else {}
            assert made.pull_both(name, **since).error is None
        made.equal()
        yield made
        made.struck.close()
        made.calm.close()


@contextmanager
def drill(room: Room, name: str, target: str = "feed") -> Iterator[None]:
    """The drill is on for the block, and nothing is left of it afterwards."""
    room.struck.drill(name, target=target, seconds="900")
    try:
        yield
    finally:
        room.struck.drill(name, target=target, stop="1")


def recovered(room: Room, name: str, *datasets: Dataset) -> None:
    """One ordinary pull later all is as if the drill had never been."""
    room.clock.pass_minutes(1)
    report = room.pull_both(name)
    assert report.error is None
    found = room.struck.feed(name)
    assert (found.state, found.notes, dict(found.standing)) == ("fresh", (), {})
    room.equal(*datasets)


FAILING = [
    ("down", "unreachable"), ("login", "login_page"), ("truncated", "broken"), ("unauthorised", "credentials"),
    ("busy", "rate_limited"), ("redirect", "redirected"), ("not-found", "not_found"), ("loop", "paging_loop"),
]  # fmt: skip
QUICK = ("down", "busy")  # the others go the same way through the pipeline, each under its own code
SLOW = pytest.mark.slow
SOURCES = {"feed": ("sipadek", LETTERS), "prometheus": ("wifi", POINTS), "files": ("titik_wifi", REGISTER)}


@pytest.mark.parametrize(
    ("name", "target", "code"),
    [pytest.param(n, "feed", c, marks=() if n in QUICK else SLOW) for n, c in FAILING]
    + [
        ("truncated", "prometheus", "broken"),
        pytest.param("login", "prometheus", "login_page", marks=SLOW),
        pytest.param("login", "files", "login_page", marks=SLOW),
    ],
)
def test_a_source_that_does_not_answer_as_it_should_fails_and_its_numbers_stay(room, name, target, code):
    source, datasets = SOURCES[target]
    before = room.struck.tables(*datasets)
    with drill(room, name, target):
        room.clock.pass_minutes(4)
        reports = [room.struck.pull(source) for _ in range(2)]
        assert [r.error_code for r in reports] == [code, code]
        found = room.struck.feed(source)
        state = "late" if name == "busy" else "failing"  # who asks to wait is not broken
        assert (found.state, found.last_run.error_code) == (state, code)
        if name != "loop":  # the first page is right, and stays
            for dataset, frame in room.struck.tables(*datasets).items():
                pd.testing.assert_frame_equal(frame, before[dataset])
    if (name, target) in (("loop", "feed"), ("truncated", "prometheus")):
        recovered(room, source, *datasets)
    else:  # the same way back for all of them
        assert room.struck.pull(source).error is None
        assert room.struck.feed(source).state == "fresh"


@SLOW
def test_a_source_that_drips_is_cut_at_the_deadline(room):
    source, datasets = SOURCES["feed"]
    with drill(room, "slow"):
        report = _hurried(room.struck, source, 0.7)
        assert report.error_code == "too_slow"
        assert report.seconds < 2
        assert _hurried(room.struck, source, 0.7).error_code == "too_slow"
        assert room.struck.feed(source).state == "failing"
    recovered(room, source, *datasets)


def _hurried(coc: Coc, source: str, seconds: float) -> Any:
    block = coc.settings.connectors[source]
    short = block.model_copy(update={"deadline_seconds": seconds})
    made = type(coc.connectors[source])(source, short)
    return pull_connector(coc.store, source, short, made, coc.settings, coc.clock)


@SLOW
def test_a_source_that_only_takes_its_time_stays_fresh(room):
    source, datasets = SOURCES["feed"]
    with drill(room, "delay"):
        room.clock.pass_minutes(1)
        report = room.pull_both(source)
        assert report.error is None
        assert report.seconds > faults.DELAY_SECONDS
        assert room.struck.feed(source).state == "fresh"
        room.equal(*datasets)
    recovered(room, source, *datasets)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("down", "refused"),
        *(
            pytest.param(name, reason, marks=SLOW)
            for name, reason in {
                "login": "login_page",
                "slow": "timeout",
                "busy": "status",
                "redirect": "redirect",
                "unauthorised": "status",
                "not-found": "status",
            }.items()
        ),
    ],
)
def test_an_application_that_fails_is_down_and_its_probe_is_fresh(room, name, reason):
    with drill(room, name, "apps"):
        room.clock.pass_minutes(1)
        assert room.struck.pull("aplikasi").error is None
        assert room.struck.feed("aplikasi").state == "fresh"
        assert _latest(room.struck) == [(False, reason), (False, reason)]
    room.clock.pass_minutes(1)
    room.struck.pull("aplikasi")
    assert [up for up, _ in _latest(room.struck)] == [True, True]


def _latest(coc: Coc) -> list[tuple[bool, str | None]]:
    frame = coc.store.export(Dataset.SERVICE_SAMPLES)
    newest = frame[frame["at"] == frame["at"].max()]
    return [(bool(up), None if pd.isna(why) else why) for up, why in zip(newest["up"], newest["reason"], strict=True)]


@SLOW
def test_a_late_application_is_slow_but_up(room):
    with drill(room, "delay", "apps"):
        room.clock.pass_minutes(1)
        room.struck.pull("aplikasi")
        frame = room.struck.store.export(Dataset.SERVICE_SAMPLES)
        newest = frame[frame["at"] == frame["at"].max()]
        assert newest["up"].all()
        assert (newest["latency_ms"] > 150).all()


@SLOW
@pytest.mark.parametrize("target", ["feed", "prometheus"])
def test_a_source_that_stands_still_is_frozen_though_it_answers(room, target):
    source, datasets = SOURCES[target]
    room.pull_both(source)
    before = room.struck.tables(*datasets)
    with drill(room, "frozen", target):
        room.clock.pass_minutes(12)
        report = room.struck.pull(source)
        assert (report.error, report.stored) == (None, 0)
        assert room.struck.feed(source).state == "frozen"
        for dataset, frame in room.struck.tables(*datasets).items():
            pd.testing.assert_frame_equal(frame, before[dataset])
        if target == "prometheus":
            none, up = room.struck.kpis("wifi.no_data", "wifi.up")
            assert (none > 0, up) == (True, 0)
    recovered(room, source, *datasets)
    if target == "prometheus":
        assert room.struck.kpis("wifi.no_data", "wifi.up") == room.calm.kpis("wifi.no_data", "wifi.up")


def test_garbage_goes_to_quarantine_and_the_rest_flows(room):
    with drill(room, "garbage"):
        room.clock.pass_minutes(6)
        report = room.pull_both("sipadek")
        assert report.error is None
        assert report.quarantined >= 3
        assert report.stored > 0
        assert room.struck.feed("sipadek").state == "fresh"
        assert room.struck.feed("sipadek").quarantine_open == report.quarantined
        reasons = {r.reason for r in room.struck.held("sipadek")}
        assert reasons <= {"unknown_value", "missing_required", "bad_type", "in_future", "out_of_range",
                           "unknown_unit", "completed_before_issued"}  # fmt: skip
        assert len(reasons) >= 3
    recovered(room, "sipadek", *LETTERS)
    assert room.struck.held("sipadek") == []


@SLOW
def test_garbage_in_a_register_is_refused_and_what_was_known_of_those_sites_stays(room):
    with drill(room, "garbage", "files"):
        report = room.struck.pull("titik_wifi")
        assert report.error is None
        assert report.quarantined >= 10
        held = room.struck.held("titik_wifi")
        assert {r.field for r in held} >= {"status", "capacity", "unit", "installed_at"}
        room.equal(*REGISTER)
    recovered(room, "titik_wifi", *REGISTER)
    assert room.struck.held("titik_wifi") == []


@SLOW
def test_a_clock_seven_hours_ahead_is_reported_and_its_stamps_are_not_believed(room):
    with drill(room, "clock"):
        room.clock.pass_minutes(5)
        report = room.pull_both("sipadek")
        assert ("clock_ahead", "+7 h") in report.notes
        assert report.quarantined > 0
        held = room.struck.held("sipadek")
        assert {r.reason for r in held} == {"in_future"}
        assert room.struck.feed("sipadek").as_of <= room.clock.now()
        for dataset in LETTERS:
            stored = room.struck.store.export(dataset)
            assert (stored["updated_at"] <= room.clock.now()).all()
    recovered(room, "sipadek", *LETTERS)
    assert room.struck.held("sipadek") == []


@SLOW
def test_a_field_that_is_gone_is_told_and_overwrites_nothing(room):
    done = room.struck.store.export(Dataset.LETTERS)["completed_at"].notna().sum()
    with drill(room, "drift"):
        room.clock.pass_minutes(3)
        report = room.struck.pull("sipadek")
        assert ("schema_drift", "dispositions.channel") in report.notes
        assert report.quarantined > 0
        whole = room.struck.pull("sipadek", full=True)
        assert (whole.error_code, whole.detail) == ("schema_drift", "letters.completed_at")
        assert room.struck.store.export(Dataset.LETTERS)["completed_at"].notna().sum() == done
    recovered(room, "sipadek", *LETTERS)
    assert room.struck.held("sipadek") == []


@SLOW
def test_a_register_without_a_column_fails_and_its_sites_stay(room):
    with drill(room, "drift", "files"):
        report = room.struck.pull("titik_wifi")
        assert report.error_code == "schema_drift"
        assert "`status`" in report.detail
        room.equal(*REGISTER)
    recovered(room, "titik_wifi", *REGISTER)


@SLOW
def test_words_nobody_has_mapped_are_told_with_their_number(room):
    with drill(room, "new-value"):
        room.clock.pass_minutes(5)
        report = room.pull_both("sipadek")
        assert report.error is None
        assert {code for code, _ in report.notes} == {"unknown_value"}
        assert {r.value for r in room.struck.held("sipadek")} <= {"kilat", "hologram"}
    recovered(room, "sipadek", *LETTERS)
    assert room.struck.held("sipadek") == []


@pytest.mark.parametrize("target", ["feed", pytest.param("files", marks=SLOW)])
def test_a_few_deletions_are_believed_at_the_next_whole_reading_and_taken_back(room, target):
    source, datasets = SOURCES[target]
    room.pull_both(source)
    before = {d: len(f) for d, f in room.struck.tables(*datasets).items()}
    with drill(room, "deletions", target):
        report = room.struck.pull(source, full=True)
        assert (report.error, report.deleted > 0) == (None, True)
        after = {d: len(f) for d, f in room.struck.tables(*datasets).items()}
        assert sum(before.values()) - sum(after.values()) == report.deleted
    recovered(room, source, *datasets)


@pytest.mark.parametrize("target", ["feed", pytest.param("files", marks=SLOW)])
def test_mass_deletion_is_withheld_until_a_person_allows_it(room, target):
    source, datasets = SOURCES[target]
    room.pull_both(source)
    before = room.struck.tables(*datasets)
    with drill(room, "mass", target):
        report = room.struck.pull(source, full=True)
        assert (report.error_code, report.deleted) == ("mass_deletion", 0)
        for dataset, frame in room.struck.tables(*datasets).items():
            pd.testing.assert_frame_equal(frame, before[dataset])
        if target == "feed":
            assert room.struck.pull(source).error is None  # an ordinary pull judges nothing
        assert set(room.struck.feed(source).standing) == {"mass_deletion"}
        assert room.struck.feed(source).state == "fresh"
        allowed = room.struck.pull(source, full=True, allow_deletions=True)
        assert (allowed.error, allowed.deleted > 0) == (None, True)
        assert dict(room.struck.feed(source).standing) == {}
    recovered(room, source, *datasets)


@SLOW
def test_a_withheld_mass_deletion_stands_until_the_next_whole_reading(room):
    with drill(room, "mass"):
        room.struck.pull("sipadek", full=True)
    room.clock.pass_minutes(1)
    room.pull_both("sipadek")
    assert set(room.struck.feed("sipadek").standing) == {"mass_deletion"}
    assert room.struck.pull("sipadek", full=True).error is None
    recovered(room, "sipadek", *LETTERS)


def test_a_dead_exporter_is_the_source_s_failure_and_no_point_s(room):
    room.pull_both("wifi")
    before = room.struck.table(Dataset.AP_SAMPLES)
    down = room.struck.kpis("wifi.down")
    with drill(room, "exporter", "prometheus"):
        room.clock.pass_minutes(2)
        room.struck.pull("wifi")
        room.clock.pass_minutes(1)
        reports = [room.struck.pull("wifi") for _ in range(2)]
        assert [r.error_code for r in reports] == ["exporter_down"] * 2
        assert room.struck.feed("wifi").state == "failing"
        more = room.struck.table(Dataset.AP_SAMPLES)
        assert not (~more["up"] & (more["at"] > room.clock.now() - pd.Timedelta(minutes=2))).any()
        assert len(more) - len(before) < len(before) / 10
        assert room.struck.kpis("wifi.down") == down
    recovered(room, "wifi", *POINTS)


@SLOW
def test_a_power_cut_takes_one_site_s_points_down_and_stays_in_the_history(room):
    site = room.struck.drill("power", "GET")[0]["default"][0]
    points = set(room.struck.table(Dataset.ACCESS_POINTS).query("site == @site")["source_id"])
    room.clock.pass_minutes(1)
    room.pull_both("wifi")
    with drill(room, "power", site):
        began = pd.Timestamp(room.clock.now())
        room.clock.pass_minutes(5)
        room.pull_both("wifi")
        assert room.struck.feed("wifi").state == "fresh"
        calm = room.calm.states()
        assert room.struck.states() == calm | dict.fromkeys(points, "down")
        taken_down = sum(calm[point] != "down" for point in points)
        [struck_down], [calm_down] = room.struck.kpis("wifi.down"), room.calm.kpis("wifi.down")
        assert struck_down - calm_down == taken_down
    ended = pd.Timestamp(room.clock.now())
    room.clock.pass_minutes(4)
    room.pull_both("wifi")
    struck, calm = room.struck.table(Dataset.AP_SAMPLES), room.calm.table(Dataset.AP_SAMPLES)
    cut = struck["ap"].isin(points) & (struck["at"] >= began) & (struck["at"] < ended)
    assert len(points) >= 2
    assert set(struck[cut]["ap"]) == points
    assert not struck[cut]["up"].any()
    pd.testing.assert_frame_equal(struck[~cut].reset_index(drop=True), calm[~cut].reset_index(drop=True))
    assert room.struck.kpis("wifi.down") == room.calm.kpis("wifi.down")
    # A whole reading finds the same history: the cut has happened.
    room.struck.pull("wifi", since=began.to_pydatetime())
    pd.testing.assert_frame_equal(room.struck.table(Dataset.AP_SAMPLES), struck)
    assert np.isfinite(struck["clients"].astype("float64").fillna(0)).all()


def test_a_drill_ends_by_itself(room):
    room.struck.drill("drift", seconds="0.05")
    room.clock.pass_minutes(2)
    room.struck.pull("sipadek")
    assert all(not d["on"] for d in room.struck.drill("", "GET"))
    recovered(room, "sipadek", *LETTERS)


def test_the_whole_city_is_told_alike_after_all_drills(room):
    """A fresh COC that reads the struck city now holds what the one that saw every drill holds."""
    assert room.struck.pull("sipadek", full=True).error is None
    assert room.calm.pull("sipadek", full=True).error is None
    room.equal(*LETTERS, *REGISTER)
