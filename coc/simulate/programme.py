"""The city's free WiFi programme: sites and access points, and the registers (CSV) that list them.

A site's state follows from its dates: planned, then being installed, then active; so the programme goes on as time
passes. Places are near the centre of their kecamatan; no position is surveyed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Final

from coc.domain import reference
from coc.domain.instants import to_date
from coc.simulate.chance import rng
from coc.simulate.rhythm import day_of, midnight

_PLACES: Final[dict[str, tuple[tuple[str, int], ...]]] = {
    # kind (as the register writes it): name, kecamatan
    "taman": (("Taman Tepian Ratu", 4), ("Taman Danau Sipin", 10), ("Taman Remaja", 7), ("Taman Pedestrian Pasar", 4),
              ("Taman Anggrek", 1), ("Hutan Kota", 9), ("Taman Rimba", 11), ("Taman Arena Olahraga", 7)),
    "terminal": (("Terminal Alam Barajo", 9), ("Terminal Rawasari", 4), ("Dermaga Penyeberangan", 5)),
    "pasar": (("Pasar Tepi Sungai", 4), ("Pasar Talang Banjar", 3), ("Pasar Keluarga", 8), ("Pasar Kota Baru", 7),
              ("Pasar Olak Kemang", 6), ("Pasar Paal Merah", 11)),
    "kelurahan": (("Kantor Lurah Simpang IV Sipin", 1), ("Kantor Lurah Buluran Kenali", 1), ("Kantor Lurah Thehok", 2),
                  ("Kantor Lurah Pasir Putih", 2), ("Kantor Lurah Sulanjana", 3), ("Kantor Lurah Kasang", 3),
                  ("Kantor Lurah Beringin", 4), ("Kantor Lurah Arab Melayu", 5), ("Kantor Lurah Tahtul Yaman", 5),
                  ("Kantor Lurah Tanjung Raden", 6), ("Kantor Lurah Paal Lima", 7), ("Kantor Lurah Kebun Handil", 8),
                  ("Kantor Lurah Lebak Bandung", 8), ("Kantor Lurah Rawa Sari", 9), ("Kantor Lurah Mayang Mangurai", 9),
                  ("Kantor Lurah Legok", 10), ("Kantor Lurah Talang Bakung", 11), ("Kantor Lurah Eka Jaya", 11)),
    "puskesmas": (("Puskesmas Telanaipura", 1), ("Puskesmas Selatan", 2), ("Puskesmas Timur", 3),
                  ("Puskesmas Pelayangan", 5), ("Puskesmas Danau Teluk", 6), ("Puskesmas Kota Baru", 7),
                  ("Puskesmas Jelutung", 8), ("Puskesmas Alam Barajo", 9), ("Puskesmas Paal Merah", 11)),
    "sekolah": (("SMP Telanaipura", 1), ("SD Pematang Sulur", 1), ("SMP Selatan", 2), ("SD Pakuan Baru", 2),
                ("SMP Timur", 3), ("SD Tanjung Pinang", 3), ("SMP Pasar", 4), ("SD Pelayangan", 5),
                ("SMP Danau Teluk", 6), ("SMP Kota Baru", 7), ("SD Suka Karya", 7), ("SMP Jelutung", 8),
                ("SD Handil Jaya", 8), ("SMP Alam Barajo", 9), ("SD Bagan Pete", 9), ("SMP Danau Sipin", 10),
                ("SMP Paal Merah", 11), ("SD Bakung Jaya", 11)),
    "ruang_layanan": (("Mal Pelayanan Publik", 7), ("Perpustakaan Kota", 1)),
}  # fmt: skip
# kind: owner (None: the kecamatan), access points, capacity a point, first and last year of its installations
_KINDS: Final[dict[str, tuple[str | None, tuple[int, int], int, tuple[float, float]]]] = {
    "taman": ("DLH", (2, 4), 80, (2021.5, 2027.9)),
    "terminal": ("DISHUB", (2, 4), 70, (2021.2, 2025.0)),
    "pasar": ("PERINDAG", (2, 3), 60, (2022.0, 2027.6)),
    "kelurahan": (None, (1, 2), 30, (2021.5, 2027.4)),
    "puskesmas": ("DINKES", (1, 3), 40, (2022.0, 2027.2)),
    "sekolah": ("DISDIK", (2, 3), 60, (2024.0, 2029.6)),
    "ruang_layanan": ("DPMPTSP", (3, 4), 60, (2021.0, 2022.0)),
}
_FUNDING: Final = ("APBD", "APBD", "APBD", "CSR", "Provinsi")
_BUILDING_DAYS: Final = 45
STATUS_WORDS: Final = {
    "planned": "direncanakan",
    "installing": "pemasangan",
    "active": "aktif",
    "retired": "dihentikan",
}


@dataclass(frozen=True)
class Point:
    """An access point: `ap` is its id, `index` its place among all there will ever be."""

    ap: str
    site: str
    name: str
    lat: float
    lon: float
    index: int


@dataclass(frozen=True)
class Site:
    code: str
    name: str
    kind: str
    area: str
    unit: str
    target: date
    installed: date
    retired: date | None
    capacity: int
    funding: str
    points: tuple[Point, ...]

    def status(self, today: date) -> str:
        if self.retired and today >= self.retired:
            return "retired"
        if today >= self.installed:
            return "active"
        return "installing" if today >= self.installed - timedelta(days=_BUILDING_DAYS) else "planned"


class Programme:
    """All sites of a seed, in order of their codes."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    @cached_property
    def sites(self) -> tuple[Site, ...]:
        draws = rng(self.seed, "sites")
        areas = {row["code"]: row for row in reference.areas().to_dict(orient="records")}
        found: list[Site] = []
        index = 0
        for kind, places in _PLACES.items():
            unit, points, capacity, (first, last) = _KINDS[kind]
            order = draws.permutation(len(places))
            for place, (name, district) in enumerate(places):
                area = f"15.71.{district:02d}"
                code = f"TW-{len(found) + 1:03d}"
                year = first + (last - first) * (order[place] + draws.uniform(0.1, 0.9)) / len(places)
                installed = date(2021, 1, 4) + timedelta(days=round((year - 2021) * 365.25))
                count = int(draws.integers(points[0], points[1] + 1))
                lat, lon = (float(areas[area][c]) + draws.normal(0, 0.006) for c in ("lat", "lon"))
                own = tuple(
                    Point(
                        ap=f"AP-{code[3:]}-{n}",
                        site=code,
                        name=f"{name} {n}",
                        lat=round(lat + draws.normal(0, 0.0004), 6),
                        lon=round(lon + draws.normal(0, 0.0004), 6),
                        index=index + n,
                    )
                    for n in range(1, count + 1)
                )
                index += count
                found.append(
                    Site(
                        code=code,
                        name=name,
                        kind=kind,
                        area=area,
                        unit=unit or f"KEC-{district:02d}",
                        target=installed + timedelta(days=int(draws.integers(-70, 60))),
                        installed=installed,
                        retired=date(2025, 6, 30) if name == "Terminal Rawasari" else None,
                        capacity=capacity * count,
                        funding=str(draws.choice(_FUNDING)),
                        points=own,
                    )
                )
        return tuple(found)

    def active(self, now: int) -> tuple[Site, ...]:
        today = to_date(day_of(now))
        return tuple(site for site in self.sites if site.status(today) == "active")

    def sites_csv(self, now: int) -> str:
        """`titik-wifi.csv`: kode, nama, jenis, kecamatan, opd, status, target, terpasang, kapasitas, sumber_dana."""
        today = to_date(day_of(now))
        header = (
            "kode",
            "nama",
            "jenis",
            "kecamatan",
            "opd",
            "status",
            "target",
            "terpasang",
            "kapasitas",
            "sumber_dana",
        )
        rows = [
            (
                site.code, site.name, site.kind, site.area, site.unit, STATUS_WORDS[site.status(today)],
                site.target.isoformat(), site.installed.isoformat() if today >= site.installed else "",
                site.capacity, site.funding,
            )
            for site in self.sites
        ]  # fmt: skip
        return as_csv(header, rows)

    def points_csv(self, now: int) -> str:
        """`access-points.csv`: kode, titik, nama, lintang, bujur; the points of active sites."""
        rows = [(p.ap, p.site, p.name, p.lat, p.lon) for site in self.active(now) for p in site.points]
        return as_csv(("kode", "titik", "nama", "lintang", "bujur"), rows)


def as_csv(header: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> str:
    """A register as an office's program writes it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def started(site: Site) -> int:
    """The instant a site's points begin to answer."""
    return midnight((site.installed - date(1970, 1, 1)).days)
