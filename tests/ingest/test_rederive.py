"""Deadlines follow the limits, the calendars and the units' own hours, without a new pull of the rows."""

from __future__ import annotations

from datetime import timedelta

from coc.domain.datasets import Dataset
from coc.domain.limits import Limit, Limits, UrgencyLimits
from coc.domain.worktime import build_calendars
from coc.ingest import rederive
from coc.settings.models import Settings
from tests.databases import NewDatabase
from tests.ingest.kit import NOW, batch, city, disposition, iso, letter, unit

L, D, U = Dataset.LETTERS, Dataset.DISPOSITIONS, Dataset.UNITS


def _calendars(settings: Settings, units: object = None) -> object:
    return build_calendars(settings.calendar, settings.city.time_zone, units)  # type: ignore[arg-type]


def test_a_changed_limit_moves_every_deadline_once(new_database: NewDatabase) -> None:
    src = city(new_database)
    src.pull(batch(L, [letter(1, urgency="segera")]), batch(D, [disposition(i) for i in range(30)]))
    calendars = _calendars(src.settings)
    assert rederive(src.store, calendars, src.settings.limits) == 0
    before = src.store.commit_number()
    shorter = Limits(urgency=UrgencyLimits(segera=Limit(amount=10, unit="h")))
    assert rederive(src.store, calendars, shorter) == 30
    changed = src.store.dispositions(NOW, after_rev=before)
    assert len(changed) == 30
    assert (changed["due"] == NOW - timedelta(hours=30)).all()
    assert rederive(src.store, calendars, shorter) == 0


def test_a_unit_that_starts_working_six_days_changes_the_hours_of_its_dispositions(new_database: NewDatabase) -> None:
    src = city(new_database)
    friday, monday = iso(67), iso(1)  # 15:00 on Friday, 09:00 on Monday
    src.pull(
        batch(U, [unit("DISDIK"), unit("DINKES")]),
        batch(L, [letter(1)]),
        batch(D, [disposition(1, issued_at=friday, completed_at=monday), disposition(2, to_unit="DINKES")]),
    )
    five = src.dispositions().loc["D-1", "followup_hours"]
    before = src.store.commit_number()
    src.pull(batch(U, [unit("DISDIK", calendar="six_day", updated_at=iso(0.5))]))
    six = src.dispositions().loc["D-1", "followup_hours"]
    assert five != six
    assert "D-1" in set(src.store.dispositions(NOW, after_rev=before)["source_id"])
