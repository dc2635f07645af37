"""When something is planned: once from one instant to another, or again and again by a cron line for some time."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from coc.domain.instants import DAY, SECOND, Micros

SCOPES: Final = ("ap", "site", "link", "area", "service")


@dataclass(frozen=True, slots=True)
class Planned:
    """`scope`: "site:TAMAN-01". [`start`, `end`) in microseconds; with `cron` in `zone`, `seconds` from each hit."""

    scope: str
    start: int = 0
    end: int = 0
    cron: str = ""
    zone: str = ""
    seconds: float = 0

    def spans(self, first: int, last: int) -> tuple[Micros, Micros]:
        """The windows that have time within [first, last): starts and ends, in order."""
        if not self.cron:
            hit = [self.start] if self.start < last and self.end > first else []
            return np.array(hit, dtype="int64"), np.array([self.end] * len(hit), dtype="int64")
        length = round(self.seconds * SECOND)
        days = range((first - length) // DAY, -(-last // DAY))
        starts = np.array([at for day in days for at in _hits(self.cron, self.zone, day)], dtype="int64")
        starts = starts[(starts < last) & (starts + length > first)]
        return starts, starts + length

    @property
    def text(self) -> str:
        """All of it in one line: two that are equal have the same."""
        return json.dumps({k: v for k, v in asdict(self).items() if v}, sort_keys=True)

    @classmethod
    @lru_cache(maxsize=1024)
    def parse(cls, text: str) -> Planned:
        """The inverse of `text`."""
        return cls(**json.loads(text))


@lru_cache(maxsize=8192)
def _hits(cron: str, zone: str, day: int) -> tuple[int, ...]:
    """When a cron line strikes on a UTC day (since 1970), in microseconds."""
    from apscheduler.triggers.cron import CronTrigger

    trigger = CronTrigger.from_crontab(cron, timezone=ZoneInfo(zone))
    opens = datetime.fromtimestamp(day * 86_400, UTC)
    found: list[int] = []
    at = trigger.get_next_fire_time(None, opens)
    while at is not None and at < opens + timedelta(days=1):
        found.append(round(at.timestamp()) * SECOND)
        at = trigger.get_next_fire_time(at, at)
    return tuple(found)
