"""`network:` of config.yaml: maintenance and power cuts that are announced."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field

from coc.domain.instants import SECOND
from coc.domain.model import Model
from coc.domain.planned import SCOPES, Planned
from coc.settings.document import Document
from coc.settings.errors import KeyPath, nearest

_DURATION: Final = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(s|min|h|d)\s*$")
_SCALE: Final = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_SCOPE: Final = re.compile(r"(\w+):(\S.*)")
_TIME: Final = "expected a time such as 2026-03-02T22:00, in the city's time zone where it says none"
_HOW: Final = "expected `from` and `to`, or `cron` and `duration`"


def _seconds(value: object) -> object:
    match = _DURATION.match(value) if isinstance(value, str) else None
    return float(match[1]) * _SCALE[match[2]] if match else value


class Window(Model):
    """Of what, when, why. Once: `from` and `to`; again and again: `cron` and `duration`."""

    scope: str
    from_: datetime | None = Field(default=None, alias="from")
    to: datetime | None = None
    cron: str | None = None
    duration: Annotated[float, BeforeValidator(_seconds)] | None = Field(default=None, gt=0)
    reason: str = ""

    def planned(self, zone: str) -> Planned:
        if self.cron is not None:
            return Planned(self.scope, cron=self.cron, zone=zone, seconds=self.duration or 0)
        start, end = (_micros(at, zone) for at in (self.from_, self.to))
        return Planned(self.scope, start, end)


def _micros(at: datetime | None, zone: str) -> int:
    if at is None:
        return 0
    aware = at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))
    return round(aware.timestamp()) * SECOND


class Network(Model):
    maintenance: tuple[Window, ...] = ()
    power_cuts: tuple[Window, ...] = ()


def check(document: Document) -> None:
    """What types cannot say of a window: its scope's form, and that it says when, once."""
    zone = document.at(("city", "time_zone"))
    for key in Network.model_fields:
        listed = document.at(("network", key))
        for n, block in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(block, dict):
                _check(document, ("network", key, n), block, zone if isinstance(zone, str) else "Asia/Jakarta")


def _check(document: Document, path: KeyPath, block: dict[str, Any], zone: str) -> None:
    scope = block.get("scope")
    if isinstance(scope, str):
        _check_scope(document, (*path, "scope"), scope)
    given = {name for name in ("from", "to", "cron", "duration") if block.get(name) is not None}
    if given not in ({"from", "to"}, {"cron", "duration"}):
        found = f"found {' and '.join(f'`{name}`' for name in sorted(given))}" if given else "found neither"
        document.complain(path, f"{_HOW}; {found}")
    duration = block.get("duration")
    if duration is not None and not isinstance(_seconds(duration), float):
        document.fail((*path, "duration"), f"expected a duration such as `30 min` or `2 h`; found `{duration}`")
    if isinstance(block.get("cron"), str):
        from coc.settings.checks import check_cron

        check_cron(document, (*path, "cron"), block["cron"], zone)
    _check_order(document, path, block)


def _check_scope(document: Document, path: KeyPath, scope: str) -> None:
    match = _SCOPE.fullmatch(scope)
    if match is None:
        said = f"expected what it is of, such as site:TAMAN-01 ({', '.join(SCOPES)}); found `{scope}`"
        document.complain(path, said)
    elif match[1] not in SCOPES:
        said = f"expected one of {', '.join(f'{s}:' for s in SCOPES)}; found `{match[1]}:`"
        document.complain(path, said + nearest(match[1], SCOPES))


def _check_order(document: Document, path: KeyPath, block: dict[str, Any]) -> None:
    """Both times are read here, so that an end before its start is said with the rest."""
    times: list[datetime] = []
    for name in ("from", "to"):
        text = block.get(name)
        if text is None:
            return
        try:
            times.append(datetime.fromisoformat(str(text)))
        except ValueError:
            document.fail((*path, name), f"{_TIME}; found `{text}`")
            return
    if (times[0].tzinfo is None) == (times[1].tzinfo is None) and times[1] <= times[0]:
        document.complain((*path, "to"), f"ends before it begins; expected a time after {block['from']}")
