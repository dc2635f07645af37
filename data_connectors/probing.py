"""Looking at applications and links from where this machine stands: a page as a visitor asks for it, a line by tries.

All at once, each with its own time: one that hangs delays no other. What the deadline cuts is no measurement.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from coc.domain.model import Model
from coc.settings.models import ConnectorBlock
from data_connectors.answers import Answer
from data_connectors.base import FetchError
from data_connectors.client import Client
from data_connectors.transport import Guard, NameNotFound

AT_ONCE: Final = 32
FIRST_BYTES: Final = 524_288  # enough of a page to know a login form by
_PAUSE: Final = 0.2  # seconds between the tries of a link: so that they do not meet one and the same hiccup
_LOGIN: Final = re.compile(rb"<input\b[^>]*\btype\s*=\s*[\"']?password\b", re.IGNORECASE)
_REASONS: Final = {
    "too_slow": "timeout",
    "certificate": "tls",
    "redirected": "redirect",
    "too_large": "too_large",
    "broken": "content",
    "config": "config",
}
T = TypeVar("T")


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


def _checked(to: str) -> str:
    parts = urlsplit(to if "://" in to else f"tcp://{to}")
    if parts.scheme not in ("tcp", "http", "https") or not parts.hostname:
        raise ValueError(f"{to!r} is neither host:port nor an http address")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0 or (parts.scheme == "tcp" and (port is None or parts.path)):
        raise ValueError(f"{to!r} needs a port between 1 and 65535, as in 10.20.0.1:443")
    return to


_Targets = Annotated[
    tuple[Annotated[str, AfterValidator(_checked)], ...],
    BeforeValidator(lambda to: (to,) if isinstance(to, str) else to),
    Field(min_length=1),
]


class Link(Model):
    """`to`: what answers at its far end, `host:port` or an http address; of several one is enough.

    `tries`: how often it is asked each time; `try_seconds`: how long one try waits.
    """

    to: _Targets
    name: str | None = None
    site: str | None = None
    unit: str | None = None
    provider: str | None = None
    tries: int = Field(default=5, ge=1, le=50)
    try_seconds: float = Field(default=2, gt=0, le=60)


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


@dataclass(frozen=True, slots=True)
class Tried:
    """One look at a link: up when any try was answered. `latency_ms`: the median answer's; `loss`: 0..1."""

    link: str
    up: bool
    latency_ms: float | None
    loss: float


def looks(block: ConnectorBlock, services: Mapping[str, Service], deadline: float) -> Iterator[Seen]:
    """A look at each service that fits before the deadline, as they end. `block`: how long, what is trusted."""
    yield from _at_once([partial(_look, block, key, service, deadline) for key, service in services.items()])


def tries(block: ConnectorBlock, links: Mapping[str, Link], deadline: float) -> Iterator[Tried]:
    """As `looks`, of links."""
    yield from _at_once([partial(_try_link, block, key, link, deadline) for key, link in links.items()])


def _at_once(asked: Sequence[Callable[[], T | None]]) -> Iterator[T]:
    if not asked:
        return
    with ThreadPoolExecutor(min(AT_ONCE, len(asked)), thread_name_prefix="coc-probe") as pool:
        for done in as_completed([pool.submit(ask) for ask in asked]):
            found = done.result()
            if found is not None:
                yield found


def _look(block: ConnectorBlock, key: str, service: Service, deadline: float) -> Seen | None:
    started = time.monotonic()
    if started >= deadline:
        return None
    until = min(deadline, started + block.timeout_seconds)
    certificate: datetime | None = None
    try:
        with Client(block, until, url=service.url) as client:
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


def _try_link(block: ConnectorBlock, key: str, link: Link, deadline: float) -> Tried | None:
    answers: list[float | None] = []
    targets = list(link.to)
    for number in range(link.tries):
        if number and time.monotonic() + _PAUSE < deadline:
            time.sleep(_PAUSE)
        until = time.monotonic() + link.try_seconds
        if until > deadline:
            break  # half a try is none
        answers.append(_one_try(block, targets, until))
    if not answers:
        return None
    good = [a for a in answers if a is not None]
    latency = round(statistics.median(good), 3) if good else None
    return Tried(key, bool(good), latency, (len(answers) - len(good)) / len(answers))


def _one_try(block: ConnectorBlock, targets: list[str], until: float) -> float | None:
    """How many ms an answer took; None where no target answered in time. Who answered is asked first next time."""
    for number, to in enumerate(targets):
        started = time.monotonic()
        # The time is shared among those that are left: one that is dead does not use up the others'.
        share = started + (until - started) / (len(targets) - number)
        try:
            _reach(block, to, share)
        except FetchError:
            continue
        targets.insert(0, targets.pop(number))
        return (time.monotonic() - started) * 1000
    return None


def _reach(block: ConnectorBlock, to: str, until: float) -> None:
    """Raises FetchError where nothing answers. To http any answer is one, but for one that sends us to another host."""
    parts = urlsplit(to if "://" in to else f"tcp://{to}")
    if parts.scheme == "tcp":
        guard = Guard(until)
        try:
            guard.connect(str(parts.hostname), int(parts.port or 0), max(guard.left, 0.001)).close()
        finally:
            guard.close()
        return
    with Client(block, until, url=to) as client:
        client.exchange(to, keep_bytes=1)


def listed(entries: Mapping[str, Any], *, everything: bool) -> dict[str, Any]:
    """What is told of as a list: all, or those alone that this block names; the others are some other block's."""
    return {key: entry for key, entry in entries.items() if everything or entry.name is not None}
