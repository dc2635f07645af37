"""The boards of /disposisi: a made-up quarter of dispositions, counted by the real frame makers."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pandas as pd

from coc.boards.subjects import desks, handling
from coc.domain.calendar_spec import CalendarSettings
from coc.domain.datasets import Dataset
from coc.domain.derive import derive
from coc.domain.limits import Limits
from coc.domain.reference import units
from coc.domain.worktime import build_calendars
from coc.metrics import City
from tests.metrics.cities import EVERYTHING, frame

KPIS: dict[str, tuple[float, str]] = {
    "disposition.net_flow": (118, "ok"),
    "disposition.days_to_clear": (8.42, "unstable"),
    "disposition.outside_hours_share": (0.2143, "ok"),
}
_OFFICES = {"sekda": 46, "walikota": 20, "wakil_walikota": 14, "kepala": 60, "asisten_1": 6, "camat": 12, "lurah": 3}
_URGENCIES = {"biasa": 70, "segera": 20, "amat_segera": 6, "penting": 4, None: 1}
_CHANNELS = {"text": 60, "scanned_signature": 14, "voice": 20, "e_signature": 6}
_DEVICES = {"phone": 50, "laptop": 30, "desktop": 18, None: 2}
_ROWS = 4_000


def kpi_rows(*, large: bool = False) -> list[tuple[str, str, str, float, str]]:
    """The KPIs of the page that other pages do not show."""
    grown = {"disposition.net_flow": 10_204.0, "disposition.days_to_clear": 128.4} if large else {}
    return [
        (kpi, unit, window, grown.get(kpi, value), state)
        for kpi, (value, state) in KPIS.items()
        for unit in ("", "DISDIK")
        for window in ("7d", "30d", "90d")
    ]


@cache
def frames(now: datetime) -> dict[str, dict[str, pd.DataFrame]]:
    """By board the frames of a city that gave `_ROWS` dispositions in 90 days."""
    city = made(now)
    return {s.name: {n: make(city) for n, make in s.frames.items()} for s in (handling.SUBJECT, desks.SUBJECT)}


def large_frames(now: datetime) -> dict[str, dict[str, pd.DataFrame]]:
    """The same with five-digit counts."""
    return {b: {n: _times(f, 73) for n, f in made.items()} for b, made in frames(now).items()}


def _times(table: pd.DataFrame, factor: int) -> pd.DataFrame:
    counted = [c for c in table.columns if table[c].dtype == "int64" and c not in ("weekday", "working")]
    return table.assign(**{c: table[c] * factor for c in counted})


def made(now: datetime) -> City:
    chance = random.Random(11)
    listed = units()
    calendars = build_calendars(CalendarSettings(), "Asia/Jakarta", listed)
    agencies = listed[listed["kind"].isin(["department", "agency", "district", "secretariat"])]["code"].tolist()
    weights = [1 / (3 + i) for i in range(len(agencies))]
    rows = [_row(chance, now, agencies, weights) for _ in range(_ROWS)]
    given = frame(Dataset.DISPOSITIONS, rows)
    given["letter_urgency"] = pd.Series([r["urgency"] for r in rows], dtype="str")
    given["letter_deleted"] = pd.Series(False, index=given.index, dtype="boolean")
    given = given.join(derive(given, calendars, Limits()))
    tables = {d.value: frame(d, []) for d in Dataset if d.value in City.__dataclass_fields__ and d != Dataset.UNITS}
    names = dict(zip(listed["code"], listed["name"], strict=True))
    return City(
        now=pd.Timestamp(now),
        calendars=calendars,
        limits=Limits(),
        units=listed,
        provided=EVERYTHING,
        unit_names=names,
        **tables | {"dispositions": given},
    )


def _row(chance: random.Random, now: datetime, agencies: list[str], weights: list[float]) -> dict[str, Any]:
    def one(of: dict[Any, int]) -> Any:
        return chance.choices(list(of), list(of.values()))[0]

    midnight = (now + timedelta(hours=7)).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(hours=7)
    issued = midnight - timedelta(days=chance.randrange(90)) + timedelta(hours=chance.triangular(5, 23, 9.5))
    if (issued + timedelta(hours=7)).weekday() >= 5 and chance.random() < 0.75:
        issued -= timedelta(days=2)
    if issued > now:
        issued -= timedelta(days=1)
    unit = chance.choices(agencies, weights)[0]
    office = one(_OFFICES)
    took = timedelta(hours=chance.lognormvariate(3.4, 1.1) * (1 + 0.05 * agencies.index(unit)))
    done = issued + took if issued + took < now and chance.random() < 0.985 else None
    return {
        "source_id": f"D{chance.getrandbits(48)}",
        "from_office": f"{office}:{unit}" if office in ("kepala", "camat", "lurah") else office,
        "to_unit": unit,
        "channel": one(_CHANNELS),
        "device": one(_DEVICES),
        "issued_at": issued,
        "completed_at": done,
        "urgency": one(_URGENCIES),
    }
