"""`coc serve` as a real process while its store is full, away, and well again: no restart, nothing lost or doubled."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.cli.feed import NOW, Feed
from tests.cli.terminal import Terminal, wait_until
from tests.databases import Postgres

CLOCK = {"COC_CLOCK": NOW}


class Wall:
    """A served realm, asked as a screen and a probe ask."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def get(self, path: str) -> requests.Response | None:
        try:
            return requests.get(self.url + path, timeout=3)
        except requests.RequestException:
            return None

    def ready(self) -> Any:
        """200, or the code of what is in the way; None while nobody answers."""
        answer = self.get("/readyz")
        return answer if answer is None else 200 if answer.status_code == 200 else answer.json()["code"]

    def event(self) -> dict[str, Any]:
        with requests.get(self.url + "/api/v1/stream", stream=True, timeout=10) as stream:
            for line in stream.iter_lines():
                if line.startswith(b"data: "):
                    return dict(json.loads(line[6:]))
        raise AssertionError("the stream ended")

    def feed(self) -> dict[str, Any]:
        return dict(requests.get(self.url + "/api/v1/feeds", timeout=5).json()["items"][0])


def _configure(city: Terminal, feed: Feed, store: str = "") -> None:
    text = city.config.read_text(encoding="utf-8").replace("auth:", "every_seconds: 1, auth:")
    _letters(feed, "now", 1)  # of this morning, or the feed is frozen
    city.write(text + (f"store: {{url: '{store}'}}\n" if store else ""))


def _letters(feed: Feed, name: str, n: int) -> None:
    """Letters that came while somebody was looking."""
    new = {**feed.rows["letters"][0], "updated_at": "2026-03-02T09:30:00+07:00"}
    feed.rows["letters"] += [{**new, "id": f"{name}-{i}"} for i in range(n)]


@pytest.mark.slow
def test_a_full_disk_keeps_the_picture_names_the_cause_and_mends_by_itself(
    city: Terminal, feed: Feed, free_port: Callable[[], int]
) -> None:
    _configure(city, feed)
    port = free_port()
    process = city.start("serve", "--port", str(port), env=CLOCK)
    wall = Wall(port)
    wait_until(lambda: wall.ready() == 200 and wall.feed()["state"] == "fresh")
    before = wall.event()
    # No file of the process may grow any more: what a full disk says, without filling one.
    wal = (city.folder / "var" / "coc.db-wal").stat().st_size
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (max(wal, 4096), resource.RLIM_INFINITY))
    _letters(feed, "more", 300)
    wait_until(lambda: wall.ready() == "store_full", 40)
    assert wall.get("/healthz").text == "ok\n"  # type: ignore[union-attr]
    wait_until(lambda: wall.feed()["last_run"]["error"] == "the disk of the store is full: nothing can be stored", 40)
    during = wall.event()
    assert during["store"]["state"] == "store_full"
    assert during["epoch"] == before["epoch"]
    assert 'coc_store_trouble{cause="store_full",store="realm"} 1.0' in wall.get("/metrics").text  # type: ignore[union-attr]
    assert wall.get("/").status_code == 200  # type: ignore[union-attr]

    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    wait_until(lambda: wall.ready() == 200 and wall.event()["epoch"] > before["epoch"], 60)
    wait_until(lambda: wall.feed()["last_run"]["error"] is None)
    assert wall.feed()["state"] == "fresh"
    assert wall.event()["store"] is None
    ran, _ = city.interrupt(process)
    # A small commit may still fit on a full disk: then it is well for a moment, and said once more; never once a try.
    told, mended = ran.err.count("store_full); tried again"), ran.err.count("well again")
    assert told == mended
    assert told in (1, 2)
    assert city.coc("db", "status", "--json", env=CLOCK).items[0]["rows"]["letters"] == 329


@pytest.mark.slow
def test_a_database_that_boots_slower_or_goes_away_is_waited_for(
    city: Terminal, feed: Feed, free_port: Callable[[], int], postgres: Postgres
) -> None:
    _configure(city, feed, postgres.create())
    port = free_port()
    wall = Wall(port)
    postgres.stop()
    try:
        process = city.start("serve", "--port", str(port), env=CLOCK)
        wait_until(lambda: wall.ready() == "store_away", 40)
        page = wall.get("/?lang=en")
        assert page is not None
        assert page.status_code == 503
        assert "Waiting for the store" in page.text
        assert "script-src 'sha256-" in page.headers["content-security-policy"]
        postgres.start()
        wait_until(lambda: wall.ready() == 200 and wall.feed()["state"] == "fresh", 60)
        before = wall.event()

        postgres.stop()
        wait_until(lambda: wall.ready() == "store_away", 40)
        wait_until(lambda: wall.feed()["state"] == "failing", 60)
        assert "cannot be reached" in wall.feed()["last_run"]["error"]
        during = wall.event()
        assert (during["store"]["state"], during["epoch"]) == ("store_away", before["epoch"])
        assert during["stamp"] != before["stamp"]
        _letters(feed, "more", 5)
    finally:
        postgres.start()
    wait_until(lambda: wall.ready() == 200 and wall.event()["epoch"] > before["epoch"], 60)
    wait_until(lambda: wall.feed()["state"] == "fresh")
    ran, _ = city.interrupt(process)
    assert ran.code == 130
    assert ran.err.count("waiting for it") == 1  # at the start; then once when it went, and once when it came back
    assert (ran.err.count("tried again until it goes"), ran.err.count("well again")) == (1, 1)
    assert city.coc("db", "status", "--json", env=CLOCK).items[0]["rows"]["letters"] == 34
