"""What a refresh costs the server: the real `coc serve` and the plain twin, driven over HTTP, CPU read from outside."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Cost:
    cpu_ms: float  # of the server process, a refresh
    bytes: int  # over the wire, a refresh


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], port: int, path: str, seconds: float = 300) -> Iterator[psutil.Process]:
    """The process, once `path` answers."""
    process = subprocess.Popen(  # noqa: S603 - our own commands
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ}
    )
    try:
        until = time.monotonic() + seconds
        while not _answers(port, path):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"`{' '.join(command)}` does not answer on {path}")
            time.sleep(0.2)
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(20)


def _answers(port: int, path: str) -> bool:
    try:
        return _get(http.client.HTTPConnection("127.0.0.1", port, timeout=30), path)[0] == 200
    except OSError:
        return False


def _get(connection: http.client.HTTPConnection, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    headers = {"Accept-Encoding": "br, gzip"} | ({"Content-Type": "application/json"} if body else {})
    connection.request("POST" if body else "GET", path, body=body, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def cost(process: psutil.Process, port: int, path: str, times: int, body: bytes | None = None) -> Cost:
    """CPU and bytes of one refresh on a kept-alive connection: of five rounds the one that was least disturbed."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    status, raw = _get(connection, path, body)
    if status != 200:
        raise RuntimeError(f"{path} answers {status}: {raw[:200]!r}")
    rounds = []
    for _ in range(_ROUNDS):
        before = cpu(process)
        for _ in range(times // _ROUNDS):
            _get(connection, path, body)
        rounds.append((cpu(process) - before) / (times // _ROUNDS) * 1000)
    return Cost(min(rounds), len(raw))


def first_answers(port: int, paths: Sequence[str]) -> list[float]:
    """Seconds that each of these answers takes, sorted."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    took = []
    for path in paths:
        started = time.perf_counter()
        status, raw = _get(connection, path)
        if status != 200:
            raise RuntimeError(f"{path} answers {status}: {raw[:200]!r}")
        took.append(time.perf_counter() - started)
    return sorted(took)


def serve_command(config: Path, port: int) -> list[str]:
    return [sys.executable, "-m", "coc.cli", "--config", str(config), "serve", "--no-scheduler", "--port", str(port)]


def twin_command(url: str, port: int, now_micros: int) -> list[str]:
    return [sys.executable, "-m", "coc.bench.twin", url, str(port), str(now_micros)]


def twin_body() -> bytes:
    outputs = [{"id": f"chart-{i}", "property": "figure"} for i in range(6)]
    request = {
        "output": ".." + "...".join(f"{o['id']}.figure" for o in outputs) + "..",
        "outputs": outputs,
        "inputs": [{"id": "tick", "property": "n_intervals", "value": 1}],
        "changedPropIds": ["tick.n_intervals"],
    }
    return json.dumps(request).encode()


async def _listen(port: int, path: str, started: asyncio.Barrier, got: list[float]) -> None:
    """One client, as a browser is one: a stream, and a second connection that is kept open for frames."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    frames = await asyncio.open_connection("127.0.0.1", port)
    await _fetch(*frames, port, path)
    writer.write(b"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port)
    first: int | None = None
    async with asyncio.timeout(90):
        while True:
            line = await reader.readline()
            if not line.startswith(b"data:"):
                continue
            epoch = json.loads(line[5:])["epoch"]
            if first is None:
                first = epoch
                await started.wait()
            elif epoch != first:
                break
        await _fetch(*frames, port, path)
    got.append(time.perf_counter())
    writer.close()
    frames[1].close()


async def _fetch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, path: str) -> None:
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: br\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(length)


async def fan_out(port: int, path: str, clients: int, commit: Callable[[], float]) -> list[float]:
    """Seconds from a commit until each of `clients` holds the frame. `commit` gives the moment it was done."""
    barrier = asyncio.Barrier(clients + 1)
    got: list[float] = []
    tasks = [asyncio.create_task(_listen(port, path, barrier, got)) for _ in range(clients)]
    async with asyncio.timeout(60):
        await barrier.wait()
    committed = await asyncio.to_thread(commit)
    await asyncio.gather(*tasks)
    return sorted(at - committed for at in got)
