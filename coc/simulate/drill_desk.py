"""`/drill`: how an operator starts, stops and lists drills over HTTP.

The simulator listens on loopback, where web pages of other origins can send requests too: a browser names the page's
origin in a POST, and any but our own is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from coc.simulate.drills import DrillError, Drills, known
from coc.simulate.feed import Answer, Refused, problem

STOP: Final = "stop"  # the name that means all of them
_LOOPBACK: Final = ("127.0.0.1", "localhost")
_METHODS: Final = "GET, HEAD, POST, DELETE"
_PARAMETERS: Final = frozenset({"target", "seconds", "stop"})


def is_desk(path: str) -> bool:
    return path == "/drill" or path.startswith("/drill/")


def answer(
    drills: Drills, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], now: int
) -> Answer:
    """`now`: the city's time, microseconds. The answer is always the list: of all drills, or of the one asked for."""
    name = path.removeprefix("/drill").strip("/") or None
    try:
        _ours(headers)
        if method not in ("GET", "HEAD"):
            _change(drills, method, name, query, now)
        return _listed(drills, None if name == STOP else name, now)
    except DrillError as error:
        extra = (("Allow", _METHODS),) if error.status == 405 else ()
        return problem(Refused(error.status, error.title, str(error), extra))


def _listed(drills: Drills, name: str | None, now: int) -> Answer:
    items: list[dict[str, Any]] = drills.listed(now, name)
    return Answer(orjson.dumps({"items": items}))


def _change(drills: Drills, method: str, name: str | None, query: Mapping[str, str], now: int) -> None:
    """POST starts what is off and stops what is on; with `seconds` it always starts, with `stop` it always stops."""
    if method not in ("POST", "DELETE"):
        raise DrillError(405, "Method Not Allowed", f"this address takes {_METHODS}")
    odd = sorted(set(query) - _PARAMETERS)
    if odd:
        raise DrillError(400, "Bad Request", f"no parameter {odd[0]!r}; there are {', '.join(sorted(_PARAMETERS))}")
    targets = [t.strip() for t in query.get("target", "").split(",") if t.strip()]
    if name is None and method == "POST":
        raise DrillError(405, "Method Not Allowed", "POST /drill/<name> starts a drill; GET /drill lists them")
    if name in (None, STOP):
        drills.stop(None, targets, now)
        return
    assert name is not None  # for the type checker
    asked = drills.targets(known(name), targets, now) if targets else []
    if method == "DELETE" or _flag(query.get("stop")):
        drills.stop(name, asked, now)
        return
    seconds = _seconds(query.get("seconds"))
    if seconds is None and drills.stop(name, asked, now):
        return
    drills.start(name, asked, seconds, now)


def _flag(text: str | None) -> bool:
    return text is not None and text.lower() not in ("0", "false", "no")


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        raise DrillError(400, "Bad Request", "seconds is not a number") from None


def _ours(headers: Mapping[str, str]) -> None:
    """Raises DrillError for a request that a page of another origin may have sent, or that came by another name."""
    host = headers.get("host", "")
    if host.rpartition(":")[0] not in _LOOPBACK and host not in _LOOPBACK:
        raise DrillError(403, "Forbidden", "drills are started on this machine, at 127.0.0.1")
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{host}":
        raise DrillError(403, "Forbidden", "a page of another origin starts no drills")
