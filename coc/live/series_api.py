"""`/api/v1/series/{id}`: a KPI by day or week. What names a KPI or a unit is read here for all of the API."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Query, Request, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from coc.access import Viewer
from coc.access.series import DEFAULT_BUCKETS, MOST_BUCKETS, Bucket, BucketName, Point, buckets
from coc.boards.history import TooMuchError
from coc.live.plain import sentence
from coc.live.services import Services
from coc.metrics import registered
from coc.store.trouble import cause_of

UnitQuery = Annotated[str | None, Query(description="A unit's code; without it the whole city.")]
BucketQuery = Annotated[BucketName, Query(description="Days, or weeks from Monday.")]
_DATE: Final = "A date of the city such as 2026-03-02; a time with its offset counts as its date there."
FromQuery = Annotated[str | None, Query(alias="from", max_length=40, description=_DATE)]
ToQuery = Annotated[str | None, Query(max_length=40, description=f"{_DATE} Without it today.")]
SeriesState = Literal["ok", "no_data", "masked", "not_recorded", "not_applicable", "no_outflow", "unstable"]
_YEARS: Final = range(1971, 2200)
Respond = Callable[..., Response]


class SeriesPoint(BaseModel):
    """At a bucket's end, from today's knowledge; the running one as of now."""

    at: datetime = Field(description="Where the day or week begins, with the city's offset.")
    value: float | None = Field(description="Null unless state is ok or unstable; a windowed KPI looks back 30 days.")
    state: SeriesState
    corrected: bool = Field(description="Whether another figure was published for this day than is known today.")


class Series(BaseModel):
    epoch: int
    now: datetime = Field(description="The realm's business time.")
    realm: Literal["live", "demo"]
    items: list[SeriesPoint]


def add_series(api: FastAPI, services: Services, problems: dict[int | str, dict[str, Any]], respond: Respond) -> None:
    @api.get("/api/v1/series/{kpi_id}", response_model=Series, responses=problems, tags=["figures"])
    def series(
        request: Request,
        kpi_id: str,
        unit: UnitQuery = None,
        bucket: BucketQuery = "day",
        since: FromQuery = None,
        to: ToQuery = None,
    ) -> Response:
        """One figure by day or week: every one of [from, to], by default the last 30 days or 13 weeks."""
        viewer: Viewer = request.scope["coc.viewer"]
        kpi, scope = known_kpi(kpi_id), known_unit(services, unit)
        wanted = wanted_buckets(services, bucket, since, to)
        try:
            points = services.series.points(viewer.lens, kpi, scope, wanted)
        except TooMuchError as error:
            raise HTTPException(422, f"{error}.") from None
        except Exception as error:
            cause = cause_of(error)
            if cause is None:
                raise
            raise HTTPException(503, sentence(cause)) from None
        return respond(request, [_item(p) for p in points])


def wanted_buckets(services: Services, bucket: BucketName, since: str | None, to: str | None) -> list[Bucket]:
    """Raises HTTPException 422."""
    zone = ZoneInfo(services.settings.city.time_zone)
    last = services.now().astimezone(zone).date() if to is None else _day("to", to, zone)
    size = 1 if bucket == "day" else 7
    default = last - timedelta(days=size * (DEFAULT_BUCKETS[bucket] - 1))
    first = default if since is None else _day("from", since, zone)
    if first > last:
        raise HTTPException(422, f"from: {first} is after {last}, the end of the series.")
    if (last - first).days // size + 1 > MOST_BUCKETS:
        or_so = ", or take bucket=week" if bucket == "day" else ""
        said = f"from: a series has at most {MOST_BUCKETS} {bucket}s. Bring from and to nearer{or_so}."
        raise HTTPException(422, said)
    return buckets(bucket, first, last)


def _day(name: str, text: str, zone: ZoneInfo) -> date:
    try:
        at = datetime.fromisoformat(text.replace(" ", "+"))  # a plus sign in a query is a space
    except ValueError:
        raise HTTPException(422, f"{name}: write a date such as 2026-03-02.") from None
    if at.year not in _YEARS:
        raise HTTPException(422, f"{name}: a year from {_YEARS[0]} to {_YEARS[-1]}.")
    return (at if at.tzinfo is None else at.astimezone(zone)).date()


def known_kpi(asked: str) -> str:
    """Raises HTTPException 404 naming the nearest."""
    if asked not in registered():
        raise HTTPException(404, unknown("KPI", asked, difflib.get_close_matches(asked, registered(), n=1)))
    return asked


def known_unit(services: Services, unit: str | None) -> str | None:
    """None for the city. Raises HTTPException 404 naming the nearest."""
    if unit is None or unit == "":
        return None
    if unit not in services.reader.units():
        near = services.reader.nearest_unit(unit)
        raise HTTPException(404, unknown("unit", unit, [near] if near else []))
    return unit


def unknown(what: str, asked: str, near: list[str]) -> str:
    hint = f" The nearest is {near[0]}." if near else ""
    return f"There is no {what} {asked[:80]!r}.{hint}"


def _item(point: Point) -> dict[str, Any]:
    return {"at": point.at.isoformat(), "value": point.value, "state": point.state, "corrected": point.corrected}
