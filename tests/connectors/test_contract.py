"""What every connector file owes, whoever wrote it: a documented block, a check that never raises, canonical frames.

The failure modes are tried on every kind that reads a URL, against one hostile server.
"""

from __future__ import annotations

import re
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import data_connectors
from coc.domain.datasets import TO_THE_DAY, Dataset, column_names
from coc.settings.models import ConnectorBlock
from data_connectors.base import FAILURES, FetchError, Reachability
from data_connectors.reach import MENDS
from tests.connectors import hostile
from tests.connectors.hostile import Server, serving

DOCS = Path(__file__).parents[2] / "docs" / "connectors.md"
KINDS = data_connectors.registry()
TOKEN = "kunci-rahasia-9f2"
# A probe reports what it sees as samples, not as failures, and one at a site comes by itself; a database is asked in
# SQL, its bad days are its own tests'.
FETCHING = sorted(set(KINDS) - {"http_probe", "freeradius", "probe"})


def documented() -> Iterator[tuple[str, dict[str, Any]]]:
    for text in re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL):
        yield from YAML(typ="safe", pure=True).load(text).items()


BLOCKS = dict(documented())


def made(block: dict[str, Any], **given: Any) -> Any:
    kind = KINDS[block["type"]]
    return kind("uji", kind.Block.model_validate({**block, **given}))


def at(server_url: str, kind: str, **given: Any) -> Any:
    """A documented connector of that kind, pointed at the server."""
    block = next(b for b in BLOCKS.values() if b["type"] == kind and (kind != "files" or "url" in b))
    auth = {"bearer": TOKEN}
    return made(block, url=server_url, auth=auth, timeout_seconds=1, deadline_seconds=2, **given)


def test_every_kind_has_a_documented_block_and_every_documented_block_a_kind() -> None:
    assert {block["type"] for block in BLOCKS.values()} == set(KINDS)


@pytest.mark.parametrize("name", list(BLOCKS))
def test_a_documented_block_makes_a_connector(name: str) -> None:
    connector = made(BLOCKS[name])
    cls = type(connector)
    assert issubclass(cls.Block, ConnectorBlock)
    assert cls.kind == BLOCKS[name]["type"]
    assert cls.datasets <= set(Dataset)
    assert cls.__doc__
    assert cls.Block.__doc__
    known = {f"{d}.{c}" for d in cls.datasets for c in column_names(d)}
    assert set() < {name.removesuffix(TO_THE_DAY) for name in connector.provides()} <= known


class _Point:
    name, value = "lain", "lain:Lain"

    def __init__(self, found: object) -> None:
        self.found = found

    def load(self) -> object:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


def test_a_third_party_adds_a_kind_and_a_broken_one_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(KINDS["files"]):  # type: ignore[misc]
        kind = "lain"

    class Usurper(KINDS["files"]):  # type: ignore[misc]
        kind = "sipadek"

    points = [_Point(found) for found in (Other, Usurper, object, ImportError("kaput"))]
    monkeypatch.setattr(data_connectors, "entry_points", lambda group: points)
    data_connectors.registry.cache_clear()
    try:
        assert data_connectors.registry() == {**KINDS, "lain": Other}
    finally:
        data_connectors.registry.cache_clear()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_unknown_key_is_refused(kind: str) -> None:
    block = next(b for b in BLOCKS.values() if b["type"] == kind)
    with pytest.raises(ValueError, match="evry_seconds"):
        made(block, evry_seconds=60)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"probe"}))
@pytest.mark.parametrize("answer", [hostile.login_page, hostile.truncated, hostile.status(500)])
def test_check_says_what_is_wrong_and_never_raises(kind: str, answer: Any) -> None:
    with serving(answer) as server:
        if kind == "http_probe":
            connector = made({"type": kind, "services": {"a": {"url": server.url, "expect": {"text": "x"}}}})
        else:
            connector = at(server.url, kind)
        reached = connector.check()
    assert isinstance(reached, Reachability)
    assert not reached.ok
    assert reached.said
    assert reached.mend
    assert TOKEN not in reached.said


BAD_DAYS: dict[str, tuple[Any, set[str]]] = {
    "login page": (hostile.login_page, {"login_page"}),
    "truncated JSON": (hostile.truncated, {"broken", "file"}),
    "cut short": (hostile.cut_short, {"broken"}),
    "drip feed": (hostile.drip_body, {"too_slow"}),
    "drip of headers": (hostile.drip_headers, {"too_slow"}),
    "gzip bomb": (hostile.gzip_bomb, {"too_large"}),
    "huge body": (hostile.huge, {"too_large"}),
    "asked to wait": (hostile.status(429, retry_after="60"), {"rate_limited"}),
    "refused credentials": (hostile.status(401), {"credentials"}),
    "wrong base URL": (hostile.status(404), {"not_found"}),
    "broken for long": (hostile.status(500), {"http_status"}),
    "wrong content type": (hostile.status(200, b"x", "image/png"), {"content_type", "file"}),
}


def failure(server: Server, kind: str, window: Any) -> FetchError:
    with pytest.raises(FetchError) as caught:
        list(at(server.url, kind, max_mb=1).pull(window(1.5)))
    return caught.value


@pytest.mark.parametrize("kind", FETCHING)
@pytest.mark.parametrize("day", list(BAD_DAYS))
def test_a_bad_day_ends_in_its_own_words_in_time_and_in_little_memory(day: str, kind: str, window: Any) -> None:
    answer, codes = BAD_DAYS[day]
    started = time.monotonic()
    with serving(answer) as server:
        tracemalloc.start()
        try:
            error = failure(server, kind, window)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert time.monotonic() - started < 20  # the worst of them goes on for ever
    assert peak < 20_000_000
    assert error.code in codes
    assert TOKEN not in FAILURES[error.code].format(error.detail)


@pytest.mark.parametrize("kind", FETCHING)
def test_a_redirect_takes_neither_request_nor_token_to_another_host(kind: str, window: Any) -> None:
    with serving(hostile.status(200, b"{}", "application/json")) as other:
        away = f"http://localhost:{other.server_address[1]}/"
        with serving(hostile.status(302, location=away)) as server:
            assert failure(server, kind, window).code == "redirected"
        assert other.seen == []


@pytest.mark.parametrize("kind", FETCHING)
def test_nobody_at_home_is_unreachable(kind: str, window: Any) -> None:
    with pytest.raises(FetchError) as caught:
        list(at(f"http://127.0.0.1:{hostile.closed_port()}", kind).pull(window(1.5)))
    assert caught.value.code == "unreachable"


def test_every_failure_that_fetching_knows_can_be_mended() -> None:
    judged_later = {"paging_loop", "too_many_pages", "incomplete", "cursor_backwards", "mass_deletion", "internal"}
    assert set(MENDS) <= set(FAILURES)
    of_the_store = {code for code in FAILURES if code.startswith("store_")}
    assert set(FAILURES) - set(MENDS) <= judged_later | of_the_store | {"hung"}
