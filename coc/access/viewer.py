"""Who looks: a viewer wears a lens, one of a closed set of mask classes (DOMAIN, Privacy), never a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Lens = Literal["public", "room", "operator", "head", "leader", "admin"]
Security = Literal["biasa", "terbatas", "rahasia", "sangat_rahasia"]

LENSES: Final[tuple[Lens, ...]] = ("public", "room", "operator", "head", "leader", "admin")
LENS_OF_ROLE: Final[dict[str, Lens]] = {
    "screen": "room",
    "head": "head",
    "leader": "leader",
    "operator": "operator",
    "admin": "admin",
}
# Letter rows are shown up to this class; None: no letter rows at all.
_CLEARANCE: Final[dict[Lens, Security | None]] = {
    "public": None,
    "room": None,
    "operator": "biasa",
    "head": "terbatas",
    "leader": "rahasia",
    "admin": None,
}
# Who tends the machine: sees runs, reasons and counts of the feeds.
MACHINE_LENSES: Final[frozenset[Lens]] = frozenset({"operator", "admin"})


@dataclass(frozen=True, slots=True)
class Viewer:
    """`name` goes to the audit log. `units`: a head's own; empty for the others."""

    lens: Lens
    name: str
    units: tuple[str, ...] = ()

    @property
    def clearance(self) -> Security | None:
        return _CLEARANCE[self.lens]


@dataclass(frozen=True, slots=True)
class Refusal:
    """`status`: 401 (what was shown is no good), 403, 404 or 422. `said`: a sentence with the way out."""

    status: int
    title: str
    said: str


def lens_named(text: str) -> Lens | None:
    return next((lens for lens in LENSES if lens == text), None)
