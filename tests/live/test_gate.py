"""Every request passes one gate: who may come in, and what every answer carries."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from coc.live.gate import MOST_BODY
from tests.live.serving import Served, served, wait_until

PATHS = [
    "/",
    "/lain",
    "/nothing-here",
    "/api/v1/kpis",
    "/api/v1/kpis/disposition.backlog",
    "/api/v1/feeds",
    "/api/v1/stream",
    "/api/openapi.json",
    "/live/frame?page=home",
    "/metrics",
    "/_dash-layout",
    "/_dash-dependencies",
    "/_dash-component-suites/dash/dcc/dash_core_components.js",
    "/assets/coc-live.js",
    "/_favicon.ico",
]
STRANGE = [
    {"Host": "evil.example"},
    {"X-Forwarded-For": "127.0.0.1"},
    {"Forwarded": "for=127.0.0.1"},
    {"Via": "1.1 proxy"},
    {"Origin": "http://evil.example"},
]


@pytest.fixture(scope="module")
def demo() -> Iterator[Served]:
    with served(realm="demo") as found:
        yield found


@pytest.mark.parametrize("headers", STRANGE, ids=lambda h: next(iter(h)))
@pytest.mark.parametrize("path", PATHS)
def test_a_stranger_gets_nothing_in_the_live_realm(live: Served, path: str, headers: dict[str, str]) -> None:
    answer = live.ask(path, headers=headers)
    assert answer.status == 403
    assert b"coc token create" in answer.body
    assert b"DISDIK" not in answer.body


@pytest.mark.parametrize("headers", STRANGE, ids=lambda h: next(iter(h)))
def test_a_stranger_cannot_call_back_either(live: Served, headers: dict[str, str]) -> None:
    assert live.ask("/_dash-update-component", "POST", headers, b"{}").status == 403


def test_a_stranger_may_know_that_the_server_is_alive(live: Served) -> None:
    assert live.ask("/healthz", headers={"Host": "evil.example"}).body == b"ok\n"


def test_a_refused_page_says_how_to_come_in_and_needs_no_other_file(live: Served) -> None:
    for language, said in (("id", "Belum ada"), ("en", "Nobody can sign in"), ("xx", "Belum ada")):
        answer = live.ask(f"/?lang={language}", headers={"Host": "evil.example"})
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert said in answer.body.decode()
        assert b"<script" not in answer.body
        assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("shown", ["Bearer wrong", "Bearer old-secret", "Bearer", "Basic b3A6b3A=", "op-secret", ""])
def test_a_token_that_is_no_good_is_refused_even_on_this_machine(live: Served, shown: str) -> None:
    answer = live.ask("/api/v1/kpis", headers={"Authorization": shown})
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json["status"] == 401


@pytest.mark.parametrize("headers", STRANGE, ids=lambda h: next(iter(h)))
def test_a_good_token_comes_in_from_anywhere(live: Served, headers: dict[str, str]) -> None:
    assert live.token("/api/v1/kpis", "operator", **headers).status == 200
    assert live.token("/metrics", "operator", **headers).status == 200


def test_a_lens_cannot_be_chosen_in_the_live_realm(live: Served) -> None:
    assert live.ask("/api/v1/kpis?lens=admin").status == 403
    assert live.ask("/?lens=admin").status == 403
    assert live.token("/api/v1/feeds?lens=admin", "screen").status == 403
    cookie = {"Cookie": "coc_demo_lens=admin"}
    assert "last_run" not in live.token("/api/v1/feeds", "screen", **cookie).json["items"][0]


def test_another_realm_is_nowhere(live: Served, demo: Served) -> None:
    for path in ("/", "/lain", "/healthz", "/api/v1/kpis", "/api/v1/stream", "/live/frame", "/assets/coc-live.js"):
        assert live.ask(f"{path}?realm=demo").status == 404
        assert demo.ask(f"{path}?realm=live").status == 404
        assert live.ask(f"{path}?realm=demo", headers={"Host": "evil.example"}).status == 404


def test_in_the_demo_realm_everyone_comes_in_and_may_put_on_any_lens(demo: Served) -> None:
    stranger = {"Host": "coc.kota.example:8051", "Via": "1.1 proxy"}
    assert demo.ask("/", headers=stranger).status == 200
    assert demo.ask("/api/v1/kpis", headers=stranger).json["realm"] == "demo"
    assert demo.ask("/api/v1/feeds", headers=stranger).json["items"] == [{"name": "sipadek", "state": "fresh"}]
    assert "last_run" in demo.ask("/api/v1/feeds?lens=operator", headers=stranger).json["items"][0]
    (masked,) = demo.ask("/api/v1/kpis/correspondence.registered_today?unit=DISDIK&lens=public").json["items"]
    assert (masked["value"], masked["state"]) == (None, "masked")
    assert demo.ask("/api/v1/feeds?lens=god", headers=stranger).status == 422


def test_a_lens_chosen_on_a_page_sticks_in_the_demo_realm(demo: Served) -> None:
    (kept,) = [c for c in demo.ask("/?lens=operator").cookies if c.startswith("coc_demo_lens=")]
    assert "SameSite=Lax" in kept
    assert "last_run" in demo.ask("/api/v1/feeds", headers={"Cookie": kept.split(";")[0]}).json["items"][0]


def test_the_machines_own_numbers_are_not_shown_to_demo_visitors(demo: Served) -> None:
    assert demo.ask("/metrics", headers={"Host": "coc.kota.example"}).status == 403
    assert demo.ask("/metrics").status == 200


def test_a_lens_that_cannot_be_chosen_is_not_told_as_a_stranger(live: Served) -> None:
    shown = live.ask("/?lens=admin&lang=en").body.decode()
    assert "?lens=" in shown
    assert "sign in" not in shown


def test_every_answer_carries_the_same_safety(live: Served) -> None:
    for path in ("/", "/healthz", "/api/v1/kpis", "/nothing", "/api/nothing", "/assets/coc-live.js", "/live/frame"):
        headers = live.ask(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "server" not in headers


def test_a_page_may_run_only_what_was_sent_with_it(live: Served) -> None:
    policy = live.ask("/").headers["content-security-policy"]
    script = next(p for p in policy.split("; ") if p.startswith("script-src"))
    assert "unsafe" not in script
    assert "'sha256-" in script
    assert "http" not in policy


def test_a_callback_of_another_origin_is_refused(demo: Served) -> None:
    body = json.dumps({"output": "x"}).encode()
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert demo.ask("/_dash-update-component", "POST", headers, body).status == 403


@pytest.mark.parametrize("declared", [True, False])
def test_a_callback_is_read_up_to_its_limit(live: Served, declared: bool) -> None:
    body = b"x" * (MOST_BODY + 1)
    if declared:
        answer = live.ask("/_dash-update-component", "POST", {"Content-Length": str(len(body))}, None)
    else:
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        headers = {"Transfer-Encoding": "chunked", "Content-Length": ""}
        del headers["Content-Length"]
        answer = _chunked(live, headers, chunked)
    assert answer == 413 if isinstance(answer, int) else answer.status == 413


def _chunked(live: Served, headers: dict[str, str], body: bytes) -> int:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=10)
    try:
        connection.putrequest("POST", "/_dash-update-component", skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"output": "nothing.children"}', b"\xff"])
def test_a_broken_callback_is_a_problem_and_not_a_crash(live: Served, body: bytes) -> None:
    answer = live.ask("/_dash-update-component", "POST", {"Content-Type": "application/json"}, body)
    assert answer.status in (400, 415, 500)
    assert answer.headers["content-type"] == "application/problem+json"
    assert b"Traceback" not in answer.body


def test_refusals_are_audited_but_a_flood_is_not() -> None:
    with served() as own:
        for _ in range(50):
            own.ask("/api/v1/kpis", headers={"Authorization": "Bearer wrong"})
            own.ask("/api/v1/kpis", headers={"Via": "1.1 x"})
        wait_until(lambda: len(own.control.lines) == 2)
        assert {line[-1] for line in own.control.lines} == {"401 unknown token", "403 not signed in"}
        assert all("wrong" not in " ".join(line) for line in own.control.lines)
