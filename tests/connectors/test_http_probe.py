"""Applications asked as a visitor asks: up only when the right page comes from the right host."""

from __future__ import annotations

import threading
from typing import Any

import pandas as pd
import pytest
from cryptography import x509
from pydantic import ValidationError

from coc.domain.datasets import Dataset
from data_connectors.http_probe import HttpProbe
from tests.connectors import hostile
from tests.connectors.conftest import NOW
from tests.connectors.hostile import Handler, Request, serving


def probe(services: dict[str, Any], **given: Any) -> HttpProbe:
    return HttpProbe("aplikasi", HttpProbe.Block(type="http_probe", services=services, **given))


def seen(services: dict[str, Any], window: Any, **given: Any) -> pd.DataFrame:
    batches = list(probe(services, **given).pull(window()))
    return batches[-1].frame.set_index("service")


def one(answer: Any, window: Any, **expect: Any) -> pd.Series:  # type: ignore[type-arg]
    with serving(answer) as server:
        service = {"url": server.url, **({"expect": expect} if expect else {})}
        return seen({"a": service}, window, timeout_seconds=0.4, max_mb=1).loc["a"]


PAGE = hostile.status(200, b"<html>Penerimaan Peserta Didik</html>", "text/html")


@pytest.mark.parametrize(
    ("answer", "expect", "up", "status", "reason"),
    [
        (PAGE, {}, True, 200, None),
        (PAGE, {"text": "Peserta"}, True, 200, None),
        (PAGE, {"text": "Pajak"}, False, 200, "content"),
        (PAGE, {"status": 204}, False, 200, "status"),
        (PAGE, {"status": [200, 204]}, True, 200, None),
        (hostile.status(503), {}, False, 503, "status"),
        (hostile.status(404), {"status": 404}, True, 404, None),
        (hostile.login_page, {}, False, 200, "login_page"),
        (hostile.login_page, {"login": True}, True, 200, None),
        (hostile.status(302, location="https://sso.example.go.id/"), {}, False, None, "redirect"),
        (hostile.drip_body, {}, False, None, "timeout"),
        (hostile.drip_headers, {}, False, None, "timeout"),
        (hostile.huge, {"text": "x"}, False, None, "too_large"),
        (hostile.huge, {}, True, 200, None),
        (hostile.broken_gzip, {}, False, None, "content"),
    ],
)
def test_each_way_of_not_being_up_has_its_reason(
    answer: Any, expect: Any, up: bool, status: int | None, reason: str | None, window: Any
) -> None:
    found = one(answer, window, **expect)
    assert (bool(found["up"]), found["reason"]) == (up, reason)
    assert (None if pd.isna(found["status"]) else found["status"]) == status
    assert pd.isna(found["latency_ms"]) == (status is None)
    assert found["at"] == NOW


def test_no_name_no_connection_and_no_certificate_are_told_apart(window: Any) -> None:
    with serving(PAGE, tls=True) as server:
        services = {
            "dns": {"url": "http://tidak-ada.invalid/"},
            "refused": {"url": f"http://127.0.0.1:{hostile.closed_port()}/"},
            "tls": {"url": server.url},
        }
        frame = seen(services, window)
    assert frame["reason"].to_dict() == {"dns": "dns", "refused": "refused", "tls": "tls"}


def test_a_redirect_within_the_host_is_followed(window: Any) -> None:
    def answer(handler: Handler, request: Request) -> None:
        if request.path == "/beranda":
            handler.say(200, b"halo", "text/plain")
        else:
            handler.say(302, location="/beranda")

    assert one(answer, window, text="halo")["up"]


def test_one_that_hangs_delays_no_other(window: Any) -> None:
    asked: list[str] = []
    all_quick = threading.Event()

    def answer(handler: Handler, request: Request) -> None:
        """The slow ones answer only once all quick ones were asked: behind them, nobody would be."""
        if request.path.startswith("/lambat"):
            all_quick.wait(30)
        else:
            asked.append(request.path)
            if len(asked) == 10:
                all_quick.set()
        handler.say(200, b"halo", "text/plain")

    with serving(answer) as server:
        services = {f"lambat-{n}": {"url": f"{server.url}/lambat/{n}"} for n in range(10)}
        services |= {f"cepat-{n}": {"url": f"{server.url}/cepat/{n}"} for n in range(10)}
        frame = seen(services, window, timeout_seconds=8)
    assert frame["up"].sum() == 20


def test_what_the_deadline_cuts_is_no_sample_and_no_outage(window: Any) -> None:
    def answer(handler: Handler, _: Request) -> None:
        handler.server.stop.wait(5)

    with serving(answer) as server:
        *_, batch = probe({"a": {"url": server.url}}, timeout_seconds=10).pull(window(0.3))
    assert batch.frame.empty
    assert batch.notes == [("incomplete", "1 services not looked at within the deadline")]


def test_services_are_listed_as_configured_without_secrets_of_their_urls(window: Any) -> None:
    with serving(PAGE) as server:
        url = server.url.replace("http://", "http://coc:sandi@") + "/x?token=abc"
        services = {"a": {"url": url, "name": "Aplikasi A", "owner_unit": "DISDIK"}, "b": {"url": server.url}}
        listed, ids, samples = probe(services).pull(window(full=True))
    assert listed.dataset is Dataset.SERVICES
    assert listed.frame["name"].tolist() == ["Aplikasi A", "b"]
    assert listed.frame["url"].tolist()[0] == f"{server.url}/x"
    assert ids.ids == {"a", "b"}
    assert len(samples.frame) == 2


def test_the_end_of_the_certificate_comes_from_the_probes_own_connection(window: Any) -> None:
    """Also of an answer that is not the expected one; what was seen stays while the service does not answer."""
    ends = x509.load_pem_x509_certificate((hostile.TLS / "self-signed.pem").read_bytes()).not_valid_after_utc
    with serving(PAGE, tls=True) as secure, serving(PAGE) as plain:
        wrong = {"url": secure.url, "expect": {"text": "Pajak"}}
        services = {"a": {"url": secure.url}, "wrong": wrong, "http": {"url": plain.url}}
        one_probe = probe(services, verify=str(hostile.TLS / "authority.pem"), timeout_seconds=0.4)
        listed, samples = one_probe.pull(window())
    assert listed.frame["certificate_until"].tolist() == [ends, ends, None]
    assert samples.frame["up"].tolist() == [True, True, False]  # a, http, wrong
    again, samples = one_probe.pull(window())
    assert not samples.frame["up"].any()
    assert again.frame["certificate_until"].tolist() == [ends, ends, None]


def test_a_certificate_that_is_refused_ends_the_connection_and_tells_no_date(window: Any) -> None:
    with serving(PAGE, tls=True) as server:
        listed, samples = probe({"a": {"url": server.url}}).pull(window())
    assert (listed.frame["certificate_until"].tolist(), samples.frame["reason"].tolist()) == ([None], ["tls"])


def test_check_names_what_is_not_up() -> None:
    with serving(PAGE) as server:
        good = {"url": server.url}
        assert probe({"a": good}).check().ok
        mixed = probe({"a": good, "b": {"url": server.url, "expect": {"text": "x"}}}).check()
        assert (mixed.ok, "b (content)" in mixed.said) == (True, True)
        assert not probe({"b": {"url": f"http://127.0.0.1:{hostile.closed_port()}"}}).check().ok


@pytest.mark.parametrize(
    "block", [{"services": {}}, {"services": {"a": {}}}, {"services": {"a": {"url": "x"}}, "auth": {"bearer": "t"}}]
)
def test_a_block_that_cannot_work_is_refused_at_the_door(block: Any) -> None:
    with pytest.raises(ValidationError):
        HttpProbe.Block(type="http_probe", **block)


def test_a_link_is_up_while_its_far_end_answers_and_loses_what_it_does_not(window: Any) -> None:
    asked: list[str] = []

    def every_second(handler: Handler, request: Request) -> None:
        asked.append(request.path)
        if len(asked) % 2:
            handler.server.stop.wait(5)
        handler.say(204)

    with serving(every_second) as half, serving(PAGE) as good:
        links = {
            "tcp": {"to": f"127.0.0.1:{good.server_address[1]}", "tries": 3, "site": "SMPN-1", "provider": "ISP"},
            "http": {"to": half.url, "tries": 4, "try_seconds": 0.3},
            "gone": {"to": f"127.0.0.1:{hostile.closed_port()}", "tries": 2, "name": "Kabel putus"},
            "one of two": {"to": [f"127.0.0.1:{hostile.closed_port()}", good.url], "tries": 2},
        }
        listed, ids, samples = HttpProbe("j", HttpProbe.Block(type="http_probe", links=links)).pull(window(full=True))
    assert listed.frame.set_index("source_id").loc["tcp"].to_dict() == {
        "name": "tcp",
        "site": "SMPN-1",
        "unit": None,
        "provider": "ISP",
    }
    assert ids.ids == set(links)
    found = samples.frame.set_index("link")
    assert found["loss"].to_dict() == {"tcp": 0, "http": 0.5, "gone": 1, "one of two": 0}
    assert found["up"].to_dict() == {"tcp": True, "http": True, "gone": False, "one of two": True}
    assert found["latency_ms"].notna().tolist() == [False, True, True, True]  # gone comes first
    assert (samples.dataset, set(found["at"])) == (Dataset.LINK_SAMPLES, {pd.Timestamp(NOW)})


def test_a_link_that_the_deadline_leaves_no_try_has_no_sample(window: Any) -> None:
    block = HttpProbe.Block(type="http_probe", links={"a": {"to": "192.0.2.1:9", "try_seconds": 5}})
    *_, batch = HttpProbe("j", block).pull(window(0.5))
    assert batch.frame.empty
    assert batch.notes == [("incomplete", "1 links not looked at within the deadline")]


@pytest.mark.parametrize("to", ["10.0.0.1", "ftp://x/", "10.0.0.1:0", "10.0.0.1:99999", "10.0.0.1:80/x", ":80", []])
def test_what_a_link_is_asked_at_is_checked_at_the_door(to: Any) -> None:
    with pytest.raises(ValidationError):
        HttpProbe.Block(type="http_probe", links={"a": {"to": to}})


def test_a_probe_elsewhere_says_where_and_leaves_the_names_to_others(window: Any) -> None:
    with serving(PAGE) as server:
        services = {"a": {"url": server.url}, "b": {"url": server.url, "name": "Hanya di sini"}}
        listed, samples = probe(services, vantage="SMPN-1").pull(window())
    assert listed.frame["source_id"].tolist() == ["b"]
    assert samples.frame["vantage"].tolist() == ["SMPN-1"] * 2


def test_check_tells_of_links_too() -> None:
    links = {"putus": {"to": f"127.0.0.1:{hostile.closed_port()}", "tries": 1}}
    found = HttpProbe("j", HttpProbe.Block(type="http_probe", links=links)).check()
    assert (found.ok, found.said) == (False, "0 of 1 links are up; not up: putus")
