"""The truth about the city's lines: its own uplink, and those to some sites; up, how slow, how lossy, at any minute.

A line that is broken takes the access points behind it along, and whoever sits there reaches no application.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import numpy as np

from coc.domain.instants import HOUR, Bools, Floats, Micros
from coc.simulate.chance import Indices, noise, rng
from coc.simulate.programme import Programme, Site, as_csv, started
from coc.simulate.rhythm import day_of, midnight

MINUTE: Final = 60_000_000
UPLINK: Final = "uplink"
_BROKEN, _SLOW = range(2)
_TIMEOUT_SECONDS: Final = 2.0
_PROVIDERS: Final = ("Batanghari Net", "Sepucuk Serat", "Angso Duo Link")  # invented
# kind of site: ms to it, outages a week, slow spells a week; of each kind the site that was installed first has a line
_KINDS: Final = {
    "ruang_layanan": (3.0, 0.6, 0.7),
    "sekolah": (9.0, 1.6, 2.4),
    "puskesmas": (7.0, 1.2, 1.4),
    "kelurahan": (14.0, 5.0, 3.5),
    "terminal": (6.0, 1.0, 1.0),
    "pasar": (8.0, 1.8, 1.4),
}


@dataclass(frozen=True)
class Line:
    """`site`: None for the city's own. `milliseconds`: to its far end when all is well."""

    code: str
    name: str
    provider: str
    site: Site | None
    unit: str
    milliseconds: float
    outages: float  # a week
    slow: float


@dataclass(frozen=True)
class Asked:
    """Lines (rows) asked at minutes (columns). `loss` 0..1; `there`: the line exists."""

    at: Micros
    there: Bools
    up: Bools
    seconds: Floats
    loss: Floats


class Lines:
    def __init__(self, seed: int, programme: Programme) -> None:
        self.seed, self._programme = seed, programme
        self._spells = lru_cache(maxsize=64)(self._drawn)

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """The uplink, then one of each kind of site."""
        found = [Line(UPLINK, "Internet Kota", _PROVIDERS[0], None, "KOMINFO", 11.0, 0.8, 1.2)]
        for number, (kind, (milliseconds, outages, slow)) in enumerate(_KINDS.items()):
            of_kind = [s for s in self._programme.sites if s.kind == kind and s.retired is None]
            site = min(of_kind, key=lambda s: (s.installed, s.code))
            provider = _PROVIDERS[(number + 1) % len(_PROVIDERS)]
            found.append(
                Line(f"FO-{site.code}", f"FO {site.name}", provider, site, site.unit, milliseconds, outages, slow)
            )
        return tuple(found)

    @cached_property
    def labels(self) -> list[dict[str, str]]:
        return [
            {"instance": f"192.0.2.{row + 1}:443", "job": "links", "link": line.code, "provider": line.provider}
            for row, line in enumerate(self.lines)
        ]

    @cached_property
    def begin(self) -> Micros:
        return np.array([0 if line.site is None else started(line.site) for line in self.lines])

    @cached_property
    def _offset(self) -> Micros:
        share = noise(self.seed, "line offset", np.arange(len(self.lines)))
        return np.asarray((share * 59_990).astype("int64") * 1000)

    def minute(self, at: Micros) -> Indices:
        """The minute of each line's newest measurement at or before instants; shape (lines, instants)."""
        return np.asarray((at[None, :] - self._offset[:, None]) // MINUTE)

    def measured(self, minutes: Indices) -> Asked:
        """What was measured at those minutes since 1970; shape (lines, n)."""
        minutes = np.broadcast_to(minutes, (len(self.lines), minutes.shape[-1]))
        at, row = minutes * MINUTE + self._offset[:, None], np.arange(len(self.lines))[:, None]
        broken = np.stack([self.broken(line, at[n]) for n, line in enumerate(self.lines)])
        slow = np.stack([self.slow(line, at[n]) for n, line in enumerate(self.lines)])
        usual = np.array([line.milliseconds for line in self.lines])[:, None] / 1000
        jitter = np.exp(1.1 * (noise(self.seed, "line jitter", row, minutes) - 0.4))
        stray = noise(self.seed, "line loss", row, minutes)
        fifths = np.where(slow, 1 + np.floor(2.2 * stray), np.where(stray > 0.985, 1, 0))  # of five tries
        seconds = usual * jitter * np.where(slow, 22.0, 1.0)
        return Asked(
            at=at,
            there=at >= self.begin[:, None],
            up=~broken,
            seconds=np.asarray(np.round(np.where(broken, _TIMEOUT_SECONDS, np.minimum(seconds, 1.8)), 6)),
            loss=np.asarray(np.where(broken, 1.0, fifths / 5), dtype="float64"),
        )

    def register(self) -> str:
        """`jalur.csv`: kode, nama, titik, opd, penyedia."""
        rows = [(n.code, n.name, n.site.code if n.site else "", n.unit, n.provider) for n in self.lines]
        return as_csv(("kode", "nama", "titik", "opd", "penyedia"), rows)

    def at_site(self, site: str) -> Line | None:
        return next((line for line in self.lines if line.site is not None and line.site.code == site), None)

    def broken(self, line: Line, at: Micros) -> Bools:
        """Whether nothing goes through at these instants, of any shape."""
        return self._in_spell(line, at, _BROKEN)

    def slow(self, line: Line, at: Micros) -> Bools:
        return self._in_spell(line, at, _SLOW)

    def _in_spell(self, line: Line, at: Micros, kind: int) -> Bools:
        found = np.zeros(at.shape, dtype=bool)
        if at.size:
            for day in range(day_of(int(at.min())) - 1, day_of(int(at.max())) + 1):
                for code, of, start, end in self._spells(day):
                    if code == line.code and of == kind:
                        found |= (at >= start) & (at < end)
        return found

    def _drawn(self, day: int) -> list[tuple[str, int, int, int]]:
        """The spells that begin on a city day: line, kind, start, end."""
        draws, found = rng(self.seed, "lines", day), []
        for line in self.lines:
            for kind, weekly, shortest, mean in ((_BROKEN, line.outages, 4, 22), (_SLOW, line.slow, 25, 60)):
                for _ in range(draws.poisson(weekly / 7)):
                    # What is used breaks, and what is full is slow: mostly by day.
                    hour = draws.uniform(0, 24) if draws.random() < 0.3 else draws.uniform(7, 20)
                    start = midnight(day) + int(hour * HOUR)
                    minutes = min(shortest + draws.gamma(1.3, mean / 1.3), 600.0)
                    found.append((line.code, kind, start, start + int(minutes * MINUTE)))
        return found
