"""Clients per access point from the accounting of a FreeRADIUS, its table `radacct` read by SQL.

The query counts and gives back a point and a number: no user name, no address of a station or of a radio ever leaves
the database. Open sessions prove little by themselves, for many never close; only those with a fresh word count.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final, Literal, Self
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from pydantic import Field, field_validator, model_validator

from coc.clock import from_environment
from coc.domain.datasets import Dataset
from coc.settings.models import ConnectorBlock
from data_connectors.answers import duration
from data_connectors.base import Batch, FetchError, Reachability, Window
from data_connectors.controllers import Sample, Samples, hardware_in
from data_connectors.keeping import provided
from data_connectors.reach import CHECK_SECONDS, failed
from data_connectors.sqlread import Database

AHEAD: Final = timedelta(minutes=5)  # a NAS further ahead has a wrong clock: its sessions are in no time that we know
_TABLE: Final = re.compile(r"\w+(\.\w+)?")
_MAC: Final = re.compile(r"[0-9A-F]{2}(-[0-9A-F]{2}){5}")


class FreeRadius:
    """The preset `type: freeradius`, for the schema that FreeRADIUS 3 ships."""

    kind: ClassVar[str] = "freeradius"
    datasets: ClassVar[set[Dataset]] = {Dataset.AP_SAMPLES}

    class Block(ConnectorBlock):
        """`url`: of the database. `zone`: of its times where they have no offset.

        `point`: what an access point is, the NAS itself or, behind a controller, the radio in calledstationid.
        `points`: NAS address or radio -> what samples call it. `fresh_seconds`: how old a session's last word may be;
        `fresh_of`: the same by NAS address. `sessions_mean_up`: a sample needs `up`, which accounting does not know.
        """

        url: str
        zone: str
        point: Literal["nas", "radio"] = "nas"
        points: dict[str, str] = Field(default_factory=dict)
        fresh_seconds: float = Field(900, gt=0)
        fresh_of: dict[str, float] = Field(default_factory=dict)
        sessions_mean_up: bool
        table: str = "radacct"

        @field_validator("zone")
        @classmethod
        def _a_zone(cls, zone: str) -> str:
            try:
                ZoneInfo(zone)
            except (KeyError, ValueError, OSError):
                raise ValueError("expected a time zone such as Asia/Jakarta") from None
            return zone

        @field_validator("table")
        @classmethod
        def _a_table(cls, table: str) -> str:
            if not _TABLE.fullmatch(table):
                raise ValueError("expected the name of a table")
            return table

        @model_validator(mode="after")
        def _can_work(self) -> Self:
            if not self.sessions_mean_up:
                raise ValueError(
                    "sessions_mean_up: say true where a fresh session may count as `up`; else take clients from what "
                    "measures `up`, for no sample is without it"
                )
            if self.point == "radio" and not self.points:
                raise ValueError("points: name the radios, or their hardware addresses would be kept")
            if self.point == "radio" and not all(_MAC.fullmatch(_radio(key)) for key in self.points):
                raise ValueError("points: expected hardware addresses such as 02-00-00-00-10-01")
            if any(hardware_in(name) or not name.strip() for name in self.points.values()):
                raise ValueError("points: a hardware address is no name")
            return self

    def __init__(self, name: str, block: Block) -> None:
        self.name, self.block = name, block
        self._zone = ZoneInfo(block.zone)
        radio = block.point == "radio"
        self._names = {_radio(key) if radio else key.strip(): name.strip() for key, name in block.points.items()}
        self._samples = Samples(("clients",))

    def provides(self) -> frozenset[str]:
        return provided(self.block, {Dataset.AP_SAMPLES: {"ap", "at", "up", "clients"}})

    def check(self) -> Reachability:
        now = from_environment().now()
        try:
            rows = self._rows(now, time.monotonic() + min(self.block.deadline_seconds, CHECK_SECONDS))
        except FetchError as error:
            return failed(error)
        open_, silent = sum(r.sessions for r in rows), sum(r.silent for r in rows)
        return Reachability(True, f"{open_} open sessions, {silent} of them silent, at {len(rows)} points")

    def pull(self, window: Window) -> Iterator[Batch]:
        """A sample of each point with a fresh session, at the time of its newest word. Raises FetchError."""
        rows = self._rows(window.now, window.deadline)
        found, notes = [], []
        for row in rows:
            at = self._aware(row.at)
            if row.point is not None and at is not None:
                found.append(Sample(row.point, at, True, int(row.clients)))
        newest = max(filter(None, (self._aware(row.newest) for row in rows)), default=None)
        if newest is not None and newest > window.now + AHEAD:
            notes.append(("clock_ahead", f"+{duration((newest - window.now).total_seconds())}"))
        nameless = sum(int(row.sessions) for row in rows if row.point is None)
        if nameless:
            notes.append(("unlabelled", f"{nameless} sessions at radios that `points` does not name"))
        frame, said = self._samples.frame(found, window)
        yield Batch(Dataset.AP_SAMPLES, frame, notes=notes + [n for n in said if n[0] not in dict(notes)])

    def _rows(self, now: datetime, deadline: float) -> list[Any]:
        with Database(self.block, deadline, self.block.zone) as database:
            has_zones = database.dialect == "postgresql"
            moment = now.astimezone(UTC) if has_zones else now.astimezone(self._zone).replace(tzinfo=None)
            return list(database.rows(self.query(moment, database.dialect)))

    def query(self, now: datetime, dialect: str) -> sa.Select[Any]:
        """By point: clients (distinct stations of fresh sessions), at (their newest word), and of all open sessions
        their number, the silent ones among them and the newest word, whatever the NAS's clock says.
        """
        schema, _, name = self.block.table.rpartition(".")
        times = ("acctstarttime", "acctupdatetime", "acctstoptime")
        texts = ("nasipaddress", "calledstationid", "callingstationid")
        radacct = sa.table(
            name,
            *(sa.column(c, sa.DateTime(timezone=now.tzinfo is not None)) for c in times),
            *(sa.column(c, sa.String) for c in texts),
            schema=schema or None,
        )
        # As text an inet has its mask behind it; a host's mask says nothing.
        nas = sa.func.replace(sa.func.replace(sa.cast(radacct.c.nasipaddress, sa.String), "/32", ""), "/128", "")
        seen = sa.func.coalesce(radacct.c.acctupdatetime, radacct.c.acctstarttime)
        fresh = sa.and_(seen >= self._since(nas, now), seen <= now + AHEAD)
        called = sa.func.replace(sa.func.upper(sa.func.substr(radacct.c.calledstationid, 1, 17)), ":", "-")
        point, found = self._point(radacct, nas if self.block.point == "nas" else called, dialect)
        inner = (
            sa.select(
                point.label("point"),
                seen.label("seen"),
                sa.case((fresh, radacct.c.callingstationid)).label("station"),
                sa.case((fresh, seen)).label("fresh"),
                sa.case((seen < self._since(nas, now), 1), else_=0).label("silent"),
            )
            .select_from(found)
            .where(radacct.c.acctstoptime.is_(None))
            .subquery()
        )
        return sa.select(
            inner.c.point,
            sa.func.count(sa.distinct(inner.c.station)).label("clients"),
            sa.func.max(inner.c.fresh).label("at"),
            sa.func.max(inner.c.seen).label("newest"),
            sa.func.count().label("sessions"),
            sa.func.sum(inner.c.silent).label("silent"),
        ).group_by(inner.c.point)

    def _since(self, nas: sa.ColumnElement[Any], now: datetime) -> sa.ColumnElement[Any]:
        usual = sa.literal(now - timedelta(seconds=self.block.fresh_seconds))
        own = {key: sa.literal(now - timedelta(seconds=seconds)) for key, seconds in self.block.fresh_of.items()}
        return sa.case(own, value=nas, else_=usual) if own else usual

    def _point(
        self, radacct: sa.TableClause, address: sa.ColumnElement[Any], dialect: str
    ) -> tuple[sa.ColumnElement[Any], sa.FromClause]:
        """What a session's point is called, and where it is looked up: in the query, so that a station counts once at
        two radios of one point, and no address of a radio comes back.
        """
        otherwise = address if self.block.point == "nas" else sa.null()
        if not self._names:
            return otherwise, radacct
        if dialect in ("mysql", "mariadb"):  # a list to join would have a collation of its own
            return sa.case(self._names, value=address, else_=otherwise), radacct
        listed = sa.values(sa.column("address", sa.String), sa.column("name", sa.String), name="points")
        points = listed.data(list(self._names.items())).cte("points")
        name = points.c.name
        joined = radacct.outerjoin(points, points.c.address == address)
        return (sa.func.coalesce(name, address) if self.block.point == "nas" else name), joined

    def _aware(self, at: datetime | None) -> datetime | None:
        if at is None or at.tzinfo is not None:
            return at
        return at.replace(tzinfo=self._zone)


def _radio(text: str) -> str:
    return text.strip().upper().replace(":", "-")
