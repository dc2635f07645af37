"""What a figure is told besides its frame: colours, words, numbers. So one function draws both themes and languages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from coc.figures.palette import Palette


class Words(Protocol):
    """A message id and its places to a sentence of the viewer's language."""

    def __call__(self, message_id: str, **values: object) -> str: ...


@dataclass(frozen=True, slots=True)
class Look:
    palette: Palette
    say: Words
    number: Callable[[float, int], str]
    percent: Callable[[float, int], str]
    hour: Callable[[datetime], str]  # 14.05, in the city's zone
    day: Callable[[date], str]  # 28 Nov


def safe(text: str) -> str:
    """A name from a source as plotly text: its markup is shown, never obeyed."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def short(text: str, limit: int) -> str:
    """At most `limit` characters, cut at a word where one ends late enough."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    at_word = cut.rsplit(" ", 1)[0]
    return (at_word if len(at_word) > limit * 0.6 else cut).rstrip(" ,") + "…"


def ended(text: str, limit: int) -> str:
    """As `short`, with its last word kept: of the points of a site it is the number."""
    head, _, tail = text.rpartition(" ")
    return text if len(text) <= limit or not head else f"{short(head, limit - len(tail) - 1)} {tail}"


def spread(values: list[float], gap: float) -> list[float]:
    """Label positions as near their values as can be, at least `gap` apart, in the given order's values."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    placed = [values[i] for i in order]
    for _ in range(40):
        moved = False
        for a, b in zip(range(len(placed)), range(1, len(placed)), strict=False):
            overlap = gap - (placed[b] - placed[a])
            if overlap > gap * 1e-3:
                placed[a] -= overlap / 2
                placed[b] += overlap / 2
                moved = True
        if not moved:
            break
    result = [0.0] * len(values)
    for position, i in zip(placed, order, strict=True):
        result[i] = position
    return result
