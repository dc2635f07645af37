"""COC feed v1: letters, dispositions and units of an e-office that implements `docs/feed-v1.md`.

Pages come ordered by (`updated_at`, id), so each is handed over as it comes and may commit on its own. Four ways in
which paging goes wrong are told apart: a cursor that comes twice, a page that comes twice, an order that runs
backwards, and no end.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final

import pandas as pd
from pydantic import Field

from coc.domain.datasets import COLUMNS, Dataset
from coc.settings.models import ConnectorBlock
from data_connectors.answers import aware, duration, fingerprint, required
from data_connectors.base import Batch, FetchError, Reachability, Window
from data_connectors.client import ATTEMPTS, Client
from data_connectors.keeping import kept_columns, objects, provided, with_codes
from data_connectors.reach import reached

VERSION: Final = "coc/1"
PAGE_ROWS: Final = 2000
MAX_EMPTY_PAGES: Final = 20
SAMPLED_ROWS: Final = 50  # of a page, evenly spread, tell its place in the order
# A run that the deadline ends after so many quick pages has met paging without an end, not a slow answer.
MANY_PAGES: Final = 20
QUICK_SECONDS: Final = 1.0
AHEAD_SECONDS: Final = 300.0
ORDER: Final = (Dataset.UNITS, Dataset.LETTERS, Dataset.DISPOSITIONS)
_FEED_NAMES: Final = {"source_id": "id"}  # canonical -> the feed's name, where they differ
# A row without one of these is quarantined for it, so the column is there even where no row of the page has it.
_REQUIRED: Final = {d: {_FEED_NAMES.get(c.name, c.name) for c in COLUMNS[d] if c.required} for d in ORDER}


class Sipadek:
    """The preset `type: sipadek`."""

    kind: ClassVar[str] = "sipadek"
    datasets: ClassVar[set[Dataset]] = set(ORDER)

    class Block(ConnectorBlock):
        """`url`: the feed's base, e.g. https://sipadek.example.go.id/coc/v1. `max_pages`: of one dataset in one run."""

        url: str
        max_pages: int = Field(5000, ge=1)

    def __init__(self, name: str, block: Block) -> None:
        self.name, self.block = name, block
        self._columns = {d: [c for c in kept_columns(d, block.keep) if c != "instruction_text"] for d in ORDER}

    def provides(self) -> frozenset[str]:
        return provided(self.block, self._columns)

    def check(self) -> Reachability:
        def look(client: Client) -> str:
            info = _info(client, attempts=1)
            for dataset in info.datasets:
                page = client.get_json(dataset.value, {"limit": "1"}, attempts=1)
                required(page, "items", list, f"/{dataset}")
            return f"{info.system} answers with {', '.join(info.datasets)}"

        return reached(self.block, look)

    def pull(self, window: Window) -> Iterator[Batch]:
        """Units, letters, dispositions: a Batch a page; if `window.full`, the ids that exist too. Raises FetchError."""
        with Client(self.block, window.deadline) as client:
            info = _info(client)
            notes = _clock_notes(info.now, window.now)
            for dataset in info.datasets:
                yield from self._pages(client, dataset, window, info, notes)
                notes = []
                if window.full and dataset is not Dataset.UNITS:
                    yield from _ids(client, dataset, info)

    def _pages(
        self, client: Client, dataset: Dataset, window: Window, info: _Info, notes: list[tuple[str, str]]
    ) -> Iterator[Batch]:
        params = {"limit": str(PAGE_ROWS)}
        since = None if window.full else window.since.get(dataset)
        if since is not None:
            params["updated_since"] = since.isoformat()
        guard = _Paging(dataset, self.block.max_pages)
        where = f"/{dataset}"
        while True:
            try:
                page = client.get_json(dataset.value, params)
            except FetchError as error:
                raise guard.late(error) from None
            items = required(page, "items", list, where)
            frame, problems = self._frame(dataset, items)
            guard.page(items, frame)
            following = _next_cursor(page, where)
            batch = Batch(
                dataset, frame, cursor=following, source_now=aware(page.get("now")),
                retention_days=info.retention_days, ordered=True, problems=problems, notes=notes,
            )  # fmt: skip
            yield batch
            notes = []
            if not following:
                return
            guard.cursor(following)
            params["cursor"] = following

    def _frame(self, dataset: Dataset, items: list[Any]) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
        """Canonical columns, values as read; a column that no row of the page has is not there."""
        problems = [_not_an_object(item) for item in items if not isinstance(item, dict)]
        rows = [item for item in items if isinstance(item, dict)] if problems else items
        names = {column: _FEED_NAMES.get(column, column) for column in self._columns[dataset]}
        if rows:
            there = set().union(*rows) | _REQUIRED[dataset]
            names = {column: name for column, name in names.items() if name in there}
        frame = pd.DataFrame({column: objects([row.get(name) for row in rows]) for column, name in names.items()})
        if dataset is Dataset.DISPOSITIONS:
            frame = with_codes(frame, self.block.keep)
        return frame, problems


@dataclass(frozen=True, slots=True)
class _Info:
    system: str
    datasets: list[Dataset]
    now: datetime | None
    retention_days: int | None


def _info(client: Client, attempts: int = ATTEMPTS) -> _Info:
    body = client.get_json("info", attempts=attempts)
    version = required(body, "feed", str, "/info")
    if version != VERSION and not version.startswith(f"{VERSION}."):
        said = f"the source speaks feed {version[:20]!r}, this COC reads {VERSION!r}: update one of the two"
        raise FetchError("config", said, permanent=True)
    named = body.get("datasets")
    days = body.get("retention_days")
    system = body.get("system")
    return _Info(
        system=system[:60] if isinstance(system, str) and system else "the feed",
        datasets=[d for d in ORDER if not isinstance(named, list) or d.value in named],
        now=aware(body.get("now")),
        retention_days=days if isinstance(days, int) and not isinstance(days, bool) and days > 0 else None,
    )


def _clock_notes(source: datetime | None, now: datetime) -> list[tuple[str, str]]:
    ahead = (source - now).total_seconds() if source else 0.0
    return [("clock_ahead", f"+{duration(ahead)}")] if ahead > AHEAD_SECONDS else []


def _ids(client: Client, dataset: Dataset, info: _Info) -> Iterator[Batch]:
    """Asked for after the rows: an id that is not in it was deleted, and no row was born in between."""
    try:
        body = client.get_json(f"{dataset}/ids")
    except FetchError as error:
        if error.code == "not_found":
            return  # the source marks deletions in its rows only
        raise
    ids = {str(i) for i in required(body, "ids", list, f"/{dataset}/ids")}
    now = aware(body.get("now"))
    yield Batch(dataset, pd.DataFrame(), source_now=now, ids=ids, retention_days=info.retention_days, ordered=True)


def _next_cursor(page: dict[str, Any], where: str) -> str | None:
    """Null or blank: the last page. Anything but text or a number, or text no address can carry, is no cursor."""
    following = page.get("next")
    if following is None or following == "":
        return None
    cursor = str(following)
    if (
        isinstance(following, bool)
        or not isinstance(following, str | int)
        or any("\ud800" <= c <= "\udfff" for c in cursor)
    ):
        raise FetchError("schema_drift", f"`next` of {where} is not a cursor", permanent=True)
    return cursor


def _not_an_object(item: Any) -> dict[str, Any]:
    # Named by its hash: the same broken item is one entry of the quarantine, however often it is tried.
    return {
        "source_id": f"item-{fingerprint(item, 6)}",
        "field": "",
        "reason": "not_an_object",
        "value": type(item).__name__,
    }


@dataclass(slots=True)
class _Paging:
    """What the pages of one dataset must not do."""

    dataset: Dataset
    max_pages: int
    pages: int = 0
    empty: int = 0
    middle: pd.Timestamp | None = None
    started: float = field(default_factory=time.monotonic)
    _pages: set[str] = field(default_factory=set)
    _cursors: set[str] = field(default_factory=set)

    def page(self, items: list[Any], frame: pd.DataFrame) -> None:
        self.pages += 1
        self.empty = 0 if items else self.empty + 1
        if self.empty > MAX_EMPTY_PAGES:
            raise FetchError("too_many_pages", f"/{self.dataset}: {self.empty} empty pages in a row", permanent=True)
        if not items:
            return
        mark = fingerprint(items, 16)
        if mark in self._pages:
            said = f"page {self.pages} of /{self.dataset} repeats an earlier one"
            raise FetchError("paging_loop", said, permanent=True)
        self._pages.add(mark)
        self._order(frame)

    def _order(self, frame: pd.DataFrame) -> None:
        """Medians of an ordered list never fall; one row with a broken time does not move a median."""
        if "updated_at" not in frame:
            return
        some = frame["updated_at"].iloc[:: max(1, len(frame) // SAMPLED_ROWS)]
        texts = some.map(lambda v: v if isinstance(v, str) else None)
        middle = pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce").dropna().median()
        if pd.isna(middle):
            return
        if self.middle is not None and middle < self.middle:
            said = f"page {self.pages} of /{self.dataset} is older than the page before it"
            raise FetchError("cursor_backwards", said, permanent=True)
        self.middle = middle

    def cursor(self, cursor: str) -> None:
        if cursor in self._cursors:
            said = f"/{self.dataset} gives the same cursor twice (page {self.pages})"
            raise FetchError("paging_loop", said, permanent=True)
        self._cursors.add(cursor)
        if self.pages >= self.max_pages:
            said = f"/{self.dataset}: {self.pages} pages and still a next one"
            raise FetchError("too_many_pages", said, permanent=True)

    def late(self, error: FetchError) -> FetchError:
        """The deadline amid quick pages is paging without an end (or a first load that needs a longer deadline)."""
        seconds = time.monotonic() - self.started
        if error.code != "too_slow" or self.pages < MANY_PAGES or seconds / self.pages > QUICK_SECONDS:
            return error
        said = f"/{self.dataset}: {self.pages} pages in {seconds:.0f} s and still a next one"
        return FetchError("too_many_pages", said, permanent=True)
