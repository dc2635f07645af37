"""The city is one a visitor from another would believe."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from coc.domain import instructions
from coc.domain.calendar_spec import CalendarSettings
from coc.domain.derive import derive
from coc.domain.instants import micros_of
from coc.domain.limits import Limits
from coc.domain.worktime import build_calendars
from coc.simulate.city import City
from coc.simulate.rhythm import day_of
from tests.simulate.conftest import MORNING, NIGHT, Rows, minutes, when

CALENDARS = build_calendars(CalendarSettings(), "Asia/Jakarta")


def frame(rows: Rows) -> pd.DataFrame:
    found = pd.DataFrame(rows)
    for name in [n for n in found.columns if n.endswith("_at")]:
        found[name] = pd.to_datetime(found[name], utc=True)
    return found


@pytest.fixture(scope="module")
def table(letters) -> pd.DataFrame:
    found = frame(letters)
    found["day"] = found["registered_at"].dt.tz_convert("Asia/Jakarta").dt.date
    return found


def derived(letters: pd.DataFrame, dispositions: Rows) -> pd.DataFrame:
    found = frame(dispositions)
    urgency = letters.set_index("id")["urgency"]
    found["instruction"] = instructions.codes_of(found["instruction"])
    found["letter_urgency"] = found["letter_id"].map(urgency)
    found = found.join(derive(found, CALENDARS, Limits()))
    return found[~found["deleted"] & found["needs_follow_up"] & found["cancelled_at"].isna()]


@pytest.fixture(scope="module")
def follow_ups(table, dispositions) -> pd.DataFrame:
    return derived(table, dispositions)


def test_working_days_are_full_and_days_off_thin(table):
    complete = table[table["day"] < MORNING.date()]
    counts = complete.groupby("day").size().iloc[2:]
    working = CALENDARS.default.is_working_day(list(counts.index))
    assert counts[working].between(200, 330).all()
    assert counts[~working].between(15, 60).all()
    assert 100 <= working.sum() <= 130


def test_ramadan_and_holidays_are_quieter():
    rhythm = City().rhythm

    def volume(text: str) -> int:
        return rhythm.volume((date.fromisoformat(text) - date(1970, 1, 1)).days)

    assert volume("2026-03-03") < 0.9 * volume("2026-04-14")  # Tuesdays, one in Ramadan
    assert volume("2026-08-17") < 60  # Independence Day, a Monday
    noon = rhythm.registration_times(day_of(micros_of(pd.Timestamp("2026-03-03T12:00:00+07:00"))), 4000)
    late = pd.DatetimeIndex(noon.view("datetime64[us]"), tz="UTC").tz_convert("Asia/Jakarta").hour >= 15
    assert late.mean() < 0.15


def test_paper_is_left_where_it_may_be(table):
    eligible = table[table["category"] == "general"]
    assert 0.8 < (eligible["medium"] == "electronic").mean() < 0.92
    exempt = table[table["category"].isin(["finance", "personnel", "legal"])]
    assert (exempt["medium"] == "paper").mean() > 0.85
    recent = eligible[eligible["day"] > MORNING.date() - timedelta(days=45)]
    older = eligible[eligible["day"] < MORNING.date() - timedelta(days=105)]
    assert (recent["medium"] == "electronic").mean() > (older["medium"] == "electronic").mean()


def test_the_backlog_is_a_working_citys(city, table, follow_ups):
    def look(rows: pd.DataFrame, at: pd.Timestamp) -> tuple[int, float]:
        open_ones = rows[rows["completed_at"].isna()]
        return len(open_ones), float((open_ones["due"] < at).mean())

    shares = []
    for days in (0, 6):
        at = MORNING + timedelta(days=days)
        rows = follow_ups if not days else derived(frame(city.all("letters", at=at)), city.all("dispositions", at=at))
        backlog, overdue = look(rows, pd.Timestamp(at))
        assert 300 <= backlog <= 750
        shares.append(overdue)
    assert 0.08 <= float(np.mean(shares)) <= 0.3


def test_most_work_is_done_on_time(follow_ups):
    now = pd.Timestamp(MORNING)
    due = follow_ups[follow_ups["due"].between(now - timedelta(days=30), now)]
    assert 0.75 < (due["completed_at"] <= due["due"]).mean() < 0.9
    hours = follow_ups["followup_hours"].dropna()
    assert 3 < hours.median() < 12
    assert hours.quantile(0.95) > 3 * hours.median()


def test_offices_have_their_own_pace(table, dispositions):
    first = (
        frame(dispositions)
        .query("parent_id.isna() and not deleted")
        .merge(table[["id", "registered_at", "kind"]], left_on="letter_id", right_on="id")
    )
    hours = CALENDARS.default.hours_between(first["registered_at"], first["issued_at"])
    pace = pd.Series(hours).groupby(first["from_office"]).median()
    assert pace["sekda"] < pace["walikota"]
    done = frame(dispositions)
    spent = CALENDARS.default.hours_between(done["issued_at"], done["completed_at"])
    by_unit = pd.Series(spent).groupby(done["to_unit"]).median()
    assert by_unit["PUPR"] > 2 * by_unit["KOMINFO"]


def test_incoming_letters_branch_and_leaders_speak_in_the_evening(table, dispositions):
    incoming = set(table.loc[table["kind"] == "incoming", "id"])
    assert 2.0 < sum(r["letter_id"] in incoming for r in dispositions) / len(incoming) < 3.2
    evening = [
        r
        for r in dispositions
        if r["from_office"] in ("walikota", "wakil_walikota") and 18 <= int(r["issued_at"][11:13]) < 23
    ]
    assert len(evening) > 100
    assert sum(r["channel"] == "voice" and r["device"] == "phone" for r in evening) > 0.6 * len(evening)
    texts = {r["instruction"] for r in dispositions if r["channel"] == "voice"}
    assert any(" " in t for t in texts)
    assert {"TINDAK_LANJUTI"} <= texts
    assert {r["from_office"].split(":")[0] for r in dispositions} == {
        "walikota", "wakil_walikota", "sekda", "asisten_1", "asisten_2", "asisten_3", "kepala", "kabid",
        "camat", "lurah",
    }  # fmt: skip


def test_some_kelurahan_have_yet_to_make_it_a_habit(table):
    weeks = table["registered_at"].dt.tz_convert("Asia/Jakarta").dt.tz_localize(None).dt.to_period("W")
    counts = table.groupby(["unit", weeks]).size().unstack(fill_value=0).iloc[:, -5:-1]
    habit = counts.ge(3).all(axis=1)
    kelurahan = habit[habit.index.str.startswith("KEL-")]
    assert 10 <= kelurahan.sum() <= 50
    assert habit[~habit.index.str.startswith("KEL-")].mean() > 0.8
    village = table[table["unit"].str.startswith("KEL-")]
    only = village.groupby("unit")["type"].agg(lambda t: set(t) == {"surat_tugas"})
    assert only.sum() >= 3


def test_most_dispositions_leave_their_due_to_the_reader(dispositions):
    given = sum(r["due_at"] is not None for r in dispositions) / len(dispositions)
    assert 0.02 < given < 0.15
    cancelled = sum(r["cancelled_at"] is not None for r in dispositions) / len(dispositions)
    assert 0.003 < cancelled < 0.05


@pytest.mark.parametrize("start", [NIGHT, MORNING, MORNING + timedelta(days=4, hours=5), MORNING + timedelta(days=40)])
def test_something_happens_every_minute_at_any_hour(handle, city, start):
    city.clock.at = start + minutes(60)
    tables = handle.simulation.timeline.tables(handle.simulation.now())
    first = micros_of(start)
    at = np.concatenate([tables[d].changes(first, first + 3600 * 10**6 - 1) for d in ("letters", "dispositions")])
    assert len(set((at - first) // 60_000_000)) == 60
    work = city.all("dispositions", at=city.clock.at, updated_since=start.isoformat())
    kinds = Counter()
    for row in work:
        for name in ("issued_at", "read_at", "started_at", "completed_at"):
            kinds[name] += row[name] is not None and when(row[name]) >= start
    assert sum(kinds.values()) >= 2
