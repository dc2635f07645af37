"""The board of the page of the WiFi programme: the simulated city's sites, counted as the product counts them."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pandas as pd

from coc.boards.board import Board
from coc.boards.subjects.programme import SUBJECT
from coc.metrics.city import City
from coc.metrics.registry import compute
from coc.simulate.programme import Programme, Site
from tests.metrics import cities

KPIS = ("wifi.installed", "wifi.target", "wifi.schools_served")
_KINDS = {
    "taman": "park", "terminal": "terminal", "pasar": "market", "kelurahan": "kelurahan", "puskesmas": "clinic",
    "sekolah": "school", "ruang_layanan": "service_hall",
}  # fmt: skip
_MIDNIGHT = ZoneInfo("Asia/Jakarta")


def added(held: dict[str, Board], now: datetime, *, times: int = 1) -> dict[str, Board]:
    """These boards with the board `programme`, and the KPIs of the programme. `times`: as many cities in one."""
    city = _city(now, times)
    wifi = held["wifi"]
    wifi = replace(wifi, kpis=pd.concat([wifi.kpis[~wifi.kpis["id"].isin(KPIS)], compute(city, KPIS)]))
    frames = {name: make(city) for name, make in SUBJECT.frames.items()}
    return held | {"wifi": wifi, "programme": replace(wifi, name="programme", kpis=wifi.kpis.iloc[:0], frames=frames)}


@cache
def _city(now: datetime, times: int) -> City:
    rng = random.Random(5)
    today = now.astimezone(_MIDNIGHT).date()
    sites, points, days = [], [], []
    for copy in range(times):
        for site in Programme(7).sites:
            code = f"{site.code}-{copy}"
            sites.append(_site(site, code, today))
            if site.status(today) != "active":
                continue
            people = rng.choice((0.02, 0.1, 0.3, 1, 3))
            for point in site.points:
                ap = f"{point.ap}-{copy}"
                points.append({"source_id": ap, "site": code, "name": point.name})
                known = min(30, (today - site.installed).days)
                days += [(ap, now - timedelta(days=back), people * rng.uniform(0.5, 1.5)) for back in range(1, known)]
    made = cities.city(now, sites=sites, access_points=points)
    return replace(made, known_days=known_days(days))


def known_days(rows: list[tuple[str, datetime, float]]) -> pd.DataFrame:
    """Whole days of access points: the point, an instant of the UTC day, its mean clients."""
    return pd.DataFrame(
        {
            "dataset": pd.Series(["ap_samples"] * len(rows), dtype="category"),
            "entity": pd.Series([ap for ap, _, _ in rows], dtype="category"),
            "vantage": pd.Series([""] * len(rows), dtype="category"),
            "at": pd.to_datetime([at for _, at, _ in rows], utc=True).floor("D").astype("datetime64[us, UTC]"),
            "up_seconds": 86_000.0,
            "down_seconds": 400.0,
            "client_seconds": [clients * 86_400.0 for _, _, clients in rows],
        }
    )


def _site(site: Site, code: str, today: date) -> dict[str, object]:
    installed = site.installed if site.status(today) == "active" else None
    behind = timedelta(days=400) if int(site.code[3:]) % 4 == 0 and installed is None else timedelta(0)
    return {
        "source_id": code,
        "name": site.name,
        "site_kind": _KINDS[site.kind],
        "area": site.area,
        "status": site.status(today),
        "target_at": _at(site.target - behind),
        "installed_at": _at(installed) if installed else None,
        "funding": site.funding,
    }


def _at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=_MIDNIGHT)
