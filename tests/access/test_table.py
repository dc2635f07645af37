"""The table of rights: complete, as it is documented, and what the server really does for each path, lens and realm."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from coc.access.passwords import hash_of
from coc.access.table import READ, RULES, Right, Rule, Speaks, UndeclaredError, callback_page, declare, rule_of
from coc.access.viewer import LENS_OF_ROLE, LENSES
from coc.cli.declared import UndeclaredCommandError
from coc.cli.declared import declare as declare_commands
from coc.live.paging import pages_of, shipped
from coc.store import Control
from coc.store.control import Account
from coc.ui.page import PageSpec
from tests.live.serving import Answer, Served, served

ROOT = Path(__file__).parents[2]
ROLES = tuple(LENS_OF_ROLE)
# What a path of the table is asked as; every pattern of it must be here.
EXAMPLES = {
    "/api/v1/kpis/*": "/api/v1/kpis/disposition.backlog",
    "/live/frame": "/live/frame?page=home",
    "/assets/fonts/*": "/assets/fonts/inter-latin-wght-normal.woff2",
    "/assets/**": "/assets/coc.css",
    "/_dash-component-suites/**": "/_dash-component-suites/dash/dcc/dash_core_components.js",
    "/**": "/lain",
}
CALL = {
    "output": "lain-said.children",
    "outputs": {"id": "lain-said", "property": "children"},
    "inputs": [{"id": "lain-fail", "property": "n_clicks", "value": 1}],
    "changedPropIds": ["lain-fail.n_clicks"],
}


def test_the_documented_table_is_the_one_the_server_asks() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "coc.cli", "access", "--markdown"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert made.stdout == (ROOT / "docs" / "access.md").read_text(encoding="utf-8"), (
        "docs/access.md is not the table's: `coc access --markdown > docs/access.md`"
    )


def test_what_declares_no_right_stops_the_start() -> None:
    with pytest.raises(UndeclaredError, match="/api/v2/letters"):
        declare(["/api/v1/kpis", "/api/v2/letters"])
    with pytest.raises(UndeclaredCommandError, match="letters leak"):
        declare_commands(["serve", "letters leak"])


def test_a_page_that_does_not_say_for_whom_it_is_stops_the_start() -> None:
    module: Any = type(sys)("pages.silent")
    module.PAGE = PageSpec("silent", "/silent", ("feeds",), "sumber.title")
    module.layout, module.render = dict, dict
    with pytest.raises(UndeclaredError, match="silent"):
        pages_of([module])


@pytest.mark.parametrize(
    ("output", "page"),
    [
        ("_pages_content.children", ""),
        (".._pages_content.children..._pages_store.data..", ""),
        ("home-value.children", "home"),
        ("..lain-said.children...home-value.children..", "lain"),
        ("homeless.children", None),
        ("coc-notice.children", None),
        ("", None),
    ],
)
def test_a_callback_is_the_page_s_that_its_first_output_is_named_after(output: str, page: str | None) -> None:
    assert callback_page(output, {"home", "lain"}) == page


def test_every_page_is_in_front_of_a_rule() -> None:
    for page in shipped().values():
        rule = rule_of(page.spec.path)
        assert rule is not None
        assert rule.speaks is Speaks.PAGE


# --- route x lens x realm ---


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    held = Control(f"sqlite:///{tmp_path_factory.mktemp('control')}/control.db")
    password = hash_of("tugu keris siginjai")
    for role in ROLES:
        held.add_account(Account(role, role, ("DISDIK",) if role == "head" else (), password=password))
    yield held
    held.close()


@pytest.fixture(scope="module", params=["live", "demo"])
def server(request: pytest.FixtureRequest, control: Control) -> Iterator[Served]:
    with served(realm=request.param, control=control) as found:
        yield found


def ask(server: Served, rule: Rule, cookie: str = "", method: str = "GET") -> Answer:
    path = EXAMPLES.get(rule.path, rule.path.replace("/**", "/x").replace("*", "x"))
    headers = {"Cookie": cookie} if cookie else {}
    body = orjson.dumps(CALL) if method == "POST" else None
    if rule.path == "/api/v1/stream" and method == "GET":
        method = "HEAD"
    return server.ask(path, method, headers | {"Content-Type": "application/json"}, body)


def session(server: Served, role: str) -> str:
    secret = server.services.sessions.open(role, via="password", agent="test", address="127.0.0.1")
    return f"{server.services.gatekeeper.cookie}={secret}"


def _reading(rule: Rule) -> str:
    return "GET" if "GET" in rule.methods else rule.methods[0]


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.path)
def test_a_stranger_gets_what_is_anyone_s_and_nothing_else(server: Served, rule: Rule) -> None:
    answer = ask(server, rule, method=_reading(rule))
    if rule.right is Right.ANYONE:
        assert answer.status not in (401, 403)
    elif rule.right is Right.MACHINE:
        assert answer.status == 200  # the test sits at this machine
    elif server.services.realm == "demo" and rule.right is Right.VIEWER:
        assert answer.status not in (401, 403)
    elif rule.speaks is Speaks.PAGE and server.services.realm == "live" and rule.right is Right.VIEWER:
        assert answer.status == 303
        assert answer.headers["location"].startswith("/masuk")
    else:
        assert answer.status in (303, 401, 403)
        assert b"DISDIK" not in answer.body


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.path)
def test_who_signed_in_gets_what_the_table_gives_its_lens(server: Served, rule: Rule, role: str) -> None:
    answer = ask(server, rule, session(server, role), _reading(rule))
    lens = LENS_OF_ROLE[role] if server.services.realm == "live" else "leader"
    if rule.right is Right.PROBE:
        assert answer.status == 401  # a probe's token, and no account
    elif rule.right is Right.MACHINE or lens in rule.lenses:
        assert answer.status not in (401, 403, 500)
    else:
        assert answer.status == 403


PAGE_CALL = {
    "output": "ledger-said.children",
    "outputs": {"id": "ledger-said", "property": "children"},
    "inputs": [{"id": "ledger-more", "property": "n_clicks", "value": 1}],
    "changedPropIds": ["ledger-more.n_clicks"],
}
ROUTER_CALL = {
    "output": ".._pages_content.children..._pages_store.data..",
    "outputs": [{"id": "_pages_content", "property": "children"}, {"id": "_pages_store", "property": "data"}],
    "inputs": [
        {"id": "_pages_location", "property": "pathname", "value": "/ledger"},
        {"id": "_pages_location", "property": "search", "value": ""},
    ],
    "changedPropIds": ["_pages_location.pathname"],
}


def doors_of_a_page(server: Served, cookie: str) -> dict[str, Answer]:
    """Each way to what a page shows."""
    headers = {"Cookie": cookie, "Content-Type": "application/json"}
    return {
        "first answer": server.ask("/ledger", headers=headers),
        "frame": server.ask("/live/frame?page=ledger", headers=headers),
        "callback": server.ask("/_dash-update-component", "POST", headers, orjson.dumps(PAGE_CALL)),
        "router": server.ask("/_dash-update-component", "POST", headers, orjson.dumps(ROUTER_CALL)),
    }


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("server", ["live"], indirect=True)
def test_a_page_is_shut_at_each_of_its_doors(server: Served, role: str) -> None:
    for door, answer in doors_of_a_page(server, session(server, role)).items():
        shows = b"the leaders' own" in answer.body
        assert shows is (role == "leader" and door != "first answer"), door
        if role != "leader" and door != "router":  # the router explains itself inside the page
            assert answer.status == 403, door


@pytest.mark.parametrize("server", ["live"], indirect=True)
def test_a_leader_s_switch_opens_the_page_to_operators_and_shuts_it_again(server: Served) -> None:
    operator, room = session(server, "operator"), session(server, "screen")
    for on in (True, False):
        server.control.set_switch("pimpinan.operators", on=on, who="leader")
        server.services.sessions.refresh()
        assert (doors_of_a_page(server, operator)["frame"].status == 200) is on
        assert doors_of_a_page(server, room)["frame"].status == 403


@pytest.mark.parametrize("rule", [r for r in RULES if "POST" not in r.methods], ids=lambda r: r.path)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_what_is_to_be_read_cannot_be_written(server: Served, rule: Rule, method: str) -> None:
    role = next(role for role in reversed(ROLES) if LENS_OF_ROLE[role] in rule.lenses)
    assert ask(server, rule, session(server, role), method).status == 405


def test_every_pattern_of_the_table_is_walked_by_a_path_that_it_matches() -> None:
    for rule in RULES:
        path = EXAMPLES.get(rule.path, rule.path.replace("/**", "/x").replace("*", "x"))
        assert rule_of(path.split("?")[0]) is rule, f"EXAMPLES needs a path for {rule.path}"
        assert re.fullmatch(r"[\x21-\x7e]+", path)
        assert set(rule.methods) <= {*READ, "POST"}


def test_each_lens_is_a_role_s() -> None:
    assert set(LENS_OF_ROLE.values()) == set(LENSES)
