"""One server without accounts and one with, for the attacks that leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.attacks.raw import Site, a_site
from tests.live.serving import Served, served


@pytest.fixture(scope="module")
def live() -> Iterator[Served]:
    with served() as found:
        yield found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with a_site(tmp_path_factory.mktemp("site")) as found:
        yield found
