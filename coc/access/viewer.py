"""Who looks: a viewer wears a lens, one of a closed set of mask classes (DOMAIN, Privacy), never a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Lens = Literal["public", "room", "operator", "head", "leader", "admin"]
Security = Literal["biasa", "terbatas", "rahasia", "sangat_rahasia"]

SECURITIES: Final[tuple[Security, ...]] = ("biasa", "terbatas", "rahasia", "sangat_rahasia")
LENSES: Final[tuple[Lens, ...]] = ("public", "room", "operator", "head", "leader", "admin")
ROLES: Final = ("guest", "screen", "head", "leader", "operator", "admin")
PROBE: Final = "probe"  # a role of tokens alone: it reports what a site sees, and reads nothing
LENS_OF_ROLE: Final[dict[str, Lens]] = {
    "guest": "public",
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
# Whose clearance is a person's, not the lens'.
_PERSONAL: Final[frozenset[Lens]] = frozenset({"head", "leader"})
# Who tends the machine: sees runs, reasons and counts of the feeds.
MACHINE_LENSES: Final[frozenset[Lens]] = frozenset({"operator", "admin"})


@dataclass(frozen=True, slots=True)
class Viewer:
    """`name` goes to the audit log. `units`: a head's own, without their children; empty for the others.

    `cleared`: the account's own clearance, where it has one. `session`: the digest of the session that it came by, ""
    without one. `probe`: a token that may report and nothing else.
    """

    lens: Lens
    name: str
    units: tuple[str, ...] = ()
    cleared: Security | None = None
    session: str = ""
    probe: bool = False

    @property
    def clearance(self) -> Security | None:
        """Letter rows are shown up to this class; None: none at all."""
        usual = _CLEARANCE[self.lens]
        return self.cleared if self.cleared is not None and self.lens in _PERSONAL else usual


@dataclass(frozen=True, slots=True)
class Refusal:
    """`status`: 401 (what was shown is no good), 403, 404 or 422. `said`: a sentence with the way out.

    `code`: which of several of one status; what a page says of it hangs on that.
    """

    status: int
    title: str
    said: str
    code: str = ""


def lens_named(text: str) -> Lens | None:
    return next((lens for lens in LENSES if lens == text), None)


def security_named(text: str | None) -> Security | None:
    return next((security for security in SECURITIES if security == text), None)
