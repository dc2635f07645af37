"""City applications and links, as they are seen from where this machine stands: the COC's room, or a site."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar, Final, Self

import pandas as pd
from pydantic import Field, model_validator

from coc.domain.datasets import Dataset
from coc.settings.models import ConnectorBlock
from data_connectors.base import Batch, Reachability, Window
from data_connectors.keeping import provided
from data_connectors.probed import link_rows, link_samples, service_rows, service_samples
from data_connectors.probing import Link, Seen, Service, Tried, listed, looks, tries
from data_connectors.reach import CHECK_SECONDS

_OF_SERVICES: Final = {
    Dataset.SERVICES: {"source_id", "name", "url", "owner_unit", "certificate_until"},
    Dataset.SERVICE_SAMPLES: {"service", "vantage", "at", "up", "status", "latency_ms", "reason"},
}
_OF_LINKS: Final = {
    Dataset.LINKS: {"source_id", "name", "site", "unit", "provider"},
    Dataset.LINK_SAMPLES: {"link", "at", "up", "latency_ms", "loss"},
}


class HttpProbe:
    """The generic `type: http_probe`."""

    kind: ClassVar[str] = "http_probe"
    datasets: ClassVar[set[Dataset]] = {*_OF_SERVICES, *_OF_LINKS}

    class Block(ConnectorBlock):
        """`timeout_seconds`: of one service, first byte to last. `vantage`: the site or link where this machine stands;
        null: the COC's own room.
        """

        vantage: str | None = Field(default=None, min_length=1)
        services: dict[str, Service] = Field(default_factory=dict)
        links: dict[str, Link] = Field(default_factory=dict)

        @model_validator(mode="after")
        def _something_to_probe(self) -> Self:
            if not self.services and not self.links:
                raise ValueError("a probe needs `services:` or `links:` to look at")
            if any(value is not None for value in self.auth.model_dump().values()):
                raise ValueError("a probe sends no credentials: take `auth` away")
            return self

    def __init__(self, name: str, block: Block) -> None:
        self.name, self.block = name, block
        # The last certificate that each service showed: one that does not answer now has not lost it.
        self._certificates: dict[str, datetime] = {}

    def provides(self) -> frozenset[str]:
        block = self.block
        mapped = {**(_OF_SERVICES if block.services else {}), **(_OF_LINKS if block.links else {})}
        return provided(block, mapped)

    def check(self) -> Reachability:
        deadline = time.monotonic() + min(self.block.deadline_seconds, CHECK_SECONDS)
        seen = list(looks(self.block, self.block.services, deadline))
        tried = list(tries(self.block, self.block.links, deadline))
        down = sorted(f"{one.service} ({one.reason})" for one in seen if not one.up)
        down += sorted(one.link for one in tried if not one.up)
        asked = len(seen) + len(tried)
        parts = [_of(seen, self.block.services, "services"), _of(tried, self.block.links, "links")]
        said = ", ".join(part for part in parts if part)
        if not down:
            return Reachability(True, said)
        mend = "open the address from this machine; `expect:` says what counts as up, `to:` what a link is known by"
        return Reachability(len(down) < asked, f"{said}; not up: {', '.join(down)}", mend)

    def pull(self, window: Window) -> Iterator[Batch]:
        """What is probed, as configured and seen, then one sample each, measured as of `window.now`."""
        at = pd.Timestamp(window.now)
        if self.block.services:
            yield from self._services(window, at)
        if self.block.links:
            yield from self._links(window, at)

    def _services(self, window: Window, at: pd.Timestamp) -> Iterator[Batch]:
        services = self.block.services
        seen = list(looks(self.block, services, window.deadline))
        shown_now = {one.service: one.certificate_until for one in seen if one.certificate_until is not None}
        self._certificates |= shown_now
        # From elsewhere the same services are seen again: they are listed where they are named.
        mine = listed(services, everything=self.block.vantage is None)
        yield Batch(Dataset.SERVICES, service_rows(mine, self._certificates))
        if window.full:
            yield Batch(Dataset.SERVICES, pd.DataFrame(), ids=set(mine))
        batch = Batch(Dataset.SERVICE_SAMPLES, service_samples(seen, self.block.vantage, at))
        if len(seen) < len(services):
            batch.notes.append(_cut(len(services) - len(seen), "services"))
        yield batch

    def _links(self, window: Window, at: pd.Timestamp) -> Iterator[Batch]:
        links = self.block.links
        tried = list(tries(self.block, links, window.deadline))
        mine = listed(links, everything=True)
        yield Batch(Dataset.LINKS, link_rows(mine))
        if window.full:
            yield Batch(Dataset.LINKS, pd.DataFrame(), ids=set(mine))
        batch = Batch(Dataset.LINK_SAMPLES, link_samples(tried, at))
        if len(tried) < len(links):
            batch.notes.append(_cut(len(links) - len(tried), "links"))
        yield batch


def _cut(count: int, what: str) -> tuple[str, str]:
    return "incomplete", f"{count} {what} not looked at within the deadline"


def _of(found: list[Any], asked: dict[str, Any], what: str) -> str:
    """How many of what was asked are up, in words; nothing where nothing is asked."""
    up = sum(one.up for one in found if isinstance(one, Seen | Tried))
    return f"{up} of {len(asked)} {what} are up" if asked else ""
