"""A real Prometheus with real blackbox exporters, pulled by `coc serve`: what happens to a target is told in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.samples_oracle import Sample, state
from tests.real.product import BUILD, PULL, Coc
from tests.real.programs import until
from tests.real.targets import Dated, Web, target
from tests.real.walls import Walls
from tests.real.watching import EVERY, Blackbox, Prometheus, probing, scraping, write_targets

pytestmark = [pytest.mark.real, pytest.mark.browser]
SYSTEM: Final = "prometheus"
SLOW: Final = 0.9  # seconds, beyond 500 ms and within the probe's patience
# n = 3 samples in a row make a state, m = 2 undo it.
WORSE: Final = 3 * EVERY + 1.5 + PULL + BUILD
BETTER: Final = 2 * EVERY + 1.5 + PULL + BUILD


@dataclass
class Room:
    coc: Coc
    prometheus: Prometheus
    second: Prometheus
    second_exporter: Blackbox
    aps: dict[str, Web]
    targets: Path
    application: Web
    dated: Dated


def _block(source: Prometheus, job: str, **more: Any) -> dict[str, Any]:
    up = f'probe_success{{job="{job}"}}'
    queries = {"up": up, "latency_ms": f'probe_duration_seconds{{job="{job}"}} * 1000', **more.pop("queries", {})}
    block = {"type": "prometheus", "url": source.url, "label": "ap", "queries": queries, "health": f'up{{job="{job}"}}'}
    return block | {"every_seconds": PULL, "timeout_seconds": 3, "deadline_seconds": 10, "backfill_days": 1} | more


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, port: Callable[[], int]) -> Iterator[Room]:
    """One application and eleven access points: five behind one exporter, two behind another, two whose gateway dates
    what it tells, two that a second Prometheus watches.
    """
    folder = tmp_path_factory.mktemp("prometheus")
    aps = {f"ap-{i}": target(f"ap-{i}") for i in range(1, 6)}
    others = {f"{kind}-{i}": target("lain") for kind in ("luar", "jauh") for i in (1, 2)}
    dated = Dated("gateway_up", ["gerbang-1", "gerbang-2"])
    clients = Web(lambda: "".join(f'ap_clients{{ap="{ap}"}} 7\n' for ap in aps))
    first, second = Blackbox(folder, port()), Blackbox(folder, port())
    names = {"ap": aps, "luar": {n: w for n, w in others.items() if n.startswith("luar")}}
    names["jauh"] = {n: w for n, w in others.items() if n.startswith("jauh")}
    files = {job: folder / f"{job}.json" for job in names}
    for job, webs in names.items():
        write_targets(files[job], "ap", {n: w.url for n, w in webs.items()})
    one = Prometheus(
        folder, port(),
        [probing("ap", first, files["ap"]), probing("luar", second, files["luar"]), scraping("gerbang", dated.web.port),
         scraping("klien", clients.port)],
    )  # fmt: skip
    two = Prometheus(folder, port(), [probing("jauh", first, files["jauh"])])
    application = target("aplikasi")
    programs = [first, second, one, two]
    try:
        for program in programs:
            program.start()
        for ask, series in (("probe_success", 7), ("gateway_up", 2), ("ap_clients", 5)):
            until(one.finds(ask, series), 30)
        until(two.finds("probe_success", 2), 30)
        gateway = {"up": "gateway_up", "latency_ms": None}
        blocks = {
            "wifi": _block(one, "ap", queries={"clients": "ap_clients"}),
            "wifi_luar": _block(one, "luar"),
            "wifi_jauh": _block(two, "jauh"),
            "wifi_gerbang": _block(one, "gerbang", queries=gateway, frozen_after="20 s"),
            "aplikasi": {
                "type": "http_probe", "every_seconds": PULL, "timeout_seconds": 2,
                "services": {"layanan": {"name": "Layanan", "url": application.url, "expect": {"text": "halaman"}}},
            },
        }  # fmt: skip
        with Coc(folder, port(), blocks) as coc:
            until(lambda: coc.wifi() == (11, 0, 0, 0), 60, coc.wifi)
            yield Room(coc, one, two, second, aps, files["ap"], application, dated)
    finally:
        for program in programs:
            program.program.kill()
        for web in (*aps.values(), *others.values(), clients, dated.web, application):
            web.close()


@pytest.fixture
def wall(room: Room, chromium: Any) -> Iterator[Walls]:
    """The pages, open all the time; they must throw nothing."""
    walls = Walls(chromium, room.coc.url)
    walls.figure("wifi.up", 11, 30)
    walls.application("layanan", "up", 30)
    yield walls
    walls.close()
    assert walls.thrown == []


def _by_the_samples(room: Room, ap: str) -> list[tuple[float, str]]:
    """The states that the samples of Prometheus itself make, by the domain's sentences."""
    up = dict(room.prometheus.samples(f'probe_success{{job="ap",ap="{ap}"}}'))
    took = dict(room.prometheus.samples(f'probe_duration_seconds{{job="ap",ap="{ap}"}}'))
    seen: list[Sample] = []
    found: list[tuple[float, str]] = []
    for at, value in sorted(up.items()):
        seen.append(Sample(at, value == 1, took[at] * 1000))
        now = state(seen, at)
        if not found or found[-1][1] != now:
            found.append((at, now))
    return found


def _worse(room: Room, entity: str) -> list[str]:
    """The states it was in, but for up: a refused connection is quick, so two may end `degraded` before `down`."""
    return [s for _, s in room.coc.changes(entity) if s != "up"]


def test_a_point_that_turns_slow_then_dies_and_comes_back_is_told_in_the_promised_time(room: Room, wall: Walls) -> None:
    web = room.aps["ap-1"]
    web.delay = SLOW
    until(lambda: room.coc.wifi() == (10, 1, 0, 0), WORSE + 3 * SLOW, room.coc.wifi)
    wall.figure("wifi.degraded", 1)
    web.close()
    until(lambda: room.coc.wifi() == (10, 0, 1, 0), WORSE, room.coc.wifi)
    wall.figure("wifi.down", 1)
    wall.point("ap-1", "down")
    web.delay = 0
    web.open()
    until(lambda: room.coc.wifi() == (11, 0, 0, 0), BETTER, room.coc.wifi)
    wall.figure("wifi.up", 11)
    wall.figure("wifi.down", 0)
    wall.point("ap-1", None)


def test_every_change_that_is_kept_is_the_one_that_prometheus_own_samples_make(room: Room) -> None:
    for ap in room.aps:
        kept, own = room.coc.changes(ap), _by_the_samples(room, ap)
        assert [s for _, s in kept] == [s for _, s in own]
        assert [at for at, _ in kept] == pytest.approx([at for at, _ in own], abs=0.002)
    assert _worse(room, "ap-1") == ["degraded", "down"]


def test_clients_are_those_of_the_points_that_tell_them(room: Room) -> None:
    assert room.coc.values("wifi.clients") == (35,)


def test_an_application_that_turns_slow_then_dies_and_comes_back_is_told_in_time(room: Room, wall: Walls) -> None:
    worse, better = 3 * (PULL + 1) + BUILD, 2 * (PULL + 1) + BUILD

    def counts() -> tuple[float | None, ...]:
        return room.coc.values("apps.up", "apps.down")

    assert counts() == (1, 0)
    room.application.delay = SLOW
    until(lambda: counts() == (0, 0), worse + 3 * SLOW, counts)  # degraded is neither
    wall.application("layanan", "degraded")
    room.application.close()
    until(lambda: counts() == (0, 1), worse, counts)
    wall.figure("apps.down", 1)
    wall.application("layanan", "down")
    wall.incident("layanan", "refused")
    room.application.delay = 0
    room.application.open()
    until(lambda: counts() == (1, 0), better, counts)
    wall.figure("apps.down", 0)
    wall.application("layanan", "up")
    assert _worse(room, "layanan") == ["degraded", "down"]
    reasons = {r for (r,) in room.coc.read("SELECT DISTINCT reason FROM service_samples WHERE up = 0")}
    assert reasons == {"refused"}


def test_a_point_at_a_new_address_stays_one_point(room: Room) -> None:
    moved = target("ap-2")
    try:
        urls = {ap: web.url for ap, web in room.aps.items()} | {"ap-2": moved.url}
        write_targets(room.targets, "ap", urls)
        mine = f'probe_success{{ap="ap-2",instance="{moved.url}"}}'
        until(room.prometheus.finds(mine, 1), 30)
        addresses = {s["metric"]["instance"] for s in room.prometheus.ask('probe_success{ap="ap-2"}[5m]')}
        assert len(addresses) == 2  # of Prometheus, which keeps both
        before = room.coc.read("SELECT max(at) FROM ap_samples WHERE ap = 'ap-2'")
        until(lambda: room.coc.read("SELECT max(at) FROM ap_samples WHERE ap = 'ap-2'") > before, 15)
        assert room.coc.wifi() == (11, 0, 0, 0)
        assert [s for _, s in room.coc.changes("ap-2")] == ["up"]
        room.aps["ap-2"].close()  # the old address is nobody's now
        for _ in range(int(WORSE)):
            assert room.coc.wifi() == (11, 0, 0, 0)
            time.sleep(1)
    finally:
        write_targets(room.targets, "ap", {ap: web.url for ap, web in room.aps.items()})
        room.aps["ap-2"].open()
        moved.close()


def test_what_dies_between_us_and_the_points_makes_no_point_down(room: Room, wall: Walls) -> None:
    """An exporter killed, a Prometheus killed, a gateway that tells the same measurement for ever: all at once."""
    down: list[object] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(1):
            found = room.coc.wifi()
            down.extend([found] if found[2] != 0 else [])

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        room.second_exporter.program.kill()
        room.second.program.kill()
        room.dated.frozen = True
        _sources_are_told(room, wall)
        until(lambda: room.coc.wifi() == (5, 0, 0, 6), 330, room.coc.wifi)  # samples hold for five minutes
        wall.figure("wifi.no_data", 6)
        wall.point("luar-1", "no_data")
        assert room.coc.feed("wifi")["state"] == "fresh"
        room.second_exporter.start()
        room.second.start()
        room.dated.frozen = False
        until(lambda: room.coc.wifi() == (11, 0, 0, 0), 60, room.coc.wifi)
        for feed in ("wifi_luar", "wifi_jauh", "wifi_gerbang"):
            until(lambda feed=feed: room.coc.feed(feed)["state"] == "fresh", 30, lambda: room.coc.get("/api/v1/feeds"))
    finally:
        over.set()
        watcher.join(10)
    assert down == []
    for ap in ("luar-1", "luar-2", "jauh-1", "jauh-2", "gerbang-1", "gerbang-2"):
        assert [s for _, s in room.coc.changes(ap)] == ["up"]


def _sources_are_told(room: Room, wall: Walls) -> None:
    def state(feed: str) -> Callable[[], tuple[str, str]]:
        return lambda: (room.coc.feed(feed)["state"], str(room.coc.feed(feed)["last_run"]["error"]))

    def is_(feed: str, wanted: str, word: str) -> Callable[[], bool]:
        return lambda: state(feed)()[0] == wanted and word in state(feed)()[1]

    until(is_("wifi_luar", "failing", "exporter"), 3 * EVERY + 2 * PULL + 20, state("wifi_luar"))
    until(is_("wifi_jauh", "failing", "unreachable"), 2 * PULL + 30, state("wifi_jauh"))
    until(is_("wifi_gerbang", "frozen", ""), 20 + 4 * PULL + BUILD + 10, state("wifi_gerbang"))
    for name, shown in (("wifi_luar", "failing"), ("wifi_jauh", "failing"), ("wifi_gerbang", "frozen")):
        wall.feed(name, shown, BUILD + 5)
