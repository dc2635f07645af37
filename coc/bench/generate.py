"""Seeded canonical frames of a given size, for the bench: shapes of a real city, made in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from coc.domain import datasets, reference

CHUNK = 50_000


@dataclass(frozen=True, slots=True)
class Size:
    """What DESIGN calls S and L; `samples_days` of one sample a minute and access point."""

    name: str
    letters: int
    dispositions: int
    years: int
    access_points: int
    samples_days: float


SIZES = {
    "S": Size("S", 100_000, 250_000, 1, 110, 1.2),
    "L": Size("L", 1_000_000, 2_500_000, 10, 1_000, 7.0),
}


def _choice(rng: np.random.Generator, values: tuple[str, ...], n: int, odds: list[float] | None = None) -> pd.Series:
    return pd.Series(np.array(values, dtype=object)[rng.choice(len(values), n, p=odds)], dtype="str")


def _times(base: np.ndarray, seconds: np.ndarray, open_: np.ndarray | None = None) -> pd.Series:
    micros = base + (seconds * 1e6).astype("int64")
    stamps = pd.Series(pd.DatetimeIndex(micros.astype("datetime64[us]"), tz="UTC"))
    return stamps if open_ is None else stamps.mask(pd.Series(open_))


def letters(size: Size, now: pd.Timestamp, seed: int = 1) -> Iterator[pd.DataFrame]:
    """Chunks in the order of `updated_at`, as a feed gives them."""
    rng = np.random.default_rng(seed)
    units = tuple(reference.units()["code"])
    span = size.years * 365 * 86_400
    start = int((now.value // 1000) - span * 1_000_000)
    offsets = np.sort(rng.uniform(0, span - 3600, size.letters))
    for first in range(0, size.letters, CHUNK):
        at = offsets[first : first + CHUNK]
        n = len(at)
        base = start + (at * 1e6).astype("int64")
        took = rng.lognormal(10.5, 1.0, n)
        open_ = at + took > span
        yield pd.DataFrame(
            {
                "source_id": pd.Series([f"L{first + i}" for i in range(n)], dtype="str"),
                "kind": _choice(rng, datasets.LETTER_KINDS, n, [0.55, 0.2, 0.25]),
                "type": _choice(rng, ("surat_dinas", "nota_dinas", "undangan", "surat_tugas", "laporan"), n),
                "category": _choice(rng, datasets.CATEGORIES[:4], n, [0.8, 0.08, 0.07, 0.05]),
                "urgency": _choice(rng, datasets.URGENCIES[:4], n, [0.05, 0.2, 0.15, 0.6]),
                "security": _choice(rng, datasets.SECURITIES, n, [0.85, 0.1, 0.04, 0.01]),
                "unit": _choice(rng, units, n),
                "medium": _choice(rng, datasets.MEDIA, n, [0.86, 0.14]),
                "pages": pd.Series(rng.integers(1, 9, n), dtype="Int64"),
                "copies": pd.Series(rng.integers(1, 5, n), dtype="Int64"),
                "registered_at": _times(base, np.zeros(n)),
                "completed_at": _times(base, took, open_),
                "updated_at": _times(base, np.where(open_, 0, took)),
                "deleted": pd.Series(np.zeros(n, dtype=bool), dtype="boolean"),
            }
        )


def dispositions(size: Size, now: pd.Timestamp, seed: int = 2) -> Iterator[pd.DataFrame]:
    rng = np.random.default_rng(seed)
    units = tuple(reference.units()["code"])
    codes = tuple(item["kode"] for item in reference.instructions())
    span = size.years * 365 * 86_400
    start = int((now.value // 1000) - span * 1_000_000)
    per = size.dispositions / size.letters
    offsets = np.sort(rng.uniform(0, span - 3600, size.dispositions))
    offices = ("walikota", "wakil_walikota", "sekda", "asisten_1", "kepala:DISDIK", "kepala:DINKES", "camat:KEC-01")
    for first in range(0, size.dispositions, CHUNK):
        at = offsets[first : first + CHUNK]
        n = len(at)
        base = start + (at * 1e6).astype("int64")
        took = rng.lognormal(11.0, 1.1, n)
        open_ = at + took > span
        letter = ((first + np.arange(n)) / per).astype("int64")
        yield pd.DataFrame(
            {
                "source_id": pd.Series([f"D{first + i}" for i in range(n)], dtype="str"),
                "letter_id": pd.Series([f"L{i}" for i in letter], dtype="str"),
                "from_office": _choice(rng, offices, n),
                "to_unit": _choice(rng, units, n),
                "channel": _choice(rng, datasets.CHANNELS[:4], n, [0.5, 0.15, 0.3, 0.05]),
                "device": _choice(rng, datasets.DEVICES, n, [0.5, 0.2, 0.2, 0.1]),
                "instruction": _choice(rng, codes, n),
                "issued_at": _times(base, np.zeros(n)),
                "completed_at": _times(base, took, open_),
                "updated_at": _times(base, np.where(open_, 0, took)),
                "deleted": pd.Series(np.zeros(n, dtype=bool), dtype="boolean"),
            }
        )


def ap_samples(size: Size, now: pd.Timestamp, seed: int = 3) -> Iterator[pd.DataFrame]:
    """One sample a minute and access point, oldest minute first."""
    rng = np.random.default_rng(seed)
    names = np.array([f"ap-{i:04d}" for i in range(size.access_points)], dtype=object)
    minutes = int(size.samples_days * 1440)
    end = now.value // 1000
    step = max(1, CHUNK // size.access_points)
    for first in range(0, minutes, step):
        count = min(step, minutes - first)
        n = count * size.access_points
        at = end - (minutes - first - np.repeat(np.arange(count), size.access_points)) * 60_000_000
        up = rng.random(n) > 0.03
        yield pd.DataFrame(
            {
                "ap": pd.Series(np.tile(names, count), dtype="str"),
                "at": pd.Series(pd.DatetimeIndex(at.astype("datetime64[us]"), tz="UTC")),
                "up": pd.Series(up, dtype="boolean"),
                "clients": pd.Series(rng.integers(0, 40, n), dtype="Int64").mask(pd.Series(~up)),
                "latency_ms": pd.Series(rng.lognormal(3.0, 0.6, n)),
                "loss": pd.Series(np.where(rng.random(n) > 0.95, 0.1, 0.0)),
            }
        )
