"""`/api/v1/probe`: what a probe at a site is to look at, and what it saw (`data_connectors.probe`)."""

from __future__ import annotations

from datetime import UTC
from threading import Lock
from typing import Annotated, Any, Final

import orjson
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from coc.access import Viewer
from coc.ingest import pull_connector
from coc.live.problems import CONTENT_TYPE, problem
from coc.live.services import Services
from coc.store.trouble import Cause
from data_connectors.ahead import Ahead
from data_connectors.probe import Probe, Report, Reported

MOST_SAMPLES: Final = 5_000  # of one report; what a site saw in a long outage comes in several
_LATER_SECONDS: Final = 30
_Samples = Annotated[list[dict[str, Any]], Field(max_length=MOST_SAMPLES)]


class ProbeReport(BaseModel):
    """Samples as the probe measured them, oldest first. One that was told before changes nothing."""

    skew_seconds: float | None = Field(default=None, description="The probe's own clock minus the COC's.")
    dropped: int = Field(default=0, ge=0, description="Samples that its full buffer lost since the last report.")
    service_samples: _Samples = Field(
        default_factory=list, description="service, at (ISO 8601 with offset), up, status, latency_ms, reason"
    )
    link_samples: _Samples = Field(default_factory=list, description="link, at, up, latency_ms, loss (0..1)")


class Taken(BaseModel):
    """What became of a report: all of it is stored, known already, or in quarantine."""

    now: str = Field(description="The COC's time: the probe goes by it.")
    stored: int
    unchanged: int
    quarantined: int


class Plan(BaseModel):
    """What to look at, how often, and from where."""

    now: str
    vantage: str
    every_seconds: float
    timeout_seconds: float
    verify: bool
    services: dict[str, Any]
    links: dict[str, Any]


def add_probes(api: FastAPI, services: Services, problems: dict[int | str, dict[str, Any]]) -> None:
    desk = _Desk(services)

    @api.get("/api/v1/probe", response_model=Plan, responses=problems, tags=["probes"])
    async def plan(request: Request) -> Response:
        """What the probe that shows this token is to look at."""
        _, block = desk.of(request)
        found = {
            "now": services.now().astimezone(UTC).isoformat(),
            "vantage": block.vantage,
            "every_seconds": block.every_seconds,
            "timeout_seconds": block.timeout_seconds,
            "verify": block.verify is not False,
            "services": {k: s.model_dump(mode="json", include={"url", "expect"}) for k, s in block.services.items()},
            "links": {
                k: n.model_dump(mode="json", include={"to", "tries", "try_seconds"}) for k, n in block.links.items()
            },
        }
        return _said(found)

    @api.post("/api/v1/probe", response_model=Taken, responses=problems, tags=["probes"])
    def report(request: Request, told: ProbeReport) -> Response:
        """What it saw, also what it saw while nobody could be told."""
        name, block = desk.of(request)
        seen = Report(told.service_samples, told.link_samples, told.skew_seconds, told.dropped)
        with desk.turn(name) as ahead:
            connector = Reported(name, block, seen, ahead)
            done = pull_connector(services.store, name, block, connector, services.settings, services.clock)
        if done.error_code in tuple(Cause):
            said = "The store cannot take it just now; report it again."
            headers = {"Retry-After": str(_LATER_SECONDS), "Cache-Control": "no-store"}
            return Response(problem(503, said), 503, headers, media_type=CONTENT_TYPE.decode())
        if done.error_code is not None:
            raise HTTPException(422, f"The report was not taken: {done.error_code}.")
        now = services.now().astimezone(UTC).isoformat()
        counts = {"stored": done.stored, "unchanged": done.unchanged, "quarantined": done.quarantined}
        return _said({"now": now, **counts})


class _Desk:
    """Whose token is which probe's, and each probe's reports one after the other."""

    def __init__(self, services: Services) -> None:
        self._blocks: dict[str, list[tuple[str, Probe.Block]]] = {}
        for name, block in services.settings.of_realm(services.realm).items():
            if isinstance(block, Probe.Block) and block.enabled:
                self._blocks.setdefault(block.token, []).append((name, block))
        self._turns = {name: _Turn() for found in self._blocks.values() for name, _ in found}

    def of(self, request: Request) -> tuple[str, Probe.Block]:
        """The connector that the token speaks for. Raises HTTPException."""
        viewer: Viewer = request.scope["coc.viewer"]
        found = self._blocks.get(viewer.name, [])
        if len(found) != 1:
            said = "no connector of type probe names" if not found else "several connectors of type probe name"
            raise HTTPException(403, f"In config.yaml {said} the token `{viewer.name}`.")
        return found[0]

    def turn(self, name: str) -> _Turn:
        return self._turns[name]


class _Turn:
    def __init__(self) -> None:
        self._lock, self._ahead = Lock(), Ahead()

    def __enter__(self) -> Ahead:
        self._lock.acquire()
        return self._ahead

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _said(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), headers={"Cache-Control": "no-store"}, media_type="application/json")
