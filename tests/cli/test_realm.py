"""Which realm a command opens: DESIGN's rule, seen from the terminal."""

from __future__ import annotations

import pytest

from coc.clock import FrozenClock
from coc.settings.models import Settings
from tests.cli.feed import NOW, Feed
from tests.cli.terminal import Terminal

CLOCK = {"COC_CLOCK": NOW}
LIVE = "{type: sipadek, url: 'http://127.0.0.1:9/coc/v1'}"
SIMULATED = "{type: sipadek, url: simulator}"


def _realm(terminal: Terminal, *args: str) -> str:
    ran = terminal.coc("status", "--json", *args, env=CLOCK)
    assert ran.code == 0, ran.err
    return str(ran.items[0]["name"])


@pytest.mark.parametrize(
    ("connectors", "realm"),
    [
        (f"a: {SIMULATED}", "demo"),
        (f"a: {SIMULATED}\n  b: {LIVE}", "live"),
        (f"a: {SIMULATED}\n  b: {LIVE.replace('{', '{enabled: false, ')}", "live"),
        (f"a: {LIVE.replace('{', '{realm: demo, ')}", "demo"),
    ],
)
def test_a_live_connector_enabled_or_not_makes_the_live_realm(terminal: Terminal, connectors: str, realm: str) -> None:
    terminal.write(f"connectors:\n  {connectors}\n")
    assert _realm(terminal) == realm
    assert _realm(terminal, "--realm", "demo") == "demo"


def test_a_live_store_that_held_rows_is_never_hidden_behind_the_demo(city: Terminal, feed: Feed) -> None:
    assert city.coc("pull", env=CLOCK).code == 0
    city.write(f"connectors:\n  a: {SIMULATED}\n")
    assert _realm(city) == "live"


def test_a_named_connector_brings_its_realm(city: Terminal) -> None:
    with city.config.open("a", encoding="utf-8") as config:
        config.write(f"  tamu: {SIMULATED}\n")
    both = city.coc("pull", "tamu", "sipadek")
    assert both.code == 2
    assert "both realms" in both.err
    other = city.coc("pull", "tamu", "--realm", "live")
    assert other.code == 2


def test_a_frozen_clock_and_a_running_one_are_told_apart() -> None:
    from coc.cli.simulated import clock_at_hand

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COC_CLOCK", NOW)
        assert isinstance(clock_at_hand(Settings(), "live"), FrozenClock)


def test_a_disabled_connector_is_pulled_only_to_try_it(city: Terminal) -> None:
    city.write(city.config.read_text(encoding="utf-8").replace("{type: sipadek", "{enabled: false, type: sipadek"))
    refused = city.coc("pull", "sipadek", env=CLOCK)
    assert (refused.code, refused.err) == (
        2,
        "coc: sipadek is disabled in config; enable it, or try it with --dry-run\n",
    )
    tried = city.coc("pull", "sipadek", "--dry-run", "--json", env=CLOCK)
    assert (tried.code, tried.items[0]["rows_in"]) == (0, 52)
