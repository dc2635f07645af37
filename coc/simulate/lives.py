"""A city day planned whole: its letters, their dispositions, and every moment at which one of them changes.

Nothing here knows `now`. A reader at `now` sees what has happened by then (`coc.simulate.timeline`), so the same seed
always tells the same story, and a later reader sees the same events and more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np

from coc.domain.instants import DAY, HOUR, SECOND, Bools, Floats, Micros, to_date
from coc.simulate.chance import Indices, Objects, objects, rng
from coc.simulate.city import City
from coc.simulate.letters import Drawn, Letters, draw
from coc.simulate.rhythm import FAR, MINUTES, OFFSET, midnight, whole_ms
from coc.simulate.tree import Nodes, Planner, gap

# The archive robot counts pages and files letters day and night, one document a minute, of the days before.
ARCHIVE_DAYS: Final = 5
_MINUTE: Final = 60 * SECOND


@dataclass
class Dispositions:
    """Columns of a day's dispositions; times in microseconds, `FAR` = never."""

    id: Objects
    letter_id: Objects
    parent_id: Objects
    from_office: Objects
    to_unit: Objects
    to_office: Objects
    channel: Objects
    device: Objects
    instruction: Objects
    issued_at: Micros
    due_at: Micros
    due_moved: Micros  # the due from `due_moved_at` on
    due_moved_at: Micros
    read_at: Micros
    started_at: Micros
    completed_at: Micros
    reopened_at: Micros
    completed_again_at: Micros
    cancelled_at: Micros
    deleted_at: Micros


@dataclass
class Events:
    """When which row changes; unsorted, every row's first entry is its appearance."""

    at: Micros
    row: Indices


@dataclass
class DayPlan:
    day: int
    letters: Letters
    dispositions: Dispositions
    letter_events: Events
    disposition_events: Events


def plan_day(city: City, day: int) -> DayPlan:
    """The day's letters with their whole lives."""
    drawn = draw(city, day)
    nodes = Planner(city, drawn, day).plan()
    draws = rng(city.seed, "lives", day)
    dispositions = _followed_up(city, draws, drawn, nodes, day)
    _complete_letters(city, draws, drawn, nodes, dispositions)
    _reopen(city, draws, drawn, nodes, dispositions)
    _show_late(draws, drawn.letters, nodes)
    _stop_when_deleted(drawn.letters, nodes, dispositions)
    visits = _visits(city, day, drawn.letters, dispositions)
    letters = drawn.letters
    first_visit = np.full(len(letters.id), FAR)
    np.minimum.at(first_visit, visits[0].row, visits[0].at)
    letters.counted_at = np.minimum(letters.counted_at, first_visit)
    return DayPlan(
        day=day,
        letters=letters,
        dispositions=dispositions,
        letter_events=_events(
            letters.shown_at,
            letters.deleted_at,
            (letters.completed_at, letters.reopened_at, letters.completed_again_at, letters.corrected_at),
            visits[0],
        ),
        disposition_events=_events(
            dispositions.issued_at,
            dispositions.deleted_at,
            (
                dispositions.due_moved_at,
                dispositions.read_at,
                dispositions.started_at,
                dispositions.completed_at,
                dispositions.reopened_at,
                dispositions.completed_again_at,
                dispositions.cancelled_at,
            ),
            visits[1],
        ),
    )


def _never(size: int) -> Micros:
    return np.full(size, FAR)


def _between(start: Micros, end: Micros, share: Floats) -> Micros:
    return whole_ms(start + ((end - start) * share).astype("int64"))


def _followed_up(city: City, draws: np.random.Generator, drawn: Drawn, nodes: Nodes, day: int) -> Dispositions:
    size, letters, units = len(nodes), drawn.letters, city.units
    on_duty = drawn.on_duty[nodes.letter]
    done = _done(city, draws, drawn, nodes)
    read = city.rhythm.later(nodes.issued, gap(draws, np.where(on_duty, 0.15, 0.5), 0.9, size), on_duty)
    read = np.where(nodes.follow_up, np.minimum(read, _between(nodes.issued, done, np.full(size, 0.6))), read)
    started = _between(read, done, draws.uniform(0.05, 0.7, size))
    cancelled = np.where(
        nodes.follow_up & (draws.random(size) < 0.015), _between(nodes.issued, done, draws.uniform(0.1, 0.9, size)), FAR
    )
    stopped = cancelled != FAR
    closed_when_read = ~nodes.follow_up & (draws.random(size) < 0.3)
    moved = nodes.follow_up & ~stopped & (draws.random(size) < 0.012)
    due = (nodes.issued + OFFSET) // DAY * DAY - OFFSET + draws.integers(1, 8, size) * DAY + 16 * HOUR
    ids = objects(f"D{to_date(day):%Y%m%d}-{n:05d}" for n in range(1, size + 1))
    return Dispositions(
        id=ids,
        letter_id=letters.id[nodes.letter],
        parent_id=objects(ids[p] if p >= 0 else None for p in nodes.parent),
        from_office=nodes.from_office,
        to_unit=units.codes[nodes.to_unit],
        to_office=nodes.to_office,
        channel=nodes.channel,
        device=nodes.device,
        instruction=nodes.instruction,
        issued_at=nodes.issued,
        due_at=np.where(draws.random(size) < 0.06, due, FAR),
        due_moved=np.where(moved, due + draws.integers(3, 8, size) * DAY, FAR),
        due_moved_at=np.where(moved, _between(nodes.issued, done, draws.uniform(0.2, 0.9, size)), FAR),
        read_at=np.where(stopped & (read > cancelled), FAR, read),
        started_at=np.where(nodes.follow_up & (draws.random(size) < 0.68) & (started < cancelled), started, FAR),
        completed_at=np.where(nodes.follow_up & ~stopped, done, np.where(closed_when_read, read, FAR)),
        reopened_at=_never(size),
        completed_again_at=_never(size),
        cancelled_at=cancelled,
        deleted_at=letters.deleted_at[nodes.letter],
    )


def _done(city: City, draws: np.random.Generator, drawn: Drawn, nodes: Nodes) -> Micros:
    """When each one's work is done: a leaf in its unit's pace, a parent soon after its last branch."""
    size, units = len(nodes), city.units
    on_duty = drawn.on_duty[nodes.letter]
    factor = drawn.urgency_factor[nodes.letter]
    hours = gap(draws, np.where(on_duty, 2.2, units.pace[nodes.to_unit]) * factor, 0.88, size)
    lying = draws.random(size) < units.stuck[nodes.to_unit] * np.where(factor < 1, 0.8, 1.0) * np.where(on_duty, 0.3, 1)
    hours = np.where(lying, draws.uniform(28, 62, size) * np.where(factor < 0.97, 0.55, 1.0), hours)
    done = city.rhythm.later(nodes.issued, np.clip(hours, 0.05, 72), on_duty)
    report = gap(draws, 0.35, 0.7, size)
    for child in range(size - 1, -1, -1):  # children stand after their parents
        parent = nodes.parent[child]
        if parent >= 0 and nodes.follow_up[child]:
            done[parent] = max(done[parent], done[child] + int(report[child] * HOUR))
    return whole_ms(done)


def _complete_letters(
    city: City, draws: np.random.Generator, drawn: Drawn, nodes: Nodes, dispositions: Dispositions
) -> None:
    """A letter is done when every mandatory branch is; one that nobody handed on when its unit has filed it."""
    letters, size = drawn.letters, len(drawn.letters.id)
    filed = city.rhythm.later(letters.registered_at, gap(draws, 3.2, 1.0, size), drawn.on_duty)
    last = np.full(size, -1)
    closed = np.minimum(np.where(nodes.follow_up, dispositions.completed_at, nodes.issued), dispositions.cancelled_at)
    np.maximum.at(last, nodes.letter, closed)
    late = city.rhythm.later(np.where(last < 0, letters.registered_at, last), gap(draws, 0.4, 0.8, size), drawn.on_duty)
    letters.completed_at = whole_ms(np.where(last < 0, filed, late))


def _reopen(city: City, draws: np.random.Generator, drawn: Drawn, nodes: Nodes, dispositions: Dispositions) -> None:
    """Now and then a finished branch turns out not to be: it opens again, and the letter with it."""
    letters = drawn.letters
    candidates = np.flatnonzero(nodes.follow_up & (nodes.parent < 0) & (dispositions.completed_at != FAR))
    candidates = candidates[np.unique(nodes.letter[candidates], return_index=True)[1]]
    row = candidates[draws.random(len(candidates)) < 0.008]
    letter, size = nodes.letter[row], len(row)
    office = np.zeros(size, dtype=bool)
    again = city.rhythm.later(letters.completed_at[letter], draws.uniform(2, 20, size), office)
    done = city.rhythm.later(again, draws.uniform(2, 14, size), office)
    dispositions.reopened_at[row] = letters.reopened_at[letter] = again
    dispositions.completed_again_at[row] = done
    letters.completed_again_at[letter] = city.rhythm.later(done, gap(draws, 0.3, 0.5, size), office)


def _show_late(draws: np.random.Generator, letters: Letters, nodes: Nodes) -> None:
    """A few letters reach the feed minutes after their first disposition: the reader holds an orphan for a while."""
    first = np.full(len(letters.id), FAR)
    np.minimum.at(first, nodes.letter, nodes.issued)
    late = (first != FAR) & (draws.random(len(first)) < 0.02)
    wait = (draws.uniform(1.5, 6, int(late.sum())) * _MINUTE).astype("int64")
    letters.shown_at[late] = whole_ms(first[late] + wait)


def _stop_when_deleted(letters: Letters, nodes: Nodes, dispositions: Dispositions) -> None:
    _stop(letters, letters.deleted_at, ("completed_at", "reopened_at", "completed_again_at", "corrected_at"))
    _stop(
        dispositions,
        letters.deleted_at[nodes.letter],
        ("read_at", "started_at", "completed_at", "reopened_at", "completed_again_at", "cancelled_at", "due_moved_at"),
    )


def _stop(rows: Any, deleted: Micros, names: tuple[str, ...]) -> None:
    for name in names:
        setattr(rows, name, np.where(getattr(rows, name) >= deleted, FAR, getattr(rows, name)))


@lru_cache(maxsize=16)
def _archive(city: City, day: int) -> tuple[Micros, Indices, Floats]:
    """One visit a minute of a day: when, of which day's documents, of which of them (a share of the list)."""
    draws = rng(city.seed, "archive", day)
    at = midnight(day) + np.arange(MINUTES) * _MINUTE + draws.integers(0, _MINUTE // 1000, MINUTES) * 1000
    of = np.arange(day - ARCHIVE_DAYS, day)
    weights = np.array([city.rhythm.volume(int(d)) for d in of], dtype="float64")
    return at, draws.choice(of, size=MINUTES, p=weights / weights.sum()), draws.random(MINUTES)


def _visits(city: City, day: int, letters: Letters, dispositions: Dispositions) -> tuple[Events, Events]:
    """The archive's visits to this day's letters and dispositions, those that exist by midnight."""
    parts = [_archive(city, later) for later in range(day + 1, day + 1 + ARCHIVE_DAYS)]
    at = np.concatenate([a[of == day] for a, of, _ in parts])
    pick = np.concatenate([p[of == day] for _, of, p in parts])
    end = midnight(day + 1)
    there = np.flatnonzero((letters.shown_at < end) & (letters.deleted_at == FAR))
    handed = np.flatnonzero((dispositions.issued_at < end) & (dispositions.deleted_at == FAR))
    place = (pick * (len(there) + len(handed))).astype("int64")
    of_letter: Bools = place < len(there)
    return (
        Events(at[of_letter], there[place[of_letter]]),
        Events(at[~of_letter], handed[place[~of_letter] - len(there)]),
    )


def _events(first: Micros, last: Micros, changes: tuple[Micros, ...], visits: Events) -> Events:
    """All changes of rows that appear at `first` and end at `last`; a row shows at first what happened before."""
    rows = np.arange(len(first))
    at = np.concatenate([first, last, *changes, visits.at])
    row = np.concatenate([rows, rows, *(rows for _ in changes), visits.row])
    kept = (at != FAR) & ((at >= first[row]) & (at <= last[row]))
    return Events(at[kept], row[kept])
