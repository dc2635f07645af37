"""Exports: CSV, XLSX or JSON lines in a folder or at a URL, for every dataset. Read whole each time.

The file lists all that exists, so a row that is gone from it was deleted (within the pipeline's guards), unless some
row could not be read: then nobody knows which one it was.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Final, Self
from urllib.parse import urlsplit

import pandas as pd
from pydantic import Field, model_validator

from coc.domain.datasets import COLUMNS, SAMPLES, Dataset, column_names
from coc.settings.models import ConnectorBlock
from data_connectors.answers import is_html
from data_connectors.base import Batch, FetchError, Origin, Reachability, Window
from data_connectors.client import Client
from data_connectors.keeping import kept_columns, provided, with_codes
from data_connectors.mapping import Canonical, Mapped, again, canonical, source_columns, wrong_names
from data_connectors.reach import CHECK_SECONDS, failed
from data_connectors.tables import Table, read_table

SUFFIXES: Final = (".csv", ".xlsx", ".jsonl")
_TYPES: Final = ("csv", "plain", "octet-stream", "spreadsheet", "excel", "json", "ndjson", "zip", "tab-separated")
_NO_DELETIONS: Final = (*SAMPLES, Dataset.UNITS)  # units end, samples age


class Source(Mapped):
    """One dataset. `file`: its name in the folder or under the URL. `sheet`: of an XLSX, the first if absent."""

    file: str | None = None
    sheet: str | None = None
    encoding: str = "utf-8"


class Files:
    """The generic `type: files`."""

    kind: ClassVar[str] = "files"
    datasets: ClassVar[set[Dataset]] = set(Dataset)

    class Block(ConnectorBlock):
        """`path` (a file, or a folder with `<dataset>.csv|xlsx|jsonl` or each dataset's `file`) or `url` likewise."""

        path: Path | None = None
        datasets: dict[Dataset, Source] = Field(min_length=1)
        every_seconds: float = Field(3600, ge=1)

        @model_validator(mode="after")
        def _one_place(self) -> Self:
            if (self.path is None) == (self.url is None):
                raise ValueError("expected either `path` or `url`")
            for dataset, source in self.datasets.items():
                wrong = wrong_names(dataset, source)
                if wrong:
                    raise ValueError(wrong)
            return self

    def __init__(self, name: str, block: Block) -> None:
        self.name, self.block = name, block

    def provides(self) -> frozenset[str]:
        mapped = {
            dataset: {*(column_names(dataset) if source.fields is None else source.fields), *source.constants}
            for dataset, source in self.block.datasets.items()
        }
        dates_only = {dataset for dataset, source in self.block.datasets.items() if source.time.dates_only}
        return provided(self.block, mapped, dates_only)

    def check(self) -> Reachability:
        deadline = time.monotonic() + min(self.block.deadline_seconds, CHECK_SECONDS)
        said = []
        try:
            with ExitStack() as stack:
                folder = _Folder(self.block, deadline, stack)
                for dataset, source in self.block.datasets.items():
                    read = self._read(dataset, source, folder)
                    bad = f", {len(read.problems)} of them wrong" if read.problems else ""
                    lacking = [c.name for c in COLUMNS[dataset] if c.required and c.name not in read.frame]
                    lacks = f", but no `{lacking[0]}`, without which none is stored" if lacking else ""
                    said.append(f"{dataset}: {len(read.frame) + len(read.problems)} rows{bad}{lacks}")
        except FetchError as error:
            return failed(error)
        return Reachability(True, "; ".join(said))

    def pull(self, window: Window) -> Iterator[Batch]:
        """All rows of each dataset, then its ids where the file vouches for all of them. Raises FetchError."""
        with ExitStack() as stack:
            folder = _Folder(self.block, window.deadline, stack)
            for dataset in (d for d in Dataset if d in self.block.datasets):
                source = self.block.datasets[dataset]
                read = self._read(dataset, source, folder)
                told = folder.changed(dataset, source)
                yield Batch(dataset, read.frame, source_now=told, problems=read.problems, origin=read.origin)
                if read.ids is not None and dataset not in _NO_DELETIONS:
                    yield Batch(dataset, pd.DataFrame(), source_now=told, ids=read.ids)

    def remap(self, dataset: Dataset, origins: Sequence[Origin]) -> Batch:
        """Refused rows as the block maps them now. Raises FetchError where it wants more than was kept of them."""
        source = self.block.datasets.get(dataset)
        if source is None:
            raise FetchError("config", f"{dataset} is no longer among its datasets", permanent=True)
        read = self._kept(dataset, again(dataset, source, origins, self.block.keep))
        return Batch(dataset, read.frame, problems=read.problems, origin=read.origin)

    def _read(self, dataset: Dataset, source: Source, folder: _Folder) -> Canonical:
        return self._kept(dataset, canonical(dataset, source, folder.table(dataset, source), self.block.keep))

    def _kept(self, dataset: Dataset, found: Canonical) -> Canonical:
        frame = found.frame[[c for c in found.frame if c in kept_columns(dataset, self.block.keep)]]
        found.frame = with_codes(frame, self.block.keep) if dataset is Dataset.DISPOSITIONS else frame
        return found


class _Folder:
    """Where the files lie; each is read once in a run, however many datasets it holds."""

    def __init__(self, block: Files.Block, deadline: float, stack: ExitStack) -> None:
        self._block = block
        self._client = stack.enter_context(Client(block, deadline)) if block.url is not None else None
        self._bodies: dict[str, bytes] = {}
        self._changed: dict[str, datetime] = {}
        self._tables: dict[tuple[str, str | None, str], Table] = {}

    def table(self, dataset: Dataset, source: Source) -> Table:
        name, where = self._place(dataset, source)
        key = self._key(dataset, source)
        if key not in self._tables:
            body = self._body(where)
            limit = int(self._block.max_mb * 1_000_000)
            wanted = self._wanted(key)
            self._tables[key] = read_table(
                name, body, sheet=source.sheet, encoding=source.encoding, max_bytes=limit, wanted=wanted
            )
        return self._tables[key]

    def _key(self, dataset: Dataset, source: Source) -> tuple[str, str | None, str]:
        return (self._place(dataset, source)[1], source.sheet, source.encoding)

    def _wanted(self, key: tuple[str, str | None, str]) -> set[str]:
        """The columns that the datasets of one sheet look for."""
        sources = self._block.datasets.items()
        return set().union(*(source_columns(d, s) for d, s in sources if self._key(d, s) == key))

    def changed(self, dataset: Dataset, source: Source) -> datetime | None:
        """When a local file was last written: what it says is as old as that."""
        return self._changed.get(self._place(dataset, source)[1])

    def _place(self, dataset: Dataset, source: Source) -> tuple[str, str]:
        """The file's name for messages, and where it is (a path, or a path below the URL)."""
        if self._client is not None:
            below = source.file or ""
            name = below or urlsplit(self._client.base).path.rpartition("/")[2] or str(dataset)
            return name, below
        path = Path(self._block.path or "")
        if path.is_dir():
            candidates = [path / source.file] if source.file else [path / f"{dataset}{s}" for s in SUFFIXES]
            path = next((c for c in candidates if c.is_file()), candidates[0])
        return path.name, str(path)

    def _body(self, where: str) -> bytes:
        if where not in self._bodies:
            self._bodies[where] = self._fetched(where) if self._client is not None else self._opened(Path(where))
        return self._bodies[where]

    def _fetched(self, where: str) -> bytes:
        assert self._client is not None  # asked by the caller
        answer = self._client.get(where, accept="*/*")
        if is_html(answer):
            raise FetchError("login_page", f"HTML from {answer.path}", permanent=True)
        if answer.content_type and not any(known in answer.content_type for known in _TYPES):
            raise FetchError("file", f"{answer.path} is {answer.content_type}, not a table", permanent=True)
        return answer.body

    def _opened(self, path: Path) -> bytes:
        limit = int(self._block.max_mb * 1_000_000)
        try:
            with path.open("rb") as file:
                body = file.read(limit + 1)
                self._changed[str(path)] = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
        except OSError as error:
            raise FetchError("file", f"{path.name}: {error.strerror or type(error).__name__}", permanent=True) from None
        if len(body) > limit:
            raise FetchError("too_large", f"{self._block.max_mb:g} MB", permanent=True)
        return body
