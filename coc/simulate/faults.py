"""What the drills that are on do to answers: to the feed's rows, to registers, to any answer whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from coc.domain.instants import HOUR
from coc.simulate import drill_rows
from coc.simulate.drill_rows import BEFORE, FEW, MANY, Row
from coc.simulate.drills import APPS, FEED, FILES, PROMETHEUS, Drills, Running
from coc.simulate.feed import Answer, Refused, Telling, key_of, problem
from coc.simulate.timeline import iso

ELSEWHERE: Final = "https://sso.kota.example/masuk"
BUSY_SECONDS: Final = 30
DELAY_SECONDS: Final = 8.0
_PATHS: Final = (("/coc/", FEED), ("/prometheus/", PROMETHEUS), ("/apps/", APPS), ("/data/", FILES))
_LOGIN: Final = b"""<!doctype html><html lang="id"><title>Masuk</title><h1>Masuk ke aplikasi</h1>
<form method="post"><input name="nama"><input type="password" name="sandi"><button>Masuk</button></form></html>
"""


def target_of(path: str) -> str | None:
    """Which source a path belongs to; `/info` and the drills themselves are never struck."""
    return next((target for start, target in _PATHS if path.startswith(start)), None)


def instead(drills: Drills, target: str) -> Answer | None:
    """What the source says instead of an answer, if a drill has it say so."""
    if drills.is_on("unauthorised", target):
        said = Refused(401, "Unauthorized", "the token is not valid", (("WWW-Authenticate", "Bearer"),))
        return problem(said)
    if drills.is_on("busy", target):
        said = Refused(503, "Service Unavailable", "too busy", (("Retry-After", str(BUSY_SECONDS)),))
        return problem(said)
    if drills.is_on("redirect", target):
        return Answer(b"", 302, "text/plain", (("Location", ELSEWHERE),))
    if drills.is_on("not-found", target):
        return problem(Refused(404, "Not Found", "there is nothing at this address"))
    if drills.is_on("login", target):
        return Answer(_LOGIN, 200, "text/html; charset=utf-8")
    return None


def cut(drills: Drills, target: str, answer: Answer) -> Answer:
    """The answer, or its first half where a drill cuts it."""
    if not drills.is_on("truncated", target):
        return answer
    return Answer(answer.body[: len(answer.body) // 2], answer.status, answer.content_type, answer.headers)


class Faults(Telling):
    """The feed as the drills of this moment tell it. What is told wrongly is noted, to be told again."""

    def __init__(self, drills: Drills, now: int) -> None:
        super().__init__(now)
        self._drills, self._now = drills, now
        if frozen := drills.running("frozen", FEED):
            self.world = min(now, frozen.began)
        if drills.is_on("clock", FEED):
            self.told = now + drill_rows.AHEAD_HOURS * HOUR
        self.stuck = drills.is_on("loop", FEED)

    def existing(self, dataset: str, ids: list[str]) -> list[str]:
        gone = self._hidden(dataset)
        return [key for key in ids if key not in gone] if gone else ids

    def rows(self, dataset: str, rows: list[Row]) -> list[Row]:
        key, seed = key_of(dataset), self._drills.seed
        gone = self._hidden(dataset)
        if gone:
            rows = [row for row in rows if row[key] not in gone]
        changes: tuple[tuple[str, Callable[[Running], list[str]]], ...] = (
            ("clock", lambda on: drill_rows.ahead(rows, key, _iso(on.began))),
            ("garbage", lambda on: drill_rows.garbage(seed, dataset, rows, key, _iso(on.began - BEFORE))),
            ("new-value", lambda on: drill_rows.new_value(seed, dataset, rows, key, _iso(on.began - BEFORE))),
            ("drift", lambda _on: drill_rows.drift(dataset, rows, key)),
        )
        for name, change in changes if dataset != "units" else ():
            running = self._drills.running(name, FEED)
            if running and (ids := change(running)):
                self._drills.spoil(running, dataset, ids, self._now)
        return rows

    def _hidden(self, dataset: str) -> frozenset[str]:
        on = [r for name in ("deletions", "mass") if (r := self._drills.running(name, FEED))]
        return frozenset().union(*(r.hidden.get(dataset, frozenset()) for r in on))


def register(drills: Drills, text: str) -> str:
    """The register of WiFi sites (CSV) as the drills of this moment tell it."""
    on = {n for n in ("garbage", "drift", "deletions", "mass") if drills.is_on(n, FILES)}
    if not on:
        return text
    rows = drill_rows.read_csv(text)
    codes = [row["kode"] for row in rows]
    for share in [s for n, s in (("deletions", FEW), ("mass", MANY)) if n in on]:
        gone = drill_rows.hidden(drills.seed, codes, share)
        rows = [row for row in rows if row["kode"] not in gone]
    if "garbage" in on:
        drill_rows.garbage(drills.seed, "sites", rows, "kode", "")
    if "drift" in on:
        drill_rows.drift("sites", rows, "kode")
    return drill_rows.write_csv(rows)


def _iso(micros: int) -> str:
    found: Any = iso(np.array([micros]))[0]
    return str(found)
