"""What a terminal says and does about the city's identity provider."""

from __future__ import annotations

import sqlite3

import pytest

from coc.bench.serving import free_port
from tests.access.test_oidc import Enemy, enemy
from tests.cli.terminal import Terminal

__all__ = ["enemy"]
CONFIG = """
connectors:
  feed: {{type: sipadek, url: 'http://127.0.0.1:9/coc/v1', enabled: false}}
oidc: {{issuer: '{issuer}', client_id: coc, client_secret: rahasia, groups: {{pimpinan: {{role: leader}}}}}}
"""


@pytest.fixture
def office(terminal: Terminal, enemy: Enemy) -> Terminal:
    terminal.write(CONFIG.format(issuer=f"{enemy.origin}/"))
    return terminal


def kept(office: Terminal, name: str) -> tuple[str | None, str | None]:
    with sqlite3.connect(office.folder / "var" / "control.db") as control:
        found = control.execute("SELECT issuer, subject FROM accounts WHERE name = ?", (name,)).fetchone()
    return found[0], found[1]


def add(office: Terminal, name: str) -> None:
    assert office.coc("user", "add", name, "--role", "admin", "--json").code == 0


def test_check_asks_the_provider_and_warns_that_few_can_take_the_way(office: Terminal, enemy: Enemy) -> None:
    ran = office.coc("check")
    assert ran.code == 0, ran.err
    assert "without server.public_url only people at this machine" in ran.err + ran.out
    assert "/keys" in enemy.asked
    assert "rahasia" not in ran.err + ran.out


def test_check_says_what_is_wrong_with_the_provider(office: Terminal, enemy: Enemy) -> None:
    enemy.issuer = "https://evil.example"
    ran = office.coc("check")
    assert ran.code != 0
    assert "of another issuer" in ran.err + ran.out
    office.write(CONFIG.format(issuer=f"http://127.0.0.1:{free_port()}"))
    away = office.coc("check")
    assert away.code != 0
    assert "check oidc.issuer, and that this machine reaches it" in away.err + away.out


def test_an_admin_links_an_account_to_a_person_of_the_provider_and_back(office: Terminal, enemy: Enemy) -> None:
    add(office, "rina")
    ran = office.coc("user", "link", "Rina", "7")
    assert ran.code == 0, ran.err
    assert kept(office, "rina") == (enemy.origin, "7")
    with sqlite3.connect(office.folder / "var" / "control.db") as control:
        lines = list(control.execute("SELECT what FROM audit WHERE action = 'account.link'"))
    assert lines == [("rina linked",)]
    assert office.coc("user", "link", "rina", "none").code == 0
    assert kept(office, "rina") == (None, None)


def test_a_person_of_the_provider_is_one_account(office: Terminal) -> None:
    add(office, "rina")
    add(office, "budi")
    assert office.coc("user", "link", "rina", "7").code == 0
    ran = office.coc("user", "link", "budi", "7")
    assert ran.code != 0
    assert "is the account rina already" in ran.err


def test_an_account_without_any_way_in_is_not_made(office: Terminal) -> None:
    add(office, "rina")
    assert office.coc("user", "link", "rina", "7").code == 0
    with sqlite3.connect(office.folder / "var" / "control.db") as control:
        control.execute("UPDATE accounts SET password = NULL")
    ran = office.coc("user", "link", "rina", "none")
    assert ran.code != 0
    assert "coc user reset rina" in ran.err


def test_without_a_provider_there_is_nothing_to_link_to(terminal: Terminal) -> None:
    terminal.write("connectors:\n  feed: {type: sipadek, url: 'http://127.0.0.1:9/coc/v1'}\n")
    add(terminal, "rina")
    ran = terminal.coc("user", "link", "rina", "7")
    assert ran.code != 0
    assert "names no identity provider" in ran.err
