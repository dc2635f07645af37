"""RouterOS's answers, every value of which is text -> counts. A station's row is looked at for one word only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from data_connectors.answers import required
from data_connectors.base import FetchError
from data_connectors.counters import Reading

_DURATION: Final = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:\d+ms)?")
_SECONDS: Final = (604_800, 86_400, 3600, 60, 1)
_RADIOS: Final = ("wifi", "wlan")  # interface types of the two packages


class NoSuchPath(Exception):
    """The device has neither of the registration tables: it is no access point."""


def uptime_of(body: Any) -> float:
    """Seconds, of an answer of `/rest/system/resource` (one object). Raises `schema_drift`."""
    text = required(body, "uptime", str, "/rest/system/resource")
    seconds = duration_of(text)
    if seconds is None:
        raise FetchError("schema_drift", "`uptime` of /rest/system/resource is not a duration", permanent=True)
    return seconds


def duration_of(text: str) -> float | None:
    """`1w2d3h4m5s` in seconds."""
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        return None
    return float(sum(int(n or 0) * size for n, size in zip(match.groups(), _SECONDS, strict=True)))


def stations(body: Any, table: str) -> int:
    """Clients of a registration table; an empty one is 0. Another access point's link is none, nor is a guest who has
    not been let in.
    """
    rows = _rows(body, f"/rest/interface/{table}/registration-table")
    if table == "wifi":
        return sum(row.get("authorized") == "true" for row in rows)
    return sum(row.get("ap") != "true" for row in rows)


def counters(body: Any, at: float, uptime: float) -> Reading | None:
    """What all radios together have received from clients and sent to them; null where one does not count."""
    radios = [
        row
        for row in _rows(body, "/rest/interface")
        if row.get("type") in _RADIOS and row.get("disabled") != "true"
    ]  # fmt: skip
    received, sent = ([_whole(row.get(name)) for row in radios] for name in ("rx-byte", "tx-byte"))
    if not radios or None in received or None in sent:
        return None
    return Reading(at, sum(n or 0 for n in received), sum(n or 0 for n in sent), uptime)


def _rows(body: Any, where: str) -> list[Mapping[str, Any]]:
    if not isinstance(body, list) or not all(isinstance(row, dict) for row in body):
        raise FetchError("schema_drift", f"{where} is not a list of objects", permanent=True)
    return body


def _whole(text: Any) -> int | None:
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() else None
