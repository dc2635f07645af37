"""Samples written as a line of text: `+` up, `-` down, a space where nothing was heard."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from coc.metrics import City
from tests.metrics import cities

Row = dict[str, Any]
NOW = cities.wib("2026-03-02T10:00:00")


def heard(name: str, text: str, *, of: str = "ap", every: float = 60, ends: float = 0, **more: Any) -> list[Row]:
    """A sample a character, `every` seconds apart, the last one `ends` seconds ago."""
    last = len(text) - 1
    return [
        {of: name, "at": NOW - timedelta(seconds=ends + every * (last - i)), "up": c == "+", **more}
        for i, c in enumerate(text)
        if c != " "
    ]


def windows(*rows: tuple[str, str, datetime, datetime]) -> pd.DataFrame:
    """(kind, scope, start, end)."""
    made = pd.DataFrame([(*row, "pekerjaan") for row in rows], columns=["kind", "scope", "start", "end", "reason"])
    for column in ("start", "end"):
        made[column] = pd.to_datetime(made[column], utc=True).astype("datetime64[us, UTC]")
    return made


def points(site: str, *names: str) -> list[Row]:
    return [{"source_id": name, "name": name, "site": site} for name in names]


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def network(samples: dict[str, str], sites: dict[str, str], *, area: str = "15.71.01", **more: Any) -> City:
    """Points by what was heard of them; `sites`: each site's points, one letter a point."""
    return cities.city(
        NOW,
        sites=[{"source_id": site, "name": f"Taman {site}", "area": area} for site in sites],
        access_points=[row for site, names in sites.items() for row in points(site, *names)],
        ap_samples=[row for name, text in samples.items() for row in heard(name, text)],
        **more,
    )
