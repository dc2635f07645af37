"""The feed's rows as they stand at an instant, in pages ordered by (`updated_at`, `id`).

All changes of all rows lie in one array sorted by time, each with the time of the same row's next change. The rows at
`now` are the changes with `at <= now < next`: a page is a slice, a mask and its first hits, whatever `now` is, and
nothing has to be kept while the city lives (but what a drill made the feed tell again: `Timeline.touch`).
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from typing import Any, Final

import numpy as np

from coc.domain.instants import Bools, Micros
from coc.simulate.chance import Indices, Objects
from coc.simulate.city import City
from coc.simulate.letters import Letters
from coc.simulate.lives import DayPlan, Dispositions, Events, plan_day
from coc.simulate.rhythm import FAR, OFFSET, day_of, midnight

RETENTION_DAYS: Final = 150
# A letter stays as long as what hangs on it is younger than the retention, so that nothing young is ever missing.
KEPT_DAYS: Final = RETENTION_DAYS + 22

_NOTHING: Final[Objects] = np.array([None], dtype=object)
Row = dict[str, Any]


def iso(micros: Micros) -> list[str | None]:
    """WIB, milliseconds; None for never."""
    shown: list[str | None] = [None] * len(micros)
    known = np.flatnonzero(micros != FAR)
    local = np.datetime_as_string((micros[known] + OFFSET).view("datetime64[us]"), unit="ms")
    for place, text in zip(known.tolist(), local.tolist(), strict=True):
        shown[place] = f"{text}+07:00"
    return shown


class Table:
    """One dataset of a span of days; rows are in order of id."""

    def __init__(
        self, columns: Any, events: Events, shape: Callable[[Any, Indices, int], dict[str, list[Any]]]
    ) -> None:
        self._columns, self._shape = columns, shape
        self.ids: list[str] = columns.id.tolist()
        order = np.lexsort((events.row, events.at))
        self._at, self._row = events.at[order], events.row[order]
        self._next = np.full(len(order), FAR)
        by_row = np.lexsort((self._at, self._row))
        same = self._row[by_row][1:] == self._row[by_row][:-1]
        self._next[by_row[:-1][same]] = self._at[by_row[1:][same]]

    def page(self, now: int, since: int, after: tuple[int, str] | None, limit: int) -> tuple[list[Row], bool]:
        """At most `limit` rows updated at or after `since` (or later than the row `after`), and whether more follow."""
        start = np.searchsorted(self._at, max(since, after[0]) if after else since, side="left")
        stop = np.searchsorted(self._at, now, side="right")
        live = self._next[start:stop] > now
        if after:
            at, row = self._at[start:stop], self._row[start:stop]
            live &= (at > after[0]) | ((at == after[0]) & (row >= bisect_right(self.ids, after[1])))
        hits = start + np.flatnonzero(live)
        shown = hits[:limit]
        rows, updated = self._row[shown], self._at[shown]
        columns = self._shape(self._columns, rows, now)
        columns["updated_at"] = iso(updated)
        names = tuple(columns)
        return [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)], len(
            hits
        ) > limit

    def existing(self, now: int) -> list[str]:
        """Ids of the rows that are there and not deleted."""
        stop = np.searchsorted(self._at, now, side="right")
        rows = self._row[:stop][self._next[:stop] > now]
        gone: Bools = self._columns.deleted_at <= now
        found: list[str] = self._columns.id[np.sort(rows[~gone[rows]])].tolist()
        return found

    def values(self, column: str) -> Objects:
        """A column of all rows there ever are, in order of id."""
        found: Objects = getattr(self._columns, column)
        return found

    def touched(self, at: Micros, ids: list[str]) -> Table:
        """The table with further changes, that only move `updated_at`. What is not there yet at `at` is left alone."""
        places = {key: row for row, key in enumerate(self.ids)}
        row = np.array([places.get(key, -1) for key in ids], dtype="int64")
        appears = np.full(len(self.ids) + 1, FAR)  # the last: of ids that are not of these days
        known, first = np.unique(self._row, return_index=True)
        appears[known] = self._at[first]
        there = appears[row] <= at
        events = Events(np.concatenate([self._at, at[there]]), np.concatenate([self._row, row[there]]))
        return Table(self._columns, events, self._shape)

    def changes(self, first: int, last: int) -> Micros:
        """Instants in [first, last] at which a row changed, in order."""
        return self._at[np.searchsorted(self._at, first) : np.searchsorted(self._at, last, side="right")]


def _then(at: Micros, now: int) -> Micros:
    return np.where(at <= now, at, FAR)


def _finished(rows: Any, index: Indices, now: int) -> Micros:
    """Completion as it stands: done, open again, done again."""
    done, opened, again = rows.completed_at[index], rows.reopened_at[index], rows.completed_again_at[index]
    return np.where(again <= now, again, np.where(opened <= now, FAR, _then(done, now)))


def _letters(rows: Letters, index: Indices, now: int) -> dict[str, list[Any]]:
    corrected = rows.corrected_at[index] <= now
    columns: dict[str, Objects] = {
        "id": rows.id[index],
        "kind": rows.kind[index],
        "type": rows.type[index],
        "category": rows.category[index],
        "urgency": np.where(corrected, rows.urgency_corrected[index], rows.urgency[index]),
        "security": rows.security[index],
        "number": rows.number[index],
        "subject": rows.subject[index],
        "sender_kind": rows.sender_kind[index],
        "sender": rows.sender[index],
        "unit": rows.unit[index],
        "medium": rows.medium[index],
        "pages": np.where(rows.counted_at[index] <= now, rows.pages[index], _NOTHING),
        "copies": rows.copies[index],
    }
    return {
        **{name: values.tolist() for name, values in columns.items()},
        "received_at": iso(rows.received_at[index]),
        "registered_at": iso(rows.registered_at[index]),
        "completed_at": iso(_finished(rows, index, now)),
        "deleted": (rows.deleted_at[index] <= now).tolist(),
    }


def _dispositions(rows: Dispositions, index: Indices, now: int) -> dict[str, list[Any]]:
    names = (
        "id", "letter_id", "parent_id", "from_office", "to_unit", "to_office", "channel", "device", "instruction",
    )  # fmt: skip
    moved = rows.due_moved_at[index] <= now
    return {
        **{name: getattr(rows, name)[index].tolist() for name in names},
        "issued_at": iso(rows.issued_at[index]),
        "due_at": iso(np.where(moved, rows.due_moved[index], rows.due_at[index])),
        "read_at": iso(_then(rows.read_at[index], now)),
        "started_at": iso(_then(rows.started_at[index], now)),
        "completed_at": iso(_finished(rows, index, now)),
        "cancelled_at": iso(_then(rows.cancelled_at[index], now)),
        "deleted": (rows.deleted_at[index] <= now).tolist(),
    }


def _touched(table: Table, changes: list[tuple[int, str]]) -> Table:
    if not changes:
        return table
    return table.touched(np.array([at for at, _ in changes], dtype="int64"), [key for _, key in changes])


def _stacked(parts: list[Any]) -> Any:
    kind = type(parts[0])
    return kind(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(kind)})


def _shifted(parts: list[tuple[Events, int]]) -> Events:
    starts = np.cumsum([0, *(size for _, size in parts)])
    return Events(
        np.concatenate([e.at for e, _ in parts]),
        np.concatenate([e.row + start for (e, _), start in zip(parts, starts[:-1], strict=True)]),
    )


class Units:
    """The units as a table: they change on the day they begin, and never again."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows
        self._keys = [
            (np.datetime64(r["updated_at"][:23], "us").astype("int64").item() - OFFSET, r["code"]) for r in rows
        ]

    def page(self, now: int, since: int, after: tuple[int, str] | None, limit: int) -> tuple[list[Row], bool]:
        found = [
            row
            for row, key in zip(self._rows, self._keys, strict=True)
            if since <= key[0] <= now and (after is None or key > after)
        ]
        return found[:limit], len(found) > limit


class Timeline:
    """The feed of one city at any instant; safe to read from many threads."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.units = Units(city.units.rows)
        self._lock = threading.Lock()
        self._days: dict[int, DayPlan] = {}
        self._spans: OrderedDict[int, dict[str, Table]] = OrderedDict()
        self._touched: dict[str, list[tuple[int, str]]] = {}

    def touch(self, dataset: str, ids: Iterable[str], at: int) -> None:
        """Rows change at `at`, in nothing but `updated_at`: whoever read them before reads them again."""
        more = [(at, key) for key in sorted(ids)]
        if not more or dataset == "units":
            return
        with self._lock:
            self._touched.setdefault(dataset, []).extend(more)
            for tables in self._spans.values():
                tables[dataset] = _touched(tables[dataset], more)

    def tables(self, now: int) -> dict[str, Table | Units]:
        """`units`, `letters`, `dispositions` as of an instant; whole days of planning happen here, once each."""
        today = day_of(now)
        with self._lock:
            if today not in self._spans:
                self._spans[today] = self._built(today)
                while len(self._spans) > 2:
                    self._spans.popitem(last=False)
            self._spans.move_to_end(today)
            return {"units": self.units, **self._spans[today]}

    def _built(self, today: int) -> dict[str, Table]:
        span = range(today - KEPT_DAYS, today + 1)
        for day in span:
            if day not in self._days:
                self._days[day] = plan_day(self.city, day)
        if len(self._days) > KEPT_DAYS + 30:
            self._days = {day: self._days[day] for day in span}
        plans = list(self._planned(span))
        oldest = midnight(span[0])
        self._touched = {name: [t for t in held if t[0] >= oldest] for name, held in self._touched.items()}
        tables = {
            "letters": Table(
                _stacked([p.letters for p in plans]),
                _shifted([(p.letter_events, len(p.letters.id)) for p in plans]),
                _letters,
            ),
            "dispositions": Table(
                _stacked([p.dispositions for p in plans]),
                _shifted([(p.disposition_events, len(p.dispositions.id)) for p in plans]),
                _dispositions,
            ),
        }
        return {name: _touched(table, self._touched.get(name, [])) for name, table in tables.items()}

    def _planned(self, span: range) -> Iterator[DayPlan]:
        for day in span:
            yield self._days[day]
