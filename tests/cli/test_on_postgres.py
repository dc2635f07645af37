"""`coc` on PostgreSQL: several servers and a puller on one database, its commands, and what they refuse."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from coc.store.engine import Database
from coc.store.schema import VERSION_TABLES, Which, upgrade
from tests.cli.feed import NOW, Feed
from tests.cli.terminal import Terminal, wait_until
from tests.databases import NewDatabase, Postgres

CLOCK = {"COC_CLOCK": NOW}
FRAME = "/live/frame?page=overview&lang=id&theme=dark"


def _on(city: Terminal, store: str, control: str) -> Terminal:
    """The same city with its stores there."""
    urls = json.dumps({"url": store, "control_url": control})
    city.write(city.config.read_text(encoding="utf-8") + f"store: {urls}\n")
    return city


class Watcher:
    """Reads a server's stream from now on: the epochs it tells."""

    def __init__(self, port: int) -> None:
        self.told: list[int] = []
        self._answer = requests.get(f"http://127.0.0.1:{port}/api/v1/stream", stream=True, timeout=30)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(requests.RequestException):  # the server ends before us
            for line in self._answer.iter_lines(chunk_size=1, decode_unicode=True):
                if line.startswith("data:") and '"epoch"' in line:
                    self.told.append(json.loads(line.removeprefix("data:"))["epoch"])

    @property
    def epoch(self) -> int:
        return self.told[-1] if self.told else -1


def _ready(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=1).ok
    except requests.RequestException:
        return False


@pytest.mark.slow
def test_two_servers_on_one_database_tell_each_pull_and_give_the_same_frame(
    city: Terminal, feed: Feed, postgres: Postgres, free_port: Callable[[], int]
) -> None:
    # Empty databases: both servers start at once, and one of them makes the tables.
    _on(city, postgres.create(), postgres.create())
    ports = [free_port(), free_port()]
    for port in ports:
        city.start("serve", "--no-scheduler", "--port", str(port), env=CLOCK)
    for port in ports:
        wait_until(lambda port=port: _ready(port))
    watchers = [Watcher(port) for port in ports]
    wait_until(lambda: all(w.told for w in watchers))
    before = max(w.epoch for w in watchers)
    assert city.run("pull", env=CLOCK).code == 0
    wait_until(lambda: all(w.epoch > before for w in watchers))
    wait_until(lambda: len({w.epoch for w in watchers}) == 1)
    frames = [requests.get(f"http://127.0.0.1:{port}{FRAME}", timeout=10) for port in ports]
    assert [f.status_code for f in frames] == [200, 200]
    assert frames[0].json()["props"] == frames[1].json()["props"]
    assert frames[0].json()["epoch"] == frames[1].json()["epoch"] == watchers[0].epoch
    kpis = [requests.get(f"http://127.0.0.1:{port}/api/v1/kpis?window=30d", timeout=10).json() for port in ports]
    assert {k["id"]: k["value"] for k in kpis[0]["items"]}["disposition.backlog"] == 20
    assert [k["value"] for k in kpis[0]["items"]] == [k["value"] for k in kpis[1]["items"]]


def test_a_new_database_is_made_told_pruned_and_taken_back(city: Terminal, feed: Feed, postgres: Postgres) -> None:
    _on(city, postgres.create(), postgres.create())
    told = city.coc("db", "status")
    assert told.code == 1
    assert "run `coc db upgrade`" in told.out
    assert city.coc("db", "upgrade").code == 0
    assert city.coc("pull", env=CLOCK).code == 0
    told = city.coc("db", "status", "--json")
    assert told.code == 0
    store = told.items[0]
    letters = store["rows"]["letters"]
    assert 0 < letters <= len(feed.rows["letters"])
    assert store["partitions"] == {"ap_samples": [], "link_samples": [], "service_samples": []}
    assert store["bytes"] > 1_000_000
    assert city.coc("db", "prune", env=CLOCK).code == 0
    assert city.coc("db", "downgrade", "0099").code == 1
    unasked = city.coc("db", "downgrade", "0001")
    assert (unasked.code, "Say so with --yes" in unasked.err) == (2, True)
    assert city.coc("db", "status").code == 0
    assert "schema 0001" in city.coc("db", "downgrade", "0001", "--yes").err
    assert city.coc("db", "status").code == 1
    assert city.coc("db", "upgrade").code == 0
    assert city.coc("db", "status", "--json").items[0]["rows"]["letters"] == letters
    assert "control: " in city.coc("db", "downgrade", "base", "--store", "control", "--yes").err
    assert [i["schema"] for i in city.coc("db", "status", "--json").items][1] is None


COMMANDS = {"serve": ["serve", "--port", "0"], "worker": ["worker"], "pull": ["pull"]}
COMMANDS |= {f"db {word}": ["db", word] for word in ("status", "upgrade")}
ON_CONTROL = ("serve", "db status", "db upgrade")  # the others open no control store


@pytest.mark.parametrize(("which", "words"), [*(("store", w) for w in COMMANDS), *(("control", w) for w in ON_CONTROL)])
def test_every_command_refuses_a_store_of_a_newer_program_with_what_to_do(
    city: Terminal, new_database: NewDatabase, which: Which, words: str
) -> None:
    urls: dict[Which, str] = {"store": new_database(), "control": new_database()}
    _on(city, urls["store"], urls["control"])
    database = Database(urls[which])
    upgrade(database, which)
    with database.write() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLES[which]} SET version_num = '0042'")
    database.close()
    ran = city.coc(*COMMANDS[words])
    assert ran.code == 1, ran.out
    assert "was written by a newer version of this program (schema 0042" in ran.err
    assert ran.err.endswith("install that version again, or restore a backup made before the upgrade\n")
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize("words", COMMANDS)
def test_a_database_that_is_not_there_is_told_in_a_sentence(
    city: Terminal, postgres: Postgres, tmp_path: Path, words: str
) -> None:
    url = postgres.url("nowhere").replace("postgres:@", "postgres:rahasia@")
    ran = _on(city, url, f"sqlite:///{tmp_path}/control.db").coc(*COMMANDS[words])
    assert ran.code == 1
    assert ran.err.endswith("make it: CREATE DATABASE nowhere ENCODING 'UTF8'\n")
    assert "rahasia" not in ran.err + ran.out


@pytest.mark.parametrize("words", ["pull", "db status"])
def test_a_server_that_is_away_is_told_in_a_sentence(city: Terminal, tmp_path: Path, words: str) -> None:
    url = "postgresql+psycopg://coc:rahasia@127.0.0.1:9/coc"
    ran = _on(city, url, f"sqlite:///{tmp_path}/control.db").coc(*COMMANDS[words])
    assert ran.code == 1
    assert "postgresql+psycopg://coc:***@127.0.0.1:9/coc cannot be reached" in ran.err
    assert len(ran.err.splitlines()) == 1
    assert ran.err.endswith("check that the server runs, and host and port in config's `store:` block\n")
    assert "rahasia" not in ran.err + ran.out
