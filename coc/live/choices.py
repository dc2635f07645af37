"""What a person chose for a page: language, theme and (in demo) lens, from the URL, else from a cookie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from coc.metrics.city import WINDOWS, WindowName
from coc.settings.models import Settings

Theme = Literal["dark", "light"]
THEMES: Final[tuple[Theme, ...]] = ("dark", "light")
LANGUAGE_COOKIE: Final = "coc_lang"
THEME_COOKIE: Final = "coc_theme"
DEFAULT_WINDOW: Final[WindowName] = "30d"
UNIT_COOKIE: Final = "coc_unit"  # the account's default unit, with which pages that are of one start


@dataclass(frozen=True, slots=True)
class Choices:
    language: str
    theme: str


def choose(settings: Settings, query: Mapping[str, str], cookies: Mapping[str, str]) -> Choices:
    """The first of query, cookie and default that is one of ours; anything else is as if it were not there."""
    languages = settings.city.languages
    return Choices(
        _first((query.get("lang"), cookies.get(LANGUAGE_COOKIE)), languages, languages[0]),
        _first((query.get("theme"), cookies.get(THEME_COOKIE)), THEMES, "dark"),
    )


def window_of(asked: object) -> WindowName:
    """The window that a URL names, else the default one."""
    return next((w for w in WINDOWS if w == asked), DEFAULT_WINDOW)


def part_of(parts: tuple[str, ...], asked: object) -> str:
    """The section that a URL names, else the page's first; "" for a page without sections."""
    return next((p for p in parts if p == asked), parts[0] if parts else "")


def to_keep(settings: Settings, query: Mapping[str, str]) -> dict[str, str]:
    """Cookies for what the URL chose, so that it sticks."""
    wanted = {LANGUAGE_COOKIE: (query.get("lang"), settings.city.languages), THEME_COOKIE: (query.get("theme"), THEMES)}
    return {name: value for name, (value, allowed) in wanted.items() if value is not None and value in allowed}


def _first(candidates: tuple[str | None, ...], allowed: tuple[str, ...], default: str) -> str:
    return next((c for c in candidates if c is not None and c in allowed), default)
