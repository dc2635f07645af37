"""Sessions that are planted, tossed, ended or guessed; forms that somebody else made."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from coc.access import passwords
from coc.access.sessions import csrf_of
from coc.access.table import RULES
from coc.clock import system_now
from coc.live import stream as streams
from coc.settings.models import Access, ApiToken, Server, Settings
from tests.attacks.raw import PASSWORD, Site, a_site
from tests.live.serving import Answer, digest, wait_until

WRITES = sorted({r.path for r in RULES if r.csrf})
STEPS = {
    "/masuk": [b"username=rina&password=" + PASSWORD.encode()],
    "/masuk/**": [],
    "/keluar": [b""],
    "/akun/**": [b"language=en", b"which=others", b"name=probe", b"on=yes"],
    "/peringatan/tangani": [b"id=1&do=acknowledge", b"id=1&do=mute&hours=4"],
}
STEP_OF = {
    b"language=en": "/akun/pilihan",
    b"which=others": "/akun/sesi",
    b"name=probe": "/akun/token",
    b"on=yes": "/akun/sakelar",
}


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Site]:
    """A site that an attack may change."""
    with a_site(tmp_path) as found:
        yield found


def form_cookie(site: Site) -> tuple[str, str]:
    """As a browser gets them with the sign-in form: the cookie, and the token within the form."""
    answer = site.ask("/masuk")
    held = next(c for c in answer.cookies if c.startswith("coc_form_live="))
    token = re.search(rb'name="csrf" value="([^"]+)"', answer.body)
    assert token
    return held.split(";")[0], token[1].decode()


def sign_in(site: Site, name: str, password: str, cookies: str = "", way: str = "") -> Answer:
    held, token = form_cookie(site)
    fields = f"csrf={token}&username={quote(name)}&password={quote(password)}&next={quote(way)}"
    headers = {
        "Cookie": f"{held}; {cookies}".strip("; "),
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": site.origin,
    }
    return site.served.ask("/masuk", "POST", headers, fields.encode())


def session_of(answer: Answer) -> str:
    found = [c.split(";")[0].removeprefix("coc_live=") for c in answer.cookies if c.startswith("coc_live=")]
    return found[0] if found else ""


def test_the_list_of_writes_is_the_tables() -> None:
    assert set(STEPS) == set(WRITES)


def test_a_planted_session_is_never_the_one_that_signs_in(own: Site) -> None:
    for planted in ("chosen-by-the-attacker", own.open("tamu")):
        answer = sign_in(own, "rina", PASSWORD, f"coc_live={planted}")
        assert answer.status == 303
        fresh = session_of(answer)
        assert fresh
        assert fresh != planted
        assert own.ask("/akun", planted).status == 303
        assert own.ask("/akun", fresh).status == 200


def test_each_sign_in_opens_another_session(site: Site) -> None:
    first, second = (session_of(sign_in(site, "rina", PASSWORD)) for _ in range(2))
    assert first != second
    assert len(first) >= 40


@pytest.mark.parametrize("path", [p for p in WRITES if p != "/masuk/**"])
@pytest.mark.parametrize(
    "forge",
    [
        lambda site, secret: {"csrf": False},
        lambda site, secret: {"csrf": False, "token": "x"},
        lambda site, secret: {"csrf": False, "token": csrf_of(site.open("oper"))},
        lambda site, secret: {"csrf": False, "token": csrf_of("")},
        lambda site, secret: {"Origin": "https://evil.example"},
        lambda site, secret: {"Origin": "null"},
        lambda site, secret: {"Sec-Fetch-Site": "cross-site"},
        lambda site, secret: {"csrf": False, "Content-Type": "text/plain"},
        lambda site, secret: {"csrf": False, "Content-Type": "application/json"},
    ],
    ids=["none", "wrong", "another's", "of nothing", "other origin", "null origin", "cross-site", "plain text", "json"],
)
def test_no_write_is_made_for_somebody_by_a_form_that_was_made_elsewhere(
    site: Site, path: str, forge: Callable[[Site, str], dict[str, Any]]
) -> None:
    secret = site.open("wako")
    before = site.control.accounts(), len(site.control.tokens()), site.control.switches()
    for fields in STEPS[path]:
        how = forge(site, secret)
        token = how.pop("token", None)
        body = fields + (f"&csrf={quote(token)}".encode() if token is not None else b"")
        answer = site.form(STEP_OF.get(fields, path), body, secret, **how)
        assert answer.status in (400, 403), answer.body[:300]
        assert not session_of(answer)
    assert (site.control.accounts(), len(site.control.tokens()), site.control.switches()) == before
    assert site.ask("/akun", secret).status == 200


@pytest.mark.parametrize("path", ["/keluar", "/akun/pilihan?language=en", "/akun/token?name=x", "/akun/sakelar?on=yes"])
def test_no_write_is_made_by_following_a_link(site: Site, path: str) -> None:
    secret = site.open("wako")
    before = site.control.accounts(), len(site.control.tokens()), site.control.switches()
    token = csrf_of(secret)
    site.ask(path + ("&" if "?" in path else "?") + f"csrf={token}", secret)
    assert (site.control.accounts(), len(site.control.tokens()), site.control.switches()) == before
    assert site.ask("/akun", secret).status == 200


@pytest.mark.parametrize(
    "way",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)",
     "/%0d%0aLocation: //evil.example", "\\\\evil.example", "///evil.example", "http:evil.example", "/ /evil.example",
     "//evil.example/%2e%2e", "https:/evil.example", "data:text/html,x", "/keluar", "/masuk?next=//evil.example"],
)  # fmt: skip
def test_signing_in_leads_nowhere_else(site: Site, way: str) -> None:
    answer = sign_in(site, "rina", PASSWORD, way=way)
    assert answer.status == 303
    assert answer.headers["location"] == "/"
    shown = site.ask(f"/masuk?next={quote(way, safe='')}")
    assert b"evil.example" not in shown.body


def test_a_stranger_is_sent_to_the_form_with_a_way_of_this_origin(site: Site) -> None:
    for path in ("//evil.example", "/surat?x=//evil.example", "/\\evil.example"):
        answer = site.ask(path)
        assert answer.status in (303, 400, 404)
        assert answer.headers.get("location", "/").startswith("/")
        assert not answer.headers.get("location", "/").startswith(("//", "/\\"))


def test_another_host_of_the_domain_can_set_no_session_over_https(tmp_path: Path) -> None:
    """A browser takes a `__Host-` cookie from the very host alone; one without the prefix is not looked at."""
    server = Server(public_url="https://coc.example.go.id")
    with a_site(tmp_path, Settings(server=server)) as site:
        good, tossed = site.open("rina"), site.open("tamu")
        for line in (f"coc_live={tossed}; __Host-coc_live={good}", f"__Host-coc_live={good}; coc_live={tossed}"):
            assert b"rina" in site.ask("/akun", headers={"Cookie": line}).body
        assert site.ask("/akun", headers={"Cookie": f"coc_live={tossed}"}).status == 303


def test_a_forms_cookie_that_was_tossed_makes_no_session(site: Site) -> None:
    """Whoever plants the form's cookie knows its token, and may sign a browser in as the attacker, but never in as the
    person; and another origin cannot send the form at all.
    """
    planted = "p" * 43
    fields = f"csrf={csrf_of(planted)}&username=tamu&password={quote(PASSWORD)}".encode()
    headers = {"Cookie": f"coc_form_live={planted}", "Content-Type": "application/x-www-form-urlencoded"}
    assert site.served.ask("/masuk", "POST", headers | {"Origin": "https://sib.example"}, fields).status == 403
    assert site.served.ask("/masuk", "POST", headers | {"Sec-Fetch-Site": "same-site"}, fields).status == 403


def test_a_wrong_name_costs_the_same_work_as_a_wrong_password(own: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str | None] = []
    real = passwords.fits
    monkeypatch.setattr(passwords, "fits", lambda kept, password: tried.append(kept) or real(kept, password))
    own.control.disable_account("oper")
    for name in ("rina", "nobody-of-this-name", "oper", "..", ""):
        answer = sign_in(own, name, "wrong wrong wrong")
        assert answer.status == 403, name
    assert len(tried) == 5


def test_one_password_for_many_names_is_stopped_by_the_address(own: Site) -> None:
    found = [sign_in(own, f"person-{i}", "selamat pagi jambi").status for i in range(21)]
    assert found[-1] == 429
    assert set(found[:19]) == {403}
    refused = sign_in(own, "rina", PASSWORD)
    assert refused.status == 429
    assert int(refused.headers["retry-after"]) > 0


def test_many_passwords_for_one_name_are_stopped_by_the_name(own: Site) -> None:
    found = [sign_in(own, "rina", f"wrong wrong {i}").status for i in range(6)]
    assert found[-1] == 429
    assert sign_in(own, "wako", PASSWORD).status == 303


ENDS: dict[str, Callable[[Site, str], Any]] = {
    "signed out": lambda site, secret: site.form("/keluar", b"", secret),
    "ended elsewhere": lambda site, secret: site.control.close_sessions("rina"),
    "disabled": lambda site, secret: site.control.disable_account("rina"),
    "another role": lambda site, secret: site.control.change_account("rina", role="screen"),
    "another password": lambda site, secret: site.control.change_account("rina", password=passwords.hash_of("x" * 14)),
    "last day over": lambda site, secret: site.control.change_account(
        "rina", until=(system_now() - timedelta(days=2)).date()
    ),
}


def listening(site: Site, headers: dict[str, str]) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", site.served.port, timeout=30)
    connection.request("GET", "/api/v1/stream", headers=headers)
    return connection.getresponse()


@pytest.mark.parametrize(
    "end",
    [e if e in ("signed out", "another role") else pytest.param(e, marks=pytest.mark.slow) for e in ENDS],
)
def test_a_session_that_ended_gets_nothing_any_more_and_its_stream_ends(
    own: Site, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr(streams, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(streams, "RECHECK_SECONDS", 0.1)
    secret = own.open("rina")
    stream = listening(own, {"Cookie": f"coc_live={secret}"})
    assert stream.status == 200
    ENDS[end](own, secret)
    wait_until(lambda: own.ask("/api/v1/kpis", secret).status == 401)
    stream.read()  # to its end
    assert own.ask("/akun", secret).status == 303


def test_a_token_that_expired_or_was_revoked_gets_nothing_and_its_stream_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "BEAT_SECONDS", 0.1)
    monkeypatch.setattr(streams, "RECHECK_SECONDS", 0.1)
    past = (system_now() - timedelta(days=2)).date()
    tokens = {"old": ApiToken(sha256=digest("old-secret"), role="admin", expires=past)}
    with a_site(tmp_path, Settings(access=Access(api_tokens=tokens))) as site:
        site.control.add_token("probe", digest("probe-secret"), "operator", (), None)
        site.served.services.tokens.refresh()
        bearer = {"Authorization": "Bearer probe-secret"}
        for path in ("/", "/api/v1/kpis", "/metrics", "/live/frame?page=test"):
            assert site.ask(path, headers={"Authorization": "Bearer old-secret"}).status == 401, path
        stream = listening(site, bearer)
        assert stream.status == 200
        site.control.revoke("probe")
        wait_until(lambda: site.ask("/api/v1/kpis", headers=bearer).status == 401)
        stream.read()


@pytest.mark.slow
def test_a_stream_of_an_ended_session_ends_within_fifteen_seconds_by_the_clock(own: Site) -> None:
    secret = own.open("rina")
    stream = listening(own, {"Cookie": f"coc_live={secret}"})
    time.sleep(1)
    own.control.close_sessions("rina")
    began = time.monotonic()
    stream.read()
    assert time.monotonic() - began <= 15.0
