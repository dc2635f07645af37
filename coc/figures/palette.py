"""The colours, once: figures bake them in, and `assets/coc.css` says the same (a test compares them).

One accent. Red is for what a person must act on, amber for what may soon be; all else is grey.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Palette:
    bg: str
    surface: str
    line: str
    fg: str
    muted: str
    faint: str  # marks only, never text
    accent: str
    bad: str
    warn: str
    band: str  # a day without work, an hour without data


DARK = Palette(
    bg="#0a0f14",
    surface="#111920",
    line="#22303a",
    fg="#f0f5f7",
    muted="#a3b3be",
    faint="#3f5361",
    accent="#56c4d9",
    bad="#ff7466",
    warn="#f2b84b",
    band="rgba(163,179,190,0.09)",
)
LIGHT = Palette(
    bg="#eef2f4",
    surface="#ffffff",
    line="#d9e1e6",
    fg="#12202a",
    muted="#4c5e6b",
    faint="#b3c1ca",
    accent="#08748c",
    bad="#c42f28",
    warn="#915b00",
    band="rgba(76,94,107,0.10)",
)
PALETTES = {"dark": DARK, "light": LIGHT}


def palette(theme: str) -> Palette:
    return PALETTES.get(theme, DARK)
