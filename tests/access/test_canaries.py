"""Canaries in every text of a live city: each role finds those that DOMAIN's Privacy gives it, and nobody any other."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from coc.access.passwords import hash_of
from coc.live.paging import shipped
from coc.store import Control
from coc.store.control import Account
from tests.access.canaries import CLASSES, NOW, OWN, ROLES, UNITS, Canary, allowed, found_in, rows
from tests.access.crawl import FORMATS, Crawler, Got, signed_in
from tests.attacks.raw import PASSWORD
from tests.cli.feed import TOKEN, Feed, serving

FOREIGN = [code for code, _ in UNITS if code not in (OWN, "SDN-01")]
FILES = [f"/export/{rows}.{kind}" for rows in ("letters", "dispositions") for kind in FORMATS]


@dataclass
class City:
    """A live `coc serve`, filled through its own pipeline, with an account and a token for each role."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    cookies: dict[str, str]

    def by(self, role: str, how: str) -> Crawler:
        if role == "nobody":
            return Crawler(self.port)
        if how == "token":
            return Crawler(self.port, {"Authorization": f"Bearer token-of-{role}"})
        if role not in self.cookies:
            self.cookies[role] = signed_in(self.port, role)
        return Crawler(self.port, {"Cookie": self.cookies[role]})

    @property
    def said(self) -> str:
        return (self.folder / "out").read_text() + (self.folder / "err").read_text()


def _config(feed: Feed) -> str:
    tokens = "\n".join(
        f"    {role}: {{sha256: {hashlib.sha256(f'token-of-{role}'.encode()).hexdigest()}, role: {role}"
        + (f", units: [{OWN}]}}" if role == "head" else "}")
        for role in ROLES
    )
    return f"""
store: {{url: "sqlite:///coc.db", demo_url: "sqlite:///demo.db", control_url: "sqlite:///control.db"}}
connectors:
  sipadek:
    type: sipadek
    url: {feed.url}
    auth: {{bearer: {TOKEN}}}
    every_seconds: 1
    keep: [number, subject, sender, instruction_text]
access:
  api_tokens:
{tokens}
"""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    folder = tmp_path_factory.mktemp("canaries")
    control = Control(f"sqlite:///{folder}/control.db")
    kept = hash_of(PASSWORD)
    for role in ROLES:
        control.add_account(Account(role, role, (OWN,) if role == "head" else (), password=kept))
    control.close()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with serving(Feed({name: rows(name) for name in ("units", "letters", "dispositions")})) as feed:
        (folder / "config.yaml").write_text(_config(feed))
        environment = {k: v for k, v in os.environ.items() if not k.startswith("COC")} | {"COC_CLOCK": NOW.isoformat()}
        with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
            process = subprocess.Popen(
                [sys.executable, "-m", "coc.cli", "serve", "--port", str(port)],
                cwd=folder,
                env=environment,
                stdout=out,
                stderr=err,
            )
            found = City(folder, port, process, {})
            try:
                _wait(found)
                yield found
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(20)


def _wait(city: City) -> None:
    """Until the leader's file holds a disposition: the last dataset is in, and its boards are built."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        assert city.process.poll() is None, city.said
        try:
            if city.by("leader", "token").ask("/export/dispositions.csv").canaries:
                return
        except OSError:
            pass
        time.sleep(0.2)
    pytest.fail("the city was not filled in time: " + city.said)


def wrong(role: str, got: Got) -> set[Any]:
    return got.canaries - allowed(role, got.path) - allowed(role, f"{got.path}#dispositions")


@pytest.mark.parametrize("how", ["session", "token"])
@pytest.mark.parametrize("role", ROLES)
def test_each_role_finds_in_the_files_exactly_the_canaries_it_may_see(city: City, role: str, how: str) -> None:
    for path in FILES:
        got = city.by(role, how).ask(path)
        assert got.canaries == allowed(role, path), path
        if got.canaries:
            assert got.status == 200
            assert got.headers["cache-control"] == "no-store", path


# A KPI of letters that counts all of them, and one of dispositions; as paths of `allowed`.
LISTS = {"correspondence.registered_per_working_day": "/telusur", "disposition.backlog": "/telusur#dispositions"}
LETTERS = [str(Canary("letter", s, p.replace("-", ""))) for s in CLASSES for p in (OWN, "SDN-01", "DINKES", "crossing")]


@pytest.mark.parametrize("role", ROLES)
def test_each_role_finds_behind_a_figure_exactly_the_canaries_it_may_see(city: City, role: str) -> None:
    crawler = city.by(role, "session")
    for kpi, path in LISTS.items():
        got = crawler.shown("/telusur", kpi=kpi)
        assert got.canaries == allowed(role, path), kpi
        assert "no-store" in got.headers["cache-control"]
    for letter in LETTERS:
        got = crawler.shown(f"/telusur/sipadek/{letter}")
        assert got.canaries == allowed(role, got.path), letter
        assert "no-store" in got.headers["cache-control"]


@pytest.mark.parametrize("role", ["head", "operator", "leader"])
def test_nothing_of_a_list_or_a_tree_is_in_its_shared_frame(city: City, role: str) -> None:
    for page in ("telusur", "tree"):
        for query in ({}, {"scope": OWN}, {"scope": "DINKES", "kpi": "disposition.backlog"}, {"letter": LETTERS[0]}):
            got = city.by(role, "session").ask("/live/frame", {"page": page, **query})
            assert got.status == 200
            assert not got.canaries


@pytest.mark.slow
def test_the_pipeline_was_the_real_one_and_held_the_refused_rows_back(city: City) -> None:
    feeds = city.by("operator", "token").ask("/api/v1/feeds")
    assert '"quarantined"' in feeds.text
    ran = subprocess.run(
        [sys.executable, "-m", "coc.cli", "quarantine", "list", "--json"],
        cwd=city.folder, env=os.environ | {"COC_CLOCK": NOW.isoformat()}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "refused" in {canary.place for canary in found_in(ran.stdout)}


@pytest.mark.parametrize(
    "role",
    ["nobody", *(pytest.param(r, marks=pytest.mark.slow) for r in ROLES)],
)
def test_no_other_answer_holds_a_canary(city: City, role: str) -> None:
    how = "session" if role in ("head", "admin") else "token"
    asked = 0
    for got in city.by(role, how).everything():
        asked += 1
        assert not wrong(role, got), f"{got.path}?{got.query}"
        assert got.status < 500, f"{got.path}?{got.query}"
        if got.canaries:
            assert "no-store" in got.headers["cache-control"]
    assert asked > 200


def test_no_query_widens_what_a_head_sees(city: City) -> None:
    head = city.by("head", "session")
    for path in FILES:
        for query in (
            {"unit": "DINKES"},
            {"unit": ""},
            {"limit": "1000"},
            {"offset": "0"},
            {"since": "1990-01-01T00:00:00Z"},
        ):
            got = head.ask(path, query)
            assert not wrong("head", got), f"{path} {query}"
    foreign, nowhere = (head.ask(FILES[0], {"unit": unit}) for unit in ("DINKES", "TIADA"))
    assert (foreign.status, nowhere.status) == (200, 200) or foreign.status == nowhere.status


def rows_of(crawler: Crawler, dataset: str, **query: str) -> list[dict[str, Any]]:
    got = crawler.ask(f"/export/{dataset}.json", query)
    assert got.status == 200
    return list(json.loads(got.text.partition("\n")[2])["items"])


@pytest.mark.parametrize("unit", [*FOREIGN, "TIADA", "DISDIK' OR 1=1 --", "%", "*", "disdik"])
def test_a_foreign_unit_gives_as_little_as_one_that_does_not_exist(city: City, unit: str) -> None:
    letters = rows_of(city.by("head", "session"), "letters", unit=unit)
    # Another unit's letter that a disposition brought here is the head's own, whichever unit is asked for.
    assert {row["source_id"].rsplit("-", 1)[1] for row in letters} <= {"crossing"}
    if unit not in FOREIGN:
        assert letters == []


@pytest.mark.parametrize("dataset", ["letters", "dispositions"])
def test_a_head_gets_no_row_by_any_query_that_the_plain_file_does_not_hold(city: City, dataset: str) -> None:
    own = {row["source_id"] for row in rows_of(city.by("head", "session"), dataset)}
    tried = [
        *({"source_id": str(Canary("letter", s, u))} for s in CLASSES for u in FOREIGN),
        {"id": str(Canary("letter", "rahasia", "DINKES"))},
        {"security": "rahasia"},
        {"clearance": "sangat_rahasia"},
        {"role": "leader"},
        {"units": "DINKES"},
        {"viewer": "wako"},
        {"ids": "*"},
    ]
    for query in tried:
        assert {row["source_id"] for row in rows_of(city.by("head", "session"), dataset, **query)} <= own, query
    everything = {row["id"] for row in rows(dataset)}
    assert own < everything


@pytest.mark.parametrize(
    "path", ["/api/v1/letters/{}", "/surat/{}", "/disposisi/{}", "/export/letters/{}.json", "/live/frame?page={}"]
)
def test_a_row_that_is_forbidden_answers_as_one_that_is_not_there(city: City, path: str) -> None:
    def asked(name: str) -> tuple[int, str]:
        got = city.by("head", "session").ask(path.format(name))
        # Dash writes a number of its own into each page.
        return got.status, re.sub(r'"end_id":"[^"]*"', "", got.text.partition("\n")[2].replace(name, ""))

    forbidden = asked(str(Canary("letter", "rahasia", "DINKES")))
    absent = asked(str(Canary("letter", "rahasia", "TIADA")))
    assert forbidden[0] == absent[0]
    assert forbidden[1] == absent[1]


@pytest.mark.parametrize("role", ["head", "operator", "leader"])
def test_a_tree_that_is_forbidden_answers_as_one_that_is_not_there(city: City, role: str) -> None:
    def asked(source: str, letter: str) -> tuple[int, str]:
        got = city.by(role, "session").shown(f"/telusur/{source}/{letter}")
        _, _, answer = got.text.partition("\n")
        # The minute may turn between two answers.
        return got.status, re.sub(r"\d{1,2}[.:]\d{2}", "", answer.replace(letter, ""))

    absent = asked("sipadek", str(Canary("letter", "rahasia", "TIADA")))
    assert absent[0] == 200
    forbidden = [Canary("letter", "sangat_rahasia", OWN), Canary("letter", "rahasia", "deleted")]
    forbidden += [Canary("letter", "biasa", "DINKES")] if role == "head" else []
    for letter in forbidden:
        assert asked("sipadek", str(letter)) == absent, letter
    assert asked("lain", str(Canary("letter", "biasa", OWN))) == absent  # another source's id is not this one's


def test_what_the_server_writes_down_holds_no_canary(city: City) -> None:
    """After all the asking above: its log, and every file beside the live store, the audit log in them."""
    assert not found_in(city.said)
    for file in city.folder.iterdir():
        if file.is_file() and not file.name.startswith("coc.db"):
            assert b"canary-" not in file.read_bytes(), file.name


@pytest.mark.browser
@pytest.mark.parametrize("role", [pytest.param(r, marks=pytest.mark.slow) for r in ROLES if r != "guest"] + ["guest"])
def test_a_real_browser_holds_no_canary_on_any_page(city: City, chromium: Any, role: str) -> None:
    """What the page holds when it is painted: its source, each figure's data, what was fetched, what is kept."""
    context = chromium.new_context()
    name, _, value = city.by(role, "session").headers["Cookie"].partition("=")
    origin = f"http://127.0.0.1:{city.port}"
    context.add_cookies([{"name": name, "value": value, "url": origin}])
    page = context.new_page()
    for spec in [p.spec for p in shipped().values() if role in p.spec.lenses or role == "leader"]:
        answer = page.goto(origin + spec.path)
        page.wait_for_selector("body[data-epoch]:not([data-epoch=''])" if answer.status == 200 else "body")
        held = page.evaluate(
            """() => JSON.stringify([
                [...document.querySelectorAll('.js-plotly-plot')].map(g => [g.data, g.layout]),
                Object.entries(localStorage), Object.entries(sessionStorage), document.cookie])"""
        )
        assert not found_in(page.content() + held), spec.path
    context.close()
