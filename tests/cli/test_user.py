"""`coc user`, as an admin at a terminal and a program use it."""

from __future__ import annotations

import json
import sqlite3

import pytest

from coc.access.passwords import fits
from tests.cli.terminal import Terminal

CONFIG = "connectors:\n  feed: {type: sipadek, url: 'http://127.0.0.1:9/coc/v1'}\n"


@pytest.fixture
def office(terminal: Terminal) -> Terminal:
    terminal.write(CONFIG)
    return terminal


def add(office: Terminal, *args: str) -> str:
    ran = office.coc("user", "add", *args, "--json")
    assert ran.code == 0, ran.err
    return str(json.loads(ran.out)["items"][0].get("password", ""))


def listed(office: Terminal) -> dict[str, dict[str, object]]:
    return {i["name"]: i for i in json.loads(office.coc("user", "list", "--json").out)["items"]}


def kept_password(office: Terminal, name: str) -> str:
    with sqlite3.connect(office.folder / "var" / "control.db") as control:
        return str(control.execute("SELECT password FROM accounts WHERE name = ?", (name,)).fetchone()[0])


def audited(office: Terminal) -> list[tuple[str, str]]:
    with sqlite3.connect(office.folder / "var" / "control.db") as control:
        return list(control.execute("SELECT action, what FROM audit ORDER BY id"))


def test_without_a_terminal_a_password_is_made_shown_once_and_kept_as_a_hash(office: Terminal) -> None:
    password = add(office, "Rina", "--role", "admin")
    assert len(password) >= 16
    assert fits(kept_password(office, "rina"), password)
    assert password not in office.coc("user", "list").out


def test_a_password_may_come_from_standard_input(office: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("tugu keris siginjai\n"))
    assert add(office, "rina", "--role", "admin", "--password-stdin") == ""
    assert fits(kept_password(office, "rina"), "tugu keris siginjai")
    monkeypatch.setattr("sys.stdin", io.StringIO("pendek\n"))
    ran = office.coc("user", "add", "budi", "--role", "operator", "--password-stdin")
    assert (ran.code, "12 characters" in ran.err) == (2, True)


def test_the_first_account_ends_the_rule_that_this_machine_is_an_operator(office: Terminal) -> None:
    assert "coc user add NAME --role admin" in office.coc("user", "list").out
    add(office, "rina", "--role", "admin")
    assert listed(office)["rina"]["role"] == "admin"


def test_a_head_has_units_and_nobody_else(office: Terminal) -> None:
    assert "--units" in office.coc("user", "add", "kadis", "--role", "head").err
    assert office.coc("user", "add", "op", "--role", "operator", "--units", "DISDIK").code == 2
    add(office, "kadis", "--role", "head", "--units", "DISDIK,DINKES", "--until", "2027-01-31")
    found = listed(office)["kadis"]
    assert (found["units"], found["until"]) == (["DISDIK", "DINKES"], "2027-01-31")


def test_a_unit_that_no_list_holds_is_warned_of(office: Terminal) -> None:
    ran = office.coc("user", "add", "kadis", "--role", "head", "--units", "DISDIC")
    assert ran.code == 0
    assert "did you mean `DISDIK`?" in ran.err


def test_rights_are_changed_and_each_change_is_audited(office: Terminal) -> None:
    add(office, "rina", "--role", "admin")
    add(office, "kadis", "--role", "head", "--units", "DISDIK")
    for args in (
        ("units", "kadis", "DINKES"),
        ("clearance", "kadis", "rahasia"),
        ("role", "kadis", "operator"),
        ("disable", "kadis"),
        ("enable", "kadis"),
        ("reset", "kadis"),
    ):
        assert office.coc("user", *args).code == 0, args
    found = listed(office)["kadis"]
    assert (found["role"], found["units"], found["disabled"]) == ("operator", [], None)
    actions = [action for action, _ in audited(office)]
    assert actions == [
        "account.add",
        "account.add",
        "account.units",
        "account.clearance",
        "account.role",
        "account.disable",
        "account.enable",
        "account.reset",
    ]


def test_the_last_admin_cannot_shut_everybody_out(office: Terminal) -> None:
    add(office, "rina", "--role", "admin")
    for args in (("disable", "rina"), ("role", "rina", "operator")):
        ran = office.coc("user", *args)
        assert ran.code == 1
        assert "the last admin" in ran.err
    add(office, "budi", "--role", "admin")
    assert office.coc("user", "disable", "rina").code == 0


@pytest.mark.parametrize("args", [("reset", "rino"), ("disable", "rino"), ("clearance", "rino", "rahasia")])
def test_a_name_that_is_not_there_brings_the_nearest(office: Terminal, args: tuple[str, ...]) -> None:
    add(office, "rina", "--role", "admin")
    ran = office.coc("user", *args)
    assert ran.code == 2
    assert "did you mean `rina`?" in ran.err


def test_a_name_is_taken_once_whatever_its_case(office: Terminal) -> None:
    add(office, "rina", "--role", "admin")
    ran = office.coc("user", "add", "RINA", "--role", "operator")
    assert (ran.code, "exists already" in ran.err) == (2, True)


def test_no_password_is_ever_an_argument(office: Terminal) -> None:
    assert "--password " not in office.coc("user", "add", "--help").out.replace("--password-stdin", "")
