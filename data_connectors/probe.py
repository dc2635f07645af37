"""What a site sees of the applications and links, told by the probe that stands there (`coc probe --report`).

Nothing is fetched: the probe asks what to look at and reports what it saw, also later what it saw while its line was
out. A report is read as every other source is: validated, quarantined, with a feed of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Self

import pandas as pd
from pydantic import Field, model_validator

from coc.domain.datasets import COLUMNS, Dataset, seen_from
from coc.settings.models import ConnectorBlock
from data_connectors.ahead import Ahead, Note
from data_connectors.answers import aware, duration
from data_connectors.base import Batch, FetchError, Reachability, Window
from data_connectors.keeping import objects, provided
from data_connectors.probed import link_rows, service_rows
from data_connectors.probing import Link, Service, listed

_OF_SERVICES: Final = {
    Dataset.SERVICES: {"source_id", "name", "url", "owner_unit"},
    Dataset.SERVICE_SAMPLES: {"service", "vantage", "at", "up", "status", "latency_ms", "reason"},
}
_OF_LINKS: Final = {
    Dataset.LINKS: {"source_id", "name", "site", "unit", "provider"},
    Dataset.LINK_SAMPLES: {"link", "at", "up", "latency_ms", "loss"},
}
_REASON: Final = re.compile(r"[a-z_]{1,40}")
_SKEW_TOLD: Final = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Report:
    """`services`, `links`: samples as the probe wrote them. `skew_seconds`: its own clock minus the COC's.

    `dropped`: how many samples it lost since its last report, its disk's share being full.
    """

    services: Sequence[Mapping[str, Any]] = ()
    links: Sequence[Mapping[str, Any]] = ()
    skew_seconds: float | None = None
    dropped: int = 0


@dataclass(slots=True)
class Read:
    """Samples of one dataset as a frame of canonical columns, untouched but for times ahead of now."""

    frame: pd.DataFrame
    problems: list[dict[str, Any]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


class Probe:
    """The generic `type: probe`."""

    kind: ClassVar[str] = "probe"
    datasets: ClassVar[set[Dataset]] = {*_OF_SERVICES, *_OF_LINKS}
    pushed: ClassVar[bool] = True  # it comes by itself: the scheduler leaves it alone

    class Block(ConnectorBlock):
        """`vantage`: the site or link where it stands. `token`: the name of the API token (role `probe`) it shows."""

        vantage: str = Field(min_length=1)
        token: str = Field(min_length=1)
        services: dict[str, Service] = Field(default_factory=dict)
        links: dict[str, Link] = Field(default_factory=dict)

        @model_validator(mode="after")
        def _something_to_probe(self) -> Self:
            if not self.services and not self.links:
                raise ValueError("a probe needs `services:` or `links:` to look at")
            if self.url is not None or any(value is not None for value in self.auth.model_dump().values()):
                raise ValueError("nothing is fetched from a probe: take `url` and `auth` away")
            return self

    def __init__(self, name: str, block: Block) -> None:
        self.name, self.block = name, block

    def provides(self) -> frozenset[str]:
        block = self.block
        mapped = {**(_OF_SERVICES if block.services else {}), **(_OF_LINKS if block.links else {})}
        return provided(block, mapped)

    def check(self) -> Reachability:
        said = f"nothing to reach: the probe at {self.block.vantage} reports with the token `{self.block.token}`"
        return Reachability(True, said)

    def pull(self, window: Window) -> Iterator[Batch]:  # noqa: ARG002 - the protocol's
        """Raises FetchError: only a report has anything to tell."""
        raise FetchError("config", f"the probe at {self.block.vantage} reports by itself: there is nothing to pull")


class Reported:
    """A probe with a report in hand. `ahead`: what is remembered of its future times, from report to report."""

    kind: ClassVar[str] = Probe.kind
    datasets: ClassVar[set[Dataset]] = Probe.datasets

    def __init__(self, name: str, block: Probe.Block, report: Report, ahead: Ahead) -> None:
        self.block = block
        self._probe, self._report, self._ahead = Probe(name, block), report, ahead

    def provides(self) -> frozenset[str]:
        return self._probe.provides()

    def check(self) -> Reachability:
        return self._probe.check()

    def pull(self, window: Window) -> Iterator[Batch]:
        """What it lists, then its samples."""
        block, report = self.block, self._report
        if block.services:
            mine = listed(block.services, everything=False)
            yield Batch(Dataset.SERVICES, service_rows(mine, {}).drop(columns="certificate_until"))
            yield Batch(Dataset.SERVICES, pd.DataFrame(), ids=set(mine))
            yield self._batch(Dataset.SERVICE_SAMPLES, "service", report.services, set(block.services), window.now)
        if block.links:
            yield Batch(Dataset.LINKS, link_rows(block.links))
            yield Batch(Dataset.LINKS, pd.DataFrame(), ids=set(block.links))
            yield self._batch(Dataset.LINK_SAMPLES, "link", report.links, set(block.links), window.now)

    def _batch(
        self, dataset: Dataset, entity: str, rows: Sequence[Mapping[str, Any]], known: set[str], now: datetime
    ) -> Batch:
        mine = [isinstance(row.get(entity), str) and row[entity] in known for row in rows]
        read = self._read(dataset, entity, [row for row, is_mine in zip(rows, mine, strict=True) if is_mine], now)
        strange = [row.get(entity) for row, is_mine in zip(rows, mine, strict=True) if not is_mine]
        read.problems += [
            {"source_id": "", "field": entity, "reason": "unknown_value", "value": str(name)[:80]} for name in strange
        ]
        notes = [*read.notes, *self._told()]
        return Batch(dataset, read.frame, ordered=True, problems=read.problems, notes=notes)

    def _read(self, dataset: Dataset, entity: str, rows: Sequence[Mapping[str, Any]], now: datetime) -> Read:
        names = [column.name for column in COLUMNS[dataset]]
        frame = pd.DataFrame({name: objects([row.get(name) for row in rows]) for name in names})
        if dataset is Dataset.SERVICE_SAMPLES:
            frame["vantage"] = self.block.vantage
            frame["reason"] = objects([_reason(row.get("reason")) for row in rows])
        times = [aware(at) for at in frame["at"]]
        told = pd.DataFrame(
            {
                "key": [seen_from(str(name), dataset.value) for name in frame[entity]],
                "at": [0 if t is None else round(t.timestamp() * 1000) for t in times],
            }
        )
        kept, notes = self._ahead.capped(told, now)
        frame = frame.loc[kept.index]
        moved = kept.index[kept["at"] != told["at"].loc[kept.index]]
        for row in moved:
            frame.loc[row, "at"] = datetime.fromtimestamp(int(kept.loc[row, "at"]) / 1000, UTC).isoformat()
        return Read(frame.reset_index(drop=True), notes=notes)

    def _told(self) -> list[Note]:
        notes: list[Note] = []
        skew = self._report.skew_seconds
        if skew is not None and abs(skew) > _SKEW_TOLD:
            notes.append(("clock_apart", f"{'+' if skew > 0 else '-'}{duration(abs(skew))}"))
        if self._report.dropped:
            notes.append(("samples_dropped", str(self._report.dropped)))
        return notes


def _reason(told: Any) -> str | None:
    """One of the words that probes use; a text of any other kind could hold anything."""
    return None if told is None else told if isinstance(told, str) and _REASON.fullmatch(told) else "other"
