"""The truth about the city's applications: up, how slow, and how a probe fails, at any minute."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from coc.domain.instants import DAY, HOUR, Bools, Floats, Micros
from coc.simulate.chance import Indices, noise, rng
from coc.simulate.rhythm import OFFSET, day_of, midnight

MINUTE: Final = 60_000_000


@dataclass(frozen=True)
class Application:
    """`service` is the id in URLs and labels; `milliseconds` its median answer."""

    service: str
    name: str
    owner_unit: str
    milliseconds: float
    outages: float  # a week
    slow_mornings: float = 0.0  # share of working mornings


APPLICATIONS: Final = (
    Application("sipadek", "SIPADEK (e-office)", "KOMINFO", 120, 0.7),
    Application("website", "Portal Kota Jambi", "KOMINFO", 90, 0.4),
    Application("ppid", "PPID", "KOMINFO", 140, 0.6),
    Application("pengaduan", "Pengaduan Warga", "KOMINFO", 160, 0.6),
    Application("data-terbuka", "Data Terbuka", "BAPPEDA", 240, 0.5),
    Application("perizinan", "Perizinan Online", "DPMPTSP", 260, 0.9),
    Application("pajak-daerah", "Pajak Daerah", "BPPRD", 210, 0.6),
    Application("ppdb", "Penerimaan Peserta Didik", "DISDIK", 180, 0.9),
    Application("dukcapil-online", "Dukcapil Online", "DUKCAPIL", 390, 1.3),
    Application("absensi", "Absensi Pegawai", "BKPSDMD", 110, 0.5, slow_mornings=0.85),
)
_DOWN, _CLOSED, _SLOW = range(3)
_HEAVY: Final = 9.0  # how much slower a slow spell is
_LONGEST_SECONDS: Final = 6.0


@dataclass(frozen=True)
class Answers:
    """Of applications (rows) at minutes (columns); status 0: the connection was closed."""

    at: Micros
    up: Bools
    status: Indices
    seconds: Floats


class Applications:
    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._spells = lru_cache(maxsize=64)(self._drawn)
        share = noise(seed, "app offset", np.arange(len(APPLICATIONS)))
        self._offset: Micros = (share * 59_990).astype("int64") * 1000

    @property
    def labels(self) -> list[dict[str, str]]:
        return [
            {"instance": f"https://{a.service}.kota.example/", "job": "apps", "service": a.service}
            for a in APPLICATIONS
        ]

    def minute(self, at: Micros) -> Indices:
        return np.asarray((at[None, :] - self._offset[:, None]) // MINUTE)

    def measured(self, minutes: Indices) -> Answers:
        """What a probe saw at those minutes since 1970; shape (applications, n)."""
        minutes = np.broadcast_to(minutes, (len(APPLICATIONS), minutes.shape[-1]))
        return self.answers(minutes * MINUTE + self._offset[:, None])

    def answer(self, service: str, now: int) -> tuple[int, float] | None:
        """Status (0: close the connection) and seconds of a request at `now`; None for an unknown service."""
        names = [a.service for a in APPLICATIONS]
        if service not in names:
            return None
        found, row = self.answers(np.full((len(names), 1), now)), names.index(service)
        return int(found.status[row, 0]), float(found.seconds[row, 0])

    def answers(self, at: Micros) -> Answers:
        """What applications (rows) answer at those instants."""
        row, tick = np.arange(len(APPLICATIONS))[:, None], at // 1_000_000
        flags = self._flags(at)
        median = np.array([a.milliseconds for a in APPLICATIONS])[:, None] / 1000
        hour = ((at + OFFSET) % DAY) / HOUR
        busy = 1 + 0.5 * np.exp(-(((hour - 10) / 2.5) ** 2))
        u, v = noise(self.seed, "app jitter", row, tick), noise(self.seed, "app tail", row, tick)
        spread = np.exp(0.9 * (u - 0.5)) * np.where(v > 0.97, 3.0, 1.0)
        seconds = np.minimum(median * busy * spread * np.where(flags[_SLOW], _HEAVY, 1.0), _LONGEST_SECONDS)
        broken, closed = flags[_DOWN] | (noise(self.seed, "app blip", row, tick // 60) < 0.0006), flags[_CLOSED]
        status = np.where(closed, 0, np.where(broken, 503, 200))
        seconds = np.asarray(np.round(np.where(closed, 0.012, seconds), 6), dtype="float64")
        return Answers(at=at, up=status == 200, status=status, seconds=seconds)

    def _flags(self, at: Micros) -> Bools:
        flags = np.zeros((3, *at.shape), dtype=bool)
        if at.size:
            for day in range(day_of(int(at.min())) - 1, day_of(int(at.max())) + 1):
                for kind, row, start, end in self._spells(day):
                    flags[kind][row] |= (at[row] >= start) & (at[row] < end)
        return flags

    def _drawn(self, day: int) -> list[tuple[int, int, int, int]]:
        draws, found = rng(self.seed, "apps", day), []
        for row, application in enumerate(APPLICATIONS):
            if draws.random() < application.outages / 7:
                start = midnight(day) + int(draws.uniform(0, 24) * HOUR)
                kind = _DOWN if draws.random() < 0.65 else _CLOSED
                found.append((kind, row, start, start + int((4 + draws.gamma(1.4, 14)) * MINUTE)))
            if draws.random() < application.slow_mornings:
                start = midnight(day) + int(draws.uniform(7.1, 7.5) * HOUR)
                found.append((_SLOW, row, start, start + int(draws.uniform(50, 130) * MINUTE)))
            if draws.random() < 0.05:
                start = midnight(day) + int(draws.uniform(8, 20) * HOUR)
                found.append((_SLOW, row, start, start + int(draws.uniform(20, 70) * MINUTE)))
        return found
