"""What every test shares: hypothesis without deadlines, free ports, one Chromium."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.browser_install import find
from tests.databases import database_url, new_database, postgres, postgres_url, sqlite_template

__all__ = ["database_url", "new_database", "postgres", "postgres_url", "sqlite_template"]

settings.register_profile("coc", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("coc")

CHROMIUM_ARGUMENTS = ["--no-sandbox", "--disable-quic", "--disable-background-networking"]


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What has no SQL of its own runs on SQLite in `make test`, and on PostgreSQL too in `make test-slow`.

    What only the frame around a page shows (banner, watermark) is looked at on one page there, on all in the other.
    """
    for item in items:
        given = getattr(item, "callspec", None)
        if item.get_closest_marker("postgres_slow") and given and "postgresql" in given.id:
            item.add_marker(pytest.mark.slow)
        if given and given.params.get("path", "/") != "/" and _is_said_elsewhere(given.params):
            item.add_marker(pytest.mark.slow)


def _is_said_elsewhere(look: dict[str, Any]) -> bool:
    """Whether the look of a page differs from others that are looked at by its frame, or by its language alone."""
    plain = (look.get("state"), look.get("language"), look.get("theme")) == ("normal", "en", "light")
    return plain or look.get("state") in ("trouble", "simulated")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser. Skipped, with the reason, only where the machine has none.

    Of a module, not of the session: Playwright leaves an event loop in its thread, where `asyncio.run` refuses to run.
    """
    path = find()
    if path is None:
        pytest.skip("not run: no Chrome or Chromium on this machine; `python -m tests.browser_install` installs one")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Ports that were free a moment ago on loopback."""

    def port() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return port
