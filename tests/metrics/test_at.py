"""A city at an earlier instant is the city that only held what was there by then."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coc.metrics import City, compute, registered
from coc.metrics.at import city_at, day_end
from coc.metrics.city import Part
from coc.metrics.facts import disposition_column, letter_column
from tests.metrics import cities
from tests.metrics.cities import Row, wib
from tests.metrics.oracle import Oracle, midnight
from tests.metrics.strategies import mail, validity

IDS = tuple(i for i in registered() if not i.startswith(("wifi.", "apps.")))
Mail = tuple[datetime, list[Row], list[Row]]
MICRO = timedelta(microseconds=1)


def truncated(city: City, at: pd.Timestamp) -> City:
    """Row by row, from frames: who came later is not there, what was done later is not done."""

    def known(frame: pd.DataFrame, born: str, *done: str) -> pd.DataFrame:
        there = frame[frame[born] <= at].reset_index(drop=True)
        return there.assign(**{c: there[c].where(there[c] <= at) for c in done})

    given = known(city.dispositions, "issued_at", "completed_at", "cancelled_at")
    given["followup_hours"] = given["followup_hours"].where(given["completed_at"].notna())
    return replace(city, now=at, letters=known(city.letters, "registered_at", "completed_at"), dispositions=given)


@settings(max_examples=25)
@given(mail(), st.data())
def test_every_figure_at_an_instant_is_that_of_the_rows_there_were(made: Mail, data: st.DataObject) -> None:
    now, letters, dispositions = made
    city = cities.city(now, letters, dispositions, valid=data.draw(validity(now)))
    ago = data.draw(st.sampled_from([0, 1, 5, 13, 40, 89]))
    for at in (midnight(now, ago) - MICRO, midnight(now, ago), now - timedelta(hours=ago)):
        instant = pd.Timestamp(at).tz_convert("UTC")
        pd.testing.assert_frame_equal(compute(city_at(city, at), IDS), compute(truncated(city, instant), IDS))


@settings(max_examples=10)
@given(mail())
def test_a_day_ends_a_microsecond_before_midnight_so_that_todays_counts_are_that_days(made: Mail) -> None:
    now, letters, dispositions = made
    city = cities.city(now, letters, dispositions)
    there = Oracle(now, letters, dispositions, cities.PROFILES).letters
    for ago in (1, 2, 29):
        start, end = midnight(now, ago), midnight(now, ago - 1)
        found = city_at(city, day_end(city, start.date()))
        assert found.now == end - MICRO
        values = compute(found, ["correspondence.registered_today", "correspondence.completed_today"], ["30d"])
        in_city = values[values["unit"] == ""]["value"].tolist()
        came = [x for x in there if start <= x["registered_at"] < end]
        done = [x for x in there if x["completed_at"] and start <= x["completed_at"] < end and x["registered_at"] < end]
        assert in_city == [len(came), len(done)]


@settings(max_examples=10)
@given(mail())
def test_what_a_population_saw_is_the_same_by_way_of_the_whole_and_by_its_own_rows(made: Mail) -> None:
    now, letters, dispositions = made
    whole = cities.city(now, letters, dispositions)
    public = np.arange(len(whole.letters)) % 3 != 0
    known = whole.dispositions["letter_id"].isin(whole.letters["source_id"][public]).to_numpy(dtype=bool)
    own = replace(whole, letters=whole.letters[public], dispositions=whole.dispositions[known])
    part = Part(whole, public, known)
    at = midnight(now, 3) - MICRO
    found = city_at(replace(own, part=part), at)
    pd.testing.assert_frame_equal(compute(found, IDS), compute(city_at(own, at), IDS))
    kinds, its = (letter_column(city, "kind") for city in (found, city_at(own, at)))
    # The whole may have words that none of its part's rows has.
    assert [kinds.words[p] for p in kinds.places] == [its.words[p] for p in its.places]
    assert len(disposition_column(found, "channel").places) == len(found.memo["dispositions"].issued)


def test_a_letter_that_is_dispositioned_and_done_today_was_waiting_yesterday() -> None:
    letters = [{"registered_at": wib("2026-02-20T08:00"), "completed_at": wib("2026-03-02T09:00")}]
    given_ = [{"letter_id": "letters-0", "issued_at": wib("2026-03-02T08:00"), "completed_at": wib("2026-03-02T09:00")}]
    city = cities.city(wib("2026-03-02T10:00"), letters, given_)
    then = compute(city_at(city, day_end(city, wib("2026-03-01T00:00").date())), ["correspondence.undispositioned"])
    now = compute(city, ["correspondence.undispositioned"])
    assert then[then["unit"] == ""]["value"].iloc[0] == pytest.approx(1)
    assert now[now["unit"] == ""]["value"].iloc[0] == 0
