"""Real systems. Each is skipped, with the reason, where the machine has it not."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from tests.real.installed import SYSTEMS, missing, versions


def pytest_report_header() -> list[str]:
    lacking = {system: ", ".join(missing(system)) for system in SYSTEMS}
    return [f"{s}: {f'not run: without {lack}' if lack else versions(s)}" for s, lack in lacking.items()]


@pytest.fixture(scope="module")
def port() -> Callable[[], int]:
    """Ports that were free a moment ago on loopback, never the same twice."""
    given: set[int] = set()

    def free() -> int:
        while True:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                found = int(probe.getsockname()[1])
            if found not in given:
                given.add(found)
                return found

    return free


@pytest.fixture(scope="module", autouse=True)
def _there(request: pytest.FixtureRequest) -> None:
    system = request.module.SYSTEM
    if lack := missing(system):
        pytest.skip(f"not run: {system} is not installed (without {', '.join(lack)}); `make test-real` installs it")
