"""What is published is kept once, after the first fill, and no later knowledge changes it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from coc.access import Reader, SeriesReader
from coc.access.series import buckets
from coc.boards import ALL, PUBLIC, Builder, Keeper
from coc.boards import keeper as keeping
from coc.boards.figures import DayFigures
from coc.boards.history import History
from coc.ingest import pull_connector
from coc.metrics.scoped import Scoped
from coc.store import Store, open_store
from tests.boards.test_builder import BLOCK, SETTINGS, Hand, Rows, tables
from tests.e2e.city import MadeCity, make

pytestmark = pytest.mark.postgres_slow

NOW = datetime.fromisoformat("2026-03-02T10:00:00+07:00")
TODAY = NOW.date()


class Desk:
    """A city's store, its boards and its keeper, under a clock moved by hand."""

    def __init__(self, store: Store, city: MadeCity) -> None:
        self.store, self.city, self.clock = store, city, Hand(NOW)
        self.builder = Builder(store, SETTINGS, "live", self.clock)
        self.keeper = Keeper(self.builder)
        reader = Reader(SETTINGS, "live", lambda: self.builder.snapshot)
        self.series = SeriesReader(reader, History(store, SETTINGS, "live", self.clock, lambda: self.builder.snapshot))

    def pull(self, *, broken: bool = False) -> None:
        rows = Rows(tables(self.city), broken=broken)
        pull_connector(self.store, "lain", BLOCK, rows, SETTINGS, self.clock)

    def keep(self) -> int:
        self.builder.refresh()
        return self.keeper.keep()

    def charted(self, population: str = ALL) -> set[date]:
        """The days that the chart of letters marks."""
        snapshot = self.builder.refresh(force=True) or self.builder.snapshot
        assert snapshot is not None
        flow = snapshot.boards["correspondence", population].frames["flow"]
        return set(flow.loc[flow["corrected"].astype(bool), "day"])

    def corrected(self, kpi: str, unit: str | None = None, lens: Any = "leader") -> set[date]:
        today = self.clock.now().date()
        points = self.series.points(lens, kpi, unit, buckets("day", today - timedelta(days=60), today))
        return {p.at.date() for p in points if p.corrected}


@pytest.fixture
def desk(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setattr(keeping, "KEPT_DAYS", 33)
    store = open_store(database_url)
    yield Desk(store, make(21, NOW, letters=50))
    store.close()


def test_nothing_is_kept_of_half_a_first_fill_and_the_last_days_of_a_whole_one(desk: Desk) -> None:
    desk.pull(broken=True)
    assert desk.keep() == 0
    desk.pull()
    assert desk.keep() > 0
    kept = desk.store.kept_keys(TODAY - timedelta(days=200))
    days = {day for kpi, who, day in kept if (kpi, who) == ("correspondence.registered_today", ALL)}
    assert days == {TODAY - timedelta(days=n) for n in range(1, 34)}
    assert ("disposition.backlog", PUBLIC, TODAY - timedelta(days=1)) in kept
    assert not any(kpi.startswith("wifi.") for kpi, _, _ in kept)
    assert desk.keep() == 0


def test_a_late_completion_corrects_its_days_and_no_other(desk: Desk) -> None:
    desk.pull()
    desk.keep()
    assert not desk.corrected("correspondence.completed_today")
    letter = next(
        x
        for x in desk.city.letters
        if not x["deleted"]
        and not x["completed_at"]
        and x["unit"] == "DISDIK"
        and x["registered_at"] < (NOW - timedelta(days=25)).isoformat()
    )
    done = (NOW - timedelta(days=21)).replace(hour=9)
    letter |= {"completed_at": done.isoformat(), "updated_at": NOW.isoformat(), "security": "biasa"}
    desk.pull()
    desk.keep()
    assert desk.corrected("correspondence.completed_today") == {done.date()}
    assert desk.corrected("correspondence.completed_today", "DISDIK") == {done.date()}
    assert desk.corrected("correspondence.completed_today", "DINKES") == set()
    assert desk.corrected("correspondence.registered_today") == set()
    assert desk.corrected("disposition.backlog") == set()
    assert desk.charted() == {done.date()}


def test_charts_mark_a_day_in_the_population_whose_figure_changed(desk: Desk) -> None:
    desk.pull()
    desk.keep()
    late = {"registered_at": (NOW - timedelta(days=9)).isoformat(), "completed_at": None, "deleted": False}
    desk.city.letters.append(desk.city.letters[0] | late | {"id": "LATE", "security": "rahasia"})
    desk.pull()
    desk.keep()
    desk.clock.at += timedelta(minutes=1)
    desk.builder.refresh()
    day = TODAY - timedelta(days=9)
    assert (desk.charted(), desk.charted(PUBLIC)) == ({day}, set())
    frames = desk.builder.snapshot.boards["correspondence", ALL].frames
    assert frames["corrected"]["id"].tolist() == ["correspondence.registered_today"]
    trend = frames["trend"]
    assert trend[trend["corrected"].astype(bool)][["id", "day"]].to_numpy().tolist() == [
        ["correspondence.registered_today", day]
    ]


def test_a_late_disposition_corrects_every_day_that_it_was_open(desk: Desk) -> None:
    desk.pull()
    desk.keep()
    issued, done = NOW - timedelta(days=20), NOW - timedelta(days=15)
    late = desk.city.dispositions[0] | {
        "id": "LATE", "letter_id": "NEVER-1", "to_unit": "DISDIK", "instruction": "LAKSANAKAN", "due_at": None,
        "issued_at": issued.isoformat(), "completed_at": done.isoformat(), "cancelled_at": None,
        "updated_at": NOW.isoformat(), "deleted": False,
    }  # fmt: skip
    desk.city.dispositions.append(late)
    desk.pull()
    desk.keep()
    open_ = {TODAY - timedelta(days=n) for n in range(16, 21)}
    assert desk.corrected("disposition.backlog") == open_
    assert desk.corrected("disposition.backlog", "DISDIK") == open_
    assert desk.corrected("disposition.backlog", lens="public") == set()  # whose letter has not come may be secret


def test_a_day_is_kept_once_its_sources_were_read_after_its_midnight(desk: Desk) -> None:
    desk.pull()
    desk.keep()
    desk.clock.at += timedelta(hours=14, minutes=1)  # 00:01 of the next day, and nothing was read yet
    assert desk.keep() == 0
    last = {"registered_at": (desk.clock.at - timedelta(minutes=2)).isoformat(), "completed_at": None}
    desk.city.letters.append(desk.city.letters[0] | last | {"id": "LAST", "deleted": False, "unit": "DISDIK"})
    desk.pull()
    assert desk.keep() > 0
    assert TODAY not in desk.corrected("correspondence.registered_today")
    assert ("disposition.backlog", ALL, TODAY) in desk.store.kept_keys(TODAY)


def test_pruning_ends_what_is_kept_with_the_letters(desk: Desk) -> None:
    desk.pull()
    desk.keep()
    retention = SETTINGS.retention.model_copy(update={"letters_years": 1})
    gone = desk.store.prune(retention, NOW + timedelta(days=365 - 30))["kept_values"]
    assert gone > 0
    assert min(day for _, _, day in desk.store.kept_keys(date(2020, 1, 1))) == date(2026, 1, 31)


def test_a_unit_that_joins_later_was_not_published_wrongly(desk: Desk) -> None:
    desk.pull()
    desk.keep()
    desk.city.units.append(desk.city.units[0] | {"code": "BARU", "name": "Unit baru"})
    desk.pull()
    desk.keep()
    assert "BARU" in desk.series.reader.units()
    assert desk.corrected("disposition.backlog", "BARU") == set()


@pytest.mark.parametrize(("last_seen", "kept"), [("23:58", True), ("15:00", False)])
def test_what_is_seen_in_passing_is_kept_by_who_was_there_at_midnight(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, last_seen: str, kept: bool
) -> None:
    seven = DayFigures({"": 0}, Scoped(np.array([7.0]), np.array([0], dtype="int8")))
    monkeypatch.setattr(keeping, "_seen_in_passing", lambda *_: [("wifi.up", seven)])
    hour, minute = map(int, last_seen.split(":"))
    desk.clock.at = NOW.replace(hour=hour, minute=minute)
    desk.keep()
    desk.clock.at = NOW.replace(hour=0, minute=1) + timedelta(days=1)
    desk.keep()
    assert (("wifi.up", ALL, TODAY) in desk.store.kept_keys(TODAY)) == kept
