"""COC feed v1 over the timeline: requests in, JSON bytes out (the contract: docs/feed-v1.md)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import orjson

from coc.domain.instants import micros_of
from coc.simulate.rhythm import FAR
from coc.simulate.timeline import RETENTION_DAYS, Row, Table, Timeline, iso

TOKEN: Final = "simulator"  # noqa: S105 - of a city that does not exist
DEFAULT_LIMIT, MOST = 500, 2000
_DATASETS: Final = ("units", "letters", "dispositions")
_CURSOR: Final = "coc1"


@dataclass(frozen=True)
class Answer:
    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class Telling:
    """How the feed tells its world. As it is, here; drills tell it otherwise (`coc.simulate.faults`).

    `world`: the instant whose rows are shown; `told`: what it says is now; `stuck`: cursors lead nowhere.
    """

    stuck = False

    def __init__(self, now: int) -> None:
        self.world = self.told = now

    def rows(self, _dataset: str, rows: list[Row]) -> list[Row]:
        return rows

    def existing(self, _dataset: str, ids: list[str]) -> list[str]:
        return ids


class Refused(Exception):
    """A request that gets a problem instead of rows."""

    def __init__(self, status: int, title: str, detail: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(detail)
        self.status, self.title, self.headers = status, title, headers


def problem(refused: Refused) -> Answer:
    body = {"type": "about:blank", "title": refused.title, "status": refused.status, "detail": str(refused)}
    return Answer(orjson.dumps(body), refused.status, "application/problem+json", refused.headers)


def answer(
    timeline: Timeline, telling: Telling, path: str, query: Mapping[str, str], authorization: str | None
) -> Answer:
    """The answer to `GET <base>/<path>`."""
    try:
        return Answer(orjson.dumps(_found(timeline, telling, path.strip("/"), query, authorization)))
    except Refused as refused:
        return problem(refused)


def _found(
    timeline: Timeline, telling: Telling, path: str, query: Mapping[str, str], authorization: str | None
) -> dict[str, Any]:
    if authorization != f"Bearer {TOKEN}":
        raise Refused(401, "Unauthorized", "a Bearer token is needed", (("WWW-Authenticate", "Bearer"),))
    now, instant = telling.world, iso(np.array([telling.told]))[0]
    if path == "info":
        return {
            "feed": "coc/1",
            "system": "SIPADEK 4.2 (simulasi)",
            "now": instant,
            "datasets": list(_DATASETS),
            "retention_days": RETENTION_DAYS,
        }
    dataset, _, rest = path.partition("/")
    if dataset not in _DATASETS or rest not in ("", "ids") or (rest and dataset == "units"):
        raise Refused(404, "Not Found", f"there is no /{path} in COC feed v1")
    table = timeline.tables(now)[dataset]
    if rest and isinstance(table, Table):
        return {"ids": telling.existing(dataset, table.existing(now)), "now": instant}
    after = _cursor(dataset, query["cursor"]) if query.get("cursor") and not telling.stuck else None
    rows, more = table.page(now, _since(query.get("updated_since")), after, _limit(query.get("limit")))
    key = key_of(dataset)
    following = _opaque(dataset, rows[-1]["updated_at"], rows[-1][key]) if more else None
    if telling.stuck:
        following = following or _opaque(dataset, str(instant), "")
    return {"items": telling.rows(dataset, rows), "next": following, "now": instant}


def key_of(dataset: str) -> str:
    return "code" if dataset == "units" else "id"


def _since(text: str | None) -> int:
    if not text:
        return -FAR
    try:
        at = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError as error:
        raise Refused(400, "Bad Request", "updated_since is not an ISO 8601 time") from error
    if at.tzinfo is None:
        raise Refused(400, "Bad Request", "updated_since has no offset")
    return micros_of(at.astimezone(UTC))


def _limit(text: str | None) -> int:
    if not text:
        return DEFAULT_LIMIT
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise Refused(400, "Bad Request", "limit is not a positive number")
    return min(int(text), MOST)


def _opaque(dataset: str, updated_at: str, key: str) -> str:
    return base64.urlsafe_b64encode(f"{_CURSOR}|{dataset}|{_since(updated_at)}|{key}".encode()).decode().rstrip("=")


def _cursor(dataset: str, text: str) -> tuple[int, str]:
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        version, of, at, key = plain.split("|", 3)
        if (version, of) == (_CURSOR, dataset):
            return int(at), key
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise Refused(400, "Bad Request", "this cursor is not one of ours") from error
    raise Refused(400, "Bad Request", "this cursor belongs to another dataset")
