"""The colours: the stylesheet and the figures agree, and text can be read."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import pytest

from coc.figures.palette import PALETTES

CSS = (Path(__file__).parents[2] / "assets" / "coc.css").read_text(encoding="utf-8")


def _block(selector: str) -> dict[str, str]:
    body = CSS.split(selector + " {", 1)[1].split("}", 1)[0]
    return dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", body))


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("theme", "selector"), [("dark", ":root"), ("light", '[data-bs-theme="light"]')])
def test_figures_and_stylesheet_have_the_same_colours(theme: str, selector: str) -> None:
    figures = {k: v for k, v in asdict(PALETTES[theme]).items() if v.startswith("#")}
    assert _block(selector) == figures


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("colour", ["fg", "muted", "accent", "bad", "warn"])
def test_text_can_be_read_on_every_ground(theme: str, colour: str) -> None:
    palette = asdict(PALETTES[theme])
    assert _contrast(palette[colour], palette["surface"]) >= 4.5
    assert _contrast(palette[colour], palette["bg"]) >= 4.5


def test_every_icon_that_the_code_names_is_drawn() -> None:
    drawn = set(re.findall(r"\.coc-icon-([a-z_-]+)", CSS))
    states = {"fresh", "late", "frozen", "failing", "never", "disabled", "up", "degraded", "down", "no_data"}
    named = {"live", "lost", "rise", "fall", "same", "empty", "simulated", "theme-dark", "theme-light"}
    assert states | named | {"target-met", "target-near", "target-missed"} <= drawn


def test_nothing_is_fetched_from_elsewhere() -> None:
    for file in (Path(__file__).parents[2] / "assets").glob("coc*"):
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text, file.name
