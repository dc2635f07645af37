"""`/api/v1`: KPIs, series and feeds as JSON. FastAPI gives the routing and the schemas; the bytes are made here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import orjson
from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from coc.access import Figure, Viewer
from coc.live.encoding import PRIVATE, VARY, accepted, compress, etag_of, matches
from coc.live.probe_api import add_probes
from coc.live.problems import CONTENT_TYPE, problem
from coc.live.series_api import UnitQuery, add_series, known_kpi, known_unit
from coc.live.services import Services

Window = Literal["7d", "30d", "90d"]
KpiState = Literal["ok", "no_data", "masked", "not_recorded", "not_applicable", "no_outflow", "unstable"]
FeedState = Literal["disabled", "never", "failing", "frozen", "late", "fresh"]
_SMALL: Final = 500


class ScopeOf(BaseModel):
    unit: str | None = Field(description="A unit's code; null: the whole city.")


class Kpi(BaseModel):
    """`value` is null unless `state` is ok or unstable. Rates are 0..1, durations hours."""

    id: str
    value: float | None
    measure: str
    scope: ScopeOf
    window: Window
    as_of: datetime | None = Field(description="The oldest input's time.")
    computed_at: datetime | None
    state: KpiState


class Answer(BaseModel):
    epoch: int
    now: datetime = Field(description="The realm's business time.")
    realm: Literal["live", "demo"]


class Kpis(Answer):
    items: list[Kpi]


class LastRun(BaseModel):
    started: datetime
    seconds: float | None
    rows_in: int | None
    stored: int | None
    unchanged: int | None
    quarantined: int | None
    error: str | None


class Feed(BaseModel):
    """Below operator: name and state alone (with `as_of` for screens)."""

    name: str
    state: FeedState
    kind: str | None = None
    datasets: list[str] | None = None
    as_of: datetime | None = None
    last_good: datetime | None = None
    last_run: LastRun | None = None
    next_run: datetime | None = None


class Feeds(Answer):
    items: list[Feed]


class Problem(BaseModel):
    """RFC 9457, as application/problem+json."""

    type: str
    title: str
    status: int
    detail: str


_PROBLEM: Final[dict[str, Any]] = {"model": Problem, "content": {CONTENT_TYPE.decode(): {}}}
_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    code: {**_PROBLEM, "description": said}
    for code, said in {401: "A token that is no good", 403: "Not allowed", 404: "No such thing", 422: "Wrong"}.items()
}
WindowQuery = Annotated[Window, Query(description="The time window that ends now.")]


def build_api(services: Services) -> FastAPI:
    """The `/api` application; whoever comes here has a viewer already (`coc.live.gate`)."""
    api = FastAPI(
        title="City Operation Center",
        version="1",
        description="The figures that the pages show. Times are UTC with offset; the realm's `now` is business time.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    api.add_exception_handler(HTTPException, _as_problem)
    api.add_exception_handler(RequestValidationError, _as_invalid)

    def respond(request: Request, items: list[Any], *dependence: object) -> Response:
        epoch = services.reader.epoch(_lens(request))
        body = {"items": items, "epoch": epoch, "now": services.now(), "realm": services.realm}
        etag = etag_of(services.realm, services.build, request.url, epoch, items, *dependence)
        return _answer(request, body, etag)

    @api.get("/api/v1/kpis", response_model=Kpis, responses=_PROBLEMS, tags=["figures"])
    async def kpis(request: Request, unit: UnitQuery = None, window: WindowQuery = "30d") -> Response:
        """Every figure in the city's or a unit's scope."""
        found = services.reader.figures(_lens(request), window, known_unit(services, unit))
        return respond(request, [_item(f) for f in found])

    @api.get("/api/v1/kpis/{kpi_id}", response_model=Kpis, responses=_PROBLEMS, tags=["figures"])
    async def kpi(request: Request, kpi_id: str, unit: UnitQuery = None, window: WindowQuery = "30d") -> Response:
        """One figure."""
        wanted = {known_kpi(kpi_id)}
        found = services.reader.figures(_lens(request), window, known_unit(services, unit), wanted)
        return respond(request, [_item(f) for f in found])

    add_series(api, services, _PROBLEMS, respond)
    add_probes(api, services, _PROBLEMS)

    @api.get("/api/v1/feeds", response_model=Feeds, responses=_PROBLEMS, tags=["sources"])
    async def feeds(request: Request) -> Response:
        """Every connector, its state and its last run."""
        return respond(request, services.reader.feeds(_lens(request)))

    schema = _schema_bytes(api)

    async def openapi(request: Request) -> Response:
        return _answer(request, schema(), etag_of(services.build, "openapi"))

    for path in ("/api/openapi.json", "/api/v1/openapi.json"):
        api.add_route(path, openapi, include_in_schema=False)
    return api


def _lens(request: Request) -> Any:
    viewer: Viewer = request.scope["coc.viewer"]
    return viewer.lens


def _item(figure: Figure) -> dict[str, Any]:
    return {
        "id": figure.id,
        "value": figure.value,
        "measure": figure.measure,
        "scope": {"unit": figure.unit},
        "window": figure.window,
        "as_of": figure.as_of,
        "computed_at": figure.computed_at,
        "state": figure.state,
    }


def _answer(request: Request, body: Any, etag: bytes) -> Response:
    headers = {"ETag": etag.decode(), "Cache-Control": PRIVATE.decode(), "Vary": VARY.decode()}
    raw = request.scope["headers"]
    if matches(raw, etag):
        return Response(status_code=304, headers=headers)
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    encoding = accepted(raw) if len(data) > _SMALL else "identity"
    if encoding != "identity":
        headers["Content-Encoding"] = encoding
    return Response(compress(data, encoding), headers=headers, media_type="application/json")


async def _as_problem(request: Request, error: Exception) -> Response:  # noqa: ARG001 - FastAPI's signature
    assert isinstance(error, HTTPException)
    detail = "There is nothing at this path." if error.detail == "Not Found" else str(error.detail)
    return Response(problem(error.status_code, detail), error.status_code, media_type=CONTENT_TYPE.decode())


async def _as_invalid(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("query", "path"))
    detail = f"{where}: {first['msg'][0].lower()}{first['msg'][1:]}."
    return Response(problem(422, detail), 422, media_type=CONTENT_TYPE.decode())


def _schema_bytes(api: FastAPI) -> Callable[[], bytes]:
    made: list[bytes] = []

    def schema() -> bytes:
        if not made:
            made.append(orjson.dumps(_whole_schema(api.openapi())))
        return made[0]

    return schema


def _whole_schema(document: dict[str, Any]) -> dict[str, Any]:
    """FastAPI's document, with the stream, which is not one of its routes, and how to sign in."""
    document["paths"]["/api/v1/stream"] = {
        "get": {
            "tags": ["live"],
            "summary": "Server-sent events: `version` at each epoch and every 5 seconds.",
            "responses": {
                "200": {
                    "description": "data: {epoch, now, boards: {board: epoch of its last change}, pages, build}",
                    "content": {"text/event-stream": {"schema": {"type": "string"}}},
                }
            },
        }
    }
    document.setdefault("components", {})["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"token": []}]
    return document
