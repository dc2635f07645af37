"""Where words go beside their marks so that none lies on another, at the smallest size that a picture is shown at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

_LETTER: Final = 0.56  # of the font's size: a letter's mean width
_LINE: Final = 1.3
Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(slots=True)
class Room:
    """A picture of `width` x `height` pixels with what is taken of it. y runs down."""

    width: float
    height: float
    size: float
    taken: list[Box] = field(default_factory=list)

    def take(self, x: float, y: float, half: float) -> None:
        """A mark stands there."""
        self.taken.append((x - half, y - half, x + half, y + half))

    def place(self, words: str, spots: Sequence[tuple[float, float, str]]) -> int | None:
        """The first of the spots (x, y of the words' edge or middle; xanchor left, right or center) that is free.

        Taken from then on. None where no spot is.
        """
        wide, high = len(words) * self.size * _LETTER, self.size * _LINE
        for number, (x, y, anchor) in enumerate(spots):
            left = x - {"left": 0.0, "center": wide / 2, "right": wide}[anchor]
            box = (left, y - high / 2, left + wide, y + high / 2)
            if self._fits(box):
                self.taken.append(box)
                return number
        return None

    def _fits(self, box: Box) -> bool:
        left, top, right, bottom = box
        if left < 0 or top < 0 or right > self.width or bottom > self.height:
            return False
        return not any(left < r and right > x and top < b and bottom > y for x, y, r, b in self.taken)
