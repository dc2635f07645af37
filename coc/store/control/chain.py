"""The audit log's hash chain: each line names the hash of the one before, so that none can change unnoticed.

A line's hash is SHA-256 over the hash before it, a newline, and the line as JSON with sorted keys. What was hashed once
must hash the same for ever: this format never changes.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Self

import orjson

from coc.store import columns as codec

GENESIS: Final = "0" * 64  # what the first line of all names as the hash before it
_LONGEST: Final = 2_000
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class AuditLine:
    """Who did what, when, from where, with what outcome. `at`: system time. `realm` "": of the machine, of no realm.

    `late`: written down after the fact, because the store was away when it happened.
    """

    at: datetime
    realm: str
    who: str
    lens: str
    action: str
    what: str = ""
    from_where: str = ""
    outcome: str = "ok"
    late: bool = False

    def plain(self) -> Self:
        """The line as it is stored: every text of one printable line, and not endless."""
        texts: dict[str, Any] = {name: _plain(getattr(self, name)) for name in TEXTS}
        return replace(self, **texts)


TEXTS: Final = ("realm", "who", "lens", "action", "what", "from_where", "outcome")


def _plain(text: str) -> str:
    # A path comes from whoever asks: what moves a terminal's cursor or no database can hold is not kept.
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text[:_LONGEST])


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow(AuditLine):
    """A line as it stands in the log. `prev`: the hash of the line before; `hash`: its own."""

    id: int
    prev: str
    hash: str

    @property
    def holds(self) -> bool:
        """Whether the line is what its hash says."""
        return hash_of(self.id, self, self.prev) == self.hash


def hash_of(number: int, line: AuditLine, prev: str) -> str:
    """The hash of a line that stands as `number` after the line with the hash `prev`."""
    said = {name: getattr(line, name) for name in TEXTS}
    said |= {"id": number, "at": codec.micros(line.at), "late": line.late}
    return hashlib.sha256(prev.encode() + b"\n" + orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(slots=True)
class Follower:
    """Walks along a chain. `head`: the hash that the next line must name; `last`: the number of the line before it."""

    head: str = GENESIS
    last: int | None = None
    lines: int = 0

    def wrong(self, row: AuditRow) -> str | None:
        """None where the line fits, and the walk goes on from it; else in words why it does not."""
        if self.last is not None and row.id <= self.last:
            return "it stands before its turn"
        if row.prev != self.head:
            return "it does not follow the line before it: lines between them were taken out, put in or moved"
        if not row.holds:
            return "it was changed after it was written"
        self.head, self.last, self.lines = row.hash, row.id, self.lines + 1
        return None
