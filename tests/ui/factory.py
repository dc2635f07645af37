"""A believable set of boards by the contract's columns, and the views on them, without store or server."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd

from coc.boards.board import CITY, KPI_COLUMNS, Board
from coc.domain.reference import units
from coc.settings.models import Settings, Target
from coc.ui.page import ScopeOf, View
from tests.ui import (
    factory_aplikasi,
    factory_coincidence,
    factory_disposisi,
    factory_opd,
    factory_peringatan,
    factory_pimpinan,
    factory_program,
    factory_surat,
    factory_wifi,
)

NOW = datetime(2026, 3, 11, 7, 5, 12, tzinfo=UTC)  # Wednesday 14.05.12 WIB
TODAY = date(2026, 3, 11)
HOLIDAYS = {date(2026, 2, 17): "Tahun Baru Imlek", date(2026, 2, 16): "Cuti Bersama Tahun Baru Imlek"}
VALUES: dict[str, float | None] = {
    "correspondence.registered_today": 184,
    "correspondence.completed_today": 151,
    "correspondence.paperless_rate": 0.9741379310344828,
    "correspondence.undispositioned": 23,
    "disposition.backlog": 1284,
    "disposition.overdue": 96,
    "disposition.due_soon": 142,
    "disposition.followup_hours_p50": 6.4375,
    "disposition.followup_hours_p85": 21.316666666666666,
    "disposition.followup_hours_p95": 38.05,
    "disposition.on_time_rate": 0.8712871287128713,
    "wifi.up": 241,
    "wifi.degraded": 9,
    "wifi.down": 4,
    "wifi.no_data": 6,
    "wifi.clients": 3172,
    "wifi.availability_24h": 0.98651,
    "apps.up": 11,
    "apps.down": 1,
    "apps.availability_24h": 0.99312,
}
SERVICES = (
    "SIPADEK", "PPDB", "SIAK Warga", "e-Kinerja", "Portal Kota Jambi", "JDIH", "Sikesal", "e-Planning",
    "SIMRS Abdul Manap", "Perizinan Daring", "Open Data", "Absensi ASN",
)  # fmt: skip


def boards(**values: float | None) -> dict[str, Board]:
    """A normal afternoon. Keyword `disposition__backlog=None` overrides a KPI's value."""
    numbers = VALUES | {k.replace("__", ".", 1): v for k, v in values.items()}
    rng = random.Random(7)
    frames: dict[str, dict[str, pd.DataFrame]] = {
        "correspondence": {
            "flow": _flow(rng),
            "corrected": _corrected(),
            "trend": _trend(rng, "correspondence.", numbers),
        },
        "disposition": {
            "by_unit": _by_unit(rng),
            "by_age": pd.DataFrame(
                {"bucket": ["0-1", "2-3", "4-5", "gt5"], "backlog": [612, 381, 190, 101], "overdue": [4, 11, 19, 62]}
            ),
            "channels": _channels(),
            "trend": _trend(rng, "disposition.", numbers),
        },
        "wifi": {"by_hour": _wifi(rng), "points": pd.DataFrame()},
        "apps": {"latency": _latency(rng), "services": pd.DataFrame()},
        "feeds": {"feeds": feeds()},
    }
    frames["correspondence"]["names"] = units()[["code", "name", "kind"]]
    frames |= factory_disposisi.frames(NOW) | factory_pimpinan.frames(NOW) | factory_opd.frames(NOW) | {"leaders": {}}
    frames |= factory_aplikasi.frames(NOW) | factory_wifi.frames(NOW) | factory_coincidence.frames()
    numbers = numbers | factory_pimpinan.KPIS | factory_aplikasi.KPIS | factory_wifi.KPIS
    held = {name: _board(name, numbers, dict(made)) for name, made in frames.items()}
    held["disposition"] = _with_kpis(held["disposition"], factory_disposisi.kpi_rows())
    held |= factory_peringatan.boards(NOW)
    return factory_opd.with_units(factory_program.added(factory_surat.added(held, NOW), NOW), NOW)


def _with_kpis(board: Board, rows: list[tuple[str, str, str, float, str]]) -> Board:
    more = pd.DataFrame(rows, columns=list(KPI_COLUMNS))
    return replace(board, kpis=pd.concat([board.kpis[~board.kpis["id"].isin(more["id"])], more], ignore_index=True))


def empty_boards() -> dict[str, Board]:
    """A store that never held a row: every KPI is no_data, every frame has no rows."""
    nothing = dict.fromkeys(VALUES)
    nothing |= dict.fromkeys(factory_disposisi.KPIS) | dict.fromkeys(factory_pimpinan.KPIS)
    nothing |= dict.fromkeys([*factory_program.KPIS, *factory_aplikasi.KPIS, *factory_wifi.KPIS])
    return {
        name: replace(_board(name, nothing, {f: frame.iloc[0:0] for f, frame in board.frames.items()}), as_of=None)
        for name, board in boards().items()
    }


def large_boards() -> dict[str, Board]:
    """A large city on a bad day: five digits, twelve feeds, long names, a source that records no completion."""
    held = boards(
        correspondence__registered_today=12_841,
        correspondence__completed_today=None,
        correspondence__paperless_rate=1.0,
        correspondence__undispositioned=1_204,
        disposition__backlog=128_403,
        disposition__overdue=10_096,
        disposition__due_soon=11_042,
        disposition__followup_hours_p85=121.3,
        disposition__followup_hours_p95=238.1,
        wifi__up=1_241,
        wifi__degraded=109,
        wifi__down=214,
        wifi__no_data=1_006,
        wifi__clients=31_172,
        apps__up=111,
        apps__down=12,
    )
    kpis = held["correspondence"].kpis
    kpis.loc[kpis["value"].isna(), "state"] = "not_recorded"
    unit = held["disposition"].frames["by_unit"]
    unit["backlog"], unit["overdue"] = unit["backlog"] * 73, unit["overdue"] * 73
    latency = held["apps"].frames["latency"]
    latency["p50"] *= 11
    more = [feed(f"sumber_data_kecamatan_{i}", "late" if i % 3 else "fresh") for i in range(9)]
    for name, frames in factory_disposisi.large_frames(NOW).items():
        held[name] = replace(held[name], frames=frames)
    held["disposition"] = _with_kpis(held["disposition"], factory_disposisi.kpi_rows(large=True))
    held["coincidence"] = replace(held["coincidence"], frames=factory_coincidence.frames(3)["coincidence"])
    held = factory_wifi.large(factory_program.added(factory_surat.large(held), NOW, times=12))
    return held | {"feeds": replace(held["feeds"], frames={"feeds": feeds(*TROUBLE[:3], *more)})}


def feed(name: str, state: str = "fresh", **more: Any) -> dict[str, Any]:
    ago = {"fresh": 12, "late": 540, "frozen": 1260, "failing": 4020}.get(state)
    last = None if ago is None else pd.Timestamp(NOW - timedelta(seconds=ago))
    run = state not in ("never", "disabled")
    row: dict[str, Any] = {
        "name": name,
        "kind": "sipadek",
        "datasets": ["letters", "dispositions", "units"],
        "enabled": state != "disabled",
        "state": state,
        "as_of": last,
        "last_good": last,
        "next_run": None if state == "disabled" else pd.Timestamp(NOW + timedelta(seconds=48)),
        "started": last,
        "seconds": 0.84 if run else None,
        "rows_in": 1412.0 if run else None,
        "stored": 96.0 if run else None,
        "unchanged": 1316.0 if run else None,
        "quarantined": 0.0 if run else None,
        "error_code": None,
        "error_detail": None,
        "notes": [],
        "quarantine_open": 0,
        "quarantine_reasons": [],
        "quarantine_places": [],
        "failing_since": pd.NaT,
        "frozen_since": pd.NaT,
        "history": [],
    }
    return row | more


def feeds(*rows: dict[str, Any]) -> pd.DataFrame:
    made = list(rows) or [
        feed("sipadek"),
        feed(
            "wifi",
            kind="prometheus",
            datasets=["ap_samples"],
            rows_in=260.0,
            stored=260.0,
            unchanged=0.0,
            history=[12, 30],
        ),
        feed("titik_wifi", kind="files", datasets=["sites", "access_points"], rows_in=168.0, stored=0.0),
        feed("aplikasi", kind="http_probe", datasets=["services", "service_samples"], rows_in=12.0, stored=12.0),
    ]
    frame = pd.DataFrame(made)
    for column in ("as_of", "last_good", "next_run", "started", "failing_since", "frozen_since"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return frame


def _ago(minutes: float) -> pd.Timestamp:
    return pd.Timestamp(NOW - timedelta(minutes=minutes))


TROUBLE = (
    feed("sipadek", "failing", error_code="login_page", error_detail="GET /letters, 200, text/html", quarantined=40.0,
         failing_since=_ago(66), quarantine_open=1240,
         quarantine_reasons=[["unknown_value", "urgency", 812], ["unknown_unit", "unit", 301],
                             ["missing_required", "registered_at", 96], ["bad_type", "pages", 17],
                             ["in_future", "issued_at", 9], ["completed_before_issued", "completed_at", 5]]),
    feed("wifi", "late", kind="prometheus", datasets=["ap_samples"], error_code="rate_limited",
         error_detail="HTTP 429, 600 s", failing_since=pd.NaT),
    feed("titik_wifi", kind="files", datasets=["sites", "access_points"], quarantined=3.0, quarantine_open=3,
         quarantine_reasons=[["unreadable", "", 2], ["unknown_value", "status", 1]],
         quarantine_places=[["unreadable", "", "titik-wifi.csv", 4], ["unreadable", "", "titik-wifi.csv", 19],
                            ["unknown_value", "status", "titik-wifi.csv", 7]]),
    feed("aplikasi", "frozen", kind="http_probe", datasets=["services", "service_samples"],
         frozen_since=_ago(21), notes=[("clock_ahead", "+7 h")]),
    feed("eoffice_lama", "never", kind="files", datasets=["letters"], error_code="certificate",
         error_detail="self-signed certificate", failing_since=_ago(2900)),
    feed("jaringan", "disabled", kind="http_probe", datasets=["links", "link_samples"]),
)  # fmt: skip

_SCOPES = dict.fromkeys(("unit", "opd_unit"), "DISDIK")
_POINTS, _SERVICES = ("point", "wifi_point"), ("service", "aplikasi_satu")
_OF: dict[str, ScopeOf] = {**dict.fromkeys(_POINTS, "point"), **dict.fromkeys(_SERVICES, "service")}
_SCOPES |= dict.fromkeys(_POINTS, factory_wifi.POINT) | dict.fromkeys(_SERVICES, factory_aplikasi.SERVICE)


def view(
    page: str = "overview",
    *,
    language: str = "id",
    theme: str = "dark",
    simulated: bool = False,
    held: dict[str, Board] | None = None,
    targets: dict[str, Target] | None = None,
    part: str = "",
) -> View:
    wanted = {
        "disposition.on_time_rate": Target(target=0.9, warn=0.8),
        "correspondence.paperless_rate": Target(target=0.95, warn=0.9),
    }
    return View(
        page=page,
        boards=boards() if held is None else held,
        lens="operator",
        language=language,
        theme=theme,
        scope=_SCOPES.get(page, CITY),
        part=part,
        of=_OF.get(page, "unit"),
        epoch=42,
        now=NOW,
        realm="demo" if simulated else "live",
        simulated=simulated,
        settings=Settings(targets=wanted if targets is None else targets),
    )


def with_feeds(*rows: dict[str, Any]) -> dict[str, Board]:
    held = boards()
    return held | {"feeds": replace(held["feeds"], frames={"feeds": feeds(*rows)})}


def _board(name: str, numbers: dict[str, float | None], frames: dict[str, pd.DataFrame]) -> Board:
    rows = [
        (kpi, CITY, window, math.nan if value is None else float(value), "no_data" if value is None else "ok")
        for kpi, value in numbers.items()
        if kpi.split(".")[0] == name
        for window in ("7d", "30d", "90d")
    ]
    rows += [(kpi, "DISDIK", window, 1.0, "ok") for kpi, _, window, _, _ in rows]
    return Board(
        name=name,
        population="all",
        epoch=42,
        digest="0" * 32,
        computed_at=NOW,
        as_of=NOW - timedelta(seconds=12),
        kpis=pd.DataFrame(rows, columns=list(KPI_COLUMNS)),
        frames=frames,
    )


def _flow(rng: random.Random) -> pd.DataFrame:
    rows = []
    for back in range(29, -1, -1):
        day = TODAY - timedelta(days=back)
        working = day.weekday() < 5 and day not in HOLIDAYS
        base = rng.gauss(246, 24) if working else rng.gauss(6, 2)
        part = 0.75 if back == 0 else 1.0
        registered = max(0, round(base * part))
        rows.append(
            (
                day,
                184 if back == 0 else registered,
                max(0, round(registered * rng.uniform(0.84, 0.98))),
                151 if back == 0 else max(0, round(registered * rng.uniform(0.72, 1.02))),
                working,
                back == 0,
                HOLIDAYS.get(day, ""),
                back == 21,
            )
        )
    columns = ["day", "registered", "dispositioned", "completed", "working", "partial", "note", "corrected"]
    return pd.DataFrame(rows, columns=columns).astype({"day": "object"})


def _corrected() -> pd.DataFrame:
    return pd.DataFrame({"id": ["correspondence.completed_today"], "day": [TODAY - timedelta(days=21)]})


def _trend(rng: random.Random, prefix: str, numbers: dict[str, float | None]) -> pd.DataFrame:
    rows = []
    for kpi, value in numbers.items():
        if not kpi.startswith(prefix) or value is None:
            continue
        for back in range(14, 0, -1):
            wobble = rng.gauss(1 - back * 0.006, 0.05 if value > 1 else 0.008)
            day_value = value * wobble if value > 1 else min(1.0, value * wobble)
            rows.append((kpi, TODAY - timedelta(days=back), day_value if value <= 1 else float(round(day_value, 1))))
    return pd.DataFrame(rows, columns=["id", "day", "value"])


def _by_unit(rng: random.Random) -> pd.DataFrame:
    known = units()
    codes = [
        "DISDIK",
        "DINKES",
        "PUPR",
        "DUKCAPIL",
        "DPMPTSP",
        "SETDA",
        "BPKPSDMD",
        "DAMKAR",
        "BPKAD",
        "PERKIM",
        "INSP",
    ]
    known = known[known["code"].isin([*codes, "BKPSDMD"])].drop_duplicates("code")
    counts = sorted((round(rng.uniform(40, 190)) for _ in range(len(known))), reverse=True)
    return pd.DataFrame(
        {
            "unit": known["code"].tolist(),
            "name": known["name"].tolist(),
            "backlog": counts,
            "overdue": [0 if i == 4 else round(c * rng.uniform(0.02, 0.24)) for i, c in enumerate(counts)],
            "due_soon": [round(c * 0.1) for c in counts],
        }
    )


def _channels() -> pd.DataFrame:
    table = {
        ("text", "phone"): 1411, ("text", "laptop"): 512, ("text", "desktop"): 188,
        ("scanned_signature", "phone"): 60, ("scanned_signature", "laptop"): 401, ("scanned_signature", "desktop"): 322,
        ("voice", "phone"): 633, ("voice", "laptop"): 41, ("voice", "desktop"): 0,
    }  # fmt: skip
    return pd.DataFrame([(c, d, n) for (c, d), n in table.items()], columns=["channel", "device", "count"])


def _wifi(rng: random.Random) -> pd.DataFrame:
    start = pd.Timestamp(NOW).floor("h") - pd.Timedelta(hours=23)
    shares = [min(1.0, 0.993 - abs(rng.gauss(0, 0.006))) for _ in range(24)]
    shares[11] = 0.934
    coverage = [0.99] * 24
    for gap in (5, 6):
        shares[gap], coverage[gap] = math.nan, 0.0
    people = [round(1200 + 1900 * max(0.0, math.sin((i - 15) / 24 * 6.28))) for i in range(24)]
    return pd.DataFrame(
        {
            "at": pd.date_range(start, periods=24, freq="h"),
            "up_share": shares,
            "coverage": coverage,
            "clients": people,
        }
    )


def _latency(rng: random.Random) -> pd.DataFrame:
    start = pd.Timestamp(NOW).floor("15min") - pd.Timedelta(minutes=15 * 95)
    rows = []
    for n, name in enumerate(SERVICES):
        base = 90 + n * 24 + (260 if name.startswith("SIMRS") else 0)
        for i, at in enumerate(pd.date_range(start, periods=96, freq="15min")):
            busy = 1 + 0.5 * max(0.0, math.sin((i - 50) / 96 * 6.28))
            p50 = base * busy * rng.uniform(0.9, 1.1)
            silent = name.startswith("SIMRS") and i in (70, 71, 72)
            up = 0.4 if silent else 1.0
            rows.append((f"s{n}", name, at, p50, p50 * rng.uniform(1.2, 1.7), up))
    return pd.DataFrame(rows, columns=["service", "name", "at", "p50", "p95", "up_share"])
