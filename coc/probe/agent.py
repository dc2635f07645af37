"""One round of a probe: what to look at, a look, a report. Whatever of it fails, the next round goes on."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import Any, Final

import orjson
from pydantic import ConfigDict, Field, ValidationError

from coc.domain.model import Model
from coc.probe.buffer import Buffer
from coc.probe.clock import ClockOfCoc
from coc.settings.models import ConnectorBlock
from data_connectors.answers import aware, duration
from data_connectors.base import FetchError
from data_connectors.client import Client
from data_connectors.probing import Link, Service, looks, tries
from data_connectors.reach import sentence

log = logging.getLogger("coc.probe")
PATH: Final = "api/v1/probe"
AT_ONCE: Final = 2_000  # samples of one report
_PLAN, _OFFSET = "plan", "offset"
_SERVICE, _LINK = "service", "link"
_SKEW_TOLD: Final = 60.0  # seconds
# What the COC says of a report that it will never take, whenever it comes again.
_NEVER_TAKEN: Final = ("400", "413", "422")


class Plan(Model):
    """What the COC wants looked at. One that is newer than this program may say more."""

    model_config = ConfigDict(extra="ignore")

    vantage: str
    every_seconds: float = Field(ge=1)
    timeout_seconds: float = Field(gt=0)
    verify: bool = True
    services: dict[str, Service] = Field(default_factory=dict)
    links: dict[str, Link] = Field(default_factory=dict)


class Agent:
    """`coc`: how the COC is reached, with its URL. `token`: what it knows this probe by."""

    def __init__(self, coc: ConnectorBlock, token: str, buffer: Buffer, clock: ClockOfCoc | None = None) -> None:
        self._coc, self._token, self.buffer = coc, token, buffer
        self.clock = clock or ClockOfCoc(float(buffer.recall(_OFFSET) or 0.0))
        self.plan = _plan_of(buffer.recall(_PLAN))
        self._said: str | None = None
        self._told_of_skew = False

    def round(self) -> bool:
        """Ask, look, report; whether the COC has heard all there is."""
        heard = self._attempt(self._ask)
        if self.plan is not None:
            self._look(self.plan)
        return heard and self._attempt(self._report)

    def _attempt(self, step: Any) -> bool:
        """Whether it went well. A failure is said once, and once that it is over."""
        try:
            step()
        except FetchError as error:
            if error.code != self._said:
                log.warning("the COC: %s; what is seen waits in the buffer", sentence(error))
            self._said = error.code
            return False
        return True

    def _ask(self) -> None:
        asked = self.clock.tick()
        with self._reach() as client:
            body = client.get_json(PATH, attempts=1)  # the next round is the next attempt
        self._heard(body, asked)
        raw = orjson.dumps({k: v for k, v in body.items() if k != "now"}).decode()
        plan = _plan_of(raw)
        if plan is None:
            raise FetchError("schema_drift", "the plan: is this program as new as the COC's?", permanent=True)
        if plan != self.plan:
            self.buffer.remember(_PLAN, raw)
            log.info("%s: %d services, %d links every %g s", plan.vantage, len(plan.services), len(plan.links),
                     plan.every_seconds)  # fmt: skip
        self.plan = plan

    def _heard(self, body: Any, asked: float) -> None:
        now = aware(body.get("now")) if isinstance(body, dict) else None
        if now is None:
            raise FetchError("schema_drift", f"{PATH} tells no time: is this the address of a COC?", permanent=True)
        self.clock.told(now, asked)
        self.buffer.remember(_OFFSET, repr(self.clock.offset))
        skew = self.clock.skew or 0.0
        if abs(skew) > _SKEW_TOLD and not self._told_of_skew:
            way = "ahead of" if skew > 0 else "behind"
            log.warning("this machine's clock is %s %s the COC's; samples go by the COC's", duration(abs(skew)), way)
        self._told_of_skew = abs(skew) > _SKEW_TOLD

    def _look(self, plan: Plan) -> None:
        at = self.clock.now().astimezone(UTC).isoformat()
        block = ConnectorBlock(type="probe", timeout_seconds=plan.timeout_seconds, verify=plan.verify)
        deadline = time.monotonic() + max(plan.every_seconds, 2 * plan.timeout_seconds)
        self.buffer.put(_seen(plan, block, deadline, at))

    def _report(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        while rows := self.buffer.oldest(AT_ONCE):
            dropped = self.buffer.dropped
            body = {
                "skew_seconds": self.clock.skew,
                "dropped": dropped,
                "service_samples": [sample for _, kind, sample in rows if kind == _SERVICE],
                "link_samples": [sample for _, kind, sample in rows if kind == _LINK],
            }
            asked = self.clock.tick()
            try:
                with self._reach() as client:
                    answer = client.post_json(PATH, body, headers, attempts=1)
            except FetchError as error:
                if error.code != "http_status" or not error.detail.startswith(_NEVER_TAKEN):
                    raise
                log.warning("the COC refuses %d samples for good, they are dropped: %s", len(rows), error.detail)
            else:
                self._heard(answer, asked)
            self.buffer.told(rows[-1][0], dropped)
        if self._said is not None:
            log.info("the COC hears us again")
        self._said = None

    def _reach(self) -> Client:
        return Client(self._coc, time.monotonic() + self._coc.deadline_seconds)


def _plan_of(text: str | None) -> Plan | None:
    if text is None:
        return None
    try:
        return Plan.model_validate_json(text)
    except ValidationError:
        return None


def _seen(plan: Plan, block: ConnectorBlock, deadline: float, at: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for one in looks(block, plan.services, deadline):
        sample = {"status": one.status, "latency_ms": one.latency_ms, "reason": one.reason}
        yield _SERVICE, {"service": one.service, "at": at, "up": one.up, **sample}
    for link in tries(block, plan.links, deadline):
        yield _LINK, {"link": link.link, "at": at, "up": link.up, "latency_ms": link.latency_ms, "loss": link.loss}
