"""What waits for a leader's office and what its instructions came to, against loops over the same rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from coc.domain.instructions import GROUPS
from coc.domain.offices import OFFICES
from coc.metrics import WINDOWS, City, offices
from tests.metrics import cities
from tests.metrics.cities import EVERYTHING, Row, wib
from tests.metrics.oracle import CLOSES_WHEN_READ, Oracle, midnight, quantile, working_hours
from tests.metrics.strategies import mail

NOW = wib("2026-03-02T10:00:00")
DESKS = [*OFFICES, "kepala:DISDIK", None]
CHANNELS = ["text", "voice", "scanned_signature"]


@st.composite
def led(draw: st.DrawFn) -> tuple[datetime, list[Row], list[Row]]:
    """A city whose dispositions go to offices, by some channel."""
    now, letters, rows = draw(mail())
    more = [{"to_office": draw(st.sampled_from(DESKS)), "channel": draw(st.sampled_from(CHANNELS))} for _ in rows]
    return now, letters, [row | of for row, of in zip(rows, more, strict=True)]


def counted(frame: pd.DataFrame, word: str) -> dict[tuple[str, str, str], int]:
    keys = zip(frame["office"], frame["window"], frame[word], strict=True)
    return dict(zip(keys, frame["count"].tolist(), strict=True))


@settings(max_examples=15, deadline=None)
@for_all(led())
def test_what_waits_and_what_was_answered_is_what_loops_count(made: tuple[datetime, list[Row], list[Row]]) -> None:
    now, letters, rows = made
    city, truth = cities.city(now, letters, rows), Oracle(now, letters, rows, cities.PROFILES)
    alive = [d for d in truth.dispositions if d["cancelled_at"] is None]
    followed = [d for d in alive if d["instruction"] not in CLOSES_WHEN_READ]
    waiting = offices.waiting(city).set_index("office")
    for office in OFFICES:
        mine = [d for d in followed if d["completed_at"] is None and d["to_office"] == office]
        late = [d for d in mine if d["due"] is not None and now > d["due"]]
        assert waiting.loc[office, "count"] == len(mine)
        assert waiting.loc[office, "overdue"] == len(late)
        oldest = working_hours(min(d["issued_at"] for d in mine), now, "five_day") if mine else None
        assert waiting.loc[office, "oldest"] == pytest.approx(oldest, nan_ok=True) or (oldest is None)
    ledger, groups, channels = (
        counted(f(city), word)
        for f, word in ((offices.ledger, "state"), (offices.given, "group"), (offices.channels, "channel"))
    )
    expected: dict[str, dict[Any, int]] = {"ledger": {}, "groups": {}, "channels": {}}
    for window in WINDOWS:
        start = midnight(now, int(window[:-1]) - 1)
        for d in (d for d in alive if d["from_office"] in OFFICES and start <= d["issued_at"] <= now):
            keys = {"groups": GROUPS[d["instruction"]], "channels": d["channel"]}
            if d in followed:
                keys["ledger"] = state_of(d, now)
            for name, word in keys.items():
                key = (d["from_office"], window, word)
                expected[name][key] = expected[name].get(key, 0) + 1
    assert (ledger, groups, channels) == (expected["ledger"], expected["groups"], expected["channels"])


def state_of(row: Row, now: datetime) -> str:
    done, due = row["completed_at"], row["due"]
    if done is not None:
        return "done" if due is None else "on_time" if done <= due else "late"
    return "overdue" if due is not None and now > due else "waiting"


@settings(max_examples=15, deadline=None)
@for_all(led())
def test_a_letters_first_direction_is_the_offices_that_gave_it_first(
    made: tuple[datetime, list[Row], list[Row]],
) -> None:
    now, letters, rows = made
    found = offices.first(cities.city(now, letters, rows)).set_index(["office", "window"])
    truth = Oracle(now, letters, rows, cities.PROFILES)
    expected: dict[tuple[str, str], list[float]] = {}
    for letter in (x for x in truth.letters if x["kind"] == "incoming"):
        mine = [
            d
            for d in truth.dispositions
            if (d["source"], d["letter_id"]) == (letter["source"], letter["source_id"]) and d["cancelled_at"] is None
        ]
        if not mine:
            continue
        at = min(d["issued_at"] for d in mine)
        by = [o for o in OFFICES if any(d["from_office"] == o and d["issued_at"] == at for d in mine)]
        for window in WINDOWS:
            if by and midnight(now, int(window[:-1]) - 1) <= at <= now:
                hours = working_hours(letter["registered_at"], at, "five_day")
                expected.setdefault((by[0], window), []).append(hours)
    assert set(found.index) == set(expected)
    for key, hours in expected.items():
        assert found.loc[key, "letters"] == len(hours)
        assert found.loc[key, "hours"] == pytest.approx(quantile(hours, 0.5))


def letter(n: int, **more: Any) -> Row:
    row = {"source_id": f"L{n}", "kind": "incoming", "unit": "DISDIK", "registered_at": NOW - timedelta(hours=3)}
    return row | more


def secretary(*letters: Row, given: list[Row] | None = None, provided: frozenset[str] = EVERYTHING) -> City:
    city = cities.city(NOW, list(letters), given or [], provided=provided)
    # DISDIK is the secretariat here, and KEC-01 belongs to it.
    city.units.loc[city.units["code"] == "DISDIK", "kind"] = "secretariat"
    city.units.loc[city.units["code"] == "KEC-01", "parent"] = "DISDIK"
    return city


def test_the_secretariats_letters_that_nobody_was_given_wait_for_nobody_in_particular() -> None:
    city = secretary(
        letter(1),
        letter(2, unit="KEC-01", registered_at=NOW - timedelta(hours=2)),
        letter(3, unit="DINKES"),  # not the secretariat's
        letter(4, kind="outgoing"),
        letter(5, completed_at=NOW),
        letter(6),
        given=[{"source_id": "D1", "letter_id": "L6", "issued_at": NOW, "from_office": "sekda"}],
    )
    row = offices.waiting(city).set_index("office").loc[offices.NOBODY]
    assert (row["count"], row["oldest"]) == (2, pytest.approx(2.5))  # at 7.00 nobody was at work yet


@pytest.mark.parametrize(
    ("missing", "offices_known", "nobody_known"),
    [
        ("dispositions.to_office", False, True),
        ("dispositions.completed_at", False, True),
        ("letters.completed_at", True, False),
    ],
)
def test_a_desk_is_not_told_of_by_guess(missing: str, offices_known: bool, nobody_known: bool) -> None:
    found = set(offices.waiting(secretary(letter(1), provided=EVERYTHING - {missing}))["office"])
    assert found == ({*OFFICES} if offices_known else set()) | ({offices.NOBODY} if nobody_known else set())


def test_without_hours_nobody_knows_how_old_the_oldest_is_nor_who_is_quick() -> None:
    to_the_day = {name for name in EVERYTHING if name.endswith("_at")}
    provided = frozenset(EVERYTHING - to_the_day) | {f"{name}@date" for name in to_the_day}
    given = [{"source_id": "D1", "letter_id": "L1", "issued_at": NOW, "from_office": "walikota", "to_office": "sekda"}]
    city = secretary(letter(1), letter(2), given=given, provided=provided)
    waiting = offices.waiting(city).set_index("office")
    assert waiting.loc["sekda", "count"] == 1
    assert waiting["oldest"].isna().all()
    assert waiting.loc["sekda", ["overdue", "due_soon"]].isna().all()
    assert len(offices.first(city)) == len(offices.ledger(city)) == 0


def test_a_source_that_does_not_say_how_it_was_given_has_no_share_of_voice() -> None:
    given = [{"source_id": "D1", "letter_id": "L1", "issued_at": NOW, "from_office": "sekda"}]
    known = secretary(letter(1), given=given)
    silent = secretary(letter(1), given=given, provided=EVERYTHING - {"dispositions.channel"})
    assert (len(offices.channels(known)) > 0, len(offices.channels(silent))) == (True, 0)


def test_a_city_without_mail_has_empty_desks_and_no_rows_beside() -> None:
    city = secretary()
    assert offices.waiting(city)["count"].tolist() == [0] * (len(OFFICES) + 1)
    assert all(len(make(city)) == 0 for make in (offices.first, offices.given, offices.channels, offices.ledger))
