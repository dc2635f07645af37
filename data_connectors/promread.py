"""One run's reading of measurements from a Prometheus: which spans, which of three ways, and why nothing came.

The ways, the best that the source answers: `raw` samples (`selector[3600s]`); a `grid` of `query_range` answers, of the
query and of `timestamp(...)`; the `instant` query alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final, Literal

import numpy as np
import pandas as pd

from data_connectors.base import FetchError, Window
from data_connectors.promjoin import LOOK_BACK_MS, Named, Points, joined, measured, points
from data_connectors.promql import MAX_POINTS, Api, Expression, Series, refused

HOUR: Final = 3600.0
DAY: Final = 86_400.0
RECENT: Final = 26 * HOUR  # what the last 24 hours' availability looks at, spells that began before included
FINE_STEP, RECENT_STEP, OLD_STEP = 5, 15, 60  # seconds; the two latter where no rhythm could be learnt
SHORTEST_SPAN: Final = 600.0
LOOK_BACK: Final = LOOK_BACK_MS / 1000
RESERVE: Final = 0.25  # of the run's time: history stops there, so that what was read is also stored
Note = tuple[str, str]
Span = tuple[float, float]  # (start, end], epoch seconds


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to ask for: `up`, the gauges by canonical column, the labels that name the entity."""

    up: Expression
    gauges: Mapping[str, Expression]
    named: Named
    health: str | None
    step_seconds: float | None
    backfill_days: float
    every_seconds: float = 60


@dataclass(slots=True)
class Reader:
    """`notes`: what was found on the way, for the next batch to carry."""

    wanted: Wanted
    api: Api
    window: Window
    since: datetime | None
    way: Literal["", "raw", "grid", "instant"] = ""
    rhythm: float | None = None  # seconds between two samples of one series
    polled: bool = False  # no measurement times: each evaluation is a poll of ours
    notes: list[Note] = field(default_factory=list)
    unstampable: set[str] = field(default_factory=set)

    @property
    def now(self) -> float:
        return self.window.now.timestamp()

    def read(self) -> Iterator[pd.DataFrame]:
        """Rows key, at, seen, value (of `up`) and a column a gauge. Raises FetchError at the end where nothing came."""
        reserve = RESERVE * self.api.client.guard.left
        found, any_rows = self.present(self.now), False
        self._health()
        for span in self._spans():
            past = any_rows and self._backwards
            if past and self.api.client.guard.left < reserve:
                self._incomplete(span)
                break
            try:
                for rows in self._span(span, found):
                    any_rows = any_rows or not rows.empty
                    yield rows
            except FetchError as error:
                if error.code != "too_slow" or not past:
                    raise
                self._incomplete(span)  # the present is read, the past can wait
                break
            if self.way == "instant":
                break
        if not found:
            why = self.nothing()
            if why.code == "exporter_down" or not any_rows:
                raise why
            self.note(why.code, why.detail)

    def note(self, code: str, detail: str) -> None:
        if (code, detail) not in self.notes:
            self.notes.append((code, detail))

    def present(self, at: float | None) -> list[Series]:
        """What answers for `up` at that time, checked for the label."""
        found = self.api.instant(self.wanted.up.text, at)
        label = self.wanted.named.label
        without = [s for s in found if label not in dict(s.labels)]
        if found and len(without) == len(found):
            raise FetchError("schema_drift", f"no series of `up` has the label `{label}`", permanent=True)
        if without:
            self.note("unlabelled", f"{len(without)} of {len(found)} series have no label `{label}`")
        return found

    def nothing(self) -> FetchError:
        """Why `up` gives no series: the exporter is dead, or there is nothing to find."""
        for query in filter(None, (self.wanted.health, _health_query(self.wanted.up))):
            found = self._or_none(lambda query=query: self.api.instant(query, self.now, attempts=2))  # type: ignore[misc]
            if found and all(s.value[-1] == 0 for s in found):
                return FetchError("exporter_down", f"`{query}` is 0 for all {len(found)} targets", permanent=True)
            if found:
                said = "its exporter answers, but the query for up finds nothing"
                return FetchError("source_empty", said, permanent=True)
        return FetchError("source_empty", "the query for up finds nothing", permanent=True)

    def _health(self) -> None:
        if not self.wanted.health:
            return
        found = self.api.instant(self.wanted.health, self.now)
        dead = sum(1 for s in found if s.value[-1] == 0)
        if dead:
            self.note("exporter_down", f"{dead} of {len(found)} targets")

    def _spans(self) -> Iterator[Span]:
        """What to read. History newest first: a wall lives at once. A gap oldest first: none is ever jumped."""
        oldest = self.now - max(self.wanted.backfill_days * DAY, 2 * LOOK_BACK)
        edges = [self.now]
        if self._backwards:
            edges += [self.now - HOUR, self.now - RECENT]
            while edges[-1] > oldest:
                edges.append(edges[-1] - DAY)
            edges = [e for e in edges if e > oldest] + [oldest]
        else:
            start = min(max((self.since or self.window.now).timestamp() - 0.001, oldest), self.now - 1)
            while self.now - start > RECENT:
                edges.insert(-1, start)
                start += DAY
            edges.insert(-1, start)
        longest = (self.wanted.step_seconds or DAY) * MAX_POINTS
        for one, other in pairwise(edges):
            start, end = min(one, other), max(one, other)
            while end - start > longest:
                yield end - longest, end
                end -= longest
            yield start, end

    @property
    def _backwards(self) -> bool:
        return self.window.full or self.since is None

    def _incomplete(self, span: Span) -> None:
        day = datetime.fromtimestamp(span[1], UTC).astimezone(self.window.now.tzinfo).date()
        self.note("backfill_incomplete", f"nothing before {day.isoformat()} yet; raise deadline_seconds")

    def _span(self, span: Span, found: list[Series]) -> Iterator[pd.DataFrame]:
        start, end = span
        try:
            rows = self._rows(start, end, found)
        except FetchError as error:
            late = self.api.client.guard.expired
            if error.code not in ("too_large", "too_slow") or late or end - start <= SHORTEST_SPAN:
                raise
            middle = (start + end) / 2
            yield from self._span((middle, end), found)
            yield from self._span((start, middle), found)
            return
        yield self._unknown(rows)

    def _unknown(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Without what is held already: the same source time again is no new sample."""
        if self.window.full or not self.window.known or rows.empty:
            return rows
        # Two polls of ours a moment apart are one measurement of theirs.
        apart = round(self._step(self.now - 1, self.now) * 500) if self.polled else 0
        known = {key: math.floor(at.timestamp() * 1000 + 0.5) + apart for key, at in self.window.known.items()}
        return rows[rows["at"] > rows["key"].map(known).fillna(-1)]

    def _rows(self, start: float, end: float, found: list[Series]) -> pd.DataFrame:
        if self.way in ("", "raw") and (rows := self._raw_rows(start, end, found)) is not None:
            return rows
        if self.way in ("", "grid") and (rows := self._grid_rows(start, end, found)) is not None:
            return rows
        self.way = "instant"
        self.note("no_history", "the source answers no range query; only what it says now is read")
        return self._instant_rows(found)

    # raw samples

    def _raw_rows(self, start: float, end: float, found: list[Series]) -> pd.DataFrame | None:
        up = self._raw(self.wanted.up, start, end)
        if up is None or (self.way == "" and not up and found):
            return None
        self.way = "raw"
        step = self._step(start, end)

        def gauge(expression: Expression) -> Points:
            values = self._raw(expression, start - LOOK_BACK, end)
            if values is not None:
                return points(values, None, self.wanted.named, raw=True)
            return self._grid(expression, start - LOOK_BACK, end, step) or _NO_POINTS

        return self._assembled(points(up, None, self.wanted.named, raw=True), gauge, (start, end), step)

    def _raw(self, expression: Expression, start: float, end: float) -> list[Series] | None:
        selector = expression.selector
        if selector is None:
            return None
        found = self._or_none(lambda: self.api.raw(selector, start, end))
        return found and [Series(s.labels, s.times, s.value * expression.scale) for s in found]

    # grids of evaluations

    def _grid_rows(self, start: float, end: float, found: list[Series]) -> pd.DataFrame | None:
        step = self._step(start, end)
        up = self._grid(self.wanted.up, start, end, step, stamped=not self.polled)
        if up is None or (self.way == "" and up.frame.empty and found):
            return None
        self.way = "grid"
        if not (up.stamped or self.polled or up.frame.empty):
            self.polled = True
            return self._grid_rows(start, end, found)
        self._stamped(up)
        if self.rhythm is None and up.stamped:
            self.rhythm = _rhythm(up)

        def gauge(expression: Expression) -> Points:
            return self._grid(expression, start, end, step, stamped=up.stamped) or _NO_POINTS

        return self._assembled(up, gauge, (start, end), step)

    def _grid(
        self, expression: Expression, start: float, end: float, step: float, *, stamped: bool = True
    ) -> Points | None:
        """None where the source refuses the query itself; without own times where it refuses those."""
        values = self._or_none(lambda: self.api.grid(expression.text, start, end, step))
        if not values:
            return None if values is None else _NO_POINTS
        stamps = None
        if stamped and expression.selector and expression.text not in self.unstampable:
            stamps = self._or_none(lambda: self.api.grid(_timestamp(expression), start, end, step))
            if not stamps:
                self.unstampable.add(expression.text)
        return points(values, stamps or None, self.wanted.named)

    # the instant query alone

    def _instant_rows(self, found: list[Series]) -> pd.DataFrame:
        up = self._instant(self.wanted.up, found)
        self._stamped(up)

        def gauge(expression: Expression) -> Points:
            return self._instant(expression, self._or_none(lambda: self.api.instant(expression.text, self.now)) or [])

        rows = self._assembled(up, gauge, (-math.inf, math.inf), LOOK_BACK)
        return rows.drop_duplicates("key", keep="last")  # a re-addressed access point: its newest measurement

    def _instant(self, expression: Expression, values: list[Series]) -> Points:
        stamps = None
        if values and expression.selector:
            stamps = self._or_none(lambda: self.api.instant(_timestamp(expression), self.now))
        found = points(values, stamps or None, self.wanted.named)
        # Asked one after the other, they belong together also where a source evaluates each at its own moment.
        return Points(found.frame.assign(seen=round(self.now * 1000)), found.stamped)

    # what the three share

    def _stamped(self, up: Points) -> None:
        if not up.stamped:
            self.note("evaluation_time", "the source tells no measurement times; those of the question are taken")

    def _or_none(self, ask: Callable[[], list[Series]]) -> list[Series] | None:
        try:
            return ask()
        except FetchError as error:
            if not refused(error):
                raise
            return None

    def _assembled(self, up: Points, gauge: Callable[[Expression], Points], span: Span, step: float) -> pd.DataFrame:
        rows = measured(up)
        rows = rows[(rows["at"] > span[0] * 1000) & (rows["at"] <= span[1] * 1000)].reset_index(drop=True)
        for column, expression in self.wanted.gauges.items():
            found = gauge(expression)
            if not rows.empty and found.frame.empty:
                self.note("source_empty", f"the query for {column} finds nothing")
            rows[column] = joined(rows, found, math.ceil(step * 1000))
        return rows

    def _step(self, start: float, end: float) -> float:
        """Fine enough that no measurement falls between two points, coarse enough to be answered."""
        if self.wanted.step_seconds:
            return self.wanted.step_seconds
        if self.polled:  # finer, one failed measurement would be many failures in a row
            return max(FINE_STEP, self.wanted.every_seconds)
        if end - start <= HOUR:
            return FINE_STEP
        if self.now - start <= RECENT + 1:
            return max(FINE_STEP, int(self.rhythm * 0.8)) if self.rhythm else RECENT_STEP
        return max(RECENT_STEP, int(self.rhythm * 0.9)) if self.rhythm else OLD_STEP


def no_rows(gauges: Mapping[str, Expression]) -> pd.DataFrame:
    """What `Reader.read` yields, without a row."""
    return measured(_NO_POINTS).assign(**{column: np.array([], dtype="float64") for column in gauges})


_NO_POINTS: Final = points([], None, Named(""), raw=True)


def _timestamp(expression: Expression) -> str:
    return f"timestamp({expression.selector})"


def _rhythm(found: Points) -> float | None:
    """The shortest time between two measurements of one series, in seconds."""
    order = found.frame.drop_duplicates(["key", "at"]).sort_values(["key", "at"])
    gaps = order.groupby("key")["at"].diff()
    shortest = gaps[gaps > 500].min()
    return None if pd.isna(shortest) else float(shortest) / 1000


def _health_query(up: Expression) -> str:
    """`up` of the job that the selector names, else of all jobs."""
    match = re.search(r"""job\s*=~?\s*("[^"]*"|'[^']*')""", up.selector or "")
    return f"up{{{match[0]}}}" if match else "up"
