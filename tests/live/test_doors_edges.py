"""The doors where things are not as they should be: ended sessions, a store that is away, odd addresses, crowds."""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from coc.clock import system_now
from coc.live.doors.workers import CrowdedError, Workers
from coc.settings.models import Server, Settings
from coc.store import Control
from tests.live.person import PASSWORD, Browser, people
from tests.live.serving import Served, served, settings_with_tokens

FORMS = ("/akun/sandi", "/akun/pilihan", "/akun/sesi", "/akun/token", "/akun/token/cabut", "/akun/sakelar")


@pytest.fixture(scope="module")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    held = Control(f"sqlite:///{tmp_path_factory.mktemp('control')}/control.db")
    people(held, {"kadis": "head"})
    with served(control=held) as found:
        yield found
    held.close()


@pytest.fixture
def server(one_server: Served) -> Served:
    people(one_server.control, {"kadis": "head"}, one_server)
    return one_server


@pytest.fixture
def control(server: Served) -> Control:
    return server.control


@pytest.fixture
def browser(server: Served) -> Browser:
    return Browser(server)


def test_who_comes_with_an_ended_session_is_told_so(browser: Browser) -> None:
    browser.sign_in()
    browser.server.control.close_sessions("kadis")
    browser.server.services.sessions.refresh()
    sent = browser.get("/lain")
    assert sent.headers["location"] == "/masuk?next=%2Flain"
    assert "Sesi Anda sudah berakhir" in browser.get(sent.headers["location"]).body.decode()


def test_a_session_ends_when_nobody_used_it_for_long(browser: Browser) -> None:
    browser.sign_in()
    sessions = browser.server.services.sessions
    (mine,) = sessions.of_account("kadis")
    idle = timedelta(hours=browser.server.services.settings.access.sessions.idle_hours)
    assert mine.expires - mine.seen == idle
    sessions._open = {mine.digest: replace(mine, expires=system_now() - timedelta(seconds=1))}
    assert browser.get("/lain").status == 303


def test_an_acting_head_whose_term_is_over_is_told_at_the_door(browser: Browser, control: Control) -> None:
    browser.sign_in()
    control.change_account("kadis", until=(system_now() - timedelta(days=2)).date())
    browser.server.services.sessions.refresh()
    answer = browser.sign_in()
    assert answer.status == 403
    assert "Masa tugas" in answer.body.decode()


@pytest.mark.parametrize("path", FORMS)
def test_a_form_s_address_opened_as_a_page_is_the_account_s_page(browser: Browser, path: str) -> None:
    browser.sign_in()
    answer = browser.get(path)
    assert (answer.status, answer.headers["location"]) == (303, "/akun")


@pytest.mark.parametrize("path", ["/masuk/x", "/akun/x", "/akun/token/x/y", "/masuk/../api/v1/kpis", "/keluar/"])
def test_what_is_not_there_is_said_in_words(browser: Browser, path: str) -> None:
    browser.sign_in()
    answer = browser.get(path)
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert b"DISDIK" not in answer.body


@pytest.mark.parametrize("path", FORMS)
def test_a_form_sent_after_the_session_s_end_leads_to_sign_in_and_back(browser: Browser, path: str) -> None:
    browser.sign_in()
    browser.cookies.pop("coc_live")
    answer = browser.post(path, {"csrf": "x"})
    assert (answer.status, answer.headers["location"]) == (303, "/masuk?next=%2Fakun")


def test_without_accounts_one_s_own_page_leads_to_the_lesson(tmp_path: Any) -> None:
    empty = Control(f"sqlite:///{tmp_path}/control.db")
    for realm in ("live", "demo"):
        with served(realm=realm, control=empty) as server:
            answer = server.ask("/akun")
            assert (answer.status, answer.headers["location"]) == (303, "/masuk?next=%2Fakun")
    empty.close()


def test_language_and_theme_keep_the_way_back(browser: Browser) -> None:
    body = browser.get("/masuk?next=/lain%3Fa=1&lang=en&theme=light").body.decode()
    assert 'lang="en" data-bs-theme="light"' in body
    assert 'href="/masuk?next=%2Flain%3Fa%3D1&amp;lang=id"' in body
    assert (browser.cookies["coc_lang"], browser.cookies["coc_theme"]) == ("en", "light")
    assert "Sign in" in browser.get("/masuk").body.decode()


@pytest.mark.parametrize("name", ["next", "lang", "theme", "done"])
@pytest.mark.parametrize(
    "value", ["%0d%0aSet-Cookie:%20a=b", "%0aX-Evil:%201", "%3Cscript%3Ealert(1)%3C/script%3E", "%00"]
)
def test_nothing_from_the_address_reaches_a_header_or_the_page_as_it_is(
    browser: Browser, name: str, value: str
) -> None:
    for path in ("/masuk", "/akun"):
        answer = browser.get(f"{path}?{name}={value}")
        assert "x-evil" not in answer.headers
        assert not any(c.startswith("a=b") for c in answer.cookies)
        assert b"<script" not in answer.body
        browser.sign_in()


def test_a_name_is_shown_again_as_text(browser: Browser) -> None:
    answer = browser.sign_in('"><script>alert(1)</script>', "salah")
    assert b"<script" not in answer.body
    assert b"&#34;&gt;&lt;script" in answer.body


def test_a_stranger_gets_the_doors_font_and_no_other_asset(browser: Browser) -> None:
    assert browser.get("/assets/fonts/inter-latin-wght-normal.woff2").status == 200
    assert browser.get("/assets/favicon.svg").status == 200
    for path in ("/assets/coc-live.js", "/assets/fonts/../coc-live.js", "/assets/fonts/..%2Fcoc-live.js"):
        assert browser.get(path).status == 401


def test_over_https_the_session_s_cookie_goes_nowhere_else(control: Control) -> None:
    settings = settings_with_tokens(server=Server(public_url="https://coc.example.go.id"))
    with served(settings, control=control) as server:
        line = next(c for c in Browser(server).sign_in().cookies if c.startswith("__Host-coc_live="))
    assert "secure" in {part.strip().lower() for part in line.split(";")}
    assert Settings().server.public_url is None


def test_a_control_store_that_is_away_is_told_in_words(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    browser.sign_in()

    def away(*_: object, **__: object) -> Any:
        raise OSError(errno.ENOSPC, "no space left")

    other = Browser(browser.server)
    other.get("/masuk")
    for name in ("tokens", "accounts", "failures_of", "change_account"):
        monkeypatch.setattr(browser.server.control, name, away)
    shown = browser.get("/akun")
    assert shown.status == 503
    assert "tidak terjangkau" in shown.body.decode()
    tried = other.sign_in()
    assert tried.status == 503
    assert "tidak terjangkau" in tried.body.decode()


def test_a_defect_behind_the_doors_is_a_page_and_not_a_bare_word(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.sign_in()
    monkeypatch.setattr("coc.live.doors.account._unit_names", lambda _: {}["gone"])
    answer = browser.get("/akun")
    assert answer.status == 500
    assert "Ada yang gagal" in answer.body.decode()
    assert b"Traceback" not in answer.body


def test_a_crowd_at_the_door_is_turned_away_before_it_holds_up_who_is_inside() -> None:
    going = threading.Event()

    async def crowd() -> list[Any]:
        hashing = Workers("passwords", 2, 3)
        tries = [asyncio.create_task(hashing.run(going.wait, 5)) for _ in range(5)]
        await asyncio.sleep(0.05)
        going.set()
        first = await asyncio.gather(*tries, return_exceptions=True)
        return [*first, await hashing.run(lambda: "next")]

    answers = asyncio.run(crowd())
    assert answers[:3] == [True, True, True]
    assert all(isinstance(a, CrowdedError) for a in answers[3:5])
    assert answers[5] == "next"


def test_a_crowded_door_says_so(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: Any, **__: Any) -> None:
        raise CrowdedError

    monkeypatch.setattr(Workers, "run", full)
    answer = browser.sign_in(password=PASSWORD)
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "bersamaan" in answer.body.decode()
