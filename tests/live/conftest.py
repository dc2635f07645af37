"""One live and one demo server for the tests that only read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.serving import Served, served


@pytest.fixture(scope="module")
def live() -> Iterator[Served]:
    with served() as found:
        yield found
