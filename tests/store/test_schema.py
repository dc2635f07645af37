"""Migrations on real databases: up, down and up again with data, by two processes at once, and what is refused."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from coc.store import Control, SchemaError, Store, StoreError, open_store, tables
from coc.store.control import metadata as control_metadata
from coc.store.engine import Database
from coc.store.partitions import is_partition
from coc.store.schema import VERSION_TABLES, Which, downgrade, require_known, schema_state, upgrade

METADATA: dict[Which, sa.MetaData] = {"store": tables.metadata, "control": control_metadata}
MONTH = 31 * 86_400_000_000
START = 1_767_225_600_000_000  # 2026-01-01 UTC
Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with nothing in it."""
    on_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/new/folder/x.db" if on_sqlite else request.getfixturevalue("postgres_url")
    database = Database(url)
    yield database
    database.close()


def _url(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    return not (kind == "table" and (name in VERSION_TABLES.values() or is_partition(name or "")))


def _differences(database: Database, which: Which) -> list[Any]:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": _is_ours})
        return list(compare_metadata(context, METADATA[which]))


def _value(column: sa.Column[Any], row: int) -> Any:
    kind = column.type
    if column.name == "at":
        return START + row * MONTH  # samples: each in a month of its own
    if isinstance(kind, sa.LargeBinary):
        return b"\x00\xff" + bytes([row])
    if isinstance(kind, sa.SmallInteger):
        return row % 2
    if isinstance(kind, sa.Integer):
        return row
    return row + 0.25 if isinstance(kind, sa.Float | sa.Double) else f"Ñ {column.name} {row}"


def _fill(database: Database, metadata: sa.MetaData) -> None:
    with database.write() as connection:
        for month in range(3):
            if not database.sqlite and metadata is tables.metadata:
                _make_partitions(connection, START + month * MONTH)
        for table in metadata.sorted_tables:
            rows = [{c.name: _value(c, row) for c in table.c} for row in range(3)]
            connection.execute(sa.insert(table), rows)


def _make_partitions(connection: sa.Connection, at: int) -> None:
    import numpy as np

    from coc.domain.datasets import SAMPLES
    from coc.store import partitions

    for dataset in SAMPLES:
        partitions.ensure(connection, dataset.value, np.array([at]))


def _rows(database: Database) -> Rows:
    """Everything that is stored, by table, in an order of its own."""
    with database.read() as connection:
        found = sa.MetaData()
        found.reflect(connection, only=lambda name, _: _is_ours(name, "table", None))
        rows = {t.name: [dict(r._mapping) for r in connection.execute(sa.select(t))] for t in found.sorted_tables}
    return {name: sorted(held, key=repr) for name, held in rows.items()}


def _unlike(before: Rows, after: Rows) -> dict[str, str]:
    """What both schemas can hold and yet differs: by table, in words."""
    unlike = {}
    for name in before.keys() & after.keys():
        columns = [c for c in (before[name] or [{}])[0] if c in (after[name] or [{}])[0]]
        was, now = ([{c: r[c] for c in columns} for r in held[name]] for held in (before, after))
        if len(was) != len(now) or sorted(map(repr, was)) != sorted(map(repr, now)):
            unlike[name] = f"{was} became {now}"
    return unlike


@pytest.mark.parametrize("which", ["store", "control"])
def test_the_whole_history_goes_down_and_up_again_with_all_that_each_step_can_hold(
    empty: Database, which: Which
) -> None:
    upgrade(empty, which)
    assert _differences(empty, which) == []
    _fill(empty, METADATA[which])
    before = _rows(empty)
    assert all(len(rows) == 3 for rows in before.values())
    while (current := schema_state(empty, which).current) is not None:
        older = f"{int(current) - 1:04}" if current != "0001" else "base"
        downgrade(empty, older, which)
        after = _rows(empty)
        assert _unlike(before, after) == {}, f"{current} to {older}"
        before = after
    assert before == {}
    upgrade(empty, which)
    assert _differences(empty, which) == []
    _fill(empty, METADATA[which])


@pytest.mark.parametrize("which", ["store", "control"])
def test_rows_of_the_first_schema_are_all_there_in_the_newest(empty: Database, which: Which) -> None:
    upgrade(empty, which)
    _fill(empty, METADATA[which])
    if schema_state(empty, which).current != "0001":
        downgrade(empty, "0001", which)
    oldest = _rows(empty)
    upgrade(empty, which)
    assert _unlike(oldest, _rows(empty)) == {}
    assert _differences(empty, which) == []


def test_a_new_store_is_made_with_its_folder_and_opens_again_as_it_is(empty: Database) -> None:
    store = open_store(_url(empty))
    assert store.schema_state().up_to_date
    assert store.upgrade().up_to_date
    assert store.commit_number() == 0
    store.close()


def test_a_store_goes_back_to_an_older_schema_that_it_knows_and_to_no_other(empty: Database) -> None:
    upgrade(empty)
    for wrong in ("0042", str(schema_state(empty).head)):
        with pytest.raises(SchemaError, match="goes back to one of base, 0001, 0002"):
            downgrade(empty, wrong)


def test_a_store_of_a_newer_program_is_refused_with_what_to_do(empty: Database) -> None:
    for which, open_ in (("store", open_store), ("control", Control)):
        upgrade(empty, which)
        with empty.write() as connection:
            connection.exec_driver_sql(f"UPDATE {VERSION_TABLES[which]} SET version_num = '0042'")
        said = r"newer version of this program \(schema 0042.*install that version again"
        with pytest.raises(SchemaError, match=said):
            open_(_url(empty))


OPEN = "import sys; from coc.store import open_store, Control; open_store(sys.argv[1]).close(); Control(sys.argv[2])"


@pytest.mark.slow
def test_two_processes_that_start_at_once_on_nothing_both_find_a_whole_store(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    create: Callable[[], str] = request.getfixturevalue("postgres").create
    for make in (lambda: f"sqlite:///{tmp_path}/{len(list(tmp_path.iterdir()))}/x.db", create):
        urls = [make(), make()]
        started = [subprocess.Popen([sys.executable, "-c", OPEN, *urls], stderr=subprocess.PIPE) for _ in range(2)]
        for process in started:
            _, said = process.communicate(timeout=60)
            assert (process.returncode, said.decode()) == (0, "")
        assert schema_state(Database(urls[0])).up_to_date


# ---- what cannot be opened, in words


def test_a_file_that_is_no_database_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "coc.db").write_text("Kota Jambi " * 200)
    with pytest.raises(StoreError, match="cannot be opened as a database"):
        open_store(f"sqlite:///{tmp_path}/coc.db")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("var/coc.db", "not a database URL"),
        ("postgres://coc@db/coc", "is no database we use"),
        ("mysql+pymysql://coc@db/coc", "is no database we use"),
        ("postgresql+psycopg2://coc@db/coc", r"is no driver we use: write postgresql\+psycopg://"),
        (
            "postgresql+psycopg://coc:rahasia@127.0.0.1:9/coc",
            "cannot be reached .*Connection refused.*that the server runs",
        ),
    ],
)
def test_a_url_that_leads_nowhere_is_told_in_one_line_without_the_password(url: str, said: str) -> None:
    with pytest.raises(StoreError, match=said) as caught:
        open_store(url)
    assert "rahasia" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_driver_is_told_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"needs the driver psycopg.*pip install"):
        open_store("postgresql://coc:rahasia@db/coc")


def _eventually_refused(database: Database) -> None:
    """A server reads its rules anew a moment after it is told to."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        require_known(database)
        database.close()
        time.sleep(0.05)


def test_what_a_server_refuses_is_told_with_what_to_do(postgres: Any, postgres_url: str) -> None:
    url = sa.make_url(postgres_url)
    with pytest.raises(StoreError, match=r'"nowhere" does not exist\): make it: CREATE DATABASE nowhere'):
        require_known(Database(url.set(database="nowhere")))
    with pytest.raises(StoreError, match=r'role "nobody" does not exist\): make the user'):
        require_known(Database(url.set(username="nobody", password="rahasia")))
    with (postgres.folder / "pg_hba.conf").open("r+") as rules:
        before = rules.read()
        rules.seek(0)
        rules.write("local all strict scram-sha-256\n" + before)
    postgres._execute("CREATE ROLE strict LOGIN PASSWORD 'benar'")
    postgres._execute("SELECT pg_reload_conf()")
    wrong = Database(url.set(username="strict", password="rahasia"))
    with pytest.raises(StoreError, match="check the user `strict` and its password") as caught:
        _eventually_refused(wrong)
    assert "rahasia" not in str(caught.value)
    postgres._execute("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    with pytest.raises(StoreError, match="encoded as LATIN1: make it anew"):
        require_known(Database(url.set(database="latin")))


def test_the_address_never_shows_a_password() -> None:
    assert "rahasia" not in Store("postgresql+psycopg://coc:rahasia@db/coc").address
