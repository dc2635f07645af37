"""Dash's callbacks before Dash sees them: each belongs to a page, and only a request that a page could make goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Response, request

from coc.access.table import UndeclaredError, callback_page
from coc.live.problems import CONTENT_TYPE, problem
from coc.live.services import Services, viewer_in_hand

_NO_SUCH: Final = "There is no such callback."
_MOST_VALUES: Final = 100
_DEEPEST: Final = 20


def declare_callbacks(known: Mapping[str, Any], services: Services) -> None:
    """Check that each callback is some page's. Raises UndeclaredError naming those that are nobody's."""
    nobodys = [output for output in known if callback_page(output, services.pages) is None]
    if nobodys:
        raise UndeclaredError(f"a callback's first output begins with its page's name; whose is {', '.join(nobodys)}?")


def guard_callbacks(known: Mapping[str, Any], services: Services) -> Response | None:
    """A refusal of the callback in hand; None where it may go on.

    Who may not have the page gets no answer of it, however the request was made. What Dash would stumble over, and
    write down with what the sender put in, does not reach it.
    """
    try:
        body = request.get_json(silent=True)
        deep = _deeper(body, _DEEPEST)
    except RecursionError:
        body, deep = None, True
    output = body.get("output") if isinstance(body, dict) else None
    if deep or not isinstance(body, dict) or not isinstance(output, str):
        return _refusal(400, _NO_SUCH)
    page = callback_page(output, services.pages)
    if page is None:
        return _refusal(400, _NO_SUCH)
    viewer = viewer_in_hand()
    if page and not (viewer is not None and services.is_for(page, viewer.lens)):
        return _refusal(403, "Your role may not use this.")
    # One that runs in the browser is known, and has nothing here to call.
    if not (isinstance(known.get(output), Mapping) and "callback" in known[output]):
        return _refusal(400, _NO_SUCH)
    if not (_shaped(body, output) and (page or _is_way(body["inputs"]))):
        return _refusal(400, "This is not how the callback is asked.")
    return None


def _shaped(body: dict[str, Any], output: str) -> bool:
    """Whether the parts are there that Dash reads: outputs as the callback has them, named values, what changed."""
    outputs = body.get("outputs")
    several = output.startswith("..")
    parts = outputs if isinstance(outputs, list) else [outputs]
    if several is not isinstance(outputs, list) or not all(map(_is_named, parts)):
        return False
    values = [body.get("inputs"), body.get("state", [])]
    if not all(isinstance(v, list) and len(v) <= _MOST_VALUES and all(map(_is_named, v)) for v in values):
        return False
    changed = body.get("changedPropIds", [])
    return isinstance(changed, list) and all(isinstance(c, str) for c in changed)


def _is_named(part: object) -> bool:
    if isinstance(part, list):  # what one pattern of ids stands for
        return all(isinstance(each, dict) and _is_named(each) for each in part)
    return isinstance(part, dict) and isinstance(part.get("id"), (str, dict)) and isinstance(part.get("property"), str)


def _is_way(inputs: list[dict[str, Any]]) -> bool:
    """The router's: a path, and a search or none."""
    given = {i["property"]: i.get("value") for i in inputs if isinstance(i, dict)}
    path, search = given.get("pathname"), given.get("search")
    return isinstance(path, str) and path.startswith("/") and (search is None or isinstance(search, str))


def _deeper(value: object, left: int) -> bool:
    """Whether a value is nested deeper than any page nests it; a figure that comes back is a dozen deep."""
    if left == 0:
        return isinstance(value, (dict, list))
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_deeper(part, left - 1) for part in parts)


def _refusal(status: int, said: str) -> Response:
    return Response(problem(status, said), status, content_type=CONTENT_TYPE.decode())
