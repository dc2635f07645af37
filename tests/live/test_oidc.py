"""Sign-in at a real OpenID Connect provider (`oidc-provider-mock`, over HTTP): there, back, work, and out."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import get_args
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from coc.access.oidc_errors import Why
from coc.bench.serving import free_port
from coc.live.choices import LANGUAGE_COOKIE
from coc.live.doors.elsewhere import BACK
from coc.live.rates import Rates, Throttle
from coc.settings.models import Access, Oidc, OidcGroup, Server, Settings
from coc.store import Control
from coc.store.control import Account
from coc.ui.i18n import t
from tests.live.person import HASH, Browser
from tests.live.serving import Answer, Served, served, wait_until

GROUPS = {
    "pimpinan": OidcGroup(role="leader"),
    "kepala-disdik": OidcGroup(role="head", units=("DISDIK",), clearance="terbatas"),
}


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """A process of its own, as the city's would be."""
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    origin = f"http://localhost:{port}"
    try:
        wait_until(lambda: _answers(origin), 20)
        yield origin
    finally:
        process.terminate()
        process.wait(10)


def _answers(origin: str) -> bool:
    try:
        return requests.get(f"{origin}/.well-known/openid-configuration", timeout=2).ok
    except requests.RequestException:
        return False


@pytest.fixture
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Control]:
    held = Control(f"sqlite:///{tmp_path_factory.mktemp('control')}/control.db")
    held.add_account(Account("ada", "admin", password=HASH))
    yield held
    held.close()


@pytest.fixture
def server(provider: str, control: Control) -> Iterator[Served]:
    oidc = Oidc(issuer=provider, client_id="coc", client_secret="s", groups=GROUPS)
    with served(Settings(oidc=oidc, access=Access()), control=control) as found:
        yield found


def person(provider: str, subject: str, name: str, *groups: str) -> None:
    claims = {"preferred_username": name, "groups": list(groups)}
    requests.put(f"{provider}/users/{subject}", json=claims, timeout=5).raise_for_status()


def sent(browser: Browser, way: str = "/lain") -> str:
    begun = browser.get(f"/masuk/oidc?next={way}")
    assert begun.status == 303
    return begun.headers["location"]


def consented(url: str, subject: str) -> str:
    """What the provider answers to who signs in there: the way back, without our origin."""
    answer = requests.post(url, data={"sub": subject}, allow_redirects=False, timeout=5)
    back = urlsplit(answer.headers["location"])
    return f"{back.path}?{back.query}"


def signed_in(browser: Browser, subject: str, way: str = "/lain") -> Answer:
    return browser.get(consented(sent(browser, way), subject))


def test_who_signs_in_there_works_here_with_the_rights_of_the_group(
    provider: str, server: Served, control: Control
) -> None:
    person(provider, "7", "Rina", "kepala-disdik", "staf")
    browser = Browser(server)
    assert "Masuk dengan akun kota" in browser.get("/masuk").body.decode()
    back = signed_in(browser, "7")
    assert (back.status, back.headers["location"]) == (303, "/lain")
    assert browser.get("/lain").status == 200
    account = next(a for a in control.accounts() if a.name == "rina")
    assert (account.role, account.units, account.clearance, account.password) == ("head", ("DISDIK",), "terbatas", None)
    wait_until(lambda: "sign-in.ok" in [r.action for r in control.audit_rows(10)])


def test_the_way_there_carries_state_nonce_and_a_challenge(server: Served) -> None:
    asked = parse_qs(urlsplit(sent(Browser(server))).query)
    assert {"state", "nonce", "code_challenge"} <= set(asked)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [f"http://127.0.0.1:{server.port}/masuk/oidc/kembali"]


def test_other_groups_tomorrow_are_other_rights_and_end_older_sessions(
    provider: str, server: Served, control: Control
) -> None:
    person(provider, "8", "budi", "kepala-disdik")
    old, new = Browser(server), Browser(server)
    signed_in(old, "8")
    person(provider, "8", "budi", "pimpinan")
    signed_in(new, "8")
    assert next(a for a in control.accounts() if a.name == "budi").role == "leader"
    assert old.get("/api/v1/kpis").status == 401
    assert new.get("/api/v1/kpis").status == 200


def test_the_name_may_change_there_and_the_account_stays(provider: str, server: Served, control: Control) -> None:
    person(provider, "9", "citra", "pimpinan")
    signed_in(Browser(server), "9")
    person(provider, "9", "citra-baru", "pimpinan")
    signed_in(Browser(server), "9")
    assert [a.name for a in control.accounts() if a.subject == "9"] == ["citra"]


def test_without_a_mapped_group_nobody_comes_in_and_is_told_what_to_ask_for(provider: str, server: Served) -> None:
    person(provider, "10", "dodi", "staf")
    browser = Browser(server)
    answer = signed_in(browser, "10")
    assert answer.status == 403
    assert "memetakan grup" in answer.body.decode()
    assert "coc_live" not in browser.cookies


def test_a_local_account_is_not_taken_over_by_its_name(provider: str, server: Served, control: Control) -> None:
    person(provider, "11", "ada", "pimpinan")
    assert signed_in(Browser(server), "11").status == 403
    assert next(a for a in control.accounts() if a.name == "ada").role == "admin"


def test_a_disabled_account_stays_out_although_the_provider_lets_it_in(
    provider: str, server: Served, control: Control
) -> None:
    person(provider, "12", "eka", "pimpinan")
    signed_in(Browser(server), "12")
    control.disable_account("eka")
    assert signed_in(Browser(server), "12").status == 403


def test_the_way_back_of_another_browser_lets_nobody_in(provider: str, server: Served) -> None:
    person(provider, "13", "fajar", "pimpinan")
    thief, victim = Browser(server), Browser(server)
    back = consented(sent(thief), "13")
    assert victim.get(back).status == 400
    assert "coc_live" not in victim.cookies


def test_a_way_back_is_good_once(provider: str, server: Served) -> None:
    person(provider, "14", "gita", "pimpinan")
    browser = Browser(server)
    back = consented(sent(browser), "14")
    flow = dict(browser.cookies)
    assert browser.get(back).status == 303
    browser.cookies.update(flow)
    assert browser.get(back).status == 400


@pytest.mark.parametrize("query", ["", "?state=x&code=y", "?error=access_denied", "?code=%00&state=%0d%0a"])
def test_a_way_back_that_nobody_began_is_told_in_words(server: Served, query: str) -> None:
    answer = Browser(server).get(f"/masuk/oidc/kembali{query}")
    assert answer.status == 400
    assert "Mulai sekali lagi" in answer.body.decode()


def test_who_says_no_there_stays_out_here(server: Served) -> None:
    browser = Browser(server)
    state = parse_qs(urlsplit(sent(browser)).query)["state"][0]
    answer = browser.get(f"/masuk/oidc/kembali?error=access_denied&state={state}&error_description=%3Cscript%3E")
    assert answer.status == 403
    assert b"<script" not in answer.body


def test_signing_out_here_offers_to_sign_out_there(provider: str, server: Served) -> None:
    person(provider, "15", "hadi", "pimpinan")
    browser = Browser(server)
    signed_in(browser, "15")
    left = browser.form("/keluar", "/keluar", {})
    place = re.search(rb'class="button" href="([^"]+)"', left.body)
    assert place is not None
    assert place[1].decode().startswith(f"{provider}/oauth2/end_session")
    assert b"id_token_hint=" in place[1]
    assert browser.get("/api/v1/kpis").status == 401


def test_the_provider_s_token_is_kept_no_longer_than_the_session(
    provider: str, server: Served, control: Control
) -> None:
    person(provider, "16", "indah", "pimpinan")
    browser = Browser(server)
    signed_in(browser, "16")
    assert [s.hint is not None for s in control.open_sessions() if s.account == "indah"] == [True]
    browser.form("/keluar", "/keluar", {})
    with control.read() as connection:
        kept = connection.exec_driver_sql("SELECT count(*) FROM sessions WHERE hint IS NOT NULL").scalar_one()
    assert kept == 0


def test_where_the_code_is_sent_does_not_follow_the_host_header(server: Served) -> None:
    answer = server.ask("/masuk/oidc", headers={"Host": "evil.example"})
    assert answer.status == 503
    assert b"evil.example" not in answer.body


def test_without_the_provider_the_password_still_opens(control: Control) -> None:
    with served(
        Settings(oidc=Oidc(issuer="http://127.0.0.1:9", client_id="coc", timeout_seconds=1)), control=control
    ) as s:
        browser = Browser(s)
        assert browser.get("/masuk/oidc").status == 503
        assert browser.sign_in("ada").status == 303


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("access_denied", 403, "did not allow it"),
        ("login_required", 403, "did not allow it"),
        ("temporarily_unavailable", 503, "cannot be reached"),
        ("invalid_scope", 503, "answers wrongly"),
        ("made-up", 403, "did not allow it"),
    ],
)
def test_what_the_provider_says_is_told_in_our_words_and_logged_by_its_code(
    server: Served, caplog: pytest.LogCaptureFixture, code: str, status: int, words: str
) -> None:
    browser = Browser(server, {LANGUAGE_COOKIE: "en"})
    state = parse_qs(urlsplit(sent(browser)).query)["state"][0]
    answer = browser.get(f"{BACK}?error={code}&state={state}&error_description=rahasia")
    assert (answer.status, words in answer.body.decode()) == (status, True)
    assert ("made-up" not in caplog.text) if code == "made-up" else (code in caplog.text)
    assert "rahasia" not in caplog.text + answer.body.decode()


@pytest.mark.parametrize("language", ["id", "en"])
def test_each_way_to_fail_has_words_in_both_languages(language: str) -> None:
    say = t(language)
    told = [say(f"masuk.error.oidc.{why}") for why in get_args(Why)]
    assert len(set(told)) == len(told)
    assert not [words for words in told if words.startswith("masuk.")]


def test_the_log_names_the_groups_that_nobody_mapped_and_the_page_does_not(
    provider: str, server: Served, caplog: pytest.LogCaptureFixture
) -> None:
    person(provider, "17", "joko", "kepala-baru", "odd\ngroup")
    answer = signed_in(Browser(server), "17")
    assert "joko: 'kepala-baru', 'odd\\ngroup'" in caplog.text
    assert "kepala-baru" not in answer.body.decode()


def test_the_audit_log_says_whose_account_was_refused(provider: str, server: Served, control: Control) -> None:
    person(provider, "18", "kiki", "pimpinan")
    signed_in(Browser(server), "18")
    control.disable_account("kiki")
    signed_in(Browser(server), "18")
    wait_until(lambda: any(r.action == "sign-in.oidc" for r in control.audit_rows(10)))
    line = next(r for r in control.audit_rows(10) if r.action == "sign-in.oidc")
    assert (line.who, line.what) == ("kiki", "shut")


def test_two_tabs_of_a_browser_sign_in_each_by_its_own_way(provider: str, server: Served) -> None:
    person(provider, "19", "lina", "pimpinan")
    browser = Browser(server)
    first, second = sent(browser, "/lain"), sent(browser, "/akun")
    held = dict(browser.cookies)
    assert browser.get(consented(first, "19")).headers["location"] == "/lain"
    browser.cookies.update(held)
    assert browser.get(consented(second, "19")).headers["location"] == "/akun"


def test_the_browser_keeps_nothing_of_a_way_that_is_gone(provider: str, server: Served) -> None:
    person(provider, "20", "mira", "pimpinan")
    back = consented(sent(browser := Browser(server)), "20")
    answer = browser.get(back)
    dropped = [line for line in answer.cookies if line.startswith("coc_flow_live=")]
    assert len(dropped) == 1
    assert "Max-Age=0" in dropped[0]
    assert "Path=/;" in dropped[0] + ";"


def test_a_way_back_in_another_provider_s_name_lets_nobody_in(provider: str, server: Served) -> None:
    person(provider, "21", "nina", "pimpinan")
    browser = Browser(server)
    answer = browser.get(f"{consented(sent(browser), '21')}&iss=https%3A%2F%2Fevil.example")
    assert answer.status == 403
    assert "coc_live" not in browser.cookies


def test_no_other_host_of_the_city_s_domain_can_begin_a_way_for_a_browser(provider: str, control: Control) -> None:
    oidc = Oidc(issuer=provider, client_id="coc", client_secret="s", groups=GROUPS)
    with served(Settings(server=Server(public_url="https://coc.example"), oidc=oidc), control=control) as found:
        answer = found.ask("/masuk/oidc", headers={"Host": "coc.example"})
    line = next(line for line in answer.cookies if "coc_flow_live" in line)
    assert line.startswith("__Host-coc_flow_live=")
    assert {"Secure", "HttpOnly", "Path=/"} <= {part.strip() for part in line.split(";")}
    assert "Domain" not in line


def test_a_provider_that_hangs_holds_up_nobody_who_is_inside(control: Control) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=200) as hangs:
        origin = f"http://127.0.0.1:{hangs.getsockname()[1]}"
        oidc = Oidc(issuer=origin, client_id="coc", timeout_seconds=3, groups=GROUPS)
        with served(Settings(oidc=oidc), control=control) as found:
            inside = Browser(found)
            inside.sign_in("ada")
            crowd = [threading.Thread(target=found.ask, args=("/masuk/oidc",), daemon=True) for _ in range(40)]
            for one in crowd:
                one.start()
            time.sleep(0.3)
            began = time.monotonic()
            assert inside.get("/akun").status == 200
            assert found.ask("/readyz").status == 200
            assert time.monotonic() - began < 2
            for one in crowd:
                one.join(10)
            assert time.monotonic() - began < 9, "they waited for the provider one after another"


def test_nobody_begins_more_ways_than_people_would(
    provider: str, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coc.live.gate.Throttle", lambda: Throttle(Rates(forms_of_place=2)))
    with served(Settings(oidc=Oidc(issuer=provider, client_id="coc", groups=GROUPS)), control=control) as found:
        answers = [found.ask("/masuk/oidc") for _ in range(3)]
        assert [answer.status for answer in answers] == [303, 303, 429]
        assert int(answers[2].headers["retry-after"]) > 0


def test_a_demo_realm_offers_no_way_that_would_end_at_the_live_one(provider: str, control: Control) -> None:
    settings = Settings(oidc=Oidc(issuer=provider, client_id="coc", groups=GROUPS))
    with served(settings, "demo", control=control) as found:
        assert b"/masuk/oidc" not in found.ask("/masuk").body
        assert found.ask("/masuk/oidc").status == 400
