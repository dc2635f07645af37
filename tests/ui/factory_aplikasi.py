"""The board of /aplikasi: twelve applications and three links on an afternoon on which one of them is down."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from functools import cache

import pandas as pd

SERVICE = "ppdb"
KPIS = {"apps.latency_ms_p95": 412.5}
APPS: tuple[tuple[str, str, str | None], ...] = (
    ("sipadek", "SIPADEK", "KOMINFO"),
    ("ppdb", "PPDB", "DISDIK"),
    ("siak", "SIAK Warga", "DUKCAPIL"),
    ("kinerja", "e-Kinerja", "BKPSDMD"),
    ("portal", "Portal Kota Jambi", "KOMINFO"),
    ("jdih", "JDIH", None),
    ("sikesal", "Sikesal", "KOMINFO"),
    ("simrs", "SIMRS Abdul Manap", "DINKES"),
    ("izin", "Perizinan Daring", "DPMPTSP"),
    ("data", "Open Data", "BAPPEDA"),
)
LINKS = (
    ("uplink", "Internet utama", "Telkom"),
    ("cadangan", "Internet cadangan", "Icon+"),
    ("fo-barat", "Serat optik barat", None),
)
PLACES = {"": "", "kantor-wali": "Kantor Wali Kota", "smpn-1": "SMPN 1", "pkm-putri-ayu": "Puskesmas Putri Ayu"}
STATES = {"simrs": "down", "ppdb": "degraded", "data": "no_data", "cadangan": "degraded"}
MINUTES_IN_STATE = {"simrs": 25, "ppdb": 190, "data": 3000, "cadangan": 40}
CERTIFICATES = {"sipadek": 211, "ppdb": 9, "siak": 64, "portal": 88, "jdih": -2, "sikesal": 41, "izin": 301}


@cache
def frames(now: datetime) -> dict[str, dict[str, pd.DataFrame]]:
    chance = random.Random(11)
    made = {
        "listed": _listed(now, chance),
        "days": _days(now, chance),
        "vantages": _vantages(now, chance),
        "incidents": _incidents(now),
    }
    return {"applications": made, "service": {"latency": _latency(now, chance)}}


def _keys() -> list[tuple[str, str, str, str | None, str | None]]:
    apps = [("app", key, name, unit, None) for key, name, unit in APPS]
    return apps + [("link", key, name, "KOMINFO", provider) for key, name, provider in LINKS]


def _listed(now: datetime, chance: random.Random) -> pd.DataFrame:
    rows = []
    for kind, key, name, unit, provider in _keys():
        state = STATES.get(key, "up")
        p50 = None if key == "data" else chance.uniform(30, 180)
        since = now - timedelta(minutes=MINUTES_IN_STATE.get(key, chance.randint(3000, 30000)))
        row = {"kind": kind, "service": key, "name": name, "unit": unit, "provider": provider, "state": state}
        row |= {"site": "S1" if key == "fo-barat" else None}
        row |= {"flapping": key == "ppdb", "since": since, "at": now - timedelta(seconds=20)}
        row |= {"p50": p50, "p95": None if p50 is None else p50 * (5 if state == "degraded" else 2.2)}
        days = CERTIFICATES.get(key) if kind == "app" else None
        row["certificate_until"] = None if days is None else now + timedelta(days=days, hours=7)
        for window, worst in (("24h", 0.96), ("7d", 0.985), ("30d", 0.99)):
            silent = key == "data" and window == "24h"
            well = key != "simrs" and chance.random() < 0.6
            row[f"up_share_{window}"] = None if silent else 1.0 if well else chance.uniform(worst, 1)
            row[f"coverage_{window}"] = 0.0 if silent else chance.choice([1.0, 0.9986, 0.43 if key == "jdih" else 0.97])
        rows.append(row)
    frame = pd.DataFrame(rows)
    for column in ("since", "at", "certificate_until"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    numbers = [c for c in frame if str(c).startswith(("p50", "p95", "up_share", "coverage"))]
    return frame.astype(dict.fromkeys(numbers, "float64"))


def _days(now: datetime, chance: random.Random) -> pd.DataFrame:
    rows = []
    for kind, key, *_ in _keys():
        begun = 40 if key == "izin" else 90
        for n in range(89, -1, -1):
            up: float | None = 1.0 if chance.random() < 0.93 else chance.choice([0.998, 0.97, 0.8, 0.35])
            coverage = chance.choice([1.0] * 9 + [0.3])
            if n >= begun or (key == "data" and n < 3):
                up, coverage = None, 0.0
            day = (now - timedelta(days=n)).date().isoformat()
            rows.append({"kind": kind, "service": key, "day": day, "up_share": up, "coverage": coverage})
    return pd.DataFrame(rows).astype({"up_share": "float64"})


def _vantages(now: datetime, chance: random.Random) -> pd.DataFrame:
    rows = []
    for key, *_ in APPS:
        for vantage, place in PLACES.items():
            if key == "jdih" and vantage:
                continue
            away = key == "siak" and vantage == "smpn-1"
            state = "down" if away else STATES.get(key, "up")
            up = None if state == "no_data" else 0.41 if away else chance.choice([1.0, chance.uniform(0.95, 1)])
            rows.append(
                {
                    "service": key,
                    "vantage": vantage,
                    "state": state,
                    "since": now - timedelta(hours=3),
                    "place": place,
                    "up_share": up,
                    "coverage": 0.0 if up is None else 0.99,
                }
            )
    frame = pd.DataFrame(rows).astype({"up_share": "float64"})
    return frame.assign(since=pd.to_datetime(frame["since"], utc=True))


def _latency(now: datetime, chance: random.Random) -> pd.DataFrame:
    """Of one application, which is slower from a school than from the COC's room, and was away at noon."""
    first = pd.Timestamp(now).floor("30min") - pd.Timedelta(hours=23.5)
    rows: list[dict[str, object]] = []
    for n, vantage in enumerate(PLACES):
        for half in range(48):
            at, gone = first + pd.Timedelta(minutes=30 * half), half in (43, 44)
            p50 = None if gone else (70 + 90 * n) * chance.uniform(0.8, 1.3)
            rows.append({"vantage": vantage, "at": at, "p50": p50, "up_share": 0.0 if gone else 1.0})
    return pd.DataFrame(rows).astype({"p50": "float64"})


def _incidents(now: datetime) -> pd.DataFrame:
    def row(key: str, ago: float, minutes: float | None, **more: object) -> dict[str, object]:
        kind, _, name, unit, _ = next(k for k in _keys() if k[1] == key)
        start = now - timedelta(minutes=ago)
        told = {"kind": kind, "service": key, "name": name, "unit": unit, "start": start}
        end = None if minutes is None else start + timedelta(minutes=minutes)
        told |= {"end": end, "cause": "fault" if kind == "app" else "upstream", "planned": "", "spells": 1}
        return told | {"status": None, "reason": None} | more

    rows = [
        row("simrs", 25, None, status=503, reason="status"),
        row("siak", 400, 48, reason="timeout"),
        row("cadangan", 1500, 12),
        row("ppdb", 3000, 95, reason="dns", spells=6),
        row("portal", 5000, 60, cause="maintenance", planned="Pembaruan server"),
        row("izin", 9000, 1600, reason="tls"),
        row("kinerja", 15000, 31, reason="content", status=200),
        row("sipadek", 22000, 8, status=404, reason="status"),
        row("uplink", 26000, 22, cause="power"),
    ]
    frame = pd.DataFrame(rows)
    for column in ("start", "end"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return frame.astype({"status": "Int64", "reason": "str", "unit": "str"})
