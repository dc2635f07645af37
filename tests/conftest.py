"""What every test shares: hypothesis without deadlines, Jambi's zone, free ports."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("coc", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("coc")


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Ports that were free a moment ago on loopback."""

    def port() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return port
