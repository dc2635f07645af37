"""`coc serve`, `worker` and `simulate`: they start, refuse what is unsafe, and end clean."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from coc.cli import simulated
from tests.cli.feed import NOW, Feed
from tests.cli.terminal import Terminal, wait_until

CLOCK = {"COC_CLOCK": NOW}
# The register of access points: the simulated city's smallest source.
POINTS = """\
  titik:
    type: files
    url: simulator
    every_seconds: 5
    datasets: {access_points: {file: access-points.csv, fields: {source_id: kode, name: nama}}}
"""
SIMULATED = "connectors:\n" + POINTS


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=1).ok
    except requests.RequestException:
        return False


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"


def _note(terminal: Terminal) -> dict[str, int]:
    """What `coc serve` leaves for the commands beside it: the port of its simulated city."""
    file = terminal.folder / "var" / "simulator.json"
    wait_until(file.exists)
    return dict(json.loads(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("with_signal", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_simulated_city_answers_until_it_is_told_to_end(
    terminal: Terminal, free_port: Callable[[], int], with_signal: int
) -> None:
    port = free_port()
    process = terminal.start("simulate", "--port", str(port), "--seed", "7")
    wait_until(lambda: simulated.city_info(port) is not None)
    assert simulated.city_info(port)["seed"] == 7  # type: ignore[index]
    taken = terminal.coc("simulate", "--port", str(port))
    assert (taken.code, taken.err) == (
        1,
        f"coc: port {port} cannot be used (Address already in use); give another with --port\n",
    )
    ran, _ = terminal.interrupt(process, with_signal)
    assert ran.code == (130 if with_signal == signal.SIGINT else 0)


def test_a_worker_pulls_until_ctrl_c(city: Terminal, feed: Feed) -> None:
    process = city.start("worker", env=CLOCK)
    wait_until(lambda: any("dispositions" in path for path in feed.asked))
    wait_until(lambda: city.coc("status", "--json", env=CLOCK).items[0]["epoch"] >= 1)
    ran, _ = city.interrupt(process)
    assert ran.code == 130, ran.err


def test_a_worker_ends_on_sigterm_even_while_a_source_hangs(city: Terminal, feed: Feed) -> None:
    feed.mode = "hang"
    process = city.start("worker", env=CLOCK)
    wait_until(lambda: bool(feed.asked))
    ran, seconds = city.interrupt(process, signal.SIGTERM)
    # By itself, or on a machine too busy for that by the hand that lets nobody wait longer.
    assert ran.code in (0, 143), ran.err
    assert seconds < 15


def test_a_worker_without_work_says_so(terminal: Terminal) -> None:
    terminal.write("connectors: {}\n")
    ran = terminal.coc("worker")
    assert (ran.code, ran.err) == (
        2,
        "coc: config names no enabled connector of the demo realm: there is nothing to do\n",
    )


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_serve_shows_the_pulled_city_and_ends_when_told(
    city: Terminal, free_port: Callable[[], int], with_signal: int
) -> None:
    assert city.coc("pull", "--full", env=CLOCK).code == 0
    port = free_port()
    process = city.start("serve", "--no-scheduler", env={**CLOCK, "PORT": str(port)})
    wait_until(lambda: _answers(f"http://127.0.0.1:{port}/readyz"))
    kpis = requests.get(f"http://127.0.0.1:{port}/api/v1/kpis?window=30d", timeout=5).json()
    assert kpis["realm"] == "live"
    assert {k["id"]: k["value"] for k in kpis["items"]}["disposition.backlog"] == 20
    ran, _ = city.interrupt(process, with_signal)
    assert ran.code == (130 if with_signal == signal.SIGINT else 0), ran.err
    assert f"Kota Jambi (live realm): http://127.0.0.1:{port}" in ran.out


@pytest.mark.slow
def test_serve_starts_a_city_that_dies_with_it_and_comes_back(terminal: Terminal, free_port: Callable[[], int]) -> None:
    terminal.write(SIMULATED)
    port = free_port()
    process = terminal.start("serve", "--port", str(port))
    note = _note(terminal)
    wait_until(lambda: _answers(f"http://127.0.0.1:{port}/readyz"))
    pulled = terminal.coc("pull", "--json")
    assert (pulled.code, pulled.items[0]["error"]) == (0, None)

    os.kill(note["pid"], signal.SIGKILL)
    wait_until(lambda: simulated.city_info(note["port"]) is None, 10)
    wait_until(lambda: simulated.city_info(note["port"]) is not None)

    process.kill()
    wait_until(lambda: simulated.city_info(note["port"]) is None, 10)
    out, _ = process.communicate()
    assert f"Kota Jambi (demo realm, simulated data): http://127.0.0.1:{port}" in out


def test_serve_names_a_taken_port(city: Terminal) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = city.coc("serve", "--port", str(port))
    assert (ran.code, ran.err) == (
        1,
        f"coc: 127.0.0.1:{port} cannot be listened on (Address already in use); "
        "give another port with --port P or PORT=P\n",
    )


@pytest.mark.parametrize(
    ("args", "extra", "why"),
    [
        (["--host", "0.0.0.0"], "", "--host 0.0.0.0 is not loopback"),
        ([], "server: {public_url: 'https://coc.example.go.id'}\n", "server.public_url is https://coc.example.go.id"),
        ([], "server: {trusted_proxies: [10.0.0.5]}\n", "server.trusted_proxies names a proxy"),
    ],
)
def test_the_live_realm_is_not_shown_to_strangers(city: Terminal, args: list[str], extra: str, why: str) -> None:
    city.write(city.config.read_text(encoding="utf-8") + extra)
    ran = city.coc("serve", "--port", "0", *args)
    assert ran.code == 1
    assert ran.err.startswith("coc: the live realm is not served beyond this machine while no admin's account exists")
    assert why in ran.err


def test_the_demo_realm_runs_beside_the_live_one_without_its_secrets(
    city: Terminal, free_port: Callable[[], int]
) -> None:
    port, demo_port = free_port(), free_port()
    with city.config.open("a", encoding="utf-8") as config:
        config.write(POINTS)
        config.write(f"demo: {{enabled: true, port: {demo_port}}}\n")
    process = city.start("serve", "--port", str(port))
    for each in (demo_port, port):
        wait_until(lambda each=each: _answers(f"http://127.0.0.1:{each}/readyz"))
    feeds = requests.get(f"http://127.0.0.1:{demo_port}/api/v1/feeds", timeout=5).json()
    assert [f["name"] for f in feeds["items"]] == ["titik"]
    feeds = requests.get(f"http://127.0.0.1:{port}/api/v1/feeds", timeout=5).json()
    assert [f["name"] for f in feeds["items"]] == ["sipadek"]
    child = _child_of(process, "--realm")
    environment = Path(f"/proc/{child}/environ").read_bytes()
    assert b"FEED_TOKEN" not in environment
    ran, _ = city.interrupt(process)
    assert ran.code == 130, ran.err
    wait_until(lambda: _gone(child), 6)
    assert f"http://127.0.0.1:{demo_port}" in ran.out


def _child_of(process: subprocess.Popen[str], word: str) -> int:
    for task in Path("/proc").glob("[0-9]*"):
        try:
            parent = task.joinpath("stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
            words = task.joinpath("cmdline").read_text(encoding="utf-8").split("\0")
        except OSError:
            continue
        if int(parent) == process.pid and word in words:
            return int(task.name)
    raise AssertionError("no such child")


def test_a_child_ends_when_its_parent_is_killed(terminal: Terminal, free_port: Callable[[], int]) -> None:
    """As the simulated city under `coc serve`, but without the web server in the way."""
    terminal.write(SIMULATED)
    process = terminal.start("worker")
    note = _note(terminal)
    wait_until(lambda: simulated.city_info(note["port"]) is not None)
    process.kill()
    wait_until(lambda: _gone(note["pid"]))
