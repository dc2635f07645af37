"""Every path the server answers and the right it needs: one table, and a path outside it stops the start."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Right(StrEnum):
    ANYONE = "anyone"  # says nothing about the city
    VIEWER = "viewer"  # whoever has a lens; what it shows is the lens' business
    MACHINE = "machine"  # who sits at this machine, or any token


class Speaks(StrEnum):
    """In what form a refusal is told."""

    API = "api"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Rule:
    """`path`: `*` is one segment, `**` the rest."""

    path: str
    right: Right
    speaks: Speaks = Speaks.API
    methods: tuple[str, ...] = ("GET", "HEAD")


RULES: Final[tuple[Rule, ...]] = (
    Rule("/healthz", Right.ANYONE),
    Rule("/readyz", Right.ANYONE),
    Rule("/metrics", Right.MACHINE),
    Rule("/api/openapi.json", Right.VIEWER),
    Rule("/api/v1/openapi.json", Right.VIEWER),
    Rule("/api/v1/kpis", Right.VIEWER),
    Rule("/api/v1/kpis/*", Right.VIEWER),
    Rule("/api/v1/feeds", Right.VIEWER),
    Rule("/api/v1/stream", Right.VIEWER),
    Rule("/live/frame", Right.VIEWER),
    Rule("/assets/**", Right.VIEWER),
    Rule("/_favicon.ico", Right.VIEWER),
    Rule("/_dash-component-suites/**", Right.VIEWER),
    Rule("/_dash-layout", Right.VIEWER),
    Rule("/_dash-dependencies", Right.VIEWER),
    Rule("/_dash-update-component", Right.VIEWER, methods=("POST",)),
    Rule("/", Right.VIEWER, Speaks.PAGE),
    Rule("/**", Right.VIEWER, Speaks.PAGE),  # the pages; what is none of them is told so in the pages' own words
)

# Under these nothing is a page: what the table does not name does not exist.
_CLOSED: Final = ("/api", "/live", "/_")
_CAPTURES: Final = re.compile(r"<path:[^>]+>|<(?:string:)?[^>:]+>|\{[^}:]+:path\}|\{[^}]+\}")


class UndeclaredRouteError(RuntimeError):
    """The application answers a path whose right nobody declared."""


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
    """Check that each path of a router is in the table. Raises UndeclaredRouteError naming those that are not.

    `closed`: paths that a library opens and that the table leaves shut on purpose.
    """
    declared = {r.path for r in RULES}
    shut = set(closed)
    missing = [p for p in paths if p not in shut and _as_declared(p) not in declared and not _below(p)]
    if missing:
        raise UndeclaredRouteError(f"no right is declared in coc.access.routes for {', '.join(sorted(missing))}")


def _as_declared(path: str) -> str:
    return _CAPTURES.sub(lambda m: "**" if "path" in m.group() else "*", path)


def _below(path: str) -> bool:
    """Whether an open-ended rule other than the pages' holds it."""
    return any(r.path.endswith("/**") and r.path != "/**" and path.startswith(r.path[:-2]) for r in RULES)
