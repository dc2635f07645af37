"""A KPI by day or week, as a lens may see it: at each one's end by today's knowledge, beside what was published.

The public lens has the city's series alone, of its own population: a unit's small counts would come out of two days'
difference, whatever is hidden of each day (`docs/decisions/081`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from coc.access.published import MASKED
from coc.access.reader import SHOWN_STATES, Reader, shown_number
from coc.access.table import BOARDS
from coc.access.viewer import Lens
from coc.boards.board import CITY
from coc.boards.city import ALL, PUBLIC
from coc.boards.history import History
from coc.boards.kept import differs, published
from coc.boards.network_days import is_rolled_up
from coc.domain.datasets import Dataset
from coc.metrics import KpiSpec, registered
from coc.metrics.registry import NO_DATA, NOT_RECORDED

BucketName = Literal["day", "week"]
DEFAULT_BUCKETS: Final[Mapping[BucketName, int]] = {"day": 30, "week": 13}
MOST_BUCKETS: Final = 400
_NOT_APPLICABLE: Final = "not_applicable"
_MAIL: Final = (Dataset.LETTERS, Dataset.DISPOSITIONS)
_UNKNOWN: Final = (float("nan"), NO_DATA)


@dataclass(frozen=True, slots=True)
class Point:
    """`at`: where the bucket begins, with the city's offset. `value` is null unless `state` is ok or unstable."""

    at: datetime
    value: float | int | None
    state: str
    corrected: bool = False


@dataclass(frozen=True, slots=True)
class Bucket:
    """A day, or a week from its Monday; `last`: the day at whose end it is told."""

    first: date
    last: date


def buckets(name: BucketName, since: date, until: date) -> list[Bucket]:
    """Every day of [since, until], or every week that has one of them."""
    days = 1 if name == "day" else 7
    first = since - timedelta(days=since.weekday()) if name == "week" else since
    count = max(0, (until - first).days // days + 1)
    starts = [first + timedelta(days=days * n) for n in range(count)]
    return [Bucket(start, start + timedelta(days=days - 1)) for start in starts]


class SeriesReader:
    """The only way to past figures."""

    def __init__(self, reader: Reader, history: History) -> None:
        self.reader, self.history = reader, history

    def points(self, lens: Lens, kpi: str, unit: str | None, wanted: Sequence[Bucket]) -> list[Point]:
        """One point a bucket. Raises `history.TooMuchError`."""
        spec = registered()[kpi]
        told = self._told(spec, lens, unit, wanted)
        zone = ZoneInfo(self.reader.settings.city.time_zone)
        return [self._point(b, spec, zone, *told[b]) for b in wanted]

    def _told(
        self, spec: KpiSpec, lens: Lens, unit: str | None, wanted: Sequence[Bucket]
    ) -> dict[Bucket, tuple[tuple[float, str], bool]]:
        state = self._withheld(spec, lens, unit)
        if state:
            return {b: ((float("nan"), state), False) for b in wanted}
        today = self.history.today()
        found = dict.fromkeys(wanted, (_UNKNOWN, False))
        past = [b for b in wanted if b.last < today]
        population = PUBLIC if lens == "public" and spec.datasets[0] in _MAIL else ALL
        found |= self._past(spec, population, unit or CITY, past)
        for running in (b for b in wanted if b.first <= today <= b.last):
            (now,) = self.reader.figures(lens, "30d", unit, {spec.id})
            found[running] = ((float("nan") if now.value is None else now.value, now.state), False)
        return found

    def _withheld(self, spec: KpiSpec, lens: Lens, unit: str | None) -> str:
        """Why there is nothing to tell of any day; "" where there is."""
        if lens not in BOARDS.get(spec.id.split(".")[0], ()):
            return NO_DATA
        if unit is not None and spec.scope == "city":
            return _NOT_APPLICABLE
        if not self.history.is_recorded(spec):
            return NOT_RECORDED
        return MASKED if unit is not None and lens == "public" else ""

    def _past(
        self, spec: KpiSpec, population: str, unit: str, past: Sequence[Bucket]
    ) -> dict[Bucket, tuple[tuple[float, str], bool]]:
        days = [b.last for b in past]
        kept = published(self.history.store, spec.id, population, days)
        told = {day: figures.of(unit) for day, figures in kept.items() if unit in figures.places}
        # Of what was seen in passing nothing but the published value is known.
        passing = spec.datasets[0] not in _MAIL and not is_rolled_up(spec.id)
        known = told if passing else self._known(spec, population, unit, days)
        return {
            b: (now, b.last in told and differs(now, told[b.last]))
            for b in past
            for now in [known.get(b.last, _UNKNOWN)]
        }

    def _known(self, spec: KpiSpec, population: str, unit: str, days: Sequence[date]) -> dict[date, tuple[float, str]]:
        """By today's knowledge; a day before anything is known is not there."""
        if not days or self.history.awaits(spec):
            return {}
        if spec.datasets[0] not in _MAIL:
            return {day: found.of(unit) for day, found in self.history.network(spec.id, days).items()}
        begun = self.history.begun(spec, population)
        since = [d for d in days if begun is not None and self.history.ends(d) >= begun]
        return {day: found.of(unit) for day, found in self.history.figures(spec.id, population, since).items()}

    def _point(self, bucket: Bucket, spec: KpiSpec, zone: ZoneInfo, told: tuple[float, str], corrected: bool) -> Point:
        value, state = told
        shown = value == value and state in SHOWN_STATES
        at = datetime.combine(bucket.first, time(), zone)
        return Point(at, shown_number(value, spec) if shown else None, state, corrected)
