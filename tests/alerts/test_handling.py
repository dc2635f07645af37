"""Acknowledging and muting over HTTP, by whom it is for, with a form of one's own, audited, and taken back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from coc.store import Control
from tests.live.person import Browser, people
from tests.live.serving import Served, served, wait_until

ROLES = {"piket": "operator", "kadis": "head", "sekda": "leader", "tamu": "guest"}
T0 = datetime(2026, 3, 2, 3, tzinfo=UTC)
FACTS = {
    "kind": "ap", "name": "SMPN 7", "kpi": None, "watched": "down", "severity": "warning", "owner": "operator",
    "value": 3.0, "worst": 3.0, "limit": None, "how": None, "detail": "fault", "points": 3,
}  # fmt: skip
HANDLE = "/peringatan/tangani"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    held = Control(f"sqlite:///{tmp_path_factory.mktemp('control')}/control.db")
    people(held, ROLES)
    with served(control=held) as found:
        yield found
    held.close()


@pytest.fixture
def number(server: Served) -> int:
    control = server.control
    people(control, ROLES, server)
    with control.alert_writes("live", None) as writes:
        writes.record("wifi_down", "site:S1", T0, T0 + timedelta(minutes=5), None, FACTS)
    return control.incidents("live")[0].id


def signed_in(server: Served, name: str) -> Browser:
    browser = Browser(server)
    browser.sign_in(name)
    return browser


def page(number: int) -> str:
    return f"{HANDLE}?id={number}"


def act(browser: Browser, number: int, **fields: str) -> str:
    return browser.form(page(number), HANDLE, {"id": str(number), **fields}).headers["location"]


def test_an_operator_acknowledges_and_takes_it_back_and_both_are_audited(server: Served, number: int) -> None:
    browser, control = signed_in(server, "piket"), server.control
    shown = browser.get(page(number)).body.decode()
    assert "Seluruh WiFi SMPN 7 padam" in shown
    assert act(browser, number, do="acknowledge").endswith("done=acknowledge")
    assert control.incidents("live")[0].acknowledged_role == "operator"
    assert "Urungkan pengakuan" in browser.get(page(number)).body.decode()
    assert act(browser, number, do="acknowledge").endswith("done=late")
    assert act(browser, number, do="unacknowledge").endswith("done=unacknowledge")
    assert control.incidents("live")[0].acknowledged is None
    said = {"alert.acknowledge", "alert.unacknowledge"}
    wait_until(lambda: said <= {row.action for row in control.audit_rows(20)})


def test_a_leader_mutes_for_a_time_and_ends_it(server: Served, number: int) -> None:
    browser, control = signed_in(server, "sekda"), server.control
    assert act(browser, number, do="mute", hours="4", scope="one").endswith("done=mute")
    [mute] = control.mutes("live")
    assert (mute.rule, mute.scope, mute.role) == ("wifi_down", "site:S1", "leader")
    assert "Dibisukan sampai" in browser.get(page(number)).body.decode()
    assert act(browser, number, do="unmute", mute=str(mute.id)).endswith("done=unmute")
    assert control.mutes("live") == []
    assert act(browser, number, do="mute", hours="9999", scope="rule").endswith("done=late")
    assert control.mutes("live") == []


@pytest.mark.parametrize("name", ["kadis", "tamu"])
def test_nobody_else_may(server: Served, number: int, name: str) -> None:
    browser = signed_in(server, name)
    assert browser.get(page(number)).status == 403
    assert browser.post(HANDLE, {"id": str(number), "do": "acknowledge"}).status == 403
    assert server.control.incidents("live")[0].acknowledged is None


def test_a_form_of_another_browser_changes_nothing(server: Served, number: int) -> None:
    browser = signed_in(server, "piket")
    answer = browser.post(HANDLE, {"id": str(number), "do": "acknowledge", "csrf": "x" * 43})
    assert answer.status == 403
    assert server.control.incidents("live")[0].acknowledged is None


@pytest.mark.parametrize("asked", ["", "?id=abc", "?id=99999", "?id=-1", f"?id={'9' * 30}"])
def test_what_is_no_alert_is_told_as_such(server: Served, number: int, asked: str) -> None:
    answer = signed_in(server, "piket").get(HANDLE + asked)
    assert answer.status == 404
    assert "Peringatan ini tidak ada" in answer.body.decode()


def test_what_is_over_needs_no_hand(server: Served, number: int) -> None:
    with server.control.alert_writes("live", None) as writes:
        writes.record("wifi_down", "site:S1", T0, T0, T0 + timedelta(hours=1), FACTS)
    browser = signed_in(server, "piket")
    assert "sudah selesai" in browser.get(page(number)).body.decode()
