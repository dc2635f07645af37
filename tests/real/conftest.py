"""Real systems. Each is skipped, with the reason, where the machine has it not."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Callable

import pytest

from tests.real.installed import SYSTEMS, missing, versions


def pytest_report_header() -> list[str]:
    lacking = {system: ", ".join(missing(system)) for system in SYSTEMS}
    return [f"{s}: {f'not run: without {lack}' if lack else versions(s)}" for s, lack in lacking.items()]


@pytest.fixture(scope="module")
def port() -> Callable[[], int]:
    """Ports that were free a moment ago on loopback. Below those that the machine gives to whoever connects."""
    candidates = random.sample(range(20_000, 32_000), 200)

    def free() -> int:
        while True:
            found = candidates.pop()
            with socket.socket() as probe, contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", found))
                return found

    return free


@pytest.fixture(scope="module", autouse=True)
def _there(request: pytest.FixtureRequest) -> None:
    system = request.module.SYSTEM
    if lack := missing(system):
        pytest.skip(f"not run: {system} is not installed (without {', '.join(lack)}); `make test-real` installs it")
