"""FreeRADIUS: clients counted where the sessions are, in a real database with the sessions that FreeRADIUS wrote."""

from __future__ import annotations

import contextlib
import csv
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
import sqlalchemy as sa

from data_connectors.base import Batch, FetchError
from data_connectors.freeradius import FreeRadius
from tests.connectors import hostile
from tests.connectors.recorded import SAMPLES, told

FOLDER = SAMPLES / "freeradius"
NOW = datetime(2026, 11, 23, 23, 44, 12, tzinfo=UTC)
TIMES = ("acctstarttime", "acctupdatetime", "acctstoptime")
RADIOS = {f"02-00-00-00-10-0{n}": f"ap-{n}" for n in range(1, 7)}
# As FreeRADIUS's own schema has them; what no query of ours names is left out, but for the user's name.
SCHEMA = """CREATE TABLE radacct (radacctid BIGINT PRIMARY KEY, username TEXT, nasipaddress {inet} NOT NULL,
acctstarttime {time}, acctupdatetime {time}, acctstoptime {time}, acctinterval BIGINT, calledstationid TEXT,
callingstationid TEXT)"""
FILL = """INSERT INTO radacct VALUES (:radacctid, :username, {nas}, {times}, :acctinterval, :calledstationid,
:callingstationid)"""


def sessions(name: str = "radacct_2.csv") -> list[dict[str, Any]]:
    with (FOLDER / name).open(newline="") as lines:
        return [{k: v or None for k, v in row.items()} for row in csv.DictReader(lines)]


COLUMNS = list(sessions()[0])


def session(number: int, **given: Any) -> dict[str, Any]:
    row = dict.fromkeys(COLUMNS) | {
        "radacctid": 1000 + number, "nasipaddress": "198.51.100.11", "acctstarttime": "2026-11-23 23:40:00+00",
        "calledstationid": "02-00-00-00-10-01:WiFi-Kota", "callingstationid": f"02-00-00-00-01-{number:02X}",
    }  # fmt: skip
    return row | given


class Radius:
    """The table in one real database; `url` as config takes it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.postgres = url.startswith("postgresql")
        words = {"inet": "INET", "time": "TIMESTAMPTZ"} if self.postgres else {"inet": "TEXT", "time": "TEXT"}
        self.run(SCHEMA.format(**words))

    def run(self, sql: str, rows: list[dict[str, Any]] | None = None) -> None:
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.execute(sa.text(sql), rows)

    def fill(self, rows: list[dict[str, Any]]) -> None:
        times = [f"CAST(:{t} AS timestamptz)" if self.postgres else f":{t}" for t in TIMES]
        nas = "CAST(:nasipaddress AS inet)" if self.postgres else ":nasipaddress"
        self.run("DELETE FROM radacct")
        self.run(FILL.format(nas=nas, times=", ".join(times)), [self._native(row) for row in rows])

    def _native(self, row: dict[str, Any]) -> dict[str, Any]:
        """Where the database knows no offsets, FreeRADIUS writes the server's own time."""
        if self.postgres:
            return row
        return row | {t: wib(row[t]) for t in TIMES}

    def connector(self, **given: Any) -> FreeRadius:
        block = {"type": "freeradius", "url": self.url, "zone": "Asia/Jakarta", "sessions_mean_up": True, **given}
        return FreeRadius("radius", FreeRadius.Block.model_validate(block))


def wib(text: str | None) -> str | None:
    if text is None:
        return None
    return f"{datetime.fromisoformat(text).astimezone(ZoneInfo('Asia/Jakarta')):%Y-%m-%d %H:%M:%S}"


@pytest.fixture(params=["sqlite", "postgresql"])
def radius(request: pytest.FixtureRequest, tmp_path: Path) -> Radius:
    """PostgreSQL as FreeRADIUS's documentation sets it up; SQLite stands for databases without offsets."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else f"sqlite:///{tmp_path}/r.db"
    found = Radius(url)
    found.fill(sessions())
    return found


Pull = Callable[..., list[Batch]]


@pytest.fixture
def pull(radius: Radius, window: Any) -> Pull:
    def pulled(reader: FreeRadius | None = None, **given: Any) -> list[Batch]:
        named = {"now", "known", "full", "seconds"}
        of_window = {"now": NOW} | {k: v for k, v in given.items() if k in named}
        of_block = {k: v for k, v in given.items() if k not in named}
        return list((reader or radius.connector(**of_block)).pull(window(**of_window)))

    return pulled


def counts(batches: list[Batch]) -> dict[str, int]:
    frame = batches[-1].frame
    return dict(zip(frame["ap"], frame["clients"].astype(int), strict=True))


def test_clients_are_those_that_the_recorded_query_gave(pull: Pull) -> None:
    frame = pull(point="radio", points=RADIOS)[-1].frame.sort_values("ap", ignore_index=True)
    with (FOLDER / "clients_per_nas_2.csv").open(newline="") as lines:
        expected = list(csv.DictReader(lines))
    assert frame["ap"].tolist() == [RADIOS[row["ap_radio"]] for row in expected]
    assert frame["clients"].tolist() == [int(row["clients"]) for row in expected]
    assert frame["at"].tolist() == [pd.Timestamp(row["at"]) for row in expected]
    assert frame["up"].all()


def test_a_nas_may_be_the_point_under_its_address_or_a_name(pull: Pull) -> None:
    assert counts(pull()) == {"198.51.100.11": 3, "198.51.100.12": 1, "198.51.100.14": 1, "198.51.100.20": 1}
    assert counts(pull(points={"198.51.100.11": "taman-01"}))["taman-01"] == 3


def test_a_station_with_an_old_open_session_beside_its_new_one_counts_once(radius: Radius, pull: Pull) -> None:
    radius.fill([session(1, radacctid=1), session(1, radacctid=2), session(2)])
    assert counts(pull()) == {"198.51.100.11": 2}


def test_a_station_that_went_from_one_radio_of_a_point_to_the_other_counts_once(radius: Radius, pull: Pull) -> None:
    radius.fill([session(1, radacctid=1), session(1, calledstationid="02:00:00:00:10:aa:WiFi-Kota")])
    radios = {"02-00-00-00-10-01": "taman-01", "02:00:00:00:10:AA": "taman-01"}
    assert counts(pull(point="radio", points=radios)) == {"taman-01": 1}


def test_a_silent_session_counts_no_more_and_another_nas_may_be_silent_for_longer(pull: Pull) -> None:
    assert "198.51.100.13" not in counts(pull())
    assert counts(pull())["198.51.100.12"] == 1
    assert counts(pull(fresh_of={"198.51.100.12": 7200}))["198.51.100.12"] == 3 - 1, "s16 and s17 are one station"
    assert counts(pull(fresh_seconds=60)) == {}


def test_a_nas_whose_clock_is_ahead_is_told_and_not_counted(radius: Radius, pull: Pull) -> None:
    batches = pull()
    assert "198.51.100.13" not in counts(batches)
    assert [n for b in batches for n in b.notes] == [("clock_ahead", "+7 h")]


def test_a_clock_a_little_ahead_is_capped_and_the_same_word_again_is_no_new_sample(radius: Radius, pull: Pull) -> None:
    radius.fill([session(1, acctupdatetime="2026-11-23 23:45:12+00")])
    reader = radius.connector()
    batches = pull(reader)
    assert batches[-1].frame["at"].tolist() == [pd.Timestamp(NOW)]
    assert batches[-1].notes == [("clock_ahead", "+60 s")]
    assert pull(reader, now=NOW + timedelta(seconds=30))[-1].frame.empty


def test_a_session_that_says_nothing_new_makes_no_new_sample(pull: Pull) -> None:
    first = pull()[-1].frame
    known = {ap: at.to_pydatetime() for ap, at in zip(first["ap"], first["at"], strict=True)}
    assert pull(known=known, now=NOW + timedelta(minutes=1))[-1].frame.empty


def test_what_changed_is_seen_though_the_table_tells_no_change(radius: Radius, pull: Pull) -> None:
    radius.fill(sessions("radacct_1.csv"))
    before = counts(pull(now=datetime(2026, 11, 23, 23, 40, 26, tzinfo=UTC)))
    radius.fill(sessions("radacct_2.csv"))
    after = counts(pull())
    assert (before["198.51.100.11"], after["198.51.100.11"]) == (5, 3)
    assert ("198.51.100.14" in before, after["198.51.100.14"]) == (False, 1)


def test_no_open_session_is_no_sample_and_no_failure(radius: Radius, pull: Pull) -> None:
    radius.fill([s for s in sessions() if s["acctstoptime"]])
    assert pull()[-1].frame.empty


def test_sessions_at_a_radio_that_nobody_named_are_told_as_a_number(pull: Pull) -> None:
    batches = pull(point="radio", points={"02-00-00-00-10-01": "taman-01"})
    assert counts(batches) == {"taman-01": 3}
    assert ("unlabelled", "8 sessions at radios that `points` does not name") in batches[-1].notes


def test_the_database_gives_back_points_and_numbers_and_nothing_else(radius: Radius, pull: Pull) -> None:
    canaries = {"username": "warga-rahasia", "callingstationid": "02-CA-FE-00-00-01"}
    radius.fill([session(1, **canaries, calledstationid="02-CA-FE-00-00-02:WiFi")])
    reader = radius.connector(point="radio", points=RADIOS)
    read = [str(tuple(row)) for row in reader._rows(NOW, time.monotonic() + 10)]
    batches = pull(reader)
    assert len(read) == 1
    text = "\n".join([*read, told(batches), reader.check().said]).upper()
    assert [c for c in ("RAHASIA", "CA-FE", "CA:FE") if c in text] == []
    asked = str(reader.query(NOW, "postgresql"))
    assert "username" not in asked
    assert "*" not in asked.replace("count(*)", "")


def failure(reader: FreeRadius, window: Any, seconds: float = 5) -> FetchError:
    with pytest.raises(FetchError) as caught:
        list(reader.pull(window(seconds, now=NOW)))
    return caught.value


def test_a_table_or_column_that_is_gone_is_drift(radius: Radius, window: Any) -> None:
    assert failure(radius.connector(table="radacct_lama"), window).code == "schema_drift"
    radius.run("ALTER TABLE radacct RENAME COLUMN callingstationid TO stasiun")
    error = failure(radius.connector(), window)
    assert (error.code, error.detail) == ("schema_drift", "a column is missing")


def test_check_tells_how_many_sessions_are_silent(radius: Radius, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COC_CLOCK", NOW.isoformat())
    reached = radius.connector().check()
    assert (reached.ok, reached.said) == (True, "12 open sessions, 5 of them silent, at 5 points")
    wrong = radius.connector(table="radacct_lama").check()
    assert not wrong.ok
    assert wrong.mend


@pytest.fixture
def on_postgres(postgres_url: str) -> Radius:
    return Radius(postgres_url)


def test_a_query_that_takes_too_long_ends_with_the_run(on_postgres: Radius, window: Any) -> None:
    on_postgres.run("CREATE VIEW lambat AS SELECT radacct.* FROM radacct, LATERAL pg_sleep(60)")
    on_postgres.fill([session(1)])
    started = time.monotonic()
    assert failure(on_postgres.connector(table="lambat"), window, 1).code == "too_slow"
    assert time.monotonic() - started < 5


def test_nothing_can_be_written(on_postgres: Radius, window: Any) -> None:
    on_postgres.run("CREATE FUNCTION tulis() RETURNS int LANGUAGE sql AS 'DELETE FROM radacct RETURNING 1'")
    on_postgres.run("CREATE VIEW jebakan AS SELECT radacct.* FROM radacct, LATERAL tulis()")
    on_postgres.fill([session(1)])
    error = failure(on_postgres.connector(table="jebakan"), window)
    assert (error.code, error.detail) == ("source_error", "the database says 25006")


def test_a_user_without_rights_or_without_existence_is_refused(on_postgres: Radius, window: Any) -> None:
    on_postgres.run("CREATE ROLE tamu LOGIN")
    url = sa.make_url(on_postgres.url)
    for user in ("tamu", "hantu-rahasia"):
        other = url.set(username=user).render_as_string(hide_password=False)
        error = failure(on_postgres.connector(url=other), window)
        assert error.code == "credentials"
        assert "rahasia" not in str(error)
    gone = url.set(database="tiada").render_as_string(hide_password=False)
    assert failure(on_postgres.connector(url=gone), window).code == "not_found"


def test_a_user_that_may_read_six_columns_is_enough(on_postgres: Radius, window: Any) -> None:
    on_postgres.fill(sessions())
    on_postgres.run("CREATE ROLE pembaca LOGIN")
    columns = f"nasipaddress, {', '.join(TIMES)}, calledstationid, callingstationid"
    on_postgres.run(f"GRANT SELECT ({columns}) ON radacct TO pembaca")
    url = sa.make_url(on_postgres.url).set(username="pembaca").render_as_string(hide_password=False)
    reader = on_postgres.connector(url=url, point="radio", points=RADIOS)
    assert counts(list(reader.pull(window(now=NOW)))) == {"ap-1": 3, "ap-2": 1, "ap-4": 1, "ap-5": 1}


def remote(url: str, **given: Any) -> FreeRadius:
    block = {"type": "freeradius", "url": url, "zone": "Asia/Jakarta", "sessions_mean_up": True, **given}
    return FreeRadius("radius", FreeRadius.Block.model_validate({"timeout_seconds": 1, **block}))


def greet(server: socket.socket) -> None:
    """A web server where a database should be: it answers whatever comes."""
    for _ in range(3):
        with contextlib.suppress(OSError):
            server.accept()[0].sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_a_database_that_is_away_silent_or_none_at_all_is_told_apart(window: Any) -> None:
    secret = "postgresql://coc:sandi-rahasia@127.0.0.1:{}/radius"
    with socket.create_server(("127.0.0.1", 0)) as mute:
        errors = [failure(remote(secret.format(mute.getsockname()[1])), window)]
    errors.append(failure(remote(secret.format(hostile.closed_port())), window))
    with socket.create_server(("127.0.0.1", 0)) as page:
        threading.Thread(target=greet, args=(page,), daemon=True).start()
        errors.append(failure(remote(secret.format(page.getsockname()[1])), window))
    assert [e.code for e in errors] == ["too_slow", "unreachable", "broken"]
    assert "rahasia" not in "".join(map(str, errors))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"url": "https://radius.example.go.id/"}, "expected an address"),
        ({"url": "radius"}, "expected an address"),
        ({"url": "mysql://coc@127.0.0.1/radius"}, "pymysql is not installed"),
        ({"auth": {"bearer": "kunci"}}, "takes `basic` only"),
    ],
)
def test_what_config_gets_wrong_is_said(given: dict[str, Any], words: str, window: Any) -> None:
    block = {"url": "postgresql://coc@127.0.0.1:1/radius", **given}
    with socket.create_server(("127.0.0.1", 0)) as mute:
        block["url"] = block["url"].replace("127.0.0.1/", f"127.0.0.1:{mute.getsockname()[1]}/")
        error = failure(remote(**block), window)
    assert error.code == "config"
    assert words in error.detail


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sessions_mean_up": False}, "sessions_mean_up"),
        ({"zone": "Jambi"}, "time zone"),
        ({"table": "radacct; DROP TABLE radacct"}, "name of a table"),
        ({"point": "radio"}, "name the radios"),
        ({"point": "radio", "points": {"taman": "ap-1"}}, "hardware addresses such as"),
        ({"points": {"198.51.100.11": "02-00-00-00-10-01"}}, "no name"),
    ],
)
def test_a_block_that_cannot_work_is_refused_at_the_door(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        remote("postgresql://coc@127.0.0.1/radius", **given)


def test_the_query_is_also_one_for_mysql() -> None:
    from sqlalchemy.dialects import mysql

    named = remote("mysql://h/r", points={"198.51.100.11": "taman-01"}, fresh_of={"198.51.100.12": 7200})
    asked = str(named.query(NOW.replace(tzinfo=None), "mysql").compile(dialect=mysql.dialect()))
    assert "CAST(radacct.nasipaddress AS CHAR)" in asked
    assert "count(DISTINCT" in asked


def test_a_thousand_points_cost_little(radius: Radius, pull: Pull) -> None:
    nas = [f"198.18.{n // 250}.{n % 250}" for n in range(1000)]
    rows = [session(n % 200, radacctid=n, nasipaddress=nas[n % 1000], callingstationid=str(n)) for n in range(10_000)]
    radius.fill(rows)
    points = {one: f"ap-{n}" for n, one in enumerate(nas)}
    started = time.monotonic()
    found = counts(pull(points=points, seconds=30))
    assert len(found) == 1000
    assert set(found.values()) == {10}
    assert time.monotonic() - started < 5
