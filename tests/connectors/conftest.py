"""Quick retries, and windows as the pipeline would give them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from data_connectors import client
from data_connectors.base import Window

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "BACKOFF_SECONDS", 0.01)


@pytest.fixture
def window() -> Callable[..., Window]:
    def make(seconds: float = 10, **given: Any) -> Window:
        return Window(**{"now": NOW, "deadline": time.monotonic() + seconds, **given})

    return make
