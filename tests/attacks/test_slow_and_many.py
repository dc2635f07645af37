"""Slow on purpose and too often: what is held open ends, a flood is refused, and others notice nothing of it."""

from __future__ import annotations

import contextlib
import http.client
import socket
import time
from collections.abc import Iterator

import pytest

from coc.access import Viewer
from coc.live.connection import Doorkeeper, Patience
from coc.live.rates import Rates, Throttle, place
from coc.live.stream import MOST_OF_ONE
from tests.attacks.raw import Site, received, received_until, send_raw, statuses
from tests.live.serving import TOKENS, Served, served, settings_with_tokens, wait_until

SHORT = Patience(header_seconds=0.4, unread_seconds=0.6)


@pytest.fixture(scope="module")
def brisk() -> Iterator[Served]:
    """A server of little patience."""
    with served(patience=SHORT) as found:
        yield found


def ended_within(wire: socket.socket, seconds: float, drip: bytes = b"") -> bool:
    """Whether the server closes, though a byte comes now and then."""
    wire.settimeout(0.05)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if not wire.recv(65536):
                return True
        except TimeoutError:
            with contextlib.suppress(OSError):
                wire.sendall(drip)
        except OSError:
            return True
    return False


@pytest.mark.parametrize(
    ("first", "drip"),
    [
        (b"", b""),
        (b"GET / HT", b""),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\n", b"X: y\r\n"),
        (b"\r\n", b"\r\n"),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /hea", b"l"),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 999999\r\n\r\n", b"a"),
    ],
    ids=[
        "silence",
        "a line that stops",
        "headers that never end",
        "blank lines",
        "the next request",
        "chunks",
        "length",
    ],
)
def test_what_never_comes_whole_is_cut_off(brisk: Served, first: bytes, drip: bytes) -> None:
    with socket.create_connection(("127.0.0.1", brisk.port)) as wire:
        wire.sendall(first)
        assert ended_within(wire, 3.0, drip)


def test_a_connection_that_rests_between_requests_stays(brisk: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", brisk.port, timeout=5)
    for _ in range(2):
        connection.request("GET", "/healthz")
        assert connection.getresponse().read()
        time.sleep(2 * SHORT.header_seconds)
    connection.close()


def test_a_stream_outlives_every_deadline(brisk: Served) -> None:
    with socket.create_connection(("127.0.0.1", brisk.port), timeout=5) as wire:
        wire.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % brisk.port)
        wait_until(lambda: brisk.services.hub.streams == 1)
        time.sleep(3 * SHORT.unread_seconds)
        assert brisk.services.hub.streams == 1
    wait_until(lambda: brisk.services.hub.streams == 0)


def test_a_client_that_reads_nothing_is_let_go(brisk: Served) -> None:
    asked = b"GET /_dash-dependencies HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % brisk.port
    with socket.socket() as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.connect(("127.0.0.1", brisk.port))
        wire.settimeout(0.05)
        let_go, until = False, time.monotonic() + 20
        while not let_go and time.monotonic() < until:
            try:
                wire.sendall(asked * 100)
            except TimeoutError:
                time.sleep(0.05)
            except ConnectionError:
                let_go = True
    assert let_go


def test_others_are_served_while_hundreds_dribble(brisk: Served) -> None:
    with contextlib.ExitStack() as held:
        for _ in range(300):
            wire = held.enter_context(socket.create_connection(("127.0.0.1", brisk.port)))
            wire.sendall(b"POST /_dash-update-component HTTP/1.1\r\nHost: a\r\nContent-Le")
        began = time.monotonic()
        assert brisk.ask("/api/v1/kpis").status == 200
        assert time.monotonic() - began < 2.0


def test_requests_sent_all_at_once_are_answered_in_order_and_once_each(live: Served) -> None:
    one = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    last = b"GET /nowhere-at-all HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    assert statuses(send_raw(live.port, one * 50 + last)) == [200] * 50 + [403]


def test_only_so_many_connections_come_from_one_address() -> None:
    keeper = Doorkeeper(trusted=("10.0.0.0/24",))
    assert keeper.counts("203.0.113.9")
    assert not keeper.counts("127.0.0.1")
    assert not keeper.counts("::1")
    assert not keeper.counts("10.0.0.7")


def test_too_many_connections_are_told_so_and_the_others_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Doorkeeper, "counts", lambda self, address: True)
    with served(patience=Patience(connections=3)) as full:
        with contextlib.ExitStack() as held:
            for _ in range(3):
                wire = held.enter_context(socket.create_connection(("127.0.0.1", full.port)))
                wire.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
                assert received_until(wire, b"ok\n").startswith(b"HTTP/1.1 200 OK")
            with socket.create_connection(("127.0.0.1", full.port), timeout=5) as one_more:
                assert received(one_more).startswith(b"HTTP/1.1 503")
            wire.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            assert received_until(wire, b"ok\n").startswith(b"HTTP/1.1 200 OK")
        wait_until(lambda: full.ask("/healthz").status == 200)


def test_a_stranger_who_asks_without_end_is_told_to_wait_and_a_good_session_is_not(site: Site) -> None:
    secret = site.open("oper")
    connection = http.client.HTTPConnection("127.0.0.1", site.served.port, timeout=10)
    found = []
    for _ in range(Rates().refusals + 5):
        connection.request("GET", "/api/v1/kpis", headers={"Authorization": "Bearer wrong"})
        answer = connection.getresponse()
        answer.read()
        found.append(answer.status)
    connection.close()
    assert set(found[: Rates().refusals]) == {401}
    assert found[-1] == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert site.ask("/api/v1/kpis", secret).status == 200
    assert site.ask("/masuk").status == 200


def test_a_session_may_write_often_but_not_without_end() -> None:
    now = [0.0]
    throttle = Throttle(Rates(posts=3, posts_of_place=5, forms_of_place=2), lambda: now[0])
    person, demo = Viewer("head", "rina", session="digest"), Viewer("leader", "demo")
    assert [throttle.post("10.0.0.1", person) is None for _ in range(4)] == [True, True, True, False]
    assert [throttle.post("10.0.0.1", demo) is None for _ in range(6)] == [True] * 5 + [False]
    assert [throttle.post("10.0.0.1", None) is None for _ in range(3)] == [True, True, False]
    assert throttle.post("10.0.0.2", demo) is None
    now[0] = 60.5
    assert throttle.post("10.0.0.1", person) is None


def test_one_household_is_one_place_in_ipv6() -> None:
    assert place("2001:db8:1:2:aaaa::1") == place("2001:db8:1:2:bbbb::9") != place("2001:db8:1:3::1")
    assert place("::ffff:192.0.2.1") == place("192.0.2.1")


def test_one_token_holds_only_so_many_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coc.live.stream.is_loopback", lambda peer: False)
    monkeypatch.setattr("coc.live.stream.MOST_OF_ONE", 3)
    assert MOST_OF_ONE >= 12 * 4
    with served(settings_with_tokens()) as live, contextlib.ExitStack() as held:
        asked = b"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n\r\n"
        wires = []
        for _ in range(3):
            wires.append(held.enter_context(socket.create_connection(("127.0.0.1", live.port), timeout=5)))
            wires[-1].sendall(asked % (live.port, TOKENS["screen"].encode()))
        wait_until(lambda: live.services.hub.streams == 3)
        assert live.token("/api/v1/stream", "screen").status == 429
        with socket.create_connection(("127.0.0.1", live.port), timeout=5) as other:
            other.sendall(asked % (live.port, TOKENS["leader"].encode()))
            assert b"200 OK" in other.recv(4096)
        wires[0].close()
        wait_until(lambda: live.services.hub.streams == 2)
        with socket.create_connection(("127.0.0.1", live.port), timeout=5) as again:
            again.sendall(asked % (live.port, TOKENS["screen"].encode()))
            assert b"200 OK" in again.recv(4096)
