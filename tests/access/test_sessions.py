"""Accounts and their sessions, as the gatekeeper meets them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from coc.access import Gatekeeper, Refusal, Sessions, SignIn, Tokens, Viewer
from coc.access.passwords import fits, hash_of, weakness
from coc.access.sessions import csrf_of, digest_of
from coc.access.sign_in import Opened, Refused
from coc.access.table import Right
from coc.clock import system_now
from coc.settings.models import Settings
from coc.store import Control
from coc.store.control import Account

PASSWORD = "tugu keris siginjai"
HASH = hash_of(PASSWORD)


@pytest.fixture
def control(database_url: str) -> Iterator[Control]:
    held = Control(database_url)
    yield held
    held.close()


def person(role: str = "head", **more: Any) -> Account:
    return Account("rina", role, password=HASH, **more)


def sign_in(control: Control, password: str = PASSWORD, name: str = "rina", address: str = "10.0.0.7") -> Any:
    sessions = Sessions(Settings(), "live", control)
    return SignIn(sessions, control).with_password(name, password, agent="test", address=address)


def scope(secret: str | None = None, host: str = "127.0.0.1:8050", query: bytes = b"") -> dict[str, Any]:
    cookies = [(b"cookie", f"coc_live={secret}".encode())] if secret else []
    return {
        "client": ("127.0.0.1", 5000),
        "server": ("127.0.0.1", 8050),
        "headers": [(b"host", host.encode()), *cookies],
        "query_string": query,
    }


def keeper(control: Control) -> Gatekeeper:
    settings = Settings()
    return Gatekeeper("live", Tokens(settings, control), Sessions(settings, "live", control))


def test_who_signs_in_gets_the_lens_of_the_role_with_units_and_clearance(control: Control) -> None:
    control.add_account(person(units=("DISDIK",), clearance="rahasia"))
    opened = sign_in(control, name=" Rina ")
    found = keeper(control).viewer_of(scope(opened.secret))
    assert isinstance(found, Viewer)
    assert (found.lens, found.name, found.units, found.clearance) == ("head", "rina", ("DISDIK",), "rahasia")


def test_with_the_first_account_this_machine_is_nobody_any_more(control: Control) -> None:
    before = keeper(control).viewer_of(scope())
    control.add_account(person())
    after = keeper(control).viewer_of(scope())
    assert isinstance(before, Viewer)
    assert before.lens == "operator"
    assert isinstance(after, Refusal)
    assert (after.status, after.code) == (401, "sign-in")


def test_the_store_holds_no_secret_that_opens_anything(control: Control) -> None:
    control.add_account(person())
    opened = sign_in(control)
    (session,) = control.open_sessions()
    assert session.digest == digest_of(opened.secret)
    assert isinstance(keeper(control).viewer_of(scope(session.digest)), Refusal)
    assert csrf_of(opened.secret) not in (session.digest, opened.secret)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.change_account("rina", role="operator"),
        lambda c: c.change_account("rina", password=hash_of("another long one")),
        lambda c: c.change_account("rina", units=("DINKES",)),
        lambda c: c.disable_account("rina"),
        lambda c: c.close_sessions("rina"),
    ],
    ids=["role", "password", "units", "disabled", "closed"],
)
def test_a_session_does_not_outlive_the_rights_it_was_opened_with(control: Control, change: Any) -> None:
    control.add_account(person())
    opened = sign_in(control)
    gate = keeper(control)
    assert isinstance(gate.viewer_of(scope(opened.secret)), Viewer)
    change(control)
    gate.sessions.refresh()
    assert isinstance(gate.viewer_of(scope(opened.secret)), Refusal)


def test_a_choice_of_language_ends_no_session(control: Control) -> None:
    control.add_account(person())
    opened = sign_in(control)
    control.change_account("rina", language="en", theme="light", default_unit="DISDIK")
    assert isinstance(keeper(control).viewer_of(scope(opened.secret)), Viewer)


def test_an_acting_heads_rights_end_with_the_last_day(control: Control) -> None:
    today = system_now().astimezone(Sessions(Settings(), "live", None)._zone).date()
    control.add_account(person(until=today))
    opened = sign_in(control)
    assert isinstance(keeper(control).viewer_of(scope(opened.secret)), Viewer)
    control.change_account("rina", until=today - timedelta(days=1))
    refused = sign_in(control)
    assert isinstance(refused, Refused)
    assert refused.why == "over"


def test_a_session_is_of_one_realm(control: Control) -> None:
    control.add_account(person())
    opened = sign_in(control)
    other = Sessions(Settings(), "demo", control)
    assert isinstance(other.viewer_of(opened.secret), Refusal)


def test_no_role_chooses_its_lens_in_the_live_realm(control: Control) -> None:
    control.add_account(person("guest"))
    opened = sign_in(control)
    found = keeper(control).viewer_of(scope(opened.secret, query=b"lens=leader"))
    assert isinstance(found, Refusal)
    assert found.status == 403


def test_an_accounts_own_matters_are_for_no_token_and_no_machine(control: Control) -> None:
    assert isinstance(keeper(control).viewer_of(scope(), Right.SIGNED_IN), Refusal)
    control.add_account(person())
    opened = sign_in(control)
    assert isinstance(keeper(control).viewer_of(scope(opened.secret), Right.SIGNED_IN), Viewer)


def test_a_used_session_lives_on_and_an_unused_one_ends(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    control.add_account(person())
    opened = sign_in(control)
    start = system_now()
    gate = keeper(control)

    def later(hours: float) -> None:
        monkeypatch.setattr("coc.access.sessions.system_now", lambda: start + timedelta(hours=hours))

    later(70)
    assert isinstance(gate.viewer_of(scope(opened.secret)), Viewer)
    gate.sessions.refresh()
    later(140)
    assert isinstance(gate.viewer_of(scope(opened.secret)), Viewer)
    later(140 + 73)
    assert isinstance(gate.viewer_of(scope(opened.secret)), Refusal)


def test_five_wrong_tries_shut_an_account_for_a_while_and_the_right_password_too(control: Control) -> None:
    control.add_account(person())
    tried = [sign_in(control, "wrong wrong wrong", address=f"10.0.0.{i}") for i in range(5)]
    assert [t.why for t in tried] == ["wrong"] * 4 + ["locked"]
    refused = sign_in(control)
    assert isinstance(refused, Refused)
    assert refused.why == "locked"
    assert 0 < refused.seconds <= 61


def test_an_unknown_name_is_treated_as_a_known_one(control: Control) -> None:
    control.add_account(person())
    known = [sign_in(control, "no", "rina", "10.0.0.1").why for _ in range(6)]
    unknown = [sign_in(control, "no", "nobody", "10.0.0.2").why for _ in range(6)]
    assert known == unknown


def test_one_password_tried_on_many_names_shuts_the_place_it_comes_from(control: Control) -> None:
    control.add_account(person())
    tried = [sign_in(control, "Jambi 2026 Jambi", f"user{i}", "203.0.113.9") for i in range(20)]
    assert tried[-1].why == "locked"
    assert sign_in(control, address="203.0.113.9").why == "locked"
    assert isinstance(sign_in(control, address="203.0.113.10"), Opened)


def test_who_gets_in_is_told_of_the_wrong_tries_before(control: Control) -> None:
    control.add_account(person())
    for _ in range(3):
        sign_in(control, "wrong wrong wrong")
    assert sign_in(control).failed == 3
    assert sign_in(control).failed == 0


def test_a_disabled_account_and_one_without_a_password_look_like_a_wrong_password(control: Control) -> None:
    control.add_account(Account("elsewhere", "head", issuer="https://id.example", subject="7"))
    control.add_account(person())
    control.disable_account("rina")
    assert sign_in(control).why == "wrong"
    assert sign_in(control, "", "elsewhere").why == "wrong"


def test_a_password_without_an_account_is_still_worked_on() -> None:
    assert not fits(None, PASSWORD)
    assert fits(HASH, PASSWORD)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short", "short"),
        ("x" * 300, "long"),
        ("rina-dan-kopi-pagi", "name"),
        ("password1234", "common"),
        ("aaaaaaaaaaaaaaaa", "common"),
        (PASSWORD, None),
    ],
)
def test_what_is_too_weak_is_said_with_its_reason(password: str, why: str | None) -> None:
    assert weakness(password, "rina") == why
