"""Callbacks that no page sends: of a page that is not one's own, of none, of the wrong shape, nested without end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.access.crawl import call as made
from tests.attacks.raw import Site
from tests.live.serving import ROOT, Answer, served, settings_with_tokens

WAY = {"id": "_pages_location", "property": "pathname", "value": "/"}
ROUTER = {
    "output": ".._pages_content.children..._pages_store.data..",
    "outputs": [{"id": "_pages_content", "property": "children"}, {"id": "_pages_store", "property": "data"}],
    "inputs": [WAY, {"id": "_pages_location", "property": "search", "value": ""}],
    "changedPropIds": ["_pages_location.pathname"],
}
OWN = {
    "output": "lain-said.children",
    "outputs": {"id": "lain-said", "property": "children"},
    "inputs": [{"id": "lain-fail", "property": "n_clicks", "value": 1}],
    "changedPropIds": ["lain-fail.n_clicks"],
}


def call(site: Site, body: Any, role: str = "leader") -> Answer:
    secret = site.open({"leader": "wako", "head": "rina", "admin": "admin", "guest": "tamu"}[role])
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return site.ask("/_dash-update-component", secret, "POST", headers={"Content-Type": "application/json"}, body=raw)


def test_the_honest_calls_are_answered(site: Site) -> None:
    assert call(site, ROUTER).status == 200
    assert call(site, OWN).status in (200, 204)


@pytest.mark.parametrize(
    "output",
    ["nobody.children", "_pages_dummy.children", "coc-notice.children", "lain-other.children", "..lain-said.children..",
     "", ".", "lain", "..", "__class__.x", "lain-said.children" * 500],
)  # fmt: skip
def test_an_output_that_is_no_callbacks_is_not_called(site: Site, output: str) -> None:
    answer = call(site, OWN | {"output": output})
    assert answer.status == 400
    assert answer.json["detail"] == "There is no such callback."


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": None}, {"inputs": {}}, {"inputs": "x"}, {"inputs": [1]}, {"inputs": [None]}, {"inputs": [{}]},
        {"inputs": [{"id": 1, "property": "n"}]}, {"inputs": [OWN["inputs"][0]] * 500}, {"outputs": None},
        {"outputs": []}, {"outputs": [1]}, {"outputs": {"id": "lain-said"}}, {"state": 1}, {"changedPropIds": 1},
        {"changedPropIds": [1]}, {"output": 1}, {"output": None}, {"output": ["lain-said.children"]},
    ],
    ids=lambda change: json.dumps(change)[:30],
)  # fmt: skip
def test_a_call_of_the_wrong_shape_is_refused_before_dash_stumbles(
    site: Site, caplog: pytest.LogCaptureFixture, change: dict[str, Any]
) -> None:
    assert call(site, OWN | change).status == 400
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    "value", [None, 1, "", "lain", [], {}, "//evil.example", "/../../etc/passwd", "/\x00", "/" + "x" * 5000]
)
def test_the_router_takes_a_path_and_nothing_else(site: Site, value: Any) -> None:
    answer = call(site, ROUTER | {"inputs": [WAY | {"value": value}, ROUTER["inputs"][1]]})
    assert answer.status in (200, 400)
    assert b"Traceback" not in answer.body


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000, b"NaN"]
)
def test_what_is_no_json_object_is_refused(site: Site, body: bytes) -> None:
    assert call(site, body).status == 400


def test_a_value_that_is_nested_without_end_is_refused(site: Site) -> None:
    deep: Any = 1
    for _ in range(400):
        deep = [deep]
    assert call(site, OWN | {"inputs": [OWN["inputs"][0] | {"value": deep}]}).status == 400


def test_the_router_lays_out_no_page_that_is_not_ones_own() -> None:
    """The shipped pages: `/audit` is an admin's."""
    with served(settings_with_tokens(), pages=ROOT / "pages") as live:
        bodies = {}
        for role in ("operator", "screen", "leader"):
            asked = json.dumps(ROUTER | {"inputs": [WAY | {"value": "/audit"}, ROUTER["inputs"][1]]}).encode()
            headers = {
                "Authorization": "Bearer " + {"operator": "op", "screen": "sc", "leader": "le"}[role] + "-secret"
            }
            answer = live.ask("/_dash-update-component", "POST", headers | {"Content-Type": "application/json"}, asked)
            bodies[role] = answer.body.decode()
        assert all("audit-" not in body for body in bodies.values())
        dependencies = live.token("/_dash-dependencies", "leader").json
        for entry in [d for d in dependencies if "audit-" in d["output"]]:
            answer = live.ask(
                "/_dash-update-component",
                "POST",
                {"Authorization": "Bearer le-secret", "Content-Type": "application/json"},
                json.dumps(made(entry, 1)).encode(),
            )
            assert answer.status in (400, 403), entry["output"]


@pytest.mark.parametrize("path", ["/_dash-layout", "/_dash-dependencies", "/_dash-update-component", "/_favicon.ico"])
def test_dashs_own_endpoints_answer_nothing_to_strangers(site: Site, path: str) -> None:
    method = "POST" if path.endswith("component") else "GET"
    answer = site.ask(
        path, None, method, headers={"Content-Type": "application/json"}, body=b"{}" if method == "POST" else None
    )
    assert answer.status == 401
    assert answer.json["code"] == "sign-in"
