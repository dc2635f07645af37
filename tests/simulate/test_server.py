"""The process: registers, probe targets, its clock, its start and end."""

from __future__ import annotations

import csv
import io
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest
import requests

from coc.clock import RunningClock
from coc.domain.instants import micros_of
from coc.simulate import server
from coc.simulate.applications import APPLICATIONS, MINUTE
from tests.simulate.conftest import MORNING, when

STATUSES = {"direncanakan", "pemasangan", "aktif", "dihentikan"}


def rows(answer: requests.Response) -> list[dict[str, str]]:
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_the_register_of_sites_tells_a_programme_under_way(city, web):
    sites = rows(web("/data/titik-wifi.csv"))
    assert list(sites[0]) == [
        "kode", "nama", "jenis", "kecamatan", "opd", "status", "target", "terpasang", "kapasitas", "sumber_dana",
    ]  # fmt: skip
    assert 60 <= len(sites) <= 70
    assert {s["status"] for s in sites} == STATUSES
    assert {s["kecamatan"] for s in sites} == {f"15.71.{n:02d}" for n in range(1, 12)}
    assert {s["opd"] for s in sites} <= {u["code"] for u in city.all("units")}
    assert all(bool(s["terpasang"]) == (s["status"] in ("aktif", "dihentikan")) for s in sites)
    active = Counter(s["jenis"] for s in sites if s["status"] == "aktif")
    every = Counter(s["jenis"] for s in sites)
    assert active["sekolah"] / every["sekolah"] < 0.6 < active["kelurahan"] / every["kelurahan"]


def test_access_points_stand_on_active_sites_near_their_kecamatan(web):
    sites = {s["kode"]: s for s in rows(web("/data/titik-wifi.csv"))}
    points = rows(web("/data/access-points.csv"))
    assert list(points[0]) == ["kode", "titik", "nama", "lintang", "bujur"]
    assert 95 <= len(points) <= 130
    assert len({p["kode"] for p in points}) == len(points)
    assert {sites[p["titik"]]["status"] for p in points} == {"aktif"}
    assert all(-1.75 < float(p["lintang"]) < -1.5 and 103.5 < float(p["bujur"]) < 103.75 for p in points)
    answer = web("/prometheus/api/v1/query", params={"query": 'up{job="wifi"}'}).json()
    assert {s["metric"]["ap"] for s in answer["data"]["result"]} == {p["kode"] for p in points}


def test_the_programme_goes_on(city, web):
    before = [s["status"] for s in rows(web("/data/titik-wifi.csv"))].count("aktif")
    city.clock.at = when("2027-11-24T10:00:00+07:00")
    assert [s["status"] for s in rows(web("/data/titik-wifi.csv"))].count("aktif") > before


def _moment(handle, status: int) -> tuple[str, datetime]:
    """An application and a time at which it answers with that status (0: it hangs up)."""
    last = micros_of(MORNING) // MINUTE
    found = handle.simulation.metrics.applications.measured(np.arange(last - 20 * 1440, last)[None, :])
    row, column = np.argwhere(found.status == status)[0]
    return APPLICATIONS[row].service, datetime.fromtimestamp(found.at[row, column] / 1e6, tz=UTC)


def test_an_application_that_works_answers_after_its_latency(city, handle, web):
    service, city.clock.at = _moment(handle, 200)
    _, seconds = handle.simulation.metrics.applications.answer(service, handle.simulation.now())
    started = time.monotonic()
    answer = web(f"/apps/{service}")
    assert (answer.status_code, answer.text) == (200, f"{service}: layanan berjalan\n")
    assert time.monotonic() - started >= seconds


def test_an_application_out_of_order_says_so(city, handle, web):
    service, city.clock.at = _moment(handle, 503)
    assert web(f"/apps/{service}").status_code == 503


def test_a_crashed_application_hangs_up(city, handle):
    service, city.clock.at = _moment(handle, 0)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{handle.url}/apps/{service}", timeout=10)


def test_the_probe_and_prometheus_see_the_same_truth(city, handle, web):
    service, city.clock.at = _moment(handle, 503)
    query = {"query": f'probe_http_status_code{{job="apps",service="{service}"}}'}
    [series] = web("/prometheus/api/v1/query", params=query).json()["data"]["result"]
    assert series["value"][1] == "503"


def test_an_application_is_slow_in_the_morning(handle):
    last = micros_of(when("2026-11-24T00:00:00+07:00")) // MINUTE
    found = handle.simulation.metrics.applications.measured(np.arange(last - 20 * 1440, last)[None, :])
    row = [a.service for a in APPLICATIONS].index("absensi")
    hours = (found.at[row] // 3_600_000_000 + 7) % 24
    assert np.median(found.seconds[row, hours == 8]) < 2.5
    assert np.median(found.seconds[row, hours == 7]) > 3 * np.median(found.seconds[row, hours == 15])
    assert found.up.mean() > 0.98


def test_unknown_paths_are_not_found(web):
    for path in ("/", "/apps/nothing", "/data/nothing.csv", "/coc/v2/letters"):
        assert web(path).status_code == 404


def test_info_tells_clock_speed_and_seed(city, web):
    info = web("/info").json()
    assert (when(info["now"]), info["speed"], info["seed"]) == (MORNING, 0.0, 1571)


def test_time_runs_at_its_speed():
    clock = RunningClock(MORNING, 3600.0, time.monotonic())
    with server.start(seed=3, clock=clock) as handle:
        first = requests.get(f"{handle.url}/info", timeout=10).json()
        time.sleep(0.3)
        second = requests.get(f"{handle.url}/info", timeout=10).json()
    assert first["speed"] == 3600
    assert (when(second["now"]) - when(first["now"])).total_seconds() > 900


def test_a_taken_port_is_an_error(handle):
    with pytest.raises(OSError, match="in use"):
        server.start(port=handle.port)


def _process(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "coc.simulate", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_process_prints_its_url_obeys_coc_clock_and_ends_clean(number, code):
    with _process(COC_CLOCK="2026-03-02T10:00:00+07:00") as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        info = requests.get(f"{url}/info", timeout=10).json()
        assert (when(info["now"]), info["speed"]) == (when("2026-03-02T10:00:00+07:00"), 0.0)
        process.send_signal(number)
        assert process.wait(20) == code


def test_a_process_without_its_parent_ends():
    script = (
        "import subprocess, sys\n"
        "command = [sys.executable, '-m', 'coc.simulate', '--with-parent']\n"
        "p = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)\n"
        "print(p.stdout.readline().strip(), flush=True)\n"
    )
    url = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            requests.get(f"{url}/info", timeout=2)
        except requests.ConnectionError:
            return
        time.sleep(0.2)
    pytest.fail("it still answers")
