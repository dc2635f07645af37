"""The loopback rule: who sits at this machine, and every way of only seeming to."""

from __future__ import annotations

from typing import Any

import pytest

from coc.access.loopback import is_local


def scope(
    *headers: tuple[str, str], client: Any = ("127.0.0.1", 5000), server: Any = ("127.0.0.1", 8050)
) -> dict[str, Any]:
    raw = [(k.lower().encode(), v.encode()) for k, v in headers]
    return {"client": client, "server": server, "headers": raw}


HOST = ("Host", "127.0.0.1:8050")


@pytest.mark.parametrize("host", ["127.0.0.1:8050", "localhost:8050", "LOCALHOST:8050", "[::1]:8050"])
@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_a_request_from_this_machine_to_its_own_name_is_local(host: str, peer: str) -> None:
    assert is_local(scope(("Host", host), client=(peer, 5000)))


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8050", "http://localhost:8050", "http://[::1]:8050"])
def test_our_own_origin_is_local(origin: str) -> None:
    assert is_local(scope(HOST, ("Origin", origin)))


@pytest.mark.parametrize("peer", ["10.0.0.5", "192.168.1.2", "::2", "fe80::1%eth0", "", "unix", "::ffff:10.0.0.1"])
def test_another_machine_is_not_local_whatever_it_says(peer: str) -> None:
    assert not is_local(scope(HOST, client=(peer, 5000)))
    assert not is_local(scope(HOST, client=None))


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8050",
        "127.0.0.1",
        "localhost",
        "localhost:8051",
        "127.0.0.1:8050.evil.example",
        "localhost.evil.example:8050",
        "127.0.0.1.nip.io:8050",
        "user@127.0.0.1:8050",
        "0.0.0.0:8050",
        "127.0.0.2:8050",
        "[::1%25lo]:8050",
        "::1:8050",
        "127.0.0.1:08050",
        "",
    ],
)
def test_a_name_that_was_rebound_to_this_machine_is_not_local(host: str) -> None:
    assert not is_local(scope(("Host", host)))


def test_no_host_or_two_hosts_are_not_local() -> None:
    assert not is_local(scope())
    assert not is_local(scope(HOST, HOST))


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "https://127.0.0.1:8050",
        "http://127.0.0.1",
        "http://127.0.0.1:8051",
        "",
        "file://",
    ],
)
def test_a_page_of_another_origin_is_not_local(origin: str) -> None:
    assert not is_local(scope(HOST, ("Origin", origin)))


def test_two_origins_are_not_local() -> None:
    own = ("Origin", "http://127.0.0.1:8050")
    assert not is_local(scope(HOST, own, own))


@pytest.mark.parametrize(
    "header",
    [
        "Forwarded",
        "Via",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Port",
        "X-Forwarded-Anything",
        "x-FORWARDED-for",
        "X-Real-IP",
    ],
)
@pytest.mark.parametrize("value", ["127.0.0.1", ""])
def test_what_came_through_a_proxy_is_not_local(header: str, value: str) -> None:
    assert not is_local(scope(HOST, (header, value)))


def test_the_default_port_may_be_left_out() -> None:
    assert is_local(scope(("Host", "localhost"), server=("127.0.0.1", 80)))
    assert is_local(scope(("Host", "localhost:80"), server=("127.0.0.1", 80)))
