"""Forged `Host`, `Origin` and `X-Forwarded-*`: nobody talks this server into another name or another address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coc.settings.models import Server, Settings
from tests.attacks.raw import Site, a_site
from tests.live.serving import Answer, Served, served, settings_with_tokens, wait_until

PUBLIC = "https://coc.example.go.id"
SAID = [
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Forwarded-For": "203.0.113.9, 127.0.0.1"},
    {"X-Forwarded-Proto": "https"},
    {"X-Forwarded-Host": "127.0.0.1"},
    {"X-Forwarded": "for=127.0.0.1"},
    {"X-Real-IP": "127.0.0.1"},
    {"Forwarded": "for=127.0.0.1;host=localhost"},
    {"Via": "1.1 proxy"},
]


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Behind a proxy on this machine and another one before it."""
    server = Server(public_url=PUBLIC, trusted_proxies=("127.0.0.1", "10.9.0.1/16"))
    with a_site(tmp_path_factory.mktemp("behind"), Settings(server=server)) as found:
        yield found


def through(site: Site, path: str, hops: str = "203.0.113.9", proto: str = "https", **headers: str) -> Answer:
    forwarded = {"Host": "coc.example.go.id", "X-Forwarded-For": hops, "X-Forwarded-Proto": proto}
    return site.ask(path, headers=forwarded | headers)


def last_address(site: Site) -> str:
    """From where the latest audit line came, once a refusal has been written."""
    wait_until(lambda: bool(site.control.audit_rows()))
    return str(site.control.audit_rows()[0].from_where)


@pytest.mark.parametrize("said", SAID, ids=lambda said: next(iter(said)))
def test_a_request_with_a_proxys_mark_is_not_at_this_machine(live: Served, said: dict[str, str]) -> None:
    assert live.ask("/api/v1/feeds").status == 200
    assert live.ask("/api/v1/feeds", headers=said).status == 403
    assert live.ask("/metrics", headers=said).status == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example:{port}", "0.0.0.0:{port}"]
)
def test_a_name_rebound_to_this_machine_makes_no_operator(live: Served, host: str) -> None:
    named = {"Host": host.format(port=live.port)}
    for path in ("/", "/api/v1/feeds", "/live/frame?page=test", "/metrics", "/_dash-layout"):
        assert live.ask(path, headers=named).status == 403, path


def test_a_page_of_another_origin_on_this_machine_makes_no_operator(live: Served) -> None:
    for origin in (
        "http://evil.example",
        "null",
        f"http://localhost:{live.port + 1}",
        f"https://127.0.0.1:{live.port}",
    ):
        assert live.ask("/api/v1/feeds", headers={"Origin": origin}).status == 403, origin


def test_behind_a_proxy_the_address_is_the_rightmost_hop_that_is_no_proxy(behind: Site) -> None:
    through(behind, "/api/v1/kpis", hops="127.0.0.1, 198.51.100.7, 10.9.3.3")
    wait_until(lambda: "198.51.100.7" in {line.from_where for line in behind.control.audit_rows()})


def test_who_is_no_trusted_proxy_is_not_believed_about_an_address(tmp_path: Path) -> None:
    settings = Settings(server=Server(trusted_proxies=("10.9.0.0/16",)))
    with a_site(tmp_path, settings) as site:
        site.ask("/api/v1/kpis", headers={"X-Forwarded-For": "198.51.100.7"})
        assert last_address(site) == "127.0.0.1"


@pytest.mark.parametrize("hops", ["", "unknown", "_hidden", "203.0.113.9\x01", "a" * 200])
def test_a_hop_that_is_no_address_leaves_the_proxys_own(behind: Site, hops: str) -> None:
    assert through(behind, "/api/v1/kpis", hops=hops).status in (400, 401)
    wait_until(lambda: bool(behind.control.audit_rows()))
    assert {line.from_where for line in behind.control.audit_rows()} <= {"127.0.0.1", "198.51.100.7", "203.0.113.9"}


@pytest.mark.parametrize(
    "host", ["evil.example", "coc.example.go.id.evil.example", "coc.example.go.id:8443", "127.0.0.1"]
)
def test_under_a_public_address_another_host_is_told_the_right_one(behind: Site, host: str) -> None:
    for path in ("/", "/masuk", "/api/v1/kpis", "/healthz"):
        answer = through(behind, path, Host=host)
        assert answer.status == 421, path
        assert PUBLIC in answer.body.decode()
        assert host not in answer.body.decode()
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_under_a_public_address_this_machine_may_ask_how_it_goes(behind: Site, path: str) -> None:
    assert behind.ask(path).status == 200


def test_a_strangers_metrics_are_refused_through_the_proxy(behind: Site) -> None:
    assert through(behind, "/metrics").status in (401, 403)


def test_over_https_no_cookie_leaves_in_the_clear(behind: Site) -> None:
    answers = [through(behind, "/masuk"), through(behind, "/masuk?lang=en&theme=light")]
    for answer in answers:
        assert answer.cookies
        assert all("secure" in cookie.lower() for cookie in answer.cookies)
        assert answer.headers["strict-transport-security"].startswith("max-age=")


def test_a_write_must_come_from_the_public_origin(behind: Site) -> None:
    cookie = f"__Host-coc_live={behind.open('rina')}"
    secret = cookie.partition("=")[2]
    headers = {
        "Cookie": cookie,
        "Host": "coc.example.go.id",
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "https",
    }
    for origin in (
        "http://coc.example.go.id",
        "https://evil.example",
        "https://coc.example.go.id.evil.example",
        "null",
    ):
        assert behind.form("/akun/pilihan", b"language=id", secret, **headers, Origin=origin).status == 403, origin
    assert behind.form("/akun/pilihan", b"language=id", secret, **headers, Origin=PUBLIC).status == 303


def test_the_public_address_is_the_live_realms_and_not_the_demo_realms() -> None:
    with served(settings_with_tokens(server=Server(public_url=PUBLIC)), realm="demo") as demo:
        answer = demo.ask("/", headers={"Host": "demo.example.go.id"})
        assert answer.status == 200
        assert "strict-transport-security" not in answer.headers


def test_a_sibling_of_the_same_site_may_not_write() -> None:
    with served(settings_with_tokens()) as live:
        said = {"Origin": f"http://127.0.0.1:{live.port}", "Sec-Fetch-Site": "same-site"}
        assert live.ask("/_dash-update-component", "POST", said, b"{}").status == 403
