"""What types cannot say of `alerts:`: one subject a rule, known KPIs, sources and channels, channels that can tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final

from coc.settings.alerts import SHIPPED
from coc.settings.document import Document
from coc.settings.errors import KeyPath, nearest

SUBJECTS: Final = ("kpi", "feed", "ap_state", "service_state")
_BOUNDS: Final = ("above", "below", "misses")
# Keys that say something to one kind of rule alone.
_OF_ONE: Final[Mapping[str, tuple[str, ...]]] = {
    "kpi": ("unit", "window", "clears_at", *_BOUNDS),
    "feed": ("states",),
    "service_state": ("service",),
}
_CITYWIDE: Final = ("wifi.", "leaders.")
_NAME: Final = re.compile(r"[a-z0-9_-]+")
_URL: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://.+")
_MAIL: Final = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+")
Check = Callable[[Document], None]
Block = dict[str, Any]


def _blocks(document: Document, *path: str) -> Iterator[tuple[str, KeyPath, Block]]:
    """Every named block below `path`; a name that is none is complained of."""
    found = document.at(path)
    for name, block in found.items() if isinstance(found, dict) else ():
        at: KeyPath = (*path, name)
        if not _NAME.fullmatch(name):
            fixed = re.sub(r"[^a-z0-9_-]+", "_", name.lower()).strip("_")
            document.complain(at, f"a name holds a-z, 0-9, _ and - only{f'; `{fixed}` would do' if fixed else ''}")
        if isinstance(block, dict):
            yield name, at, block


def rules(kpi_ids: Collection[str]) -> Check:
    def check(document: Document) -> None:
        # By place: those of the other realm are left unread, and still rules may name them.
        connectors = sorted({str(path[1]) for path in document.places if path[0] == "connectors" and len(path) == 2})
        for name, at, block in _blocks(document, "alerts", "rules"):
            given = [subject for subject in SUBJECTS if block.get(subject) is not None]
            if len(given) != 1:
                found = " and ".join(given) or "none"
                document.complain(at, f"expected one of {', '.join(SUBJECTS)}; found {found}{_as_shipped(name)}")
                continue
            _misplaced(document, at, block, given[0])
            if given[0] == "kpi":
                _kpi(document, at, block, kpi_ids)
            if given[0] == "feed" and block["feed"] != "*" and block["feed"] not in connectors:
                close = nearest(block["feed"], connectors)
                document.complain((*at, "feed"), f"no connector of this name{close or '; `*` means every one'}")
            _told(document, at, block)

    return check


def _as_shipped(name: str) -> str:
    if name not in SHIPPED:
        return ""
    return f"; a rule named `{name}` replaces the shipped one whole; `enabled: false` with its subject leaves it out"


def _misplaced(document: Document, at: KeyPath, block: Block, subject: str) -> None:
    for owner, keys in _OF_ONE.items():
        for key in keys:
            if key in block and owner != subject:
                document.complain((*at, key), f"belongs to rules with `{owner}:`; this one has `{subject}:`")
    if "group_by" in block and subject != "ap_state" and block["group_by"] not in ("event", "rule"):
        document.complain((*at, "group_by"), "expected event or rule: only access points have sites and areas")


def _kpi(document: Document, at: KeyPath, block: Block, kpi_ids: Collection[str]) -> None:
    kpi = block["kpi"]
    if kpi not in kpi_ids:
        close = nearest(kpi, kpi_ids)
        document.complain((*at, "kpi"), f"unknown KPI id `{kpi}`{close or '; docs/config.md lists them'}")
        return
    if block.get("unit") is not None and kpi.startswith(_CITYWIDE):
        document.complain((*at, "unit"), f"{kpi} is a figure of the city alone; leave `unit` out")
    given = [bound for bound in _BOUNDS if block.get(bound) is not None]
    if len(given) != 1:
        said = f"expected one of {', '.join(_BOUNDS)}; found {' and '.join(given) or 'none'}"
        document.complain((*at, given[1]) if len(given) > 1 else at, said)
        return
    _bounded(document, at, block, given[0])


def _bounded(document: Document, at: KeyPath, block: Block, bound: str) -> None:
    clears, limit = block.get("clears_at"), block[bound]
    if bound == "misses":
        target = document.at(("targets", block["kpi"]))
        set_there = target if isinstance(target, dict) else {}
        wanted = "target" if limit == "target" else "warn"
        if limit in ("target", "warn") and set_there.get(wanted) is None:
            said = f"needs targets.{block['kpi']}.{wanted}; set it there, or write above: or below:"
            document.complain((*at, bound), said)
        if clears is not None:
            document.complain((*at, "clears_at"), "is for above: and below:; with misses: the band itself says when")
        return
    if not _number(limit) or not _number(clears):
        return
    if (bound == "above" and clears > limit) or (bound == "below" and clears < limit):
        better = "at most" if bound == "above" else "at least"
        document.complain((*at, "clears_at"), f"expected {better} {limit}, or it would be over before it began")


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _told(document: Document, at: KeyPath, block: Block) -> None:
    known = _names(document, "alerts", "channels")
    lists: list[KeyPath] = [(*at, "channels")]
    steps = block.get("escalate")
    lists += [(*at, "escalate", n, "channels") for n in range(len(steps) if isinstance(steps, list) else 0)]
    for path in lists:
        found = document.at(path)
        for n, channel in enumerate(found if isinstance(found, list) else ()):
            if channel not in known:
                hint = nearest(channel, known) or f"; known: {', '.join(known) or 'none'}"
                document.complain((*path, n), f"no channel `{channel}` in alerts.channels{hint}")


def live_alone(document: Document) -> Block:
    """What the demo realm's process has no use for: the channels that take nothing simulated, and their mail.

    Returns what was taken out, so that the secrets it names are known as the live realm's alone.
    """
    named = document.at(("alerts", "channels"))
    every = dict(named) if isinstance(named, dict) else {}
    kept = {name for name, block in every.items() if isinstance(block, dict) and block.get("demo") is True}
    mail = document.at(("mail",))
    mailed = any(every[name].get("mail") for name in kept)
    taken: Block = {"channels": {n: b for n, b in every.items() if n not in kept}, "mail": None if mailed else mail}
    return taken


def channels(document: Document) -> None:
    """A channel that could never tell anything, found before the night it is needed."""
    for _, at, block in _blocks(document, "alerts", "channels"):
        url, mail = block.get("url"), block.get("mail")
        if (url is None) == (not mail):
            document.complain(at, "expected url: (an address of apprise) or mail: (a list of whom to write to)")
        if isinstance(url, str) and not document.is_broken((*at, "url")):
            if url.lower().startswith(("mailto:", "mailtos:")):
                said = "mail goes by our own server, so that a repeated message keeps its id: write mail: [address]"
                document.complain((*at, "url"), said)
            elif not _URL.fullmatch(url):
                document.complain((*at, "url"), "expected an address such as tgram://... or json://host/path")
        for n, address in enumerate(mail if isinstance(mail, list) else ()):
            if isinstance(address, str) and not _MAIL.fullmatch(address):
                document.complain((*at, "mail", n), f"expected an address such as coc@example.go.id; found `{address}`")
        if mail and not document.at(("mail", "host")):
            document.complain((*at, "mail"), "needs mail.host, the server that takes our mail")
    host, sender = document.at(("mail", "host")), document.at(("mail", "sender"))
    if host and not (isinstance(sender, str) and _MAIL.fullmatch(sender)):
        document.complain(
            ("mail", "sender"), "expected the address that our mail comes from, such as coc@example.go.id"
        )


def _names(document: Document, *path: str) -> list[str]:
    found = document.at(path)
    return [str(name) for name in found] if isinstance(found, dict) else []
