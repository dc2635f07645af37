"""Answers as they were recorded, and a look for what must not leave a connector."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from data_connectors.base import Batch, FetchError
from tests.connectors.hostile import Handler

SAMPLES = Path(__file__).parent / "samples"


class Recorded:
    """One system's answers by file name."""

    def __init__(self, system: str) -> None:
        self.folder = SAMPLES / system
        self.index: dict[str, dict[str, Any]] = {
            one["file"]: one for one in json.loads((self.folder / "index.json").read_text())
        }

    def json(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text())

    def say(self, handler: Handler, name: str) -> None:
        told = self.index[name]
        kind = told["headers"].get("content-type", "text/plain")
        body = (self.folder / name).read_bytes()
        handler.say(told["status"], body, kind, location=told["headers"].get("location", ""))


def told(batches: list[Batch], *errors: FetchError) -> str:
    """All that leaves a connector, as text: frames, problems, notes, the words of failures."""
    parts: list[str] = []
    for batch in batches:
        parts += [batch.frame.to_json(date_format="iso"), repr(batch.problems), repr(batch.notes), repr(batch.ids)]
    return "\n".join([*parts, *(f"{e.code} {e.detail} {e.args}" for e in errors)])
