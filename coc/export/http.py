"""`/export/...`: what a viewer sees, as a file. Rights and masks are `coc.access`'; this only writes it down."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import pandas as pd
from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from coc.access import Viewer
from coc.export.charts import chart_of, rows_of
from coc.export.figures import framed
from coc.export.files import FORMATS, Format, content_type, written
from coc.live.choices import choose
from coc.live.plain import sentence
from coc.live.problems import CONTENT_TYPE, problem
from coc.live.services import Services
from coc.store import Wanted
from coc.store.trouble import cause_of

MOST_ROWS: Final = 20_000
Window = Literal["7d", "30d", "90d"]
Unit = Annotated[str | None, Query(max_length=80)]
Limit = Annotated[int | None, Query(ge=1, le=MOST_ROWS)]
Offset = Annotated[int, Query(ge=0, le=2**31)]


def build_exports(services: Services) -> FastAPI:
    """The `/export` application; whoever comes here has a viewer and a lens that may (`coc.live.gate`)."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.add_exception_handler(HTTPException, _as_problem)
    app.add_exception_handler(RequestValidationError, _as_invalid)

    _add_charts(app, services)
    for format in FORMATS:
        _add_figures(app, services, format)
        _add_rows(app, services, "letters", format)
        _add_rows(app, services, "dispositions", format)
    return app


def _add_figures(app: FastAPI, services: Services, format: Format) -> None:
    @app.get(f"/export/kpis.{format}")
    def kpis(request: Request, unit: Unit = None, window: Window = "30d") -> Response:
        viewer, reader = _viewer(request), services.reader
        if unit and unit not in reader.units():
            raise HTTPException(404, f"There is no unit {unit!r}.")
        frame = framed(reader.figures(viewer.lens, window, unit or None))
        what = f"kpis unit={unit or '-'} window={window} as {format}: {len(frame)} rows"
        services.audit.wrote(viewer, "export", what, _where(request))
        return _file(frame, format, f"kpis-{unit or 'kota'}-{window}", services.now())


def _add_charts(app: FastAPI, services: Services) -> None:
    @app.get("/export/chart/{page}/{file}")
    def chart(
        request: Request,
        page: str,
        file: str,
        unit: Unit = None,
        point: Unit = None,
        service: Unit = None,
        window: Window = "30d",
    ) -> Response:
        viewer = _viewer(request)
        name = chart_of(services, viewer, page, file)
        if name is None:
            raise HTTPException(404, "There is no such chart.")
        scope, of = unit or point or service or "", services.pages[page].spec.of
        if scope and scope not in services.scopes(page):
            raise HTTPException(404, f"There is no {of} {scope!r}.")
        chosen = choose(services.settings, request.query_params, request.cookies)
        view = services.view_as(viewer.lens, page, chosen.language, chosen.theme, scope, window)
        frame = rows_of(services.pages[page], name, view)
        what = f"chart {page}/{name} {of}={scope or '-'} window={window} as csv: {len(frame)} rows"
        services.audit.wrote(viewer, "export", what, _where(request))
        return _file(frame, "csv", f"{page}-{name}-{scope or 'kota'}-{window}", services.now())


def _add_rows(app: FastAPI, services: Services, dataset: Literal["letters", "dispositions"], format: Format) -> None:
    @app.get(f"/export/{dataset}.{format}")
    def rows(
        request: Request,
        unit: Unit = None,
        since: datetime | None = None,
        limit: Limit = None,
        offset: Offset = 0,
    ) -> Response:
        read = services.rows.letters if dataset == "letters" else services.rows.dispositions
        wanted = _wanted(unit, since, limit, offset)
        try:
            frame = read(_viewer(request), wanted, _where(request), "export")
        except Exception as error:
            cause = cause_of(error)
            if cause is None:
                raise
            raise HTTPException(503, sentence(cause)) from None
        return _file(_within(frame, limit), format, dataset, services.now())


def _viewer(request: Request) -> Viewer:
    viewer: Viewer = request.scope["coc.viewer"]
    return viewer


def _where(request: Request) -> str:
    return request.client.host if request.client else ""


def _wanted(unit: str | None, since: datetime | None, limit: int | None, offset: int) -> Wanted:
    if since is not None and since.tzinfo is None:
        raise HTTPException(422, "since: a time needs its offset, such as 2026-03-02T00:00:00+07:00.")
    # One more than may go out tells that there are more, at the price of one.
    return Wanted(unit or None, since, None, MOST_ROWS + 1 if limit is None else limit, offset)


def _within(frame: pd.DataFrame, limit: int | None) -> pd.DataFrame:
    if limit is None and len(frame) > MOST_ROWS:
        raise HTTPException(
            422,
            f"These are more than {MOST_ROWS} rows, which is the most of one file. Narrow them with unit= or since=, "
            "or take them page by page with limit= and offset=.",
        )
    return frame


def _file(frame: pd.DataFrame, format: Format, name: str, now: datetime) -> Response:
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in name)
    headers = {
        "Content-Disposition": f'attachment; filename="{plain}-{now.astimezone(UTC):%Y%m%dT%H%MZ}.{format}"',
        "Cache-Control": "no-store",
    }
    return Response(written(frame, format), headers=headers, media_type=content_type(format))


async def _as_problem(request: Request, error: Exception) -> Response:  # noqa: ARG001 - FastAPI's signature
    assert isinstance(error, HTTPException)
    return _problem(error.status_code, str(error.detail))


async def _as_invalid(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("query", "path"))
    return _problem(422, f"{where}: {first['msg'][0].lower()}{first['msg'][1:]}.")


def _problem(status: int, said: str) -> Response:
    return Response(
        problem(status, said), status, media_type=CONTENT_TYPE.decode(), headers={"Cache-Control": "no-store"}
    )
