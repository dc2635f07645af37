"""A real FreeRADIUS writes packets into its own schema on a real PostgreSQL; `coc serve` counts clients there."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa

from tests.databases import Postgres
from tests.real.product import BUILD, PULL, Coc
from tests.real.programs import Program, until

pytestmark = pytest.mark.real
SYSTEM: Final = "freeradius"
_SHIPPED: Final = Path("/etc/freeradius/3.0")
_SECRET: Final = "rahasia-uji"
_READ: Final = (
    "GRANT SELECT (nasipaddress, acctstarttime, acctupdatetime, acctstoptime, calledstationid, callingstationid) "
    "ON radacct TO coc_reader"
)
# The accounting of the shipped default site, and nothing else of it.
_CONFIG: Final = """
name = freeradius
logdir = {folder}
run_dir = {folder}
raddbdir = {folder}
libdir = /usr/lib/freeradius
modconfdir = {shipped}/mods-config
log {{
  destination = stdout
}}
client here {{
  ipaddr = 127.0.0.1
  secret = {secret}
}}
thread pool {{
  start_servers = 1
  max_servers = 2
  min_spare_servers = 1
  max_spare_servers = 2
}}
modules {{
  expr {{
  }}
  sql {{
    dialect = "postgresql"
    driver = "rlm_sql_postgresql"
    radius_db = "{database}"
    acct_table1 = "radacct"
    acct_table2 = "radacct"
    postauth_table = "radpostauth"
    authcheck_table = "radcheck"
    groupcheck_table = "radgroupcheck"
    authreply_table = "radreply"
    groupreply_table = "radgroupreply"
    usergroup_table = "radusergroup"
    client_table = "nas"
    group_attribute = "SQL-Group"
    delete_stale_sessions = yes
    pool {{
      start = 1
      min = 1
      max = 2
      spare = 1
      retry_delay = 1
    }}
    $INCLUDE {shipped}/mods-config/sql/main/postgresql/queries.conf
  }}
}}
policy {{
  $INCLUDE {shipped}/policy.d/accounting
}}
server default {{
  listen {{
    type = acct
    ipaddr = 127.0.0.1
    port = {port}
  }}
  preacct {{
    acct_unique
  }}
  accounting {{
    sql
  }}
}}
"""


@dataclass
class Radius:
    """`send` is a NAS: one accounting packet, answered."""

    folder: Path
    port: int
    engine: sa.Engine
    coc: Coc | None = None
    program: Program = field(init=False)

    def __post_init__(self) -> None:
        words = ["/usr/sbin/freeradius", "-f", "-d", str(self.folder), "-n", "radiusd", "-l", "stdout"]
        self.program = Program(words, self.folder / "freeradius.log")

    def send(self, kind: str, station: int, *, nas: int = 11, session: str = "", age: float = 0) -> bool:
        address = f"02-00-00-00-01-{station:02X}"
        packet = {
            "Acct-Status-Type": kind, "Acct-Session-Id": f'"{session or f"s{nas}-{station}"}"', "User-Name": '"warga"',
            "NAS-IP-Address": f"198.51.100.{nas}", "Event-Timestamp": int(time.time() - age),
            "Called-Station-Id": f'"02-00-00-00-10-{nas:02X}:WiFi-Kota"', "Calling-Station-Id": f'"{address}"',
            "Acct-Session-Time": 60,
        }  # fmt: skip
        text = ", ".join(f"{name} = {value}" for name, value in packet.items())
        done = subprocess.run(
            ["radclient", "-t", "2", "-r", "2", f"127.0.0.1:{self.port}", "acct", _SECRET],
            input=text, capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
        return done.returncode == 0

    def stored(self) -> int:
        with self.engine.connect() as connection:
            return int(connection.execute(sa.text("SELECT count(*) FROM radacct")).scalar_one())

    @property
    def product(self) -> Coc:
        assert self.coc is not None
        return self.coc

    def clients(self) -> dict[str, int]:
        """The newest count of each point, as stored."""
        sql = "SELECT ap, clients FROM ap_samples AS a WHERE at = (SELECT max(at) FROM ap_samples WHERE ap = a.ap)"
        return dict(self.product.read(sql))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def radius(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory, port: Callable[[], int]) -> Iterator[Radius]:
    folder = tmp_path_factory.mktemp("freeradius")
    url = sa.make_url(postgres.create())
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql((_SHIPPED / "mods-config/sql/main/postgresql/schema.sql").read_text())
        connection.exec_driver_sql("CREATE ROLE coc_reader LOGIN")
        connection.exec_driver_sql(_READ)
    found = Radius(folder, port(), engine)
    database = f"host={url.query['host']} dbname={url.database} user={url.username}"
    words = {"folder": folder, "shipped": _SHIPPED, "secret": _SECRET, "database": database, "port": found.port}
    (folder / "radiusd.conf").write_text(_CONFIG.format(**words))
    reader = url.set(drivername="postgresql", username="coc_reader", password=None)
    block = {
        "type": "freeradius", "url": reader.render_as_string(hide_password=False), "every_seconds": PULL,
        "zone": "Asia/Jakarta", "sessions_mean_up": True, "points": {"198.51.100.11": "taman-01"},
    }  # fmt: skip
    try:
        found.program.start(lambda: found.send("Start", 1))
        with Coc(folder, port(), {"wifi_radius": block}) as coc:
            found.coc = coc
            yield found
    finally:
        found.program.kill()


def test_the_packets_of_a_nas_become_clients_within_a_pull(radius: Radius) -> None:
    for station in (2, 3):
        assert radius.send("Start", station)
    assert radius.send("Start", 3, session="roamed")  # the same station once more: a session that nobody closed
    assert radius.send("Start", 4, nas=12)
    until(lambda: radius.clients() == {"taman-01": 3, "198.51.100.12": 1}, PULL + BUILD, radius.clients)
    until(lambda: radius.product.values("wifi.clients", "wifi.up") == (4, 2), BUILD)
    assert radius.send("Stop", 2)
    time.sleep(1.1)  # times are whole seconds: the word that comes next is a new one
    assert radius.send("Interim-Update", 1)
    until(lambda: radius.clients()["taman-01"] == 2, PULL + BUILD, radius.clients)


def test_a_session_without_a_fresh_word_is_no_client_and_no_down(radius: Radius) -> None:
    before = radius.stored()
    assert radius.send("Start", 9, nas=13, age=3600)
    until(lambda: radius.stored() == before + 1, 5)
    time.sleep(3 * PULL)
    assert "198.51.100.13" not in radius.clients()
    assert radius.product.values("wifi.down") == (0,)


def test_a_nas_whose_clock_is_hours_ahead_is_told_and_left_out(radius: Radius) -> None:
    assert radius.send("Start", 10, nas=14, age=-7200)

    def notes() -> str:
        return str(radius.product.read("SELECT notes FROM feeds WHERE source = 'wifi_radius'"))

    until(lambda: "clock_ahead" in notes(), PULL + BUILD, notes)
    assert "198.51.100.14" not in radius.clients()
    assert radius.product.feed("wifi_radius")["state"] == "fresh"


def test_nobody_who_is_connected_is_in_our_store(radius: Radius) -> None:
    stored = (radius.folder / "var" / "coc.db").read_bytes() + (radius.folder / "coc.log").read_bytes()
    stored += b"".join(path.read_bytes() for path in (radius.folder / "var").glob("coc.db-*"))
    assert b"warga" not in stored
    assert b"02-00-00-00-01" not in stored
    assert b"02-00-00-00-10" not in stored


def test_a_database_that_is_away_is_the_feeds_failure_and_no_points(radius: Radius, postgres: Postgres) -> None:
    postgres.stop()
    try:
        until(lambda: radius.product.feed("wifi_radius")["state"] == "failing", 20 + BUILD)
        assert radius.product.values("wifi.down") == (0,)
    finally:
        postgres.start()
    until(lambda: radius.product.feed("wifi_radius")["state"] == "fresh", 20 + BUILD)
