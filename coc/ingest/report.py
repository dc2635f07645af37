"""What a pull did, as `coc pull --json` prints it, and its failure as a sentence."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from coc.domain.datasets import Dataset
from data_connectors.base import FAILURES


@dataclass(slots=True)
class PullReport:
    """Counts of one run. `started`: system time, UTC. `error` is a sentence; `error_code` its stable code.

    rows_in = stored + unchanged + quarantined, but for a source row that came twice in quarantine.
    """

    name: str
    datasets: list[Dataset]
    started: datetime
    seconds: float = 0.0
    rows_in: int = 0
    stored: int = 0
    unchanged: int = 0
    quarantined: int = 0
    deleted: int = 0
    error_code: str | None = None
    detail: str | None = None
    retry_after: float | None = None
    notes: list[tuple[str, str]] = field(default_factory=list)

    @property
    def error(self) -> str | None:
        return None if self.error_code is None else sentence(self.error_code, self.detail, self.name)


def sentence(code: str, detail: str | None, source: str) -> str:
    """A failure of that source in English words; the page translates by code."""
    text = FAILURES.get(code, f"{code}: {{}}").replace("NAME", source).replace("{}", detail or "")
    return text.replace(" ()", "").strip().rstrip(":")
