"""`coc drill`: the simulator's failures from a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from coc.clock import FrozenClock
from coc.simulate import server, timeline
from tests.cli.terminal import Terminal

NOW = FrozenClock(datetime.fromisoformat("2026-11-24T10:00:00+07:00"))
NO_SOURCE = "connectors: {}\n"


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timeline, "KEPT_DAYS", 1)
        with server.start(clock=NOW) as city:
            yield str(city.port)


def test_drills_are_listed_started_and_stopped(terminal: Terminal, port: str) -> None:
    terminal.write(NO_SOURCE)
    listed = terminal.coc("drill", "--port", port)
    assert listed.code == 0
    assert "truncated" in listed.out
    for _ in range(2):  # the second time it goes on
        started = terminal.coc("drill", "down", "--target", "files", "--seconds", "90", "--port", port, "--json")
        assert [(d["target"], d["seconds_left"] > 85) for d in started.items[0]["on"]] == [("files", True)]
    assert "files for" in terminal.coc("drill", "--port", port).out
    assert terminal.coc("drill", "down", "--stop", "--port", port, "--json").items[0]["on"] == []
    lasting = terminal.coc("drill", "frozen", "--port", port, "--json").items[0]["on"]
    assert [d["seconds_left"] > 1100 for d in lasting] == [True, True]
    assert all(d["on"] == [] for d in terminal.coc("drill", "--stop", "--port", port, "--json").items)


def test_mistakes_are_sentences(terminal: Terminal, port: str) -> None:
    terminal.write(NO_SOURCE)
    unknown = terminal.coc("drill", "flood", "--port", port)
    assert unknown.code == 1
    assert "there is no drill 'flood'; there are down," in unknown.err
    wrong = terminal.coc("drill", "loop", "--target", "files", "--port", port)
    assert (wrong.code, "loop has no target 'files'; it has feed" in wrong.err) == (1, True)
    assert terminal.coc("drill", "--seconds", "5", "--port", port).code == 2
    nobody = terminal.coc("drill", "--port", "1")
    assert (nobody.code, "no simulated city answers on port 1" in nobody.err) == (1, True)
    alone = terminal.coc("drill")
    assert alone.code == 1
    assert "`coc serve` starts one" in alone.err
