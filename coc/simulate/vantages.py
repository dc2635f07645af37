"""The city's applications as they are seen from some sites: through the site's line and the city's uplink."""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np

from coc.domain.instants import Micros
from coc.simulate.applications import APPLICATIONS, Answers, Applications
from coc.simulate.chance import Indices, noise
from coc.simulate.lines import UPLINK, Line, Lines

MINUTE: Final = 60_000_000
_KINDS: Final = ("ruang_layanan", "sekolah", "kelurahan")  # where a probe stands
_TIMEOUT_SECONDS: Final = 5.0


class Vantages:
    """Rows: each application at the first site, then at the next."""

    def __init__(self, seed: int, lines: Lines, applications: Applications) -> None:
        self.seed, self._lines, self._applications = seed, lines, applications

    @cached_property
    def _from(self) -> list[Line]:
        return [line for line in self._lines.lines if line.site is not None and line.site.kind in _KINDS]

    @cached_property
    def labels(self) -> list[dict[str, str]]:
        return [
            {**of, "job": "apps-sites", "vantage": line.site.code}
            for line in self._from
            if line.site is not None
            for of in self._applications.labels
        ]

    @cached_property
    def _offset(self) -> Micros:
        share = noise(self.seed, "vantage offset", np.arange(len(self.labels)))
        return np.asarray((share * 59_990).astype("int64") * 1000)

    def minute(self, at: Micros) -> Indices:
        return np.asarray((at[None, :] - self._offset[:, None]) // MINUTE)

    def measured(self, minutes: Indices) -> Answers:
        """What the probes saw at those minutes since 1970; shape (rows, n)."""
        minutes = np.broadcast_to(minutes, (len(self.labels), minutes.shape[-1]))
        at = minutes * MINUTE + self._offset[:, None]
        size, uplink = len(APPLICATIONS), self._lines.lines[0]
        assert uplink.code == UPLINK
        parts = []
        for number, line in enumerate(self._from):
            rows = slice(number * size, (number + 1) * size)
            moments = at[rows]
            found = self._applications.answers(moments)
            cut = self._lines.broken(line, moments) | self._lines.broken(uplink, moments)
            slow = self._lines.slow(line, moments) | self._lines.slow(uplink, moments)
            # A page is some twenty times to and fro.
            seconds = found.seconds + line.milliseconds / 1000 * np.where(slow, 150.0, 20.0)
            lost = cut | (slow & (noise(self.seed, "vantage loss", number, moments // MINUTE) < 0.06))
            parts.append(
                Answers(
                    at=moments,
                    up=found.up & ~lost,
                    status=np.where(lost, 0, found.status),
                    seconds=np.where(lost, _TIMEOUT_SECONDS, np.minimum(seconds, 4.9)),
                )
            )
        return Answers(*(np.concatenate([getattr(p, n) for p in parts]) for n in ("at", "up", "status", "seconds")))
