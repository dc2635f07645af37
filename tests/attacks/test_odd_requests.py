"""Requests that no page makes: odd verbs, climbing paths, lines within headers, doubled cookies, too much of all."""

from __future__ import annotations

import pytest

from coc.access.table import RULES
from tests.attacks.raw import Site, send_raw, statuses
from tests.live.serving import ROOT, TOKENS, Served

CLIMBS = [
    "/assets/../config.yaml",
    "/assets/..%2fconfig.yaml",
    "/assets/%2e%2e/config.yaml",
    "/assets/%2e%2e%2fconfig.yaml",
    "/assets/..%5cconfig.yaml",
    "/assets/....//config.yaml",
    "/assets//etc/passwd",
    "/assets/%00/../config.yaml",
    "/assets/coc.css%00.txt",
    "/assets/%252e%252e/config.yaml",
    "/assets/.%2e/.%2e/.%2e/.%2e/etc/passwd",
    "/assets/fonts/../../config.yaml",
    "/assets/fonts/..%2f..%2fconfig.yaml",
    "/assets/fonts/%2e%2e/%2e%2e/coc/cli/serve.py",
    "/_dash-component-suites/dash/../../../../etc/passwd",
    "/_dash-component-suites/dash/..%2f..%2f..%2fsetup.py",
    "/_dash-component-suites/coc/access/sessions.py",
    "/_dash-component-suites/os/../etc/passwd",
    "/masuk/../config.yaml",
    "/masuk/%2e%2e/config.yaml",
    "/api/v1/../../config.yaml",
    "//etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/..;/metrics",
    "/static/../config.yaml",
]
LEFT_BEHIND = [
    "/.git/config", "/.env", "/config.yaml", "/config.yaml.bak", "/config.yaml~", "/var/coc.db", "/var/control.db",
    "/coc.db", "/app.py", "/assets/coc.css.bak", "/assets/.git/config", "/pyproject.toml", "/docs", "/redoc",
    "/swagger", "/console", "/debug", "/__debugger__", "/server-status", "/admin", "/wp-login.php", "/_reload-hash",
    "/_alive_x", "/_dash-config", "/_dash-error-reporting", "/_dash_job", "/api/docs", "/api/v1/docs",
]  # fmt: skip


def said(site: Site, path: str, secret: str | None, **headers: str) -> tuple[int, bytes]:
    """A request whose path goes out as it stands, without a client that tidies it."""
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{site.served.port}", "Connection: close"]
    lines += [f"Cookie: coc_live={secret}"] if secret else []
    lines += [f"{k}: {v}" for k, v in headers.items()]
    answer = send_raw(site.served.port, ("\r\n".join(lines) + "\r\n\r\n").encode())
    return statuses(answer)[0], answer


@pytest.mark.parametrize("path", CLIMBS)
def test_no_path_climbs_out_of_its_folder(site: Site, path: str) -> None:
    for secret in (site.open("admin"), None):
        status, answer = said(site, path, secret)
        assert status in (303, 400, 401, 404), answer[:300]
        assert b"connectors:" not in answer
        assert b"root:" not in answer
        assert b"import " not in answer
        assert str(ROOT).encode() not in answer


@pytest.mark.parametrize("path", LEFT_BEHIND)
def test_nothing_that_was_left_behind_is_served(site: Site, path: str) -> None:
    status, answer = said(site, path, site.open("admin"))
    assert status in (404, 405), answer[:300]
    assert str(ROOT).encode() not in answer
    assert b"Traceback" not in answer
    assert said(site, path, None)[0] in (303, 401, 404)


@pytest.mark.parametrize("verb", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "FOO", "get"])
@pytest.mark.parametrize("path", ["/", "/sumber", "/api/v1/kpis", "/masuk", "/live/frame", "/metrics", "/_dash-layout"])
def test_a_verb_that_a_path_does_not_take_does_nothing(site: Site, verb: str, path: str) -> None:
    for secret in (site.open("admin"), None):
        headers = {"Cookie": f"coc_live={secret}", "X-Echo": "heard"} if secret else {"X-Echo": "heard"}
        answer = site.served.ask(path, verb, headers)
        assert answer.status in (400, 401, 403, 404, 405), verb
        assert b"heard" not in answer.body
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_no_header_makes_a_read_a_write(site: Site, name: str) -> None:
    secret = site.open("rina")
    site.ask("/keluar", secret, headers={name: "POST"})
    site.ask("/keluar?_method=POST", secret)
    assert site.ask("/akun", secret).status == 200
    assert site.ask("/_dash-update-component", secret, headers={name: "POST"}).status == 405


@pytest.mark.parametrize("name", ["X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix", "X-Script-Name"])
def test_no_header_moves_a_request_to_another_path(site: Site, name: str) -> None:
    assert site.ask("/masuk", headers={name: "/akun"}).status == 200
    assert site.ask("/api/v1/kpis", headers={name: "/healthz"}).status == 401
    page = site.ask("/", site.open("rina"), headers={name: "/evil-prefix"})
    assert b"evil-prefix" not in page.body


def test_head_tells_no_more_than_get(site: Site) -> None:
    for path in [r.path for r in RULES if "*" not in r.path]:
        if path == "/api/v1/stream":
            continue
        for secret in (None, site.open("tamu")):
            head, get = site.ask(path, secret, "HEAD"), site.ask(path, secret)
            assert (head.status, head.body) == (get.status, b""), path


@pytest.mark.parametrize("secret", ["", "admin"])
def test_an_upgrade_to_websocket_is_not_taken(site: Site, secret: str) -> None:
    wanted = {"Upgrade": "websocket", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version": "13"}
    lines = "".join(f"{k}: {v}\r\n" for k, v in wanted.items())
    own = f"Cookie: coc_live={site.open(secret)}\r\n" if secret else ""
    for path in ("/", "/api/v1/stream", "/_dash-update-component"):
        host = f"Host: 127.0.0.1:{site.served.port}\r\n"
        request = f"HEAD {path} HTTP/1.1\r\n{host}Connection: Upgrade, close\r\n{lines}{own}\r\n"
        answer = send_raw(site.served.port, request.encode())
        assert b"101" not in answer.split(b"\r\n")[0]
        assert statuses(answer) != []


@pytest.mark.parametrize(
    "line",
    ["/masuk?next=/%0d%0aSet-Cookie:%20a=b", "/x%0d%0aSet-Cookie:%20a=b", "/?lang=id%0d%0aSet-Cookie:%20a=b",
     "/?theme=dark%0aSet-Cookie:a=b", "/masuk?lang=en%0d%0a%0d%0a<script>", "/surat?%0d%0aSet-Cookie:a=b"],
)  # fmt: skip
def test_no_line_of_ones_own_gets_into_the_headers(site: Site, line: str) -> None:
    for secret in (None, site.open("rina")):
        _, answer = said(site, line, secret)
        head = answer.split(b"\r\n\r\n")[0].lower()
        assert b"\r\nset-cookie: a=b" not in head
        assert b"\r\nset-cookie:a=b" not in head
        assert b"<script>" not in head


@pytest.mark.parametrize(
    "request_line",
    [b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
     b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
     b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n X: folded\n\r\n\x00",
     b"\x16\x03\x01\x02\x00"],
    ids=["two hosts", "no host", "two blanks", "two lengths", "a blank in a name", "a zero", "a TLS hello"],
)  # fmt: skip
def test_what_is_no_honest_request_gets_no_answer_but_400(live: Served, request_line: bytes) -> None:
    answer = send_raw(live.port, request_line + b"\r\n\r\n", 3.0)
    assert statuses(answer)[:1] in ([400], [403])
    assert b"Traceback" not in answer


def test_a_length_and_chunks_together_smuggle_no_second_request(live: Served) -> None:
    inner = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % live.port
    body = b"0\r\n\r\n" + inner
    request = (
        b"POST /_dash-update-component HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    answer = send_raw(live.port, request % len(body) + body, 3.0)
    assert statuses(answer)[0] in (400, 403)
    assert b"coc_" not in answer


def test_an_address_and_headers_have_a_largest_size(site: Site) -> None:
    secret = site.open("rina")
    assert said(site, "/?x=" + "a" * 7_000, secret)[0] == 200
    assert said(site, "/?x=" + "a" * 9_000, secret)[0] == 414
    assert said(site, "/", secret, **{"X-Long": "a" * 14_000})[0] == 200
    assert said(site, "/", secret, **{"X-Long": "a" * 40_000})[0] in (400, 431)
    assert said(site, "/", secret, **{f"X-{i}": "a" for i in range(200)})[0] == 431
    assert said(site, "/masuk", None, **{"X-Long": "a" * 500_000})[0] in (400, 431)


def test_a_form_has_a_largest_size_whether_or_not_it_says_it(site: Site) -> None:
    secret, large = site.open("rina"), b"language=id&x=" + b"a" * 1_100_000
    assert site.form("/akun/pilihan", large, secret).status == 413
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (b"a" * 60_000,) * 20)
    head = (
        f"POST /akun/pilihan HTTP/1.1\r\nHost: 127.0.0.1:{site.served.port}\r\nCookie: coc_live={secret}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    assert statuses(send_raw(site.served.port, head.encode() + pieces + b"0\r\n\r\n"))[0] == 413


def test_of_two_cookies_of_one_name_none_opens_what_the_first_does_not(site: Site) -> None:
    good = site.open("tamu")
    cases = [f"coc_live=forged; coc_live={good}", f"coc_live={good}; coc_live=forged"]
    for line in cases:
        answer = site.ask("/akun", headers={"Cookie": line})
        assert answer.status in (200, 303)
        assert b"admin" not in answer.body


def test_two_authorizations_are_as_none(site: Site) -> None:
    lines = "".join(f"Authorization: Bearer {t}\r\n" for t in TOKENS.values())
    request = f"GET /api/v1/feeds HTTP/1.1\r\nHost: 127.0.0.1:{site.served.port}\r\nConnection: close\r\n{lines}\r\n"
    assert statuses(send_raw(site.served.port, request.encode()))[0] == 401


def test_a_cookie_of_the_other_realm_opens_nothing(site: Site) -> None:
    secret = site.open("admin")
    assert site.ask("/api/v1/kpis", headers={"Cookie": f"coc_demo={secret}"}).status == 401
    assert site.ask("/api/v1/kpis", headers={"Cookie": f"coc_demo_lens=admin; coc_demo={secret}"}).status == 401
    tossed = site.ask("/api/v1/feeds", site.open("tamu"), headers={"X": "y"})
    assert tossed.status == 200
    lens = site.ask("/api/v1/feeds", headers={"Cookie": f"coc_live={site.open('tamu')}; coc_demo_lens=admin"})
    assert lens.body == tossed.body
