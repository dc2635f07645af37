"""The fetch rules, against a server that breaks each of them."""

from __future__ import annotations

import email.utils
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from coc.settings.models import Auth, BasicAuth, ConnectorBlock, HeaderAuth, LoginAuth
from data_connectors.base import FAILURES, FetchError
from data_connectors.client import Client
from tests.connectors import hostile
from tests.connectors.hostile import Handler, Request, serving

TOKEN = "kunci-rahasia-9f2"
BEARER = Auth(bearer=SecretStr(TOKEN))


def fetch(url: str, path: str = "data", *, seconds: float = 5, **block: Any) -> Any:
    given = ConnectorBlock(
        type="any", url=url, **{"auth": BEARER, "timeout_seconds": 2, "deadline_seconds": seconds, **block}
    )
    with Client(given, time.monotonic() + seconds) as client:
        return client.get_json(path)


def failure(url: str, **given: Any) -> FetchError:
    started = time.monotonic()
    with pytest.raises(FetchError) as caught:
        fetch(url, **given)
    assert time.monotonic() - started < given.get("seconds", 5) + 10, "ended after its deadline"
    assert TOKEN not in str(caught.value)
    assert caught.value.code in FAILURES
    return caught.value


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (hostile.login_page, "login_page"),
        (hostile.truncated, "broken"),
        (hostile.cut_short, "broken"),
        (hostile.cut_chunks, "broken"),
        (hostile.broken_gzip, "broken"),
        (hostile.status(200, b"id;nama", "text/csv"), "content_type"),
        (hostile.status(200, b"<html>", "application/json"), "login_page"),
        (hostile.status(401), "credentials"),
        (hostile.status(403), "credentials"),
        (hostile.status(404), "not_found"),
        (hostile.status(410), "http_status"),
        (hostile.status(500), "http_status"),
        (hostile.status(429), "rate_limited"),
        (hostile.status(503, retry_after="60"), "rate_limited"),
        (hostile.status(503, b'{"status":"error","error":"query timed out"}', "application/json"), "source_error"),
        (hostile.status(200, b"{}", "application/json", content_encoding="br"), "broken"),
        (hostile.status(302, location="//other.example.go.id/x"), "redirected"),
        (hostile.status(302, location="ftp://127.0.0.1/x"), "redirected"),
        (hostile.status(302, location="/data"), "redirected"),
        (hostile.status(302), "http_status"),
    ],
)
def test_each_bad_answer_has_its_own_code(answer: Callable[[Handler, Request], None], code: str) -> None:
    with serving(answer) as server:
        assert failure(server.url).code == code


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("drip", [hostile.drip_body, hostile.drip_headers])
def test_a_drip_feed_ends_at_the_deadline(drip: Callable[[Handler, Request], None], tls: bool) -> None:
    with serving(drip, tls=tls) as server:
        error = failure(server.url, seconds=0.6, verify=str(hostile.TLS / "authority.pem"))
    assert error.code == "too_slow"
    assert "0.6 s" in error.detail


def test_silence_ends_at_the_timeout_and_is_tried_again() -> None:
    def silent(handler: Handler, _: Request) -> None:
        handler.server.stop.wait(5)

    with serving(silent) as server:
        assert failure(server.url, timeout_seconds=0.1, seconds=3).code == "too_slow"
        assert len(server.seen) == 4


@pytest.mark.parametrize("answer", [hostile.gzip_bomb, hostile.huge])
def test_a_body_without_end_is_left_at_the_limit(answer: Callable[[Handler, Request], None]) -> None:
    with serving(answer) as server:
        tracemalloc.start()
        try:
            error = failure(server.url, max_mb=2)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert (error.code, error.detail) == ("too_large", "2 MB")
    assert peak < 12_000_000  # the server's own buffers among them


def test_a_refused_connection_and_an_unknown_name_are_unreachable() -> None:
    assert failure(f"http://127.0.0.1:{hostile.closed_port()}").code == "unreachable"
    assert "name is not known" in failure("http://tidak-ada.invalid").detail


def test_no_request_and_no_token_reaches_another_host() -> None:
    with serving(hostile.status(200, b"{}")) as other:
        port = other.server_address[1]
        with serving(hostile.status(302, location=f"http://localhost:{port}/data")) as server:
            error = failure(server.url)
            assert len(server.seen) == 1
        assert other.seen == []
        assert error.detail == f"localhost:{port}"


def test_a_next_link_to_another_host_is_not_followed() -> None:
    with serving(hostile.status(200, b"{}")) as other, serving(hostile.status(200, b"{}")) as server:
        assert failure(server.url, path=f"{other.url}/page/2").code == "redirected"
        assert server.seen == other.seen == []


def test_a_redirect_within_the_origin_is_followed_with_the_credentials() -> None:
    def answer(handler: Handler, request: Request) -> None:
        if request.path == "/data":
            handler.say(301, location="/data/?a=1")
        else:
            handler.json({"a": request.query["a"], "auth": request.headers["authorization"]})

    with serving(answer) as server:
        assert fetch(server.url) == {"a": "1", "auth": f"Bearer {TOKEN}"}


def test_a_passing_failure_is_tried_again() -> None:
    answers = [hostile.status(code) for code in (500, 503, 408)]
    with serving(hostile.in_turn(*answers, hostile.gzipped({"ok": True}))) as server:
        assert fetch(server.url) == {"ok": True}
        assert len(server.seen) == 4


@pytest.mark.parametrize("code", [400, 401, 404])
def test_a_lasting_failure_is_not_tried_again(code: int) -> None:
    with serving(hostile.status(code)) as server:
        failure(server.url)
        assert len(server.seen) == 1


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_waited_for(form: str) -> None:
    def busy(handler: Handler, _: Request) -> None:
        at = datetime.now(UTC) + timedelta(seconds=1)
        handler.say(429, retry_after="1" if form == "seconds" else email.utils.format_datetime(at, usegmt=True))

    started = time.monotonic()
    with serving(hostile.in_turn(busy, hostile.status(200, b"{}", "application/json"))) as server:
        assert fetch(server.url) == {}
    assert time.monotonic() - started > (0.9 if form == "seconds" else 0.0)


def test_retry_after_beyond_the_deadline_ends_the_run_at_once() -> None:
    started = time.monotonic()
    with serving(hostile.status(429, retry_after="120")) as server:
        error = failure(server.url)
    assert time.monotonic() - started < 60
    assert (error.code, error.retry_after) == ("rate_limited", 120)


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        (BEARER, "authorization", f"Bearer {TOKEN}"),
        (Auth(basic=BasicAuth(user="coc", password=SecretStr("x"))), "authorization", "Basic Y29jOng="),
        (Auth(header=HeaderAuth(name="X-API-Key", value=SecretStr("k"))), "x-api-key", "k"),
    ],
)
def test_credentials_go_out_as_configured(auth: Auth, header: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with serving(hostile.status(200, b"{}", "application/json")) as server:
        fetch(server.url, auth=auth)
        assert server.seen[0].headers[header] == value


def test_a_user_in_the_url_is_sent_as_basic_and_never_shown() -> None:
    with serving(hostile.status(404)) as server:
        error = failure(server.url.replace("http://", "http://coc:sandi-panjang@"), auth=Auth())
        assert server.seen[0].headers["authorization"].startswith("Basic ")
        assert "sandi" not in str(error)


def test_a_session_that_ended_is_opened_again_once() -> None:
    sessions: list[str] = []

    def answer(handler: Handler, request: Request) -> None:
        if request.path == "/masuk":
            sessions.append(f"sesi-{len(sessions)}")
            handler.json({"data": {"token": sessions[-1]}} if b"sandi" in request.body else {}, 200)
        elif request.headers.get("authorization") == "Bearer sesi-1":
            handler.json({"ok": 1})
        else:
            handler.say(401)

    login = Auth(login=LoginAuth(path="/masuk", body={"user": "coc", "password": "sandi"}, token="data.token"))
    with serving(answer) as server:
        assert fetch(server.url, auth=login) == {"ok": 1}
        sessions.extend(["x", "y"])
        assert failure(server.url, auth=login).code == "credentials"
        assert [r.path for r in server.seen].count("/masuk") == 4


def test_a_login_without_a_token_is_refused_credentials() -> None:
    login = Auth(login=LoginAuth(path="/masuk", body={}, token="data.token"))
    with serving(hostile.status(200, b"{}", "application/json")) as server:
        assert failure(server.url, auth=login).code == "credentials"


def test_what_a_source_quotes_of_the_token_is_blotted_out() -> None:
    body = f'{{"error": "bad token {TOKEN}"}}'.encode()
    with serving(hostile.status(400, body, "application/json")) as server:
        error = failure(server.url)
    assert (error.code, error.detail) == ("source_error", "bad token ***")


def test_a_certificate_nobody_signed_is_refused_and_one_of_the_named_authority_is_not() -> None:
    with serving(hostile.status(200, b"{}", "application/json"), tls=True) as server:
        assert failure(server.url).code == "certificate"
        assert server.seen == []
        assert fetch(server.url, verify=str(hostile.TLS / "authority.pem")) == {}
        assert fetch(server.url, verify=False) == {}
        assert failure(server.url, verify="/tidak/ada.pem").code == "config"
        assert failure(server.url.replace("https", "http")).code == "unreachable"


@pytest.mark.parametrize("url", ["", "simulator", "ftp://x/y", "http://", "http://x:port/"])
def test_a_url_that_is_none_is_a_mistake_of_the_config(url: str) -> None:
    assert failure(url).code == "config"
