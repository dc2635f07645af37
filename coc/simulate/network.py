"""The truth about access points: who is up, how many people are on it, how slow it is, at any minute.

Spells (power cuts, site outages, broken or slow points, a scraper that pauses) are drawn by day; single lost minutes,
clients and latency come from hashed noise, so a window of any length needs no minute before it. Each point is measured
once a minute at its own offset.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import numpy as np

from coc.domain.instants import DAY, HOUR, Bools, Floats, Micros, to_date
from coc.simulate.chance import Indices, noise, rng, smooth_noise
from coc.simulate.lines import Lines
from coc.simulate.programme import Programme, started
from coc.simulate.rhythm import FAR, OFFSET, day_of, midnight

MINUTE: Final = 60_000_000
_LOOK_BACK_DAYS: Final = 4  # no spell is longer
_DOWN, _SLOW, _FLAPPING, _UNSEEN = range(4)
SCRAPE_DAYS: Final = 30
_TIMEOUT_SECONDS: Final = 5.0
_NETS: Final = ("198.51.100", "203.0.113")  # for documentation: they lead nowhere
# kind of site: busiest hours of a weekday and of a weekend (0..23), how full it gets
_BUSY: Final = {
    "taman": ((8, 17, 20), (9, 17, 20), 0.55), "terminal": ((7, 12, 17), (8, 13, 17), 0.5),
    "pasar": ((7, 9, 11), (7, 9, 10), 0.6), "kelurahan": ((9, 11, 14), (10, 10, 19), 0.35),
    "puskesmas": ((9, 10, 11), (10, 10, 11), 0.5), "sekolah": ((8, 10, 13), (10, 10, 10), 0.7),
    "ruang_layanan": ((9, 11, 14), (10, 11, 12), 0.65),
}  # fmt: skip
_QUIET_WEEKENDS: Final = {"kelurahan": 0.25, "puskesmas": 0.35, "sekolah": 0.06, "ruang_layanan": 0.1}


@dataclass(frozen=True)
class Measured:
    """Samples of points (rows) at minutes (columns). `seen`: there is one; values where unseen mean nothing."""

    at: Micros
    seen: Bools
    up: Bools
    clients: Floats
    rx_bps: Floats
    tx_bps: Floats
    seconds: Floats
    loss: Floats


class Network:
    """The access points of one seed."""

    def __init__(self, seed: int) -> None:
        self.seed, self.programme = seed, Programme(seed)
        self.lines = Lines(seed, self.programme)
        self._spells = lru_cache(maxsize=64)(self._drawn)
        self._cuts: dict[tuple[str, int], int] = {}  # a site and the begin of its power cut -> the end

    def cut(self, site: str, at: int) -> None:
        """The site's power fails, until `restore`; nobody sees it before `at`."""
        self._cuts = {**self._cuts, (site, at): FAR}

    def restore(self, site: str, at: int) -> None:
        """The power is back; the cut stays in the history."""
        self._cuts = {k: at if k[0] == site and end == FAR else end for k, end in self._cuts.items()}

    @cached_property
    def _points(self) -> list[tuple[int, int]]:
        return [(s, p.index) for s, site in enumerate(self.programme.sites) for p in site.points]

    @cached_property
    def labels(self) -> list[dict[str, str]]:
        """One label set a point, as Prometheus has it; addresses are of the documentation range."""
        return [
            {
                "ap": point.ap,
                "area": site.area,
                "instance": f"{_NETS[point.index // 250]}.{point.index % 250 + 1}",
                "job": "wifi",
                "site": site.code,
            }
            for site in self.programme.sites
            for point in site.points
        ]

    @cached_property
    def _site(self) -> Indices:
        return np.array([s for s, _ in self._points])

    @cached_property
    def begin(self) -> Micros:
        return np.array([started(self.programme.sites[s]) for s in self._site])

    @cached_property
    def end(self) -> Micros:
        far = np.iinfo(np.int64).max
        days = [self.programme.sites[s].retired for s in self._site]
        return np.array([far if d is None else midnight(d.toordinal() - 719163) for d in days])

    @cached_property
    def _offset(self) -> Micros:
        """When in its minute each point is measured, whole milliseconds."""
        share = noise(self.seed, "offset", np.arange(len(self._points)))
        return np.asarray((share * 59_990).astype("int64") * 1000)

    def minute(self, at: Micros) -> Indices:
        """The minute of each point's newest measurement at or before instants; shape (points, instants)."""
        return np.asarray((at[None, :] - self._offset[:, None]) // MINUTE)

    def measured(self, minutes: Indices) -> Measured:
        """What was measured at those minutes; shape (points, n), minutes since 1970."""
        minutes = np.broadcast_to(minutes, (len(self._points), minutes.shape[-1]))
        at = minutes * MINUTE + self._offset[:, None]
        point = np.arange(len(self._points))[:, None]
        states = self._states(at, minutes)
        for (site, start), end in self._cuts.items():
            without = np.array([self.programme.sites[s].code == site for s in self._site])
            states[_DOWN] |= without[:, None] & (at >= start) & (at < end)
        for line in self.lines.lines:
            behind = [i for i, s in enumerate(self._site) if line.site is self.programme.sites[s]]
            states[_DOWN][behind] |= self.lines.broken(line, at[behind])
        lost = noise(self.seed, "lost", point, minutes // 3) < 0.0022
        toggles = states[_FLAPPING] & (noise(self.seed, "toggle", point, minutes // 2) < 0.5)
        up = ~(states[_DOWN] | lost | toggles)
        slow = states[_SLOW]
        load = self._load(at, minutes)
        clients = np.where(up, np.floor(load * np.where(slow, 0.5, 1.0) + noise(self.seed, "one", point, minutes)), 0)
        rate = clients * 180e3 * np.exp(3.0 * (noise(self.seed, "rate", point, minutes) - 0.5))
        base = 0.009 + 0.03 * noise(self.seed, "base", point) ** 2
        jitter = np.exp(1.4 * (noise(self.seed, "jitter", point, minutes) - 0.4))
        seconds = np.where(slow, 0.75 * jitter + 0.05, base * jitter * (1 + 0.01 * load))
        loss = np.where(slow, 0.12 + 0.3 * noise(self.seed, "loss", point, minutes), 0.0)
        return Measured(
            at=at,
            seen=~states[_UNSEEN] & (at >= self.begin[:, None]) & (at < self.end[:, None]),
            up=up,
            clients=clients,
            rx_bps=np.rint(rate * 0.22),
            tx_bps=np.rint(rate),
            seconds=_rounded(np.where(up, np.minimum(seconds, 4.5), _TIMEOUT_SECONDS + 0.004 * jitter), 6),
            loss=_rounded(np.where(up, loss, 1.0), 3),
        )

    def _load(self, at: Micros, minutes: Indices) -> Floats:
        """People on a point, before rounding."""
        sites = self.programme.sites
        day = (at[0] + OFFSET) // DAY
        hour = ((at[0] + OFFSET) % DAY) / HOUR
        weekend = (day + 3) % 7 >= 5
        curves = {kind: self._curve(kind, hour, weekend) for kind in _BUSY}
        full = np.array([sites[s].capacity / len(sites[s].points) for s in self._site])[:, None]
        shape = np.stack([curves[sites[s].kind] for s in self._site])
        point = np.arange(len(self._site))[:, None]
        liked = 0.35 + 0.9 * noise(self.seed, "liked", point)
        mood = 0.7 + 0.6 * smooth_noise(self.seed, "mood", point, minutes, 20)
        return np.asarray(full * shape * liked * mood)

    def _curve(self, kind: str, hour: Floats, weekend: Bools) -> Floats:
        weekday, off, full = _BUSY[kind]
        found = np.zeros_like(hour)
        for peaks, mask, scale in ((weekday, ~weekend, 1.0), (off, weekend, _QUIET_WEEKENDS.get(kind, 1.25))):
            bumps = sum(np.exp(-(((hour - p) / 1.9) ** 2)) for p in peaks)
            found = np.where(mask, full * scale * np.minimum(bumps, 1.1), found)
        return found + 0.012

    def _states(self, at: Micros, minutes: Indices) -> Bools:
        """Flags of spells: shape (4, points, n)."""
        flags = np.zeros((4, *at.shape), dtype=bool)
        if not at.size:
            return flags
        first, last = day_of(int(at.min())) - _LOOK_BACK_DAYS, day_of(int(at.max()))
        for day in range(first, last + 1):
            for kind, rows, start, end in self._spells(day):
                # columns are in order of time and the offsets are under a minute: cut first, compare what is left
                low = int(np.searchsorted(minutes[0], start // MINUTE - 2))
                high = int(np.searchsorted(minutes[0], end // MINUTE + 2))
                if low < high:
                    part = at[rows, low:high]
                    flags[kind][rows, low:high] |= (part >= start) & (part < end)
        return flags

    def _drawn(self, day: int) -> list[tuple[int, Indices, int, int]]:
        """The spells that begin on a city day: kind, points, start, end."""
        draws, found = rng(self.seed, "network", day), []
        every = np.arange(len(self._site))
        sites = self.programme.sites
        live = np.flatnonzero(self.begin <= midnight(day))

        def spell(kind: int, rows: Indices, minutes: float, hour: float | None = None) -> None:
            start = midnight(day) + int((draws.uniform(0, 24) if hour is None else hour) * HOUR)
            found.append((kind, rows, start, start + int(minutes * MINUTE)))

        if not live.size:
            return found
        if draws.random() < (0.3 if to_date(day).month in (10, 11, 12, 1, 2, 3) else 0.15):  # storms cut the power
            area = f"15.71.{draws.integers(1, 12):02d}"
            rows = np.array([i for i in every if sites[self._site[i]].area == area], dtype="int64")
            spell(_DOWN, rows, draws.uniform(15, 75), hour=draws.uniform(13, 19))
        for _ in range(draws.poisson(4.5)):
            rows = np.flatnonzero(self._site == self._site[draws.choice(live)])
            spell(_DOWN, rows, draws.uniform(10, 90))
        for _ in range(draws.poisson(16)):
            spell(_DOWN, draws.choice(live, size=1), 6 + draws.gamma(1.3, 30))
        for _ in range(1 + draws.poisson(0.35)):  # one that waits for the technician
            spell(_DOWN, draws.choice(live, size=1), draws.uniform(16, 44) * 60)
        for _ in range(2 + draws.poisson(3)):
            spell(_SLOW, draws.choice(live, size=1), draws.uniform(50, 420))
        for _ in range(draws.poisson(1.6)):
            spell(_FLAPPING, draws.choice(live, size=1), draws.uniform(60, 260))
        if draws.random() < 0.14:  # the measuring system itself rests: no samples, not "down"
            spell(_UNSEEN, every, draws.uniform(6, 22))
        return found


def _rounded(values: Floats, digits: int) -> Floats:
    return np.asarray(np.round(values, digits), dtype="float64")
