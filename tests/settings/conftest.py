"""A config.yaml in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.settings.blocks import Write


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str) -> Path:
        file = tmp_path / "config.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return to_file
