"""What an answer must be before a connector looks at it: status, content type, JSON. Each refusal has its own code."""

from __future__ import annotations

import email.utils
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from coc.clock import system_now
from data_connectors.base import FetchError

RETRIED: Final = frozenset({408, 425, 429, *range(500, 600)})
_JSON: Final = re.compile(r"^(application|text)/([\w.-]+\+)?json$")
_HTML: Final = ("text/html", "application/xhtml+xml")
_LONGEST_TEXT: Final = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. `url`: where it came from in the end, redirects followed; `cut`: only its first bytes were read."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool = False

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def path(self) -> str:
        return urlsplit(self.url).path or "/"


def is_html(answer: Answer) -> bool:
    """By its type, or by its first sign where the type says nothing of the kind."""
    return answer.content_type in _HTML or answer.body[:512].lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"<"


def json_of(answer: Answer) -> Any:
    """The parsed body of a good answer. Raises `login_page`, `content_type` or `broken`."""
    if is_html(answer):
        raise FetchError("login_page", f"HTML from {answer.path}", permanent=True)
    if answer.content_type and not _JSON.match(answer.content_type):
        raise FetchError("content_type", f"{answer.content_type} from {answer.path}", permanent=True)
    return parsed(answer.body, answer.path)


def parsed(body: bytes, where: str) -> Any:
    """JSON of `body`. Raises `broken`; the message has the place, never the text.

    Whole, but with a value that strict JSON has no room for (NaN, half a surrogate pair): that is the defect of its
    row, and no reason to lose the page around it. `NaN` and `Infinity` become these words.
    """
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        try:
            return json.loads(body.decode(), parse_constant=str)
        except (ValueError, RecursionError):
            pass
        said = f"{where} is not whole JSON (stops making sense at byte {error.pos} of {len(body)})"
        raise FetchError("broken", said, permanent=True) from None


def fingerprint(value: Any, size: int) -> str:
    """A hash of what `parsed` gave, of `size` bytes in hex; the same for the same values."""
    try:
        raw = orjson.dumps(value)
    except orjson.JSONEncodeError:  # whole numbers over 64 bits, half a surrogate pair
        raw = json.dumps(value).encode()
    return hashlib.blake2b(raw, digest_size=size).hexdigest()


def refusal(answer: Answer) -> FetchError:
    """Why a status of 400 or more is no data."""
    status, wait = answer.status, retry_after(answer.headers)
    if status in (401, 403):
        return FetchError("credentials", f"HTTP {status} from {answer.path}", permanent=True)
    if status == 404:
        return FetchError("not_found", answer.path, permanent=True)
    permanent = status not in RETRIED
    if status == 429 or (status == 503 and wait is not None):
        said = f"HTTP {status}" + (f", {wait:.0f} s" if wait is not None else "")
        return FetchError("rate_limited", said, retry_after=wait)
    body = _told(answer)
    text = body.get("error")
    if isinstance(text, str) and text:
        return FetchError("source_error", shortened(text), retry_after=wait, permanent=permanent)
    title, detail = body.get("title"), body.get("detail")
    # The detail of a refused request is about the request; that of a 5xx might quote a row.
    parts = [title, detail] if status in (400, 422) else [title]
    said = ". ".join(p for p in parts if isinstance(p, str) and p)
    return FetchError(
        "http_status", shortened(f"{status} ({said})" if said else str(status)), retry_after=wait, permanent=permanent
    )


def _told(answer: Answer) -> dict[str, Any]:
    if not _JSON.match(answer.content_type):
        return {}
    try:
        body = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def shortened(text: str) -> str:
    """One line, of a length that fits a table."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_TEXT else f"{line[:_LONGEST_TEXT]}..."


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the source asks to wait, from a number or a date; a date is read against the answer's own `Date`."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    until = _http_date(text)
    if until is None:
        return None
    now = _http_date(headers.get("date", "")) or system_now()
    return max(0.0, (until - now).total_seconds())


def _http_date(text: str) -> datetime | None:
    try:
        at = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def required(body: Any, key: str, kind: type, where: str) -> Any:
    """`body[key]`, which must be there and of that kind: absent is an error, empty is not. Raises `schema_drift`."""
    if not isinstance(body, dict):
        raise FetchError("schema_drift", f"{where} is not an object", permanent=True)
    if key not in body:
        raise FetchError("schema_drift", f"{where} has no `{key}`", permanent=True)
    if not isinstance(body[key], kind):
        raise FetchError("schema_drift", f"`{key}` of {where} is not a {kind.__name__}", permanent=True)
    return body[key]


def aware(text: Any) -> datetime | None:
    """An ISO time with its offset, or None: a time without one cannot be placed."""
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return at if at.tzinfo else None


def duration(seconds: float) -> str:
    """`7 h`, `12 min`, `40 s`: one number is enough to recognise a clock's fault."""
    if seconds >= 5400:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
