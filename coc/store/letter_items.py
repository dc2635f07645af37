"""The letters or dispositions behind a KPI: how many, how many of them one may see, and a page of those."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa

from coc.domain.datasets import COLUMNS, Column, Dataset
from coc.store.engine import Database
from coc.store.item_kpis import Aged, Condition, Population, Question, Span, population
from coc.store.letter_sight import (
    GIVEN,
    LETTERS,
    Sight,
    live_disposition,
    live_letter,
    seen_disposition,
    seen_letter,
)
from coc.store.rows import fetch
from coc.store.tables import DERIVED, TABLES

# What narrows a list -> a disposition's own column, or a letter's.
_OF_DISPOSITIONS: Final = {
    "office": "from_office",
    "to": "to_office",
    "channel": "channel",
    "device": "device",
    "kind": "letter_kind",
    "urgency": "letter_urgency",
}
_OF_LETTERS: Final = {name: name for name in ("kind", "type", "medium", "urgency")}


@dataclass(frozen=True, slots=True)
class Found:
    """`whole`: what the KPI looks at, `listed`: of it what is listed, `seen`: of that what one may see.

    `parts`: further counts by name, `age:<age>` those listed of each age. `rows`: the page; of dispositions with what
    their letters say (`letter_` and the column's name).
    """

    whole: int
    listed: int
    seen: int
    parts: Mapping[str, int]
    rows: pd.DataFrame


class LetterItems(Database):
    def items(
        self, asked: Question, sight: Sight, hidden: Collection[str], limit: int, offset: int, *, whole: bool = True
    ) -> Found:
        """The answer as far as `sight` reaches, without the columns `hidden`.

        `whole`: the counts are of all there is, else of what one may see alone.
        """
        people = population(asked)
        mine = seen_letter(sight) if people.of is Dataset.LETTERS else seen_disposition(sight)
        own, foreign = _narrowed(asked, people)
        aged = _aged(asked, people)
        listed = people.listed if asked.age is None else sa.and_(people.listed, aged[f"age:{asked.age}"])
        names = {
            "seen": sa.and_(listed, mine) if whole else listed,
            "listed": listed,
            **people.parts,
            **{name: sa.and_(people.listed, of_age) for name, of_age in aged.items()},
        }
        where = [people.whole, *own, *foreign, *([] if whole else [mine])]
        # What costs a look-up a row is asked once a row: then one query gives all keys, and Python counts them.
        look_ups = bool(foreign) or sight.units is not None or people.joined is not None
        with self.read() as connection:
            if look_ups:
                found = connection.execute(_keys(people, where, names)).cursor.fetchall()
                counts = [len(found), *(sum(flags) for flags in list(zip(*found, strict=True))[2:])]
                keys = [(key[0], key[1]) for key in found if key[2]][offset : offset + limit]
            else:
                counts = list(connection.execute(_counts(people, where, names)).one())
                page = _keys(people, [*where, listed, mine], {}).limit(limit).offset(offset)
                keys = [(key[0], key[1]) for key in connection.execute(page).cursor.fetchall()]
            rows = self._rows(connection, people, keys, hidden)
        known = dict(zip(names, (int(n or 0) for n in counts[1:]), strict=False))
        parts = {name: known.get(name, 0) for name in names}
        return Found(int(counts[0]), parts.pop("listed"), parts.pop("seen"), parts, rows)

    def one_letter(
        self, source: str, id: str, sight: Sight, hidden: Collection[str]
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """A letter, and its dispositions in the order of their issue: as much as `sight` reaches of either."""
        own = [LETTERS.c.source == source, LETTERS.c.source_id == id, live_letter(), seen_letter(sight)]
        mine = [GIVEN.c.source == source, GIVEN.c.letter_id == id, live_disposition(), seen_disposition(sight)]
        with self.read() as connection:
            letters = fetch(connection, Dataset.LETTERS, *own, columns=_shown(Dataset.LETTERS, hidden))
            return letters, fetch(connection, Dataset.DISPOSITIONS, *mine, **_branches(hidden))

    def branches(self, letters: Collection[tuple[str, str]], hidden: Collection[str]) -> pd.DataFrame:
        """The dispositions of letters (source, id) that somebody may see, in the order of their issue."""
        with self.read() as connection:
            mine = [_among(GIVEN, "letter_id", letters), live_disposition()]
            return fetch(connection, Dataset.DISPOSITIONS, *mine, **_branches(hidden))

    def _rows(
        self, connection: sa.Connection, people: Population, keys: list[tuple[str, str]], hidden: Collection[str]
    ) -> pd.DataFrame:
        """The rows of these keys in their order; dispositions with what their letters say."""
        table = TABLES[people.of]
        chosen = _shown(people.of, hidden)
        rows = _in_order(fetch(connection, people.of, _among(table, "source_id", keys), columns=chosen), keys)
        if people.of is Dataset.LETTERS:
            return rows
        of_letters = list(dict.fromkeys(zip(rows["source"], rows["letter_id"], strict=True)))
        its = _shown(Dataset.LETTERS, hidden)
        letters = fetch(connection, Dataset.LETTERS, _among(LETTERS, "source_id", of_letters), columns=its)
        letters = letters.set_index(["source", "source_id"]).add_prefix("letter_")
        return rows.join(letters, on=["source", "letter_id"])


def _shown(dataset: Dataset, hidden: Collection[str]) -> list[Column]:
    """Canonical columns that one may see, and those that are derived of a disposition."""
    derived = DERIVED if dataset is Dataset.DISPOSITIONS else ()
    return [*(c for c in COLUMNS[dataset] if c.name not in hidden), *derived]


def _branches(hidden: Collection[str]) -> dict[str, Any]:
    """Of a `fetch` of dispositions: their columns and their order."""
    order = (GIVEN.c.issued_at, GIVEN.c.source, GIVEN.c.source_id)
    return {"columns": _shown(Dataset.DISPOSITIONS, hidden), "order": order}


def _in_order(rows: pd.DataFrame, keys: list[tuple[str, str]]) -> pd.DataFrame:
    place = {key: n for n, key in enumerate(zip(rows["source"], rows["source_id"], strict=True))}
    return rows.iloc[[place[key] for key in keys if key in place]].reset_index(drop=True)


def _among(table: sa.Table, column: str, keys: Collection[tuple[str, str]]) -> Condition:
    """A plain `IN` a source: SQLite looks rows of pairs up one by one."""
    of_source: dict[str, list[str]] = {}
    for source, id in keys:
        of_source.setdefault(source, []).append(id)
    return sa.or_(
        sa.false(), *(sa.and_(table.c.source == source, table.c[column].in_(ids)) for source, ids in of_source.items())
    )


def _counts(people: Population, where: list[Condition], names: Mapping[str, Condition]) -> Any:
    sums = [sa.func.sum(_flag(condition)) for condition in names.values()]
    return sa.select(sa.func.count(), *sums).select_from(_from(people)).where(*where)


def _keys(people: Population, where: list[Condition], flags: Mapping[str, Condition]) -> Any:
    """Source and id in order, and whether each is of what is named."""
    table = TABLES[people.of]
    chosen = [table.c.source, table.c.source_id, *map(_flag, flags.values())]
    keys = sa.select(*chosen).select_from(_from(people)).where(*where)
    return keys.order_by(*people.order, table.c.source, table.c.source_id)


def _flag(condition: Condition) -> sa.ColumnElement[Any]:
    return sa.case((condition, 1), else_=0)


def _from(people: Population) -> sa.FromClause:
    table = TABLES[people.of]
    if people.joined is None:
        return table
    firsts = people.joined
    return table.join(firsts, sa.and_(firsts.c.source == table.c.source, firsts.c.letter_id == table.c.source_id))


def _narrowed(asked: Question, people: Population) -> tuple[list[Condition], list[Condition]]:
    """The unit and what is chosen: by the row's own columns, and by those of a disposition's letter.

    What the list's rows do not say of themselves narrows nothing.
    """
    of_letters = people.of is Dataset.LETTERS
    columns = _OF_LETTERS if of_letters else _OF_DISPOSITIONS
    table, unit = (LETTERS, LETTERS.c.unit) if of_letters else (GIVEN, GIVEN.c.to_unit)
    own: list[Condition] = [] if asked.unit is None else [unit == asked.unit]
    for name, value in asked.chosen.items():
        if name in columns:
            column = table.c[columns[name]]
            own.append(sa.func.coalesce(column, "unknown") == value if value == "unknown" else column == value)
    theirs = {n: v for n, v in asked.chosen.items() if n in _OF_LETTERS and n not in columns}
    if not theirs:
        return own, []
    its = LETTERS.alias("filtered")
    same = [its.c.source == GIVEN.c.source, its.c.source_id == GIVEN.c.letter_id]
    return own, [sa.exists().where(*same, *(its.c[n] == v for n, v in theirs.items()))]


def _aged(asked: Question, people: Population) -> dict[str, Condition]:
    """By `age:<age>`, what is of that age."""
    return {f"age:{name}": _of_age(people, aged) for name, aged in asked.ages.items()}


def _of_age(people: Population, aged: Aged) -> Condition:
    if people.of is Dataset.LETTERS or not aged.others:
        return _in_span(people.at, aged.default)
    cases = [(GIVEN.c.to_unit.in_(units), _in_span(people.at, span)) for units, span in aged.others.items()]
    others = sa.or_(sa.false(), *(sa.and_(of_units, in_span) for of_units, in_span in cases))
    rest = sa.and_(*(~of_units for of_units, _ in cases), _in_span(people.at, aged.default))
    return sa.or_(others, rest)


def _in_span(at: sa.ColumnElement[Any], span: Span) -> Condition:
    bounds = [] if span.first is None else [at >= span.first]
    bounds += [] if span.end is None else [at < span.end]
    return sa.and_(sa.true(), *bounds)
