"""One table of rights: every path, board and stream event, and who may have it.

A page says it in its own file (`PageSpec.lenses`), and its callbacks and frames have the page's right. What declares
nothing stops the start. `coc access` prints the whole (`coc.access.document`), with the commands (`coc.cli.declared`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from coc.access.viewer import LENSES, MACHINE_LENSES, Lens

Lenses = frozenset[Lens]


class Right(StrEnum):
    ANYONE = "anyone"  # says nothing about the city
    VIEWER = "viewer"  # whoever has a lens; what it shows is the lens' business
    SIGNED_IN = "signed in"  # an account's own matters: a session, never a token nor this machine
    MACHINE = "machine"  # who sits at this machine, or any token
    PROBE = "probe"  # the token of a probe, which opens nothing else


class Speaks(StrEnum):
    """In what form a refusal is told."""

    API = "api"
    PAGE = "page"


EVERY_LENS: Final[Lenses] = frozenset(LENSES)
IN_THE_HOUSE: Final[Lenses] = EVERY_LENS - {"public"}
OF_ADMINS: Final[Lenses] = frozenset({"admin"})
OF_ALERTS: Final[Lenses] = frozenset({"operator", "leader", "admin"})  # lenses that acknowledge and mute
OF_LETTERS: Final[Lenses] = frozenset({"operator", "head", "leader"})  # lenses that see letters one by one
READ: Final = ("GET", "HEAD")
FORM: Final = (*READ, "POST")


@dataclass(frozen=True, slots=True)
class Rule:
    """`path`: `*` is one segment, `**` the rest. `csrf`: a POST changes something and must bring its form's token.

    `audited`: the action that a use of it leaves in the audit log, "" where it leaves none.
    """

    path: str
    right: Right
    speaks: Speaks = Speaks.API
    methods: tuple[str, ...] = READ
    lenses: Lenses = EVERY_LENS
    csrf: bool = False
    audited: str = ""


RULES: Final[tuple[Rule, ...]] = (
    Rule("/healthz", Right.ANYONE),
    Rule("/readyz", Right.ANYONE),
    Rule("/metrics", Right.MACHINE),
    Rule("/api/openapi.json", Right.VIEWER),
    Rule("/api/v1/openapi.json", Right.VIEWER),
    Rule("/api/v1/kpis", Right.VIEWER),
    Rule("/api/v1/kpis/*", Right.VIEWER),
    Rule("/api/v1/series/*", Right.VIEWER),
    Rule("/api/v1/feeds", Right.VIEWER),
    Rule("/api/v1/stream", Right.VIEWER),
    Rule("/api/v1/probe", Right.PROBE, methods=FORM),
    *(Rule(f"/export/kpis.{f}", Right.VIEWER, audited="export") for f in ("csv", "xlsx", "json")),
    *(
        Rule(f"/export/{rows}.{f}", Right.VIEWER, lenses=OF_LETTERS, audited="export")
        for rows in ("letters", "dispositions")
        for f in ("csv", "xlsx", "json")
    ),
    Rule("/export/chart/*/*", Right.VIEWER, audited="export"),
    Rule("/live/frame", Right.VIEWER),
    Rule("/assets/fonts/*", Right.ANYONE),  # the doors' own
    Rule("/assets/favicon.svg", Right.ANYONE),
    Rule("/assets/**", Right.VIEWER),
    Rule("/_favicon.ico", Right.VIEWER),
    Rule("/_dash-component-suites/**", Right.VIEWER),
    Rule("/_dash-layout", Right.VIEWER),
    Rule("/_dash-dependencies", Right.VIEWER),
    Rule("/_dash-update-component", Right.VIEWER, methods=("POST",)),
    Rule("/masuk", Right.ANYONE, Speaks.PAGE, FORM, csrf=True, audited="sign-in"),
    Rule("/masuk/**", Right.ANYONE, Speaks.PAGE, FORM, csrf=True, audited="sign-in"),
    Rule("/keluar", Right.SIGNED_IN, Speaks.PAGE, FORM, csrf=True, audited="sign-out"),
    Rule("/akun", Right.SIGNED_IN, Speaks.PAGE),
    Rule("/akun/**", Right.SIGNED_IN, Speaks.PAGE, FORM, csrf=True, audited="account"),
    Rule("/peringatan/tangani", Right.VIEWER, Speaks.PAGE, FORM, OF_ALERTS, csrf=True, audited="alert"),
    Rule("/", Right.VIEWER, Speaks.PAGE),
    Rule("/**", Right.VIEWER, Speaks.PAGE),  # the pages; what is none of them is told so in the pages' own words
)

# Boards by name: pages and API read no other.
BOARDS: Final[Mapping[str, Lenses]] = {
    "correspondence": EVERY_LENS,
    "disposition": EVERY_LENS,
    "leaders": EVERY_LENS,  # the city's figure alone; an office's are another board's
    "adoption": EVERY_LENS,
    "wifi": EVERY_LENS,
    "programme": EVERY_LENS,  # of sites, which are the city's
    "network": EVERY_LENS,  # the same, point by point
    "apps": EVERY_LENS,
    "applications": EVERY_LENS,
    "coincidence": EVERY_LENS,  # of the city's figures
    "letters": IN_THE_HOUSE,
    "handling": IN_THE_HOUSE,
    "desks": frozenset({"leader"}),  # what `handling` tells, by leader's office
    "units": IN_THE_HOUSE,
    "offices": frozenset({"leader", "operator"}),  # the operator's by a leader's switch, which the page asks
    "feeds": EVERY_LENS,
    "alerts": EVERY_LENS,  # for the public the city's alone, none of a unit
    "delivery": MACHINE_LENSES,
}

# Dash's own callbacks, which lay a page out: each page is asked for its right there. All others are of the page whose
# name their first output's id begins with, and have its right.
ROUTER: Final = frozenset({"_pages_content", "_pages_store", "_pages_dummy"})

# Events of the stream.
EVENTS: Final[Mapping[str, Lenses]] = {"version": EVERY_LENS}


# Under these nothing is a page: what the table does not name does not exist.
_CLOSED: Final = ("/api", "/live", "/export", "/_")
_CAPTURES: Final = re.compile(r"<path:[^>]+>|<(?:string:)?[^>:]+>|\{[^}:]+:path\}|\{[^}]+\}")


class UndeclaredError(RuntimeError):
    """The application has something whose right nobody declared."""


def _segment(part: str) -> str:
    return {"*": "[^/]+", "**": ".*"}.get(part, re.escape(part))


_PATTERNS: Final = tuple((re.compile("/".join(map(_segment, r.path.split("/")))), r) for r in RULES)


def rule_of(path: str) -> Rule | None:
    """The rule of a request's path; None where there is nothing."""
    closed = any(path == root or path.startswith(root if root == "/_" else root + "/") for root in _CLOSED)
    for pattern, rule in _PATTERNS:
        if pattern.fullmatch(path):
            return None if closed and rule.speaks is Speaks.PAGE else rule
    return None


def declare(paths: Iterable[str], closed: Iterable[str] = ()) -> None:
    """Check that each path of a router is in the table. Raises UndeclaredError naming those that are not.

    `closed`: paths that a library opens and that the table leaves shut on purpose.
    """
    declared = {r.path for r in RULES}
    shut = set(closed)
    missing = [p for p in paths if p not in shut and _as_declared(p) not in declared and not _below(p)]
    if missing:
        raise UndeclaredError(f"no right is declared in coc.access.table for {', '.join(sorted(missing))}")


def declare_named(kind: str, names: Iterable[str], table: Collection[str]) -> None:
    """Check that each of a kind is in its table. Raises UndeclaredError."""
    missing = sorted(set(names) - set(table))
    if missing:
        raise UndeclaredError(f"no right is declared in coc.access.table for the {kind} {', '.join(missing)}")


def callback_page(output: str, pages: Collection[str]) -> str | None:
    """The page whose callback has this output; "" for Dash's router, None where it is nobody's.

    Several outputs are written `..a.children...b.data..`: the first one counts.
    """
    component = output.strip(".").split("...")[0].rpartition(".")[0]
    if component in ROUTER:
        return ""
    return next((page for page in sorted(pages, key=len, reverse=True) if component.startswith(f"{page}-")), None)


def _as_declared(path: str) -> str:
    return _CAPTURES.sub(lambda m: "**" if "path" in m.group() else "*", path)


def _below(path: str) -> bool:
    """Whether an open-ended rule other than the pages' holds it."""
    return any(r.path.endswith("/**") and r.path != "/**" and path.startswith(r.path[:-2]) for r in RULES)
