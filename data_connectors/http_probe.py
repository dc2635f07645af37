"""City applications asked as a visitor would ask them: up only when the right page answers from the right host."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final, Self

import pandas as pd
from pydantic import Field, model_validator

from coc.domain.datasets import Dataset
from coc.domain.model import Model
from coc.settings.models import ConnectorBlock
from data_connectors.answers import Answer
from data_connectors.base import Batch, FetchError, Reachability, Window
from data_connectors.client import Client, shown
from data_connectors.keeping import objects, provided
from data_connectors.reach import CHECK_SECONDS
from data_connectors.transport import NameNotFound

AT_ONCE: Final = 32
FIRST_BYTES: Final = 524_288  # enough of a page to know a login form by
_LOGIN: Final = re.compile(rb"<input\b[^>]*\btype\s*=\s*[\"']?password\b", re.IGNORECASE)
_REASONS: Final = {
    "too_slow": "timeout",
    "certificate": "tls",
    "redirected": "redirect",
    "too_large": "too_large",
    "broken": "content",
    "config": "config",
}
_COLUMNS: Final = {
    Dataset.SERVICES: {"source_id", "name", "url", "owner_unit", "certificate_until"},
    Dataset.SERVICE_SAMPLES: {"service", "vantage", "at", "up", "status", "latency_ms", "reason"},
}


class Expect(Model):
    """`text` must stand in the page. `login`: a login form is what is expected, not a sign that we were turned away."""

    status: int | tuple[int, ...] = 200
    text: str | None = None
    login: bool = False


class Service(Model):
    url: str
    name: str | None = None
    owner_unit: str | None = None
    expect: Expect = Expect()


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at a service. `status`, `latency_ms`: None where no answer came; `reason`: why it is not up.

    `certificate_until`: the end of the certificate that this very connection was made with.
    """

    service: str
    up: bool
    status: int | None = None
    latency_ms: float | None = None
    reason: str | None = None
    certificate_until: datetime | None = None


class HttpProbe:
    """The generic `type: http_probe`."""

    kind: ClassVar[str] = "http_probe"
    datasets: ClassVar[set[Dataset]] = set(_COLUMNS)

    class Block(ConnectorBlock):
        """`timeout_seconds`: of one service, first byte to last."""

        services: dict[str, Service] = Field(min_length=1)

        @model_validator(mode="after")
        def _no_credentials(self) -> Self:
            if any(value is not None for value in self.auth.model_dump().values()):
                raise ValueError("a probe sends no credentials: take `auth` away")
            return self

    def __init__(self, name: str, block: Block) -> None:
        self.name, self.block = name, block
        # The last certificate that each service showed: one that does not answer now has not lost it.
        self._certificates: dict[str, datetime] = {}

    def provides(self) -> frozenset[str]:
        return provided(self.block, _COLUMNS)

    def check(self) -> Reachability:
        seen = list(self._looks(time.monotonic() + min(self.block.deadline_seconds, CHECK_SECONDS)))
        down = sorted(f"{one.service} ({one.reason})" for one in seen if not one.up)
        said = f"{len(seen) - len(down)} of {len(self.block.services)} services are up"
        if not down:
            return Reachability(True, said)
        mend = "open the URL in a browser on this machine; `expect:` says what counts as up"
        return Reachability(len(down) < len(seen), f"{said}; not up: {', '.join(down)}", mend)

    def pull(self, window: Window) -> Iterator[Batch]:
        """The services as configured and seen, then one sample each, measured as of `window.now`."""
        services = self.block.services
        seen = list(self._looks(window.deadline))
        shown_now = {one.service: one.certificate_until for one in seen if one.certificate_until is not None}
        self._certificates |= shown_now
        yield Batch(
            Dataset.SERVICES,
            pd.DataFrame(
                {
                    "source_id": objects(list(services)),
                    "name": objects([s.name or key for key, s in services.items()]),
                    "url": objects([shown(s.url) for s in services.values()]),
                    "owner_unit": objects([s.owner_unit for s in services.values()]),
                    "certificate_until": objects([self._certificates.get(key) for key in services]),
                }
            ),
        )
        if window.full:
            yield Batch(Dataset.SERVICES, pd.DataFrame(), ids=set(services))
        batch = Batch(Dataset.SERVICE_SAMPLES, _samples(seen, pd.Timestamp(window.now)))
        if len(seen) < len(services):
            batch.notes.append(
                ("incomplete", f"{len(services) - len(seen)} services not looked at within the deadline")
            )
        yield batch

    def _looks(self, deadline: float) -> Iterator[Seen]:
        """All at once, each with its own time: one that hangs delays no other. What the deadline cuts is left out."""
        services = self.block.services
        with ThreadPoolExecutor(min(AT_ONCE, len(services)), thread_name_prefix="coc-probe") as pool:
            looks = [pool.submit(self._look, key, service, deadline) for key, service in services.items()]
            for look in as_completed(looks):
                seen = look.result()
                if seen is not None:
                    yield seen

    def _look(self, key: str, service: Service, deadline: float) -> Seen | None:
        started = time.monotonic()
        if started >= deadline:
            return None
        until = min(deadline, started + self.block.timeout_seconds)
        certificate: datetime | None = None
        try:
            with Client(self.block, until, url=service.url) as client:
                try:
                    keep = None if service.expect.text else FIRST_BYTES
                    answer = client.exchange(service.url, keep_bytes=keep)
                finally:
                    certificate = client.guard.certificate_until
        except FetchError as error:
            if error.code == "too_slow" and until == deadline:
                return None  # our time was up, not the service's
            return Seen(key, False, reason=_reason(error), certificate_until=certificate)
        latency = round((time.monotonic() - started) * 1000, 3)
        reason = _unexpected(answer, service.expect)
        return Seen(key, reason is None, answer.status, latency, reason, certificate)


def _reason(error: FetchError) -> str:
    if isinstance(error, NameNotFound):
        return "dns"
    if error.code == "unreachable":
        return "tls" if "TLS" in error.detail else "refused"
    return _REASONS.get(error.code, error.code)


def _unexpected(answer: Answer, expect: Expect) -> str | None:
    """Why the answer is not the page that was expected, or None."""
    wanted = (expect.status,) if isinstance(expect.status, int) else expect.status
    if answer.status not in wanted:
        return "status"
    if not expect.login and _LOGIN.search(answer.body):
        return "login_page"
    if expect.text is not None and expect.text not in answer.body.decode("utf-8", errors="replace"):
        return "content"
    return None


def _samples(seen: list[Seen], at: pd.Timestamp) -> pd.DataFrame:
    seen = sorted(seen, key=lambda one: one.service)
    return pd.DataFrame(
        {
            "service": pd.Series([s.service for s in seen], dtype="str"),
            "vantage": objects([None] * len(seen)),
            "at": pd.Series([at.tz_convert("UTC")] * len(seen), dtype="datetime64[us, UTC]"),
            "up": pd.Series([s.up for s in seen], dtype=bool),
            "status": pd.Series([s.status for s in seen], dtype="Int64"),
            "latency_ms": pd.Series([s.latency_ms for s in seen], dtype="float64"),
            "reason": objects([s.reason for s in seen]),
        }
    )
