"""Heads, marks, changes and rollups at rest: between the arrays of `coc.metrics.heads` and rows of both databases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.engine import Connection

from coc.domain.datasets import Dataset
from coc.domain.instants import HOUR, NAT, Micros
from coc.metrics.buckets import FIVE_MINUTES, WIDTHS, Sums, wider
from coc.metrics.heads import HEAD, Heads, Positions, Rows, no_heads
from coc.metrics.states import STATES
from coc.store import bulk
from coc.store.columns import BLANK_KEY, entity_column
from coc.store.engine import Tx
from coc.store.rows import fetch
from coc.store.state_tables import ENTITY, ROLLUPS, state_changes, state_heads, state_marks
from coc.store.tables import TABLES, commits, meta, sample_heads

Key: TypeAlias = tuple[str, str]  # entity, vantage
_FLOOR: Final = "samples_floor"
RECOMPUTED: Final = "states"  # the source of a commit that computes them anew
_DROPPED: Final = "rollups_dropped"
_FIELDS: Final = HEAD.names or ()
_STATES: Final = np.array(STATES, dtype=object)
_MEASURED: Final = ("clients", "latency_ms", "loss")
_SUMS: Final = ("up_us", "down_us", "client_us")
_POSTGRES: Final = psycopg.dialect()  # type: ignore[no-untyped-call]
_MINE: Final = " AND ".join(f"{n} = ?" for n in ENTITY)


def floor(connection: Connection) -> int:
    """Samples before it were pruned: late ones no longer move states and rollups. NAT: nothing was pruned yet."""
    found = connection.execute(sa.select(meta.c.value).where(meta.c.name == _FLOOR)).scalar()
    return NAT if found is None else int(found)


def raise_floor(connection: Connection, at: int) -> None:
    if at > floor(connection):
        _set(connection, _FLOOR, at)


def dropped_after(connection: Connection, rev: int) -> bool:
    """Whether a rollup row was taken away since that commit: a reader of changed rows would not hear of it."""
    found = connection.execute(sa.select(meta.c.value).where(meta.c.name == _DROPPED)).scalar()
    return found is not None and int(found) > rev


def sampled_after(connection: Connection, dataset: Dataset, rev: int) -> bool:
    """Whether a later commit may hold samples of the dataset, or what is made of them."""
    sources = sa.select(sample_heads.c.source).where(sample_heads.c.dataset == dataset.value)
    mine = sa.or_(commits.c.source == RECOMPUTED, commits.c.source.in_(sources))
    found = sa.select(commits.c.number).where(commits.c.number > rev, mine).limit(1)
    return connection.execute(found).first() is not None


def recomputed_after(connection: Connection, rev: int) -> bool:
    """Whether a later commit made states and rollups anew."""
    where = [commits.c.number > rev, commits.c.source == RECOMPUTED]
    return connection.execute(sa.select(commits.c.number).where(*where).limit(1)).first() is not None


def first_changed(connection: Connection, dataset: Dataset, rev: int) -> int | None:
    """The earliest sample that changed after that commit; None: none did."""
    c = TABLES[dataset].c  # `+ 0` keeps the planner off the index on `at`
    found = connection.execute(sa.select(sa.func.min(c.at + 0)).where(c.rev > rev)).scalar()
    return None if found is None else int(found)


def _set(connection: Connection, name: str, value: int) -> None:
    connection.execute(sa.delete(meta).where(meta.c.name == name))
    connection.execute(sa.insert(meta).values(name=name, value=value))


# ---- reading


def read_heads(
    connection: Connection, dataset: Dataset, entities: Iterable[str] | None = None
) -> tuple[list[Key], Heads]:
    """What is known of the named entities, or of all."""
    c = state_heads.c
    chosen = sa.select(c.entity, c.vantage, *(c[n] for n in _FIELDS)).where(c.dataset == dataset.value)
    rows: list[Any] = []
    for chunk in [None] if entities is None else bulk.chunks(dict.fromkeys(entities)):
        some = chosen if chunk is None else chosen.where(c.entity.in_(chunk))
        rows += connection.execute(some.order_by(c.entity, c.vantage)).cursor.fetchall()
    return [(r[0], r[1]) for r in rows], _to_heads([r[2:] for r in rows])


def present(connection: Connection, dataset: Dataset) -> tuple[list[Key], Heads, Micros]:
    """All heads of a dataset, and when each one's state came (NAT: unknown)."""
    h, c = state_heads.c, state_changes.c
    came = sa.select(sa.func.max(c.at)).where(*(c[n] == h[n] for n in ENTITY), c.at <= h.at).scalar_subquery()
    since = sa.func.coalesce(came, sa.literal_column(str(NAT)))
    chosen = sa.select(h.entity, h.vantage, since, *(h[n] for n in _FIELDS))
    rows = connection.execute(chosen.where(h.dataset == dataset.value)).cursor.fetchall()
    came_at = np.array([r[2] for r in rows], dtype="int64")
    return [(r[0], r[1]) for r in rows], _to_heads([r[3:] for r in rows]), came_at


def read_turns(
    connection: Connection, dataset: Dataset, keys: Sequence[Key], after: int, *, opening: bool
) -> tuple[Positions, Micros, npt.NDArray[np.int64]]:
    """The changes of state of these keys after that moment: the key's position, when, `heads.state_code`; sorted.

    `opening`: with the last one of each key before.
    """
    c, place = state_changes.c, {key: i for i, key in enumerate(keys)}
    rows: list[Any] = []
    for chunk in bulk.chunks(dict.fromkeys(entity for entity, _ in keys)):
        mine = [c.dataset == dataset.value, c.entity.in_(chunk), c.vantage.in_({vantage for _, vantage in keys})]
        chosen = sa.select(c.entity, c.vantage, c.at, c.state)
        rows += connection.execute(chosen.where(*mine, c.at > after)).cursor.fetchall()
        if opening:
            last = sa.select(c.entity, c.vantage, sa.func.max(c.at).label("at")).where(*mine, c.at <= after)
            held = last.group_by(c.entity, c.vantage).subquery()
            same = [c.dataset == dataset.value, *(c[n] == held.c[n] for n in ("entity", "vantage", "at"))]
            rows += connection.execute(chosen.join(held, sa.and_(*same))).cursor.fetchall()
    found = [(place[r[0], r[1]], r[2], STATES.index(r[3])) for r in rows if (r[0], r[1]) in place]
    table = np.array(found, dtype="int64").reshape(-1, 3)
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    return table[:, 0].astype(np.intp), table[:, 1].copy(), table[:, 2].copy()


def states_since(connection: Connection, dataset: Dataset, keys: Sequence[Key], until: Micros) -> Micros:
    """For each key when its latest state came that is not after `until`; NAT where none has."""
    sql = _sql(
        connection,
        f"SELECT at FROM {state_changes.name} WHERE {_MINE} AND at <= ? ORDER BY at DESC LIMIT 1",
    )
    rows = (connection.exec_driver_sql(sql, (dataset.value, *key, at)).first() for key, at in _each(keys, until))
    return np.array([NAT if row is None else row[0] for row in rows], dtype="int64")


def heads_before(connection: Connection, dataset: Dataset, keys: Sequence[Key], at: Micros, floor: int) -> Heads:
    """For each key a marked head older than its `at` (microseconds); unknown where there is none.

    It is the newest such mark at hand: what is between it and `at` is of one clock hour.
    """
    fields = ", ".join(_FIELDS)
    sql = f"SELECT {fields} FROM {state_marks.name} WHERE {_MINE} AND "
    upto = _sql(connection, sql + "hour <= ? AND hour >= ? ORDER BY hour DESC LIMIT 1")
    # Where no mark is older, nothing came between the next mark's own sample and it.
    after = _sql(connection, sql + "hour > ? ORDER BY hour LIMIT 1")
    heads = no_heads(len(keys))
    found: dict[int, Any] = {}
    for i, (key, moment) in enumerate(_each(keys, at)):
        mine, hour = (dataset.value, *key), moment // HOUR * HOUR
        row = connection.exec_driver_sql(upto, (*mine, hour, floor)).first()
        row = row or connection.exec_driver_sql(after, (*mine, hour)).first()
        if row is not None and row[0] < moment:  # fields begin with the sample's `at`
            found[i] = row
    heads[list(found)] = _to_heads(list(found.values()))
    return heads


def read_samples(
    connection: Connection, dataset: Dataset, keys: Sequence[Key], start: Micros, end: Micros, holds: Mapping[str, int]
) -> Rows:
    """The samples of each key in [start, end), by the key's position. `holds`: microseconds by source."""
    c, entity = TABLES[dataset].c, entity_column(dataset)
    found: list[tuple[Any, ...]] = []
    for (first, last), its in _spans(keys, start, end).items():
        for chunk in bulk.chunks(its):
            where = [c[entity].in_(chunk), c.at >= first, c.at < last]
            if BLANK_KEY in c:
                where.append(c[BLANK_KEY].in_({vantage for _, vantage in keys}))
            found += connection.execute(sa.select(*_measured(dataset)).where(*where)).cursor.fetchall()
    rows = _rows_of(found, {key: i for i, key in enumerate(keys)}, holds)
    return rows.chosen((rows.taken >= start[rows.entity]) & (rows.taken < end[rows.entity]))


def samples_between(
    connection: Connection,
    dataset: Dataset,
    keys: Sequence[Key],
    start: int,
    end: int,
    holds: Mapping[str, int],
    after_rev: int = -1,
) -> Rows:
    """The samples of all these keys in [start, end); with `after_rev` those of them that changed after that commit."""
    c = TABLES[dataset].c
    where = [c.at >= start, c.at < end]
    if after_rev >= 0:  # `+ 0` keeps the planner off the index on `at`: few of these have changed
        where = [c.rev > after_rev, c.at + 0 >= start, c.at + 0 < end]
    found = connection.execute(sa.select(*_measured(dataset)).where(*where)).cursor.fetchall()
    return _rows_of(list(found), {key: i for i, key in enumerate(keys)}, holds)


def _measured(dataset: Dataset) -> list[sa.ColumnElement[Any]]:
    c = TABLES[dataset].c
    vantage = c[BLANK_KEY] if BLANK_KEY in c else sa.literal_column("''")
    return [c[entity_column(dataset)], vantage, c.at, c.up, c.source, *(c.get(n, sa.null()) for n in _MEASURED)]


def read_canonical(
    connection: Connection, dataset: Dataset, keys: Sequence[Key], start: Micros, end: Micros
) -> pd.DataFrame:
    """The canonical samples of these entities in about [start, end)."""
    table, entity = TABLES[dataset], entity_column(dataset)
    found = [
        fetch(connection, dataset, table.c[entity].in_(chunk), table.c.at >= first, table.c.at < last)
        for (first, last), its in _spans(keys, start, end).items()
        for chunk in bulk.chunks(its)
    ]
    return pd.concat(found, ignore_index=True)


def _spans(keys: Sequence[Key], start: Micros, end: Micros) -> dict[tuple[int, int], dict[str, None]]:
    """The entities of each span, rounded to 5 minutes: most have the same, and one query serves them all."""
    found: dict[tuple[int, int], dict[str, None]] = {}
    first = np.where(start == NAT, NAT, start // FIVE_MINUTES * FIVE_MINUTES)
    last = -(-end // FIVE_MINUTES) * FIVE_MINUTES
    for (entity, _), *span in zip(keys, first.tolist(), last.tolist(), strict=True):
        found.setdefault((span[0], span[1]), {})[entity] = None
    return found


def read_rollups(
    connection: Connection,
    dataset: Dataset,
    width: int,
    keys: Sequence[Key],
    start: int,
    end: int,
    after_rev: int = -1,
) -> Sums:
    """The buckets in [start, end) of these keys that changed after a commit, by the key's position."""
    table, place = ROLLUPS[width], {key: i for i, key in enumerate(keys)}
    c = table.c
    rows: list[Any] = []
    # Every column of the key before `at` is given, or the whole past of each entity would be looked through.
    mine = [c.dataset == dataset.value, c.vantage.in_({vantage for _, vantage in keys}), c.at >= start, c.at < end]
    for chunk in bulk.chunks(dict.fromkeys(entity for entity, _ in keys)):
        where = [*mine, c.entity.in_(chunk), c.rev > after_rev]
        chosen = sa.select(c.entity, c.vantage, c.at, *(c[n] for n in _SUMS)).where(*where)
        rows += connection.execute(chosen).cursor.fetchall()
    found = [(place[r[0], r[1]], *r[2:]) for r in rows if (r[0], r[1]) in place]
    table_ = np.array(found, dtype="int64").reshape(-1, 5)
    return Sums(*(np.ascontiguousarray(table_[:, i]) for i in range(5)))


def known_by_bucket(
    connection: Connection, dataset: Dataset, width: int, entities: Iterable[str], start: int, end: int
) -> tuple[Micros, Micros, Micros]:
    """Of these entities together, as the COC's own room sees them: each bucket in [start, end) that is known of.

    When it begins, and for how long they were up and down.
    """
    c, up, down = ROLLUPS[width].c, sa.func.sum(ROLLUPS[width].c.up_us), sa.func.sum(ROLLUPS[width].c.down_us)
    mine = [c.dataset == dataset.value, c.vantage == "", c.at >= start, c.at < end]
    rows: list[Any] = []
    for chunk in bulk.chunks(dict.fromkeys(entities)):
        chosen = sa.select(c.at, up, down).where(*mine, c.entity.in_(chunk)).group_by(c.at)
        rows += connection.execute(chosen).cursor.fetchall()
    found = np.array([[int(v) for v in row] for row in rows], dtype="int64").reshape(-1, 3)
    return found[:, 0], found[:, 1], found[:, 2]


def _to_heads(rows: Sequence[Sequence[Any]]) -> Heads:
    heads = no_heads(len(rows))
    for name, values in zip(_FIELDS, zip(*rows, strict=True), strict=False):
        if name == "spell":
            heads[name] = [NAT if v is None else v for v in values]
        else:
            heads[name] = np.array(values, dtype=HEAD[name] if HEAD[name].kind != "f" else "f8")
    return heads


def _rows_of(found: list[tuple[Any, ...]], place: dict[Key, int], holds: Mapping[str, int]) -> Rows:
    columns = list(zip(*found, strict=True)) or [()] * (5 + len(_MEASURED))
    entity = np.array([place.get(key, -1) for key in zip(columns[0], columns[1], strict=True)], dtype=np.intp)
    at = np.array(columns[2], dtype="int64")
    order = np.lexsort((at, entity))
    order = order[entity[order] >= 0]  # an entity is asked for with all its vantages
    seconds = {source: holds[source] for source in set(columns[4])}
    clients, latency, loss = (np.array(values, dtype="f8")[order] for values in columns[5:])
    return Rows(
        entity=entity[order],
        taken=at[order],
        up=np.array(columns[3], dtype=bool)[order],
        hold=np.array([seconds[s] for s in columns[4]], dtype="int64")[order],
        clients=clients,
        latency=latency,
        loss=loss,
    )


def sampled_keys(connection: Connection, dataset: Dataset, entities: Sequence[str]) -> list[Key]:
    """These entities with every vantage they were sampled from."""
    c, entity = TABLES[dataset].c, entity_column(dataset)
    if BLANK_KEY not in c:
        return [(name, "") for name in entities]
    found = sa.select(c[entity], c[BLANK_KEY]).where(c[entity].in_(entities)).distinct()
    return sorted((row[0], row[1]) for row in connection.execute(found))


# ---- writing


def forget(tx: Tx, dataset: Dataset, keys: Sequence[Key], floor: int) -> None:
    """Drop the marks and changes from `floor` on; those before it stay as they were."""
    for table, by in ((state_marks, "hour"), (state_changes, "at")):
        sql = _sql(tx.connection, f"DELETE FROM {table.name} WHERE {_MINE} AND {by} >= ?")
        bulk.executemany(tx.connection, sql, [(dataset.value, *key, floor) for key in keys])


def save_heads(tx: Tx, dataset: Dataset, keys: Sequence[Key], heads: Heads) -> None:
    _put(tx, state_heads, _keyed(dataset, keys) | _head_values(heads))


def save_marks(tx: Tx, dataset: Dataset, keys: Sequence[Key], hours: Micros, heads: Heads) -> None:
    _put(tx, state_marks, _keyed(dataset, keys) | {"hour": hours.tolist()} | _head_values(heads))


def save_changes(tx: Tx, dataset: Dataset, keys: Sequence[Key], at: Micros, codes: npt.NDArray[np.int64]) -> None:
    _put(tx, state_changes, _keyed(dataset, keys) | {"at": at.tolist(), "state": _STATES[codes].tolist()})


def drop_changes(tx: Tx, dataset: Dataset, keys: Sequence[Key], at: Micros) -> None:
    _drop(tx, state_changes, _keyed(dataset, keys) | {"at": at.tolist()})


def add_rollups(tx: Tx, dataset: Dataset, keys: Sequence[Key], sums: Sums) -> None:
    """Add to what the buckets of every width hold; `sums`: 5-minute buckets by the key's position."""
    for width in WIDTHS:
        table, some = ROLLUPS[width], sums if width == FIVE_MINUTES else wider(sums, width)
        if not len(some):
            continue
        its = [keys[i] for i in some.entity.tolist()]
        values = _keyed(dataset, its) | {"at": some.at.tolist()}
        more = {"up_us": some.up.tolist(), "down_us": some.down.tolist(), "client_us": some.clients.tolist()}
        _put(tx, table, values | more | {"rev": [tx.rev] * len(its)}, added=_SUMS)
        gone = np.flatnonzero((some.up < 0) | (some.down < 0))
        if gone.size:  # a bucket with nothing in it is no row, whatever came first
            keys_of = {name: [list_[i] for i in gone.tolist()] for name, list_ in values.items()}
            if _drop(tx, table, keys_of, " AND up_us = 0 AND down_us = 0"):
                _set(tx.connection, _DROPPED, tx.rev)
    tx.touched = tx.touched or len(sums) > 0


def _keyed(dataset: Dataset, keys: Sequence[Key]) -> dict[str, list[Any]]:
    return {
        "dataset": [dataset.value] * len(keys),
        "entity": [entity for entity, _ in keys],
        "vantage": [vantage for _, vantage in keys],
    }


def _head_values(heads: Heads) -> dict[str, list[Any]]:
    values: dict[str, list[Any]] = {}
    for name in _FIELDS:
        column = heads[name]
        if column.dtype.kind == "f":
            found = column.astype(object)
            found[np.isnan(column)] = None
            values[name] = [None if v is None else int(v) for v in found] if name == "clients" else found.tolist()
        elif name == "spell":
            values[name] = [None if v == NAT else v for v in column.tolist()]
        else:
            values[name] = (column.astype("i8") if column.dtype.kind == "b" else column).tolist()
    return values


def _put(tx: Tx, table: sa.Table, values: dict[str, list[Any]], added: tuple[str, ...] = ()) -> None:
    """Insert or overwrite whole columns of rows; the columns `added` are added to what is held."""
    if not values["dataset"]:
        return
    sql = _upsert(table, tuple(values), added, sqlite=tx.sqlite)
    if tx.sqlite:
        bulk.executemany(tx.connection, sql, list(zip(*values.values(), strict=True)))
    else:
        tx.connection.exec_driver_sql(sql, tuple(values.values()))


@lru_cache(maxsize=32)
def _upsert(table: sa.Table, names: tuple[str, ...], added: tuple[str, ...], *, sqlite: bool) -> str:
    keys = [c.name for c in table.primary_key.columns]
    if sqlite:
        rows = f"VALUES ({', '.join('?' * len(names))})"
    else:  # one statement whatever the number of rows: as fast as COPY, and it can meet rows that exist
        types = (table.c[n].type.compile(dialect=_POSTGRES) for n in names)
        rows = f"SELECT * FROM unnest({', '.join(f'%s::{t}[]' for t in types)})"
    moved = [f"{n} = {table.name}.{n} + excluded.{n}" if n in added else f"{n} = excluded.{n}" for n in names]
    written = [text for n, text in zip(names, moved, strict=True) if n not in keys]
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) {rows} "
        f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {', '.join(written)}"
    )


def _drop(tx: Tx, table: sa.Table, keys: dict[str, list[Any]], more: str = "") -> int:
    mark = "?" if tx.sqlite else "%s"
    sql = f"DELETE FROM {table.name} WHERE {' AND '.join(f'{n} = {mark}' for n in keys)}{more}"
    return bulk.executemany(tx.connection, sql, list(zip(*keys.values(), strict=True)))


def _sql(connection: Connection, text: str) -> str:
    return text if connection.dialect.name == "sqlite" else text.replace("?", "%s")


def _each(keys: Sequence[Key], values: Micros) -> Iterable[tuple[Key, int]]:
    return zip(keys, values.tolist(), strict=True)
