"""Drills over HTTP: the list, the switch, the targets; and docs/drills.md, which tells an operator of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from coc.simulate import server, timeline
from coc.simulate.drills import DRILLS, LONGEST_SECONDS
from coc.simulate.server import Handle
from tests.simulate.conftest import MORNING, HandClock, when

DOCS = Path(__file__).parents[2] / "docs"
TOKEN = {"Authorization": "Bearer simulator"}
PARTS = ("**Start**", "**You see**", "**It must not**", "**It ends**", "**In earnest**")


@pytest.fixture(scope="module")
def clock() -> HandClock:
    return HandClock(MORNING)


@pytest.fixture(scope="module")
def handle(clock: HandClock) -> Iterator[Handle]:
    """A city of its own, of three days: drills make rows change once more, and others would see that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timeline, "KEPT_DAYS", 3)
        with server.start(clock=clock) as running:
            yield running


@pytest.fixture(scope="module")
def web(handle: Handle) -> Iterator[Callable[..., requests.Response]]:
    with requests.Session() as session:
        session.trust_env = False

        def ask(path: str, method: str = "GET", **kwargs: Any) -> requests.Response:
            return session.request(method, handle.url + path, timeout=30, **kwargs)

        yield ask


@pytest.fixture(autouse=True)
def calm(web, city) -> Iterator[None]:
    yield
    assert web("/drill/stop", "POST").status_code == 200


def on(web, name: str) -> list[str]:
    [item] = web(f"/drill/{name}").json()["items"]
    return [one["target"] for one in item["on"]]


def test_the_list_tells_what_each_does_where_and_for_how_long(web):
    items = web("/drill").json()["items"]
    assert [i["name"] for i in items] == list(DRILLS)
    assert {"name", "about", "targets", "default", "seconds", "on"} == set(items[0])
    assert all(set(i["default"]) <= set(i["targets"]) and i["on"] == [] for i in items)


def test_a_bare_post_starts_and_stops(web):
    assert web("/drill/down", "POST").json()["items"][0]["on"][0]["target"] == "feed"
    [item] = web("/drill/down").json()["items"]
    assert 590 < item["on"][0]["seconds_left"] <= 600
    assert when(item["on"][0]["since"]) == MORNING
    assert web("/drill/down", "POST").json()["items"][0]["on"] == []


def test_seconds_always_start_and_prolong(web):
    for seconds in (30, 90):
        web("/drill/down", "POST", params={"target": "files", "seconds": seconds})
    [item] = web("/drill/down").json()["items"]
    assert [one["target"] for one in item["on"]] == ["files"]
    assert item["on"][0]["seconds_left"] > 80


@pytest.mark.parametrize(("method", "query"), [("POST", "?stop=1"), ("DELETE", "")])
def test_a_drill_is_stopped_at_one_target_or_at_all(web, method, query):
    web("/drill/login", "POST", params={"target": "feed,files,apps"})
    assert on(web, "login") == ["feed", "files", "apps"]
    mark = "&" if query else "?"
    web(f"/drill/login{query}{mark}target=files", method)
    assert on(web, "login") == ["feed", "apps"]
    web(f"/drill/login{query}", method)
    assert on(web, "login") == []
    assert web(f"/drill/login{query}", method).status_code == 200  # what is off stays off


def test_all_drills_are_stopped_at_once(web):
    for name in ("down", "mass", "power"):
        web(f"/drill/{name}", "POST")
    assert all(i["on"] == [] for i in web("/drill", "DELETE").json()["items"])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/drill/flood", 404), ("GET", "/drill/flood", 404), ("DELETE", "/drill/flood", 404),
        ("POST", "/drill", 405), ("PUT", "/drill/down", 405),
        ("POST", "/drill/down?target=moon", 400), ("POST", "/drill/truncated?target=files", 400),
        ("POST", "/drill/down?seconds=long", 400), ("POST", "/drill/down?seconds=nan", 400),
        ("POST", "/drill/down?seconds=0", 400), ("POST", f"/drill/down?seconds={LONGEST_SECONDS + 1}", 400),
        ("POST", "/drill/down?second=5", 400), ("POST", "/drill/power?target=TW-999", 400),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_what_can(web, method, path, status):
    answer = web(path, method)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    if status == 404:
        assert "mass, unauthorised" in answer.json()["detail"]
    assert all(i["on"] == [] for i in web("/drill").json()["items"])


@pytest.mark.parametrize("headers", [{"Origin": "https://elsewhere.example"}, {"Host": "elsewhere.example:80"}])
def test_a_page_of_another_origin_starts_nothing(web, headers):
    assert web("/drill/down", "POST", headers=headers).status_code == 403
    assert on(web, "down") == []


def test_a_source_that_is_down_hangs_up_and_only_that_one(web):
    web("/drill/down", "POST")
    with pytest.raises(requests.ConnectionError):
        web("/coc/v1/info", headers=TOKEN)
    assert web("/data/titik-wifi.csv").status_code == 200
    assert web("/info").status_code == 200


@pytest.mark.parametrize(
    ("name", "status", "header"),
    [("unauthorised", 401, "WWW-Authenticate"), ("busy", 503, "Retry-After"), ("redirect", 302, "Location"),
     ("not-found", 404, "Content-Type"), ("login", 200, "Content-Type")],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/coc/v1/info", "/prometheus/api/v1/labels", "/data/titik-wifi.csv", "/apps/ppid"])
def test_every_source_can_be_refused(web, name, status, header, path):
    web(f"/drill/{name}", "POST", params={"target": "feed,prometheus,files,apps"})
    answer = web(path, headers=TOKEN, allow_redirects=False)
    assert answer.status_code == status
    assert answer.headers[header]
    if name == "login":
        assert 'type="password"' in answer.text


def test_a_drip_gives_the_rest_at_once_when_the_drill_ends(web):
    web("/drill/slow", "POST", params={"seconds": 0.6})
    answer = web("/coc/v1/info", headers=TOKEN)
    assert answer.json()["feed"] == "coc/1"
    assert answer.elapsed.total_seconds() < 5


def test_a_frozen_feed_tells_the_world_of_then_and_the_time_of_now(city, web):
    before = web("/coc/v1/letters", headers=TOKEN, params={"updated_since": "2026-11-24T09:00:00+07:00"}).json()
    web("/drill/frozen", "POST")
    city.clock.at = MORNING + timedelta(minutes=30)
    after = web("/coc/v1/letters", headers=TOKEN, params={"updated_since": "2026-11-24T09:00:00+07:00"}).json()
    assert after["items"] == before["items"]
    assert when(after["now"]) == city.clock.at


def test_spoiled_rows_are_the_same_at_every_asking_and_are_told_again(city, web):
    city.clock.at = MORNING + timedelta(hours=2)  # later than what other drills left
    asked = {"updated_since": (city.clock.at - timedelta(minutes=20)).isoformat()}

    def rows() -> dict[str, dict[str, object]]:
        return {r["id"]: r for r in web("/coc/v1/dispositions", headers=TOKEN, params=asked).json()["items"]}

    true = rows()
    web("/drill/garbage", "POST")
    spoiled = rows()
    assert spoiled == rows()
    bad = {key for key in true if spoiled[key] != true[key]}
    assert 0 < len(bad) < len(true)
    city.clock.at += timedelta(seconds=1)
    web("/drill/garbage", "POST")
    mended = rows()
    assert {k for k in mended if k in true and mended[k] != true[k]} == bad
    for key in bad:
        assert when(str(mended[key]["updated_at"])) == city.clock.at
        assert {**mended[key], "updated_at": None} == {**true[key], "updated_at": None}


def test_every_drill_has_its_section_and_every_section_its_drill():
    text = (DOCS / "drills.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    assert set(sections) == set(DRILLS)
    for name, body in sections.items():
        assert [p for p in PARTS if p not in body] == [], name
        assert f"coc drill {name}" in body
        start = body.partition("**You see**")[0]
        assert [t for t in DRILLS[name].targets if not re.search(rf"\b{t}\b", start)] == [], name


def test_the_words_that_docs_promise_are_those_of_the_page():
    """Sentences in quotes are the page's own, in Indonesian."""
    text = (DOCS / "drills.md").read_text(encoding="utf-8")
    shown = (DOCS.parent / "coc/ui/locales/id/LC_MESSAGES/coc.po").read_text(encoding="utf-8")
    quoted = {" ".join(q.split()) for q in re.findall(r'"([A-Z][^"]+[.])"', text)}
    assert len(quoted) >= 10
    assert [q for q in sorted(quoted) if q not in shown] == []
