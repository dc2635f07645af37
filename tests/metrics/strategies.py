"""Cities whose times crowd the edges: midnights, due dates, now, a microsecond either side."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from hypothesis import strategies as st

from coc.domain.datasets import Dataset
from tests.metrics.cities import LETTER_TYPES, UNITS, Row, Validity, whole, wib
from tests.metrics.oracle import midnight, working_hours

MICRO, HOUR = timedelta(microseconds=1), timedelta(hours=1)
NOWS = [
    wib("2026-03-02T10:00:00"),  # Ramadan
    wib("2026-03-06T11:30:00"),  # a Friday's end in Ramadan
    wib("2026-03-24T00:00:00"),  # midnight within collective leave
    wib("2025-11-24T12:00:00"),
    wib("2026-01-02T16:30:00"),
    wib("2026-04-12T23:59:59"),  # a Sunday, holiday weeks behind it
]
nudges = st.sampled_from([timedelta(0), MICRO, -MICRO])


def times(now: datetime) -> st.SearchStrategy[datetime]:
    """Up to an hour after now; about 100 days back."""
    edges = [now, midnight(now), *(midnight(now, n) for n in (6, 29, 89)), midnight(now, -1)]
    allowed = [t for t in edges if t <= now]
    return st.one_of(
        st.builds(lambda t, n: t + n, st.sampled_from(allowed), nudges),
        st.builds(lambda m: now - timedelta(minutes=m), st.integers(-60, 3 * 1440)),
        st.builds(lambda h: now - timedelta(hours=h), st.integers(0, 100 * 24)),
    )


@cache
def eight_hours_before(now: datetime) -> datetime:
    """A registration that has waited for exactly eight working hours."""
    minute = now
    while working_hours(minute, now, "five_day") < 8:
        minute -= timedelta(minutes=30)
    return minute


@st.composite
def letter(draw: st.DrawFn, now: datetime) -> Row:
    registered = draw(st.one_of(times(now), st.builds(lambda n: eight_hours_before(now) + n, nudges)))
    return {
        "source": draw(st.sampled_from(["s", "t"])),
        "kind": draw(st.sampled_from(["incoming", "incoming", "outgoing", "memo"])),
        "type": draw(st.sampled_from([*LETTER_TYPES, "tak_terdaftar"])),
        "pages": draw(st.sampled_from([None, 0, 1, 7])),
        "copies": draw(st.sampled_from([None, 0, 1, 4])),
        "category": draw(st.sampled_from(["general", "general", "finance", "legal", "personnel", "unknown"])),
        "urgency": draw(st.sampled_from(["amat_segera", "segera", "penting", "biasa", "biasa", "unknown"])),
        "unit": draw(st.sampled_from(UNITS[:3])),
        "medium": draw(st.sampled_from(["electronic", "paper"])),
        "registered_at": registered,
        "completed_at": draw(st.one_of(st.none(), times(now))),
        "deleted": draw(st.sampled_from([False, False, False, True])),
    }


@st.composite
def disposition(draw: st.DrawFn, now: datetime, letters: int) -> Row:
    """One in two stands on an edge: due now, a fifth of its span before due, completed when due."""
    edge = draw(st.sampled_from(["", "", "", "due now", "a fifth left", "done when due", "due when issued"]))
    issued = draw(times(now))
    nudge = draw(nudges)
    due = draw(st.one_of(st.none(), st.none(), times(now), st.builds(lambda h: issued + h * HOUR, st.integers(1, 200))))
    completed = draw(st.one_of(st.none(), times(now), st.just(issued)))
    if edge == "due now":
        due, completed = now + nudge, None
    elif edge == "a fifth left":  # due - now is 20 % of due - issued
        issued = now - ((now - issued) // (4 * MICRO)) * 4 * MICRO
        due, completed = now + (now - issued) // 4 + nudge, None
    elif edge == "done when due":
        due = due or now - 30 * HOUR
        completed = due + nudge
    elif edge == "due when issued":
        due = issued + nudge
    if completed is not None:
        completed = min(max(completed, issued), max(issued, now + HOUR))
    often = [False] * 9 if edge else [False] * 2
    return {
        "source": draw(st.sampled_from(["s", "t"])),
        "letter_id": f"letters-{draw(st.integers(0, letters + 1))}",
        "from_office": draw(st.sampled_from(["walikota", "wakil_walikota", "sekda", "asisten_1", "kepala:DISDIK"])),
        "to_unit": draw(st.sampled_from(UNITS[:3])),
        "instruction": draw(st.sampled_from(["LAKSANAKAN", "HADIRI", "LAINNYA", "UNTUK_DIKETAHUI", "ARSIPKAN"])),
        "issued_at": issued,
        "due_at": due,
        "completed_at": completed,
        "cancelled_at": draw(times(now)) if draw(st.sampled_from([*often, True])) else None,
        "deleted": draw(st.sampled_from([*often, True])),
    }


@st.composite
def habit(draw: st.DrawFn, now: datetime) -> list[Row]:
    """One unit's letters week after week, on the first and last instants of weeks, more or less often enough."""
    monday = midnight(now, midnight(now).weekday())
    unit, rows = draw(st.sampled_from(UNITS)), []
    for week in range(draw(st.integers(4, 8))):
        for _ in range(draw(st.sampled_from([3, 3, 3, 4, 2]))):
            at = monday - timedelta(days=7 * week) + draw(st.sampled_from([timedelta(0), timedelta(days=-7), -MICRO]))
            rows.append({"unit": unit, "registered_at": min(at, now), "type": draw(st.sampled_from(LETTER_TYPES))})
    return rows


@st.composite
def validity(draw: st.DrawFn, now: datetime) -> Validity:
    """Units that begin or end about today."""
    days = [None, None, *((midnight(now, n)).date().isoformat() for n in (1, 0, -1))]
    return {unit: (draw(st.sampled_from(days)), draw(st.sampled_from(days))) for unit in UNITS[:2]}


@st.composite
def mail(draw: st.DrawFn) -> tuple[datetime, list[Row], list[Row]]:
    """(now, letters, dispositions), whole rows."""
    now = draw(st.sampled_from(NOWS))
    letters = draw(st.lists(letter(now), max_size=7))
    given = draw(st.lists(disposition(now, len(letters)), max_size=14))
    if draw(st.booleans()):
        letters += draw(habit(now))
    return (
        now,
        [whole(Dataset.LETTERS, row, i) for i, row in enumerate(letters)],
        [whole(Dataset.DISPOSITIONS, row, i) for i, row in enumerate(given)],
    )


@st.composite
def samples(draw: st.DrawFn, now: datetime, key: str, name: str) -> list[dict[str, Any]]:
    """One point's samples, some after now, the oldest about a day and a bit ago."""
    newest = now + timedelta(seconds=draw(st.sampled_from([60, 0, 0, -30, -300, -301, -4000])))
    back = draw(st.sampled_from([0, 0, 86400 - 1800, 30 * 86400 - 1800]))  # so that some straddle a window's start
    gaps = draw(st.lists(st.sampled_from([30, 60, 60, 60, 100, 299, 300, 301, 900]), max_size=30))
    ups = draw(st.lists(st.sampled_from([True, True, False]), min_size=len(gaps), max_size=len(gaps)))
    rows, at = [], newest - timedelta(seconds=back)
    for gap, up in zip(gaps, ups, strict=True):
        rows.append(
            {
                key: name,
                "at": at,
                "up": up,
                "latency_ms": draw(st.sampled_from([None, 20.0, 500.0, 501.0, 900.0])),
            }
        )
        at -= timedelta(seconds=gap)
    return draw(st.permutations(rows))
