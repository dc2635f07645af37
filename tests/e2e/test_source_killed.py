"""A source dies and comes back while the wall is open: it is marked, the numbers stay, nothing throws."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.city import make
from tests.e2e.commands import NOW, Served
from tests.e2e.sources import TOKEN, Series, Sources

pytestmark = pytest.mark.browser
STATE = "[data-feed=lain][data-state={}]"


def test_a_dead_source_is_marked_by_its_age_and_recovers_by_itself(tmp_path: Path, chromium: Any) -> None:
    sources = Sources(make(1, NOW, letters=80), Series())
    block = {"type": "sipadek", "url": f"{sources.url}/coc/v1", "auth": {"bearer": TOKEN}, "every_seconds": 1}
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"connectors": {"lain": block}}))
    served = Served(config)
    with served:
        page = chromium.new_page(viewport={"width": 1920, "height": 1080})
        thrown: list[str] = []
        page.on("pageerror", lambda error: thrown.append(str(error)))
        page.goto(f"http://127.0.0.1:{served.port}/")
        page.wait_for_selector(STATE.format("fresh"), timeout=30_000)
        backlog = page.wait_for_selector("[data-kpi='disposition.backlog']:not([data-value=''])", timeout=30_000)
        before = backlog.get_attribute("data-value")

        sources.down = True
        page.wait_for_selector(STATE.format("failing"), timeout=60_000)
        mark = page.locator(STATE.format("failing")).first
        assert mark.get_attribute("data-as-of")
        assert any(ch.isdigit() for ch in mark.inner_text())  # its age, in words
        assert page.get_attribute("[data-kpi='disposition.backlog']", "data-value") == before

        sources.down = False
        page.wait_for_selector(STATE.format("fresh"), timeout=60_000)
        assert thrown == []
        page.close()
    sources.close()
