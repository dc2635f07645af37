"""The doors in a real browser at phone size: sign in, work, sign out, and what is left on the screen afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from coc.access.passwords import hash_of
from coc.store import Control
from coc.store.control import Account
from coc.ui.i18n import t
from tests.live.serving import Served, served, wait_until

pytestmark = pytest.mark.browser
PASSWORD = "tugu keris siginjai"
OTHER = "batanghari di pagi hari"
HASH = hash_of(PASSWORD)
PHONE = {"width": 390, "height": 844}
PRIVATE = "home-value"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    control = Control(f"sqlite:///{tmp_path_factory.mktemp('control')}/control.db")
    for name, role in (("kadis", "head"), ("rina", "head"), ("sekda", "leader")):
        control.add_account(Account(name, role, ("DISDIK",) if role == "head" else (), password=HASH))
    with pytest.MonkeyPatch.context() as patch, served(control=control) as found:
        # What takes ten seconds for ten thousand screens is told at once here.
        patch.setattr("coc.live.stream.BEAT_SECONDS", 0.2)
        patch.setattr("coc.live.stream.RECHECK_SECONDS", 0.2)
        yield found
    control.close()


class Phone:
    """A person's phone: its tabs share cookies; what they complain of is kept."""

    def __init__(self, browser: Any, server: Served, language: str = "id") -> None:
        self.server, self.say = server, t(language)
        self.origin = f"http://127.0.0.1:{server.port}"
        self.context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
        self.context.add_cookies([{"name": "coc_lang", "value": language, "url": self.origin}])
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        self.context.on("request", self._asked)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.origin + "/", "data:", "blob:")):
            self.foreign.append(request.url)

    def tab(self, path: str = "/") -> Any:
        page = self.context.new_page()
        page.on("console", lambda m: self.complaints.append(m.text) if "Content Security" in m.text else None)
        page.goto(self.origin + path)
        return page

    def sign_in(self, page: Any, name: str = "kadis", password: str = PASSWORD) -> None:
        page.get_by_label(self.say("masuk.name")).fill(name)
        page.get_by_label(self.say("masuk.password"), exact=True).fill(password)
        page.get_by_role("button", name=self.say("masuk.submit"), exact=True).click()

    def end_all(self, name: str) -> None:
        """As another device, or an admin, does it."""
        self.server.control.close_sessions(name)
        self.server.services.sessions.refresh()


@pytest.fixture
def phone(chromium: Any, server: Served) -> Iterator[Phone]:
    found = Phone(chromium, server)
    yield found
    found.context.close()


def fits(page: Any) -> bool:
    """Nothing to scroll sideways, and nothing that a finger misses."""
    wide = page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    low = page.evaluate(
        "[...document.querySelectorAll('button, input:not([type=hidden]):not([hidden]), select')]"
        ".filter(e => e.getBoundingClientRect().height < 40).length"
    )
    return bool(wide) and low == 0


@pytest.mark.parametrize("language", ["id", pytest.param("en", marks=pytest.mark.slow)])
def test_a_head_signs_in_works_and_leaves_nothing_behind(chromium: Any, server: Served, language: str) -> None:
    phone = Phone(chromium, server, language)
    page = phone.tab("/lain")
    assert page.url.endswith("/masuk?next=%2Flain")
    assert page.get_attribute("html", "lang") == language
    assert fits(page)
    phone.sign_in(page)
    page.wait_for_selector('body[data-page="lain"][data-epoch]:not([data-epoch=""])')
    page.goto(phone.origin + "/")
    page.wait_for_selector(f"#{PRIVATE}")
    page.goto(phone.origin + "/akun")
    assert fits(page)
    assert "kadis" in page.text_content("main")
    page.go_back()
    page.wait_for_selector(f"#{PRIVATE}", state="visible")
    page.goto(phone.origin + "/keluar")
    page.get_by_role("button", name=phone.say("keluar.submit"), exact=True).click()
    page.wait_for_url("**/masuk?out")
    assert phone.say("masuk.out") in page.text_content("main")
    for _ in range(4):
        page.go_back()
        page.wait_for_url("**/masuk*")
        assert page.query_selector(f"#{PRIVATE}") is None
        assert "kadis" not in page.text_content("body")
    assert phone.foreign == []
    assert phone.complaints == []
    phone.context.close()


def test_every_tab_notices_that_the_session_has_ended_and_comes_back_to_its_page(phone: Phone) -> None:
    first = phone.tab("/")
    phone.sign_in(first)
    first.wait_for_selector(f"#{PRIVATE}")
    second = phone.tab("/lain?a=1")
    second.wait_for_selector("#lain-title")
    third = phone.tab("/akun")
    phone.end_all("kadis")
    first.wait_for_url("**/masuk*")
    second.wait_for_url("**/masuk?next=%2Flain%3Fa%3D1")
    third.reload()
    assert third.url.endswith("/masuk?next=%2Fakun")
    assert phone.say("masuk.error.ended") in second.text_content("main")
    phone.sign_in(second)
    second.wait_for_url("**/lain?a=1")
    second.wait_for_selector("#lain-title")


@pytest.mark.slow
def test_a_click_after_the_end_of_a_session_leads_to_the_form(phone: Phone) -> None:
    page = phone.tab("/lain")
    phone.sign_in(page)
    page.wait_for_selector("#lain-fail")
    page.context.route("**/api/v1/stream", lambda route: route.abort())  # only the click can tell
    phone.end_all("kadis")
    page.click("#lain-fail")
    page.wait_for_url("**/masuk?next=%2Flain")


def test_a_bookmark_to_a_page_that_is_not_yours_explains_itself(phone: Phone) -> None:
    page = phone.tab("/ledger")
    phone.sign_in(page)
    page.wait_for_url("**/ledger")
    assert "bukan untuk peran Anda" in page.text_content("body")
    assert "the leaders' own" not in page.content()


@pytest.mark.slow
def test_a_password_is_changed_on_the_phone_and_the_other_device_is_signed_out(chromium: Any, server: Served) -> None:
    phone, desk = Phone(chromium, server), Phone(chromium, server)
    page, other = phone.tab("/akun"), desk.tab("/")
    phone.sign_in(page, "rina")
    desk.sign_in(other, "rina")
    other.wait_for_selector(f"#{PRIVATE}")
    say = phone.say
    page.get_by_label(say("akun.password.old"), exact=True).fill(PASSWORD)
    page.get_by_label(say("akun.password.new"), exact=True).fill(OTHER)
    page.get_by_label(say("akun.password.again"), exact=True).fill(OTHER)
    page.get_by_role("button", name=say("akun.password.submit"), exact=True).click()
    page.wait_for_url("**/akun?done=password")
    assert say("akun.done.password") in page.text_content("main")
    other.wait_for_url("**/masuk*")
    desk.sign_in(other, "rina")
    assert say("masuk.error.wrong") in other.text_content("main")
    desk.sign_in(other, "rina", OTHER)
    wait_until(lambda: len(server.services.sessions.of_account("rina")) == 2)
    for device in (phone, desk):
        device.context.close()
