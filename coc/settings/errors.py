"""What is said about a config that cannot be used: every mistake at once, each with its place, key and mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

KeyPath = tuple[str | int, ...]


def dotted(path: KeyPath) -> str:
    """`("services", 0, "url")` -> `services[0].url`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def nearest(word: object, known: Iterable[str]) -> str:
    """`; did you mean `x`?` for the closest known word, or nothing."""
    by_lower = {k.lower(): k for k in known}
    hits = difflib.get_close_matches(str(word).lower(), list(by_lower), n=1, cutoff=0.6)
    return f"; did you mean `{by_lower[hits[0]]}`?" if hits else ""


@dataclass(frozen=True, slots=True)
class Problem:
    """`place`: `config.yaml:12`, or the environment variable that set the key."""

    place: str
    path: KeyPath
    said: str

    def __str__(self) -> str:
        key = dotted(self.path)
        return f"{self.place}: {key}: {self.said}" if key else f"{self.place}: {self.said}"


class ConfigError(Exception):
    """config.yaml cannot be used; `str()` lists every problem, one a line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))
