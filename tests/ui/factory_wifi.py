"""The board of /wifi: a made-up city of points with a day of samples, counted by the real frame makers."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import pandas as pd

from coc.boards.board import Board
from coc.boards.subjects import network
from coc.domain import reference
from coc.metrics.city import City
from tests.metrics.cities import city

KINDS = ("taman", "pasar", "kelurahan", "puskesmas", "sekolah", "terminal", "ruang_layanan")
NAMES = ("Taman Danau Sipin", "Pasar Talang Banjar", "Kantor Lurah Simpang IV Sipin", "Puskesmas Kota Baru",
         "SMP Alam Barajo", "Terminal Rawasari", "Mal Pelayanan Publik", "Perpustakaan Kota")  # fmt: skip
STEP = timedelta(minutes=10)
KPIS = {"wifi.availability_30d": 0.97302}
POINT = "AP-006-0"


@cache
def made(now: datetime) -> City:
    """44 sites with one to three points each; of them some are down, slow, silent or flap."""
    chance = random.Random(11)
    places = reference.areas()
    places = places[places["tile_col"].notna()].to_dict("records")
    listed, points, samples = [], [], []
    for s in range(44):
        place = places[s % len(places)]
        name = f"{NAMES[s % len(NAMES)]}{'' if s < len(NAMES) else f' {s}'}"
        more = {"site_kind": KINDS[s % len(KINDS)], "area": place["code"], "unit": "DISDIK", "capacity": 60}
        listed.append({"source_id": f"S{s}", "name": name, "status": "active", **more})
        lat, lon = place["lat"] + chance.gauss(0, 0.006), place["lon"] + chance.gauss(0, 0.006)
        for p in range(1 + s % 3):
            ap = f"AP-{s:03d}-{p}"
            where = {"lat": lat + p * 0.0002, "lon": lon}
            points.append({"source_id": ap, "site": f"S{s}", "name": f"{name} {p + 1}", **where})
            samples += _samples(chance, ap, now, len(points))
    return city(now, sites=listed, access_points=points, ap_samples=samples)


def _samples(chance: random.Random, ap: str, now: datetime, n: int) -> list[dict[str, object]]:
    """A day: point 7 of ten is down since a while, 4 of fifteen slow, 11 of thirteen silent, 5 of nine flaps."""
    down, silent = timedelta(minutes=30 + 37 * (n % 17)), timedelta(hours=1)
    rows: list[dict[str, object]] = [
        {
            "ap": ap,
            "at": now - timedelta(hours=24 + 4 * i),
            "up": True,
            "clients": 0 if n % 8 == 3 else 9,
            "hold": 14400.0,
        }
        for i in range(54)
    ]
    for i in range(144):
        ago = STEP * (143 - i)
        if n % 13 == 11 and ago < silent:
            continue
        up = not (n % 10 == 7 and ago < down) and not (n % 9 == 5 and i > 120 and i % 2)
        busy = 1.2 + math.sin((i - 55) / 144 * 2 * math.pi)
        clients = round(chance.uniform(4, 22) * busy) if up and n % 8 != 3 else 0
        row = {"ap": ap, "at": now - ago, "up": up, "clients": clients, "hold": 1200.0}
        bps = clients * chance.uniform(1e5, 9e5)
        row |= {"latency_ms": 900.0 if n % 15 == 4 else 20.0, "loss": 0.0, "rx_bps": bps * 0.2, "tx_bps": bps}
        rows.append(row)
    return rows


@cache
def point(now: datetime) -> dict[str, pd.DataFrame]:
    """What the page of `POINT` reads from the store."""
    found = made(now)
    samples = found.ap_samples
    mine = samples[(samples["ap"] == POINT) & (samples["at"] > pd.Timestamp(now) - timedelta(hours=24))]
    turns = found.turns[found.turns["entity"] == POINT]
    columns = ["at", "up", "clients", "rx_bps", "tx_bps", "latency_ms", "loss"]
    return {
        "samples": mine[columns].reset_index(drop=True),
        "turns": turns[["at", "state"]].astype({"state": "str"}).reset_index(drop=True),
    }


@cache
def frames(now: datetime) -> dict[str, dict[str, pd.DataFrame]]:
    found = made(now)
    return {"network": {name: make(found) for name, make in network.SUBJECT.frames.items()}, "point": point(now)}


def large(held: dict[str, Board], times: int = 5) -> dict[str, Board]:
    """As many points again and again, beside the first ones."""
    board = held["network"]
    more = {name: _many(frame, times) for name, frame in board.frames.items()}
    return held | {"network": replace(board, frames=board.frames | more)}


def _many(frame: pd.DataFrame, times: int) -> pd.DataFrame:
    """Rows of points and sites under other names and a little aside; of groups the counts."""
    if "ap" not in frame and "site" not in frame:
        counts = [c for c in frame.columns if frame[c].dtype.kind == "i" and c != "hour"]
        return frame.assign(**{c: frame[c] * times for c in counts})
    parts = []
    for n in range(times):
        part = frame.copy()
        for column in [c for c in ("ap", "site", "name", "site_name") if c in part]:
            part[column] = part[column] + (f" {n}" if n else "")
        for column in [c for c in ("lat", "lon") if c in part]:
            part[column] += 0.003 * n
        parts.append(part)
    return pd.concat(parts, ignore_index=True)
