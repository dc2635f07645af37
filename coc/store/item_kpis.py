"""Which letters or dispositions each KPI counts, as conditions on stored columns: DOMAIN's formulas in SQL.

Whatever needs a calendar is an instant by the time it comes here (`Question`), so that an index can find it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import sqlalchemy as sa

from coc.domain.datasets import Dataset
from coc.store.letter_sight import GIVEN, LETTERS, live_disposition, live_letter

Condition = sa.ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Span:
    """Instants in [first, end), in microseconds; None: unbounded."""

    first: int | None
    end: int | None


@dataclass(frozen=True, slots=True)
class Aged:
    """When what has one age began: by the default calendar, and by that of these units (a disposition's to_unit)."""

    default: Span
    others: Mapping[tuple[str, ...], Span] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question:
    """A KPI at `now`, of a unit or the city, narrowed. Instants are microseconds.

    `today`: its midnight; `start`: the window's; `waited`: who was registered before it waited too long for a first
    disposition. `exempt`: the categories that may be paper. `leaders`: their offices. `ages`: every age there is;
    `age`: the one wanted. `chosen`: of office, channel, device, kind, type, medium and urgency those that are wanted;
    of `flow` either way; `part` "whole": all that a rate looks at.
    """

    kpi: str
    now: int
    today: int
    start: int
    waited: int
    exempt: tuple[str, ...] = ()
    leaders: tuple[str, ...] = ()
    unit: str | None = None
    ages: Mapping[str, Aged] = field(default_factory=dict)
    age: str | None = None
    chosen: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Population:
    """`whole`: what the KPI looks at; `listed`: what of it is listed. `at`: when an item began, for its age.

    `order`: the first comes first. `parts`: what else is counted, by name. `joined`: rows of firsts, by letter.
    """

    of: Dataset
    whole: Condition
    at: sa.ColumnElement[Any]
    order: tuple[sa.ColumnElement[Any], ...]
    listed: Condition = field(default_factory=sa.true)
    parts: Mapping[str, Condition] = field(default_factory=dict)
    joined: sa.Subquery | None = None


def population(asked: Question) -> Population:
    """Raises KeyError for a KPI that has no letters or dispositions behind it."""
    found = KPIS[asked.kpi](asked)
    if asked.kpi not in OF_A_WHOLE:
        return found
    counted = {"counted": found.listed}
    return replace(found, parts=counted, listed=sa.true() if asked.chosen.get("part") == "whole" else found.listed)


def _within(at: sa.ColumnElement[Any], first: int, last: int) -> Condition:
    return sa.and_(at >= first, at <= last)


# --- letters ---


def _letters(whole: Condition, **more: Any) -> Population:
    at = LETTERS.c.registered_at
    return Population(Dataset.LETTERS, sa.and_(live_letter(), whole), at, **({"order": (at,)} | more))


def _registered_today(asked: Question) -> Population:
    return _letters(_within(LETTERS.c.registered_at, asked.today, asked.now))


def _completed_today(asked: Question) -> Population:
    done = LETTERS.c.completed_at
    return _letters(_within(done, asked.today, asked.now), order=(done,))


def _registered_in_complete_days(asked: Question) -> Population:
    at = LETTERS.c.registered_at
    return _letters(sa.and_(at >= asked.start, at < asked.today))


def _undispositioned(asked: Question) -> Population:
    given = GIVEN.alias("given")
    dispositioned = sa.exists().where(
        given.c.source == LETTERS.c.source,
        given.c.letter_id == LETTERS.c.source_id,
        live_disposition(given),
        given.c.cancelled_at.is_(None),
    )
    waiting = [LETTERS.c.kind == "incoming", LETTERS.c.completed_at.is_(None)]
    return _letters(sa.and_(*waiting, LETTERS.c.registered_at < asked.waited, ~dispositioned))


def _on_paper(asked: Question) -> Population:
    eligible = sa.and_(_in_window(asked), LETTERS.c.category.not_in(asked.exempt))
    return _letters(eligible, listed=LETTERS.c.medium != "electronic")


def _on_paper_of_all(asked: Question) -> Population:
    return _letters(_in_window(asked), listed=LETTERS.c.medium != "electronic")


def _electronic(asked: Question) -> Population:
    return _letters(sa.and_(_in_window(asked), LETTERS.c.medium == "electronic"))


def _in_window(asked: Question) -> Condition:
    return _within(LETTERS.c.registered_at, asked.start, asked.now)


def _first_by_leaders(asked: Question) -> Population:
    """Those that waited longest come first, by the clock."""
    given, earlier = GIVEN.alias("first_given"), GIVEN.alias("earlier")
    before = sa.exists().where(
        earlier.c.source == given.c.source,
        earlier.c.letter_id == given.c.letter_id,
        live_disposition(earlier),
        earlier.c.cancelled_at.is_(None),
        earlier.c.issued_at < given.c.issued_at,
    )
    offices = [office for office in asked.leaders if asked.chosen.get("office", office) == office]
    firsts = (
        sa.select(given.c.source, given.c.letter_id, sa.func.min(given.c.issued_at).label("first_at"))
        .where(_within(given.c.issued_at, asked.start, asked.now))
        .where(given.c.from_office.in_(offices), live_disposition(given), given.c.cancelled_at.is_(None), ~before)
        .group_by(given.c.source, given.c.letter_id)
        .subquery("firsts")
    )
    waited = firsts.c.first_at - LETTERS.c.registered_at
    return _letters(LETTERS.c.kind == "incoming", order=(waited.desc(),), joined=firsts)


# --- dispositions ---


def _given(whole: Condition, **more: Any) -> Population:
    at = GIVEN.c.issued_at
    return Population(Dataset.DISPOSITIONS, sa.and_(live_disposition(), whole), at, **({"order": (at,)} | more))


def _follow_up() -> Condition:
    return GIVEN.c.needs_follow_up == 1


def _nf() -> Condition:
    return sa.and_(_follow_up(), GIVEN.c.cancelled_at.is_(None))


def _open() -> Condition:
    return sa.and_(_nf(), GIVEN.c.completed_at.is_(None))


def _backlog(_: Question) -> Population:
    return _given(_open())


def _overdue(asked: Question) -> Population:
    return _given(sa.and_(_open(), asked.now > GIVEN.c.due), order=(GIVEN.c.due,))


def _due_soon(asked: Question) -> Population:
    left, span = GIVEN.c.due - asked.now, GIVEN.c.due - GIVEN.c.issued_at
    return _given(sa.and_(_open(), GIVEN.c.due >= asked.now, 5 * left <= span), order=(GIVEN.c.due,))


def _not_on_time(asked: Question) -> Population:
    due, done = GIVEN.c.due, GIVEN.c.completed_at
    whole = sa.and_(_nf(), _within(due, asked.start, asked.now))
    return _given(whole, listed=sa.or_(done.is_(None), done > due), order=(due,))


def _followed_up(asked: Question) -> Population:
    """The slowest first."""
    whole = sa.and_(_nf(), _within(GIVEN.c.completed_at, asked.start, asked.now))
    return _given(whole, order=(GIVEN.c.followup_hours.desc(), GIVEN.c.issued_at))


def _came_and_went(asked: Question) -> Population:
    """A departure is the earlier of completed and cancelled."""
    done, cancelled = GIVEN.c.completed_at, GIVEN.c.cancelled_at
    came = _within(GIVEN.c.issued_at, asked.start, asked.now)
    completed = sa.and_(_within(done, asked.start, asked.now), sa.or_(cancelled.is_(None), cancelled >= done))
    dropped = sa.and_(_within(cancelled, asked.start, asked.now), sa.or_(done.is_(None), done >= cancelled))
    went = sa.or_(completed, dropped)
    chosen = {"arrived": came, "departed": went}.get(asked.chosen.get("flow", ""), sa.true())
    whole = sa.and_(_follow_up(), sa.or_(came, completed, dropped))
    return _given(whole, listed=chosen, parts={"arrived": came, "departed": went})


def _outside_hours(asked: Question) -> Population:
    whole = sa.and_(_within(GIVEN.c.issued_at, asked.start, asked.now), GIVEN.c.cancelled_at.is_(None))
    return _given(whole, listed=GIVEN.c.outside_hours == 1, order=(GIVEN.c.issued_at.desc(),))


# Rates: those that a person would act on are listed, or the whole.
OF_A_WHOLE: Final = frozenset(
    {
        "correspondence.paperless_rate",
        "correspondence.paperless_rate_all",
        "disposition.on_time_rate",
        "disposition.outside_hours_share",
    }
)
KPIS: Final[Mapping[str, Callable[[Question], Population]]] = {
    "correspondence.registered_today": _registered_today,
    "correspondence.completed_today": _completed_today,
    "correspondence.registered_per_working_day": _registered_in_complete_days,
    "correspondence.undispositioned": _undispositioned,
    "correspondence.paperless_rate": _on_paper,
    "correspondence.paperless_rate_all": _on_paper_of_all,
    "correspondence.sheets_saved": _electronic,
    "disposition.backlog": _backlog,
    "disposition.overdue": _overdue,
    "disposition.due_soon": _due_soon,
    "disposition.followup_hours_p50": _followed_up,
    "disposition.followup_hours_p85": _followed_up,
    "disposition.followup_hours_p95": _followed_up,
    "disposition.on_time_rate": _not_on_time,
    "disposition.net_flow": _came_and_went,
    "disposition.days_to_clear": _backlog,
    "disposition.outside_hours_share": _outside_hours,
    "leaders.first_disposition_hours_p50": _first_by_leaders,
}
