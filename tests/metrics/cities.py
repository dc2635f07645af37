"""Small cities from rows, derived as ingest derives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from coc.domain.calendar_spec import CalendarSettings
from coc.domain.datasets import COLUMNS, DTYPES, SAMPLES, Dataset
from coc.domain.derive import derive
from coc.domain.instants import micros_of
from coc.domain.limits import Limits
from coc.domain.worktime import build_calendars
from coc.metrics import City, known
from coc.metrics.buckets import FIVE_MINUTES, WIDTHS, chosen, joined, wider
from coc.metrics.city import no_windows
from coc.metrics.heads import advance, no_heads
from coc.metrics.maintenance import MAINTENANCE, windows_of
from coc.metrics.past import past_of, tail
from coc.metrics.states import track

Row = dict[str, Any]
Validity = Mapping[str, tuple[str | None, str | None]]  # by unit: valid_from, valid_to
NO_BOUNDS: Validity = MappingProxyType({})
LETTER_TYPES = ("surat_dinas", "undangan", "laporan")
EVERYTHING = frozenset(f"{d.value}.{c.name}" for d, columns in COLUMNS.items() for c in columns)
UNITS = ("DISDIK", "DINKES", "KEC-01", "KOSONG")
PROFILES = {"DINKES": "six_day"}
DEFAULTS: dict[Dataset, Row] = {
    Dataset.LETTERS: {
        "kind": "incoming",
        "type": "surat_dinas",
        "category": "general",
        "urgency": "biasa",
        "unit": "DISDIK",
        "medium": "electronic",
        "deleted": False,
    },
    Dataset.DISPOSITIONS: {
        "letter_id": "none",
        "from_office": "sekda",
        "to_unit": "DISDIK",
        "channel": "text",
        "instruction": "LAKSANAKAN",
        "deleted": False,
    },
    Dataset.SITES: {"name": "Taman", "status": "active"},
    Dataset.ACCESS_POINTS: {"name": "AP"},
    Dataset.AP_SAMPLES: {"up": True},
    Dataset.SERVICES: {"name": "App"},
    Dataset.SERVICE_SAMPLES: {"up": True},
    Dataset.LINKS: {"name": "Link"},
    Dataset.LINK_SAMPLES: {"up": True},
}


def wib(text: str) -> datetime:
    return datetime.fromisoformat(text + "+07:00")


def whole(dataset: Dataset, row: Row, number: int = 0) -> Row:
    """A row with every canonical column, `source` and (for samples) `hold`."""
    names = [c.name for c in COLUMNS[dataset]]
    base = {"source": "s", **dict.fromkeys(names), **DEFAULTS[dataset]}
    if "source_id" in names:
        base["source_id"] = f"{dataset.value}-{number}"
    return base | row


def frame(dataset: Dataset, rows: list[Row]) -> pd.DataFrame:
    full = [whole(dataset, row, i) for i, row in enumerate(rows)]
    columns = {"source": pd.Series([r["source"] for r in full], dtype="str")}
    for column in COLUMNS[dataset]:
        values = [r[column.name] for r in full]
        if DTYPES[column.kind].startswith("datetime"):
            columns[column.name] = pd.Series(pd.to_datetime(values, utc=True)).astype("datetime64[us, UTC]")
        else:
            columns[column.name] = pd.Series(values, dtype=DTYPES[column.kind])
    made = pd.DataFrame(columns)
    if dataset in SAMPLES:
        made["hold"] = pd.Series([float(r.get("hold", 300.0)) for r in full], dtype="float64")
    return made


def unit_list(codes: tuple[str, ...] = UNITS, valid: Validity = NO_BOUNDS) -> pd.DataFrame:
    """`valid`: (valid_from, valid_to) of some."""
    columns = {c.name: pd.Series([None] * len(codes), dtype=DTYPES[c.kind]) for c in COLUMNS[Dataset.UNITS]}
    table = pd.DataFrame(columns)
    table["code"] = table["name"] = pd.Series(codes, dtype="str")
    for i, name in enumerate(("valid_from", "valid_to")):
        table[name] = pd.Series([valid.get(c, (None, None))[i] for c in codes], dtype="str")
    table["calendar"] = pd.Series([PROFILES.get(c) for c in codes], dtype="str")
    return table


def reasons_of(turns: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """What the samples said that brought a service's state down."""
    down = turns[(turns["state"] == "down") & (turns["dataset"] == Dataset.SERVICE_SAMPLES.value)]
    keys = down[["entity", "vantage", "at"]].rename(columns={"entity": "service"}).astype({"service": "str"})
    told = samples[["service", "vantage", "at", "status", "reason"]].fillna({"vantage": ""})
    return keys.astype({"vantage": "str"}).merge(told, on=["service", "vantage", "at"], how="left")


def known_of(city: City) -> City:
    """With `turns` and known time, from nothing but the samples."""
    samples = {
        Dataset.AP_SAMPLES: city.ap_samples,
        Dataset.SERVICE_SAMPLES: city.service_samples,
        Dataset.LINK_SAMPLES: city.link_samples,
    }
    now, limits = city.now, city.limits
    moment = micros_of(now)
    turns: list[known.Part] = []
    sums: dict[int, list[known.Part]] = {width: [] for width in WIDTHS}
    for dataset, rows in samples.items():
        seen = track(rows, now)
        keys = list(zip(seen.entities, seen.vantages, strict=True))
        closed, _ = windows_of(city, dataset, keys, MAINTENANCE)
        past, course = past_of(seen, now, limits.ap, closed), advance(no_heads(len(seen.entities)), seen, limits.ap)
        names = (dataset, past.entities, past.vantages)
        turns.append(known.Part(*names, known.since(known.Turns(*course.turns()), known.turns_open(moment))))
        whole = joined([past.buckets[FIVE_MINUTES], tail(past, limits.ap)])
        for width in WIDTHS:
            opens = known.opens(dataset, width, moment)
            if opens is not None:
                found = chosen(wider(whole, width), wider(whole, width).at >= opens)
                order = np.lexsort((found.entity, found.at))
                sums[width].append(known.Part(*names, chosen(found, order)))
    minutes, hours, days = (known.known_frame(sums[width]) for width in WIDTHS)
    turned = known.turns_frame(turns)
    reasons = reasons_of(turned, city.service_samples)
    return replace(city, turns=turned, known_minutes=minutes, known_hours=hours, known_days=days, reasons=reasons)


def city(
    now: datetime,
    letters: list[Row] | None = None,
    dispositions: list[Row] | None = None,
    *,
    sites: list[Row] | None = None,
    access_points: list[Row] | None = None,
    ap_samples: list[Row] | None = None,
    services: list[Row] | None = None,
    service_samples: list[Row] | None = None,
    links: list[Row] | None = None,
    link_samples: list[Row] | None = None,
    limits: Limits | None = None,
    provided: frozenset[str] = EVERYTHING,
    letter_types: tuple[str, ...] = LETTER_TYPES,
    valid: Validity = NO_BOUNDS,
    calendar: CalendarSettings | None = None,
    windows: pd.DataFrame | None = None,
) -> City:
    units, limits = unit_list(valid=valid), limits or Limits()
    calendars = build_calendars(calendar or CalendarSettings(), "Asia/Jakarta", units)
    mail = frame(Dataset.LETTERS, letters or [])
    given = frame(Dataset.DISPOSITIONS, dispositions or [])
    known = {(s, i): n for n, (s, i) in enumerate(zip(mail["source"], mail["source_id"], strict=True))}
    places = [known.get(key) for key in zip(given["source"], given["letter_id"], strict=True)]
    given["letter_urgency"] = pd.Series([None if p is None else mail["urgency"][p] for p in places], dtype="str")
    given["letter_deleted"] = pd.Series([None if p is None else mail["deleted"][p] for p in places], dtype="boolean")
    given = given.join(derive(given, calendars, limits))
    samples = {
        Dataset.AP_SAMPLES: frame(Dataset.AP_SAMPLES, ap_samples or []),
        Dataset.SERVICE_SAMPLES: frame(Dataset.SERVICE_SAMPLES, service_samples or []),
        Dataset.LINK_SAMPLES: frame(Dataset.LINK_SAMPLES, link_samples or []),
    }
    made = City(
        now=pd.Timestamp(now).tz_convert("UTC"),
        calendars=calendars,
        limits=limits,
        letters=mail,
        dispositions=given,
        units=units,
        sites=frame(Dataset.SITES, sites or []),
        access_points=frame(Dataset.ACCESS_POINTS, access_points or []),
        ap_samples=samples[Dataset.AP_SAMPLES],
        services=frame(Dataset.SERVICES, services or []),
        service_samples=samples[Dataset.SERVICE_SAMPLES],
        links=frame(Dataset.LINKS, links or []),
        link_samples=samples[Dataset.LINK_SAMPLES],
        windows=no_windows() if windows is None else windows,
        provided=provided,
        letter_types=letter_types,
        unit_names={c: f"Dinas {c}" for c in UNITS},
    )
    return known_of(made)
