"""Signing in and out, and one's own account, over HTTP as a browser without scripts does it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.routing import Route

from coc.access.table import RULES
from coc.live.doors import build_doors
from coc.live.doors.agents import short
from coc.live.doors.forms import safe_way
from coc.store import Control
from tests.live.person import PASSWORD, Browser, people
from tests.live.serving import Served, served, wait_until

OTHER = "batanghari di pagi hari"


ROLES = {"kadis": "head", "sekda": "leader", "ada": "admin", "tamu": "guest"}


@pytest.fixture(scope="module")
def one_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    held = Control(f"sqlite:///{tmp_path_factory.mktemp('control')}/control.db")
    people(held, ROLES)
    with served(control=held) as found:
        yield found
    held.close()


@pytest.fixture
def server(one_server: Served) -> Served:
    people(one_server.control, ROLES, one_server)
    return one_server


@pytest.fixture
def control(server: Served) -> Control:
    return server.control


@pytest.fixture
def browser(server: Served) -> Browser:
    return Browser(server)


def actions(control: Control) -> list[str]:
    return [row.action for row in control.audit_rows(100)]


def test_who_signs_in_comes_back_to_the_page_that_was_asked_for(browser: Browser) -> None:
    sent = browser.get("/lain?lang=en")
    assert (sent.status, sent.headers["location"]) == (303, "/masuk?next=%2Flain%3Flang%3Den&lang=en")
    back = browser.sign_in(way="/lain?lang=en")
    assert (back.status, back.headers["location"]) == (303, "/lain?lang=en")
    assert browser.get("/lain").status == 200


def test_the_session_s_cookie_is_out_of_reach_of_scripts_and_other_origins(browser: Browser) -> None:
    line = next(c for c in browser.sign_in().cookies if c.startswith("coc_live="))
    flags = {part.strip().lower().split("=")[0] for part in line.split(";")[1:]}
    assert {"httponly", "samesite", "path"} <= flags
    assert "samesite=lax" in line.lower()
    assert "domain" not in flags


def test_a_session_that_somebody_planted_is_not_the_one_that_signs_in(server: Served) -> None:
    thief = Browser(server)
    thief.sign_in("tamu")
    planted = thief.cookies["coc_live"]
    victim = Browser(server, {"coc_live": planted})
    victim.sign_in("sekda")
    assert victim.cookies["coc_live"] != planted
    assert thief.get("/api/v1/kpis").status == 401  # the planted one ended


def test_signing_out_ends_the_session_on_the_server(browser: Browser) -> None:
    browser.sign_in()
    kept = browser.cookies["coc_live"]
    left = browser.form("/keluar", "/keluar", {})
    assert left.headers["location"] == "/masuk?out"
    assert "coc_live" not in browser.cookies
    assert "cache" in left.headers["clear-site-data"]
    assert browser.server.ask("/api/v1/kpis", headers={"Cookie": f"coc_live={kept}"}).status == 401


@pytest.mark.parametrize("name", ["kadis", "nobody", "' OR 1=1 --", "a" * 200, ""])
def test_a_wrong_try_says_the_same_for_any_name(browser: Browser, name: str) -> None:
    answer = browser.sign_in(name, "salah salah salah")
    assert answer.status == 403
    assert "tidak cocok" in answer.body.decode()
    assert "coc_live" not in browser.cookies


def test_a_lock_is_told_with_the_time_it_lasts(browser: Browser) -> None:
    for _ in range(5):
        answer = browser.sign_in(password="salah salah salah")
    assert answer.status == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "Coba lagi dalam 1 menit" in answer.body.decode()
    assert browser.sign_in().status == 429


def test_wrong_tries_of_others_are_told_once_at_the_next_sign_in(browser: Browser) -> None:
    Browser(browser.server).sign_in(password="salah salah salah")
    told = browser.sign_in(way="/lain").headers["location"]
    answer = browser.get(told)
    assert "1 kali" in answer.body.decode()
    assert b'href="/lain"' in answer.body
    assert browser.get(told).headers["location"] == "/lain"
    assert browser.get("/lain").status == 200


def test_nobody_is_told_of_own_slips(browser: Browser) -> None:
    tries = ""
    for expected in ("1", "2"):
        page = browser.form("/masuk", "/masuk", {"username": "kadis", "password": "salah", "tries": tries}).body
        found = re.search(rb'name="tries" value="(\d+)"', page)
        assert found is not None
        tries = found[1].decode()
        assert tries == expected
    answer = browser.form(
        "/masuk", "/masuk", {"username": "kadis", "password": PASSWORD, "tries": tries, "next": "/lain"}
    )
    assert answer.headers["location"] == "/lain"


def test_what_was_typed_as_a_name_is_audited_only_where_it_is_one(browser: Browser, control: Control) -> None:
    browser.sign_in("rahasia saya", "salah salah salah")
    browser.sign_in("kadis", "salah salah salah")
    wait_until(lambda: len(control.audit_rows(10)) >= 2)
    rows = [r for r in control.audit_rows(10) if r.action == "sign-in.wrong"]
    assert {r.who for r in rows} == {"", "kadis"}
    assert all("rahasia" not in f"{r.who}{r.what}" for r in rows)


@pytest.mark.parametrize(
    "way",
    [
        "//evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/lain\r\nSet-Cookie: a=b",
        " //evil.example",
        "evil.example",
        "/%0d%0aX: y\n",
        "/masuk?next=/masuk",
        "/keluar",
        "/api/v1/kpis",
        "/_dash-layout",
        "/assets/coc.css",
        "/" + "a" * 600,
        "///evil.example",
        "/\x00",
        "",
    ],
)
def test_nobody_is_sent_elsewhere_after_signing_in(browser: Browser, way: str) -> None:
    answer = browser.sign_in(way=way)
    assert answer.headers["location"] == "/"
    assert "x" not in answer.headers


@pytest.mark.parametrize("way", ["/", "/lain", "/opd/DISDIK?window=7d", "/lain?a=%2F%2Fx#y"])
def test_a_way_of_our_own_is_gone(way: str) -> None:
    assert safe_way(way) == way


FORMS = [
    "/masuk",
    "/keluar",
    *(f"/akun/{name}" for name in ("sandi", "pilihan", "sesi", "token", "token/cabut", "sakelar")),
    "/peringatan/tangani",
]


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("token", [None, "", "x", "of another"])
def test_a_form_that_was_not_made_for_this_browser_changes_nothing(
    server: Served, path: str, token: str | None
) -> None:
    browser, other = Browser(server), Browser(server)
    browser.sign_in("sekda")
    other.sign_in("sekda")
    if token == "of another":
        found = re.search(rb'name="csrf" value="([^"]+)"', other.get("/akun").body)
        assert found is not None
        token = found[1].decode()
    fields = {"username": "ada", "password": PASSWORD, "name": "x", "on": "yes", "which": "others"}
    before = dict(browser.cookies)
    answer = browser.post(path, fields | ({} if token is None else {"csrf": token}))
    assert answer.status == 403
    assert browser.cookies["coc_live"] == before["coc_live"]
    assert other.get("/api/v1/kpis").status == 200
    assert not server.services.sessions.switched_on("pimpinan.operators")


def test_every_form_of_the_table_is_among_the_forged_ones() -> None:
    writes = {r.path for r in RULES if r.csrf}
    assert writes == {"/masuk", "/masuk/**", "/keluar", "/akun/**", "/peringatan/tangani"}


def test_every_address_that_takes_a_form_is_among_the_forged_ones(server: Served) -> None:
    routes = build_doors(server.services).routes
    takes = {r.path for r in routes if isinstance(r, Route) and "POST" in (r.methods or ())}
    assert takes == set(FORMS)


@pytest.mark.parametrize("path", FORMS)
def test_a_form_of_another_origin_is_refused_before_it_is_read(browser: Browser, path: str) -> None:
    browser.sign_in("sekda")
    answer = browser.post(path, {"csrf": "x"}, Origin="https://evil.example")
    assert answer.status == 403


def test_another_password_ends_the_other_devices_and_keeps_this_one(server: Served) -> None:
    here, there = Browser(server), Browser(server)
    here.sign_in()
    there.sign_in()
    before = here.cookies["coc_live"]
    done = here.form("/akun", "/akun/sandi", {"old": PASSWORD, "new": OTHER, "again": OTHER})
    assert done.headers["location"] == "/akun?done=password"
    assert here.cookies["coc_live"] != before
    assert here.get("/akun").status == 200
    assert there.get("/api/v1/kpis").status == 401
    assert Browser(server).sign_in().status == 403
    assert Browser(server).sign_in(password=OTHER).status in (200, 303)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"old": "salah", "new": OTHER, "again": OTHER}, "tidak cocok"),
        ({"old": PASSWORD, "new": OTHER, "again": "lain"}, "tidak sama"),
        ({"old": PASSWORD, "new": "pendek", "again": "pendek"}, "terlalu pendek"),
        ({"old": PASSWORD, "new": "kadis kadis kadis", "again": "kadis kadis kadis"}, "memuat nama akun"),
    ],
)
def test_a_password_that_is_not_taken_is_told_why(browser: Browser, fields: dict[str, str], said: str) -> None:
    browser.sign_in()
    answer = browser.form("/akun", "/akun/sandi", fields)
    assert answer.status in (403, 422)
    assert said in answer.body.decode()
    assert Browser(browser.server).sign_in().status in (200, 303)


def test_one_device_is_ended_from_another(server: Served) -> None:
    here, there = Browser(server), Browser(server)
    here.sign_in()
    there.sign_in()
    which = re.search(rb'name="which" value="([0-9a-f]{16})"', here.get("/akun").body)
    assert which is not None
    here.form("/akun", "/akun/sesi", {"which": which[1].decode()})
    assert there.get("/api/v1/kpis").status == 401
    assert here.get("/api/v1/kpis").status == 200


def test_nobody_ends_the_sessions_of_another(server: Served) -> None:
    here, other = Browser(server), Browser(server)
    here.sign_in("kadis")
    other.sign_in("sekda")
    (session,) = server.services.sessions.of_account("sekda")
    here.form("/akun", "/akun/sesi", {"which": session.digest[:16]})
    assert other.get("/api/v1/kpis").status == 200


def test_a_token_of_one_s_own_has_one_s_own_rights_and_ends_with_them(browser: Browser, control: Control) -> None:
    browser.sign_in()
    made = browser.form("/akun", "/akun/token", {"name": "laporan", "expires": ""})
    secret = re.search(rb"<code>([^<]{30,})</code>", made.body)
    assert secret is not None
    assert secret[1] not in browser.get("/akun").body

    def asked() -> int:
        bearer = {"Authorization": f"Bearer {secret[1].decode()}"}
        return browser.server.ask("/api/v1/kpis", headers=bearer).status

    assert asked() == 200
    control.disable_account("kadis")
    browser.server.services.tokens.refresh()
    assert asked() == 401


def test_a_token_of_another_cannot_be_revoked(server: Served, control: Control) -> None:
    owner, other = Browser(server), Browser(server)
    owner.sign_in("kadis")
    other.sign_in("sekda")
    owner.form("/akun", "/akun/token", {"name": "laporan"})
    other.form("/akun", "/akun/token/cabut", {"name": "kadis/laporan"})
    assert control.tokens()[0].revoked is None
    owner.form("/akun", "/akun/token/cabut", {"name": "kadis/laporan"})
    assert control.tokens()[0].revoked is not None


def test_choices_follow_the_account_to_another_browser(server: Served) -> None:
    here = Browser(server)
    here.sign_in()
    here.form("/akun", "/akun/pilihan", {"language": "en", "theme": "light", "unit": "DISDIK"})
    there = Browser(server)
    there.sign_in()
    assert (there.cookies["coc_lang"], there.cookies["coc_theme"]) == ("en", "light")
    assert b"My account" in there.get("/akun").body


def test_only_a_leader_turns_the_leaders_switch(server: Served) -> None:
    head, leader = Browser(server), Browser(server)
    head.sign_in("kadis")
    leader.sign_in("sekda")
    assert head.form("/akun", "/akun/sakelar", {"on": "yes"}).status == 403
    assert not server.services.sessions.switched_on("pimpinan.operators")
    leader.form("/akun", "/akun/sakelar", {"on": "yes"})
    assert server.services.sessions.switched_on("pimpinan.operators")


def test_what_people_do_at_the_doors_is_audited(browser: Browser, control: Control) -> None:
    browser.sign_in("sekda")
    browser.form("/akun", "/akun/token", {"name": "laporan"})
    browser.form("/akun", "/akun/sakelar", {"on": "yes"})
    browser.form("/keluar", "/keluar", {})
    wanted = {"sign-in.ok", "token.create", "switch", "sign-out"}
    wait_until(lambda: wanted <= set(actions(control)))


def test_without_any_account_the_form_teaches_how_to_make_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = Control(f"sqlite:///{tmp_path_factory.mktemp('control')}/control.db")
    with served(control=empty) as server:
        assert b"coc user add NAMA --role admin" in Browser(server).get("/masuk").body
    empty.close()


def test_the_doors_load_nothing_from_elsewhere_and_run_nothing(browser: Browser) -> None:
    answer = browser.get("/masuk")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert b"<script" not in answer.body
    assert answer.headers["cache-control"] == "no-store"
    assert browser.get("/masuk/gaya.css").status == 200
    assert b'data-page="masuk"' in answer.body


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36", "Chrome, Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5) AppleWebKit/605 Version/17.5 Safari/604.1", "Safari, iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126.0", "Edge, Windows"),
        ("curl/8.5.0", "curl"),
        ("", ""),
    ],
)
def test_a_device_is_named_in_two_words(agent: str, words: str) -> None:
    assert short(agent) == words
