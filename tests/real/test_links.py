"""Links, and applications seen from a site, through a real Prometheus with blackbox exporters in two places."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest

from tests.real.product import BUILD, PULL, Coc
from tests.real.programs import until
from tests.real.targets import Web, target
from tests.real.watching import EVERY, Blackbox, Prometheus, probing, write_targets

pytestmark = pytest.mark.real
SYSTEM: Final = "prometheus"
WORSE: Final = 3 * EVERY + 1.5 + PULL + BUILD
BETTER: Final = 2 * EVERY + 1.5 + PULL + BUILD


@dataclass
class Room:
    coc: Coc
    line: Web
    application: Web
    at_site: Blackbox

    def state(self, entity: str, vantage: str = "") -> str:
        sql = "SELECT state FROM state_changes WHERE entity = ? AND vantage = ? ORDER BY at DESC LIMIT 1"
        found = self.coc.read(sql, entity, vantage)
        return str(found[0][0]) if found else ""

    def kept(self, entity: str, vantage: str = "") -> list[str]:
        sql = "SELECT state FROM state_changes WHERE entity = ? AND vantage = ? ORDER BY at"
        return [state for (state,) in self.coc.read(sql, entity, vantage)]


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, port: Callable[[], int]) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("jalur")
    line, application = target("ujung"), target("layanan")
    here, at_site = Blackbox(folder, port()), Blackbox(folder, port())
    lines, seen = folder / "jalur.json", folder / "layanan.json"
    write_targets(lines, "link", {"uplink": f"127.0.0.1:{line.port}"})
    write_targets(seen, "service", {"layanan": application.url})
    jobs = [
        probing("jalur", here, lines, module="tcp"),
        probing("layanan", here, seen),
        probing("layanan_sekolah", at_site, seen, site="SMPN-1"),
    ]
    prometheus = Prometheus(folder, port(), jobs)
    common = {"type": "prometheus", "url": prometheus.url, "every_seconds": PULL, "backfill_days": 1}
    common |= {"timeout_seconds": 3, "deadline_seconds": 10}
    blocks: dict[str, dict[str, Any]] = {
        "jalur": common | {
            "dataset": "link_samples", "label": "link",
            "queries": {"up": 'probe_success{job="jalur"}', "latency_ms": 'probe_duration_seconds{job="jalur"} * 1000'},
        },
        "layanan": common | {
            "dataset": "service_samples", "label": "service", "vantage_label": "site",
            "queries": {"up": 'probe_success{job=~"layanan.*"}'},
        },
    }  # fmt: skip
    programs = [here, at_site, prometheus]
    try:
        for program in programs:
            program.start()
        until(prometheus.finds("probe_success", 3), 30)
        with Coc(folder, port(), blocks) as coc:
            found = Room(coc, line, application, at_site)
            until(lambda: (found.state("uplink"), found.state("layanan", "SMPN-1")) == ("up", "up"), 40)
            yield found
    finally:
        for program in programs:
            program.program.kill()
        line.close()
        application.close()


def test_a_link_that_is_cut_is_down_and_comes_back(room: Room) -> None:
    room.line.close()
    until(lambda: room.state("uplink") == "down", WORSE, lambda: room.kept("uplink"))
    room.line.open()
    until(lambda: room.state("uplink") == "up", BETTER, lambda: room.kept("uplink"))
    assert room.kept("uplink") == ["up", "down", "up"]
    assert room.kept("layanan") == ["up"]


def test_what_a_site_sees_is_kept_apart_from_what_the_room_sees(room: Room) -> None:
    assert room.kept("layanan", "SMPN-1") == ["up"]
    room.at_site.program.kill()  # the site's own exporter: nothing is known from there, and nothing is down
    newest = "SELECT max(at) FROM service_samples WHERE service = 'layanan' AND vantage = 'SMPN-1'"
    room.application.close()
    until(lambda: room.state("layanan") == "down", WORSE, lambda: room.kept("layanan"))
    was = room.coc.read(newest)
    assert room.kept("layanan", "SMPN-1") == ["up"]
    until(lambda: room.coc.values("apps.up", "apps.down") == (0, 1), BUILD)
    room.at_site.start()
    until(lambda: room.coc.read(newest) != was, 20)
    until(lambda: room.state("layanan", "SMPN-1") == "down", WORSE, lambda: room.kept("layanan", "SMPN-1"))
    room.application.open()
    until(lambda: (room.state("layanan"), room.state("layanan", "SMPN-1")) == ("up", "up"), BETTER)
