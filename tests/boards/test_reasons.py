"""Why a service went down is read at its turn, also of a turn whose sample is older than a day."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd
import pytest

from coc.boards.live_frames import LiveFrames
from coc.domain.datasets import Dataset
from coc.domain.worktime import build_calendars
from coc.ingest.basis import Basis
from coc.store import open_store
from tests.ingest.test_states import SETTINGS, put

pytestmark = pytest.mark.postgres_slow

NOW = datetime.fromisoformat("2026-03-02T10:17:30+07:00")
MINUTE = timedelta(minutes=1)


def test_each_turn_to_down_has_the_reason_of_its_sample(database_url: str) -> None:
    store = open_store(database_url)
    fell = NOW - timedelta(days=5)
    rows = [
        {"service": "ppdb", "at": fell + n * MINUTE, "up": not 0 < n < 9, "reason": "status", "status": 503}
        for n in range(20)
    ]
    rows += [{"service": "ppdb", "vantage": "SMPN-1", "at": fell + n * MINUTE, "up": n < 1} for n in range(9)]
    put(
        store,
        [r if not r["up"] else r | {"reason": None, "status": 200} for r in rows],
        dataset=Dataset.SERVICE_SAMPLES,
    )
    live = LiveFrames(store, Basis.of(SETTINGS, "live"))
    calendars = build_calendars(SETTINGS.calendar, SETTINGS.city.time_zone)
    for _ in range(2):
        live.refresh(pd.Timestamp(NOW).tz_convert("UTC"), calendars)
        found = live.known.reasons
        told = list(zip(found["vantage"], found["at"], found["status"], found["reason"], strict=True))
        assert [row[:2] for row in told] == [("", fell + 3 * MINUTE), ("SMPN-1", fell + 3 * MINUTE)]
        assert told[0][2:] == (503, "status")
        assert pd.isna(told[1][2])
        assert pd.isna(told[1][3])
    store.close()
