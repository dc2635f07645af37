"""What a connector is: one `pull` that yields frames and one exception.

A connector never imports the store. It yields `Batch`es of canonical columns (`coc.domain.datasets`), as it reads them:
types cast where possible, values untouched where not (the pipeline validates and quarantines). It drops what is not
kept (letter contents, secrets, identities) before anything else sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol

import pandas as pd

from coc.domain.datasets import Dataset


class FetchError(Exception):
    """A pull failed for a reason that a city engineer can act on.

    `code` is one of `FAILURES` (stable, translated on `/sumber`); `detail` fills the sentence (a host, a status, a
    field) and never holds a row's value or a secret. `retry_after` seconds where the source asked for it.
    `permanent` means that trying again in this run is useless.
    """

    def __init__(
        self, code: str, detail: str = "", *, retry_after: float | None = None, permanent: bool = False
    ) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        self.permanent = permanent


# code -> the English sentence of `coc pull`; `{}` takes the detail. `/sumber` translates by code.
FAILURES: Mapping[str, str] = {
    "unreachable": "unreachable: {}",
    "too_slow": "too slow: no whole answer within {}",
    "certificate": "the TLS certificate is not valid: {}",
    "credentials": "credentials refused ({})",
    "source_error": "the source answered with an error: {}",
    "login_page": "a login page came instead of data ({})",
    "content_type": "the answer is not JSON but {}",
    "redirected": "redirected to another host: {}",
    "rate_limited": "the source asks to wait ({})",
    "not_found": "not found ({}): wrong base URL or version",
    "http_status": "HTTP status {}",
    "broken": "broken answer: {}",
    "too_large": "the answer is larger than {}",
    "paging_loop": "paging loop: {}",
    "too_many_pages": "the paging never ends: {}",
    "incomplete": "fewer rows than announced: {}",
    "schema_drift": "schema drift: {}",
    "cursor_backwards": "the cursor went backwards: {}",
    "source_empty": "the source answers but has no data: {}",
    "exporter_down": "the exporter is down: {}",
    "mass_deletion": "{} would be deleted; nothing was: run `coc pull NAME --full --allow-deletions` if that is right",
    "file": "the file cannot be read: {}",
    "config": "{}",
    "hung": "the run hung: no sign of life for {}; it was given up",
    "store_full": "the disk of the store is full: nothing can be stored",
    "store_read_only": "the store is read-only: nothing can be stored",
    "store_corrupt": "the store is damaged: restore a backup with `coc db restore FILE --replace`",
    "store_away": "the store cannot be reached",
    "store_busy": "the store is locked by another program",
    "internal": "a defect of the COC itself: {}",
}


@dataclass(frozen=True, slots=True)
class Window:
    """What to pull. `since` maps a dataset to the watermark (overlap already taken off); absent: all rows.

    `full`: everything the source has, and its ids where it lists them (reconcile). `now`: business time.
    `deadline`: `time.monotonic()` at which the run must have ended. `known`: per sampled entity the newest `at` held,
    so that the same source time is told from a new one; of a service also from each vantage (`datasets.seen_from`).
    """

    now: datetime
    deadline: float
    since: Mapping[Dataset, datetime] = field(default_factory=dict)
    full: bool = False
    known: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Origin:
    """A row before its mapping: which file or table, its number there, and its mapped cells by the source's columns.

    Letter contents that are not kept are not among the cells.
    """

    name: str
    number: int
    cells: Mapping[str, Any]


@dataclass(slots=True)
class Batch:
    """Rows of one dataset in canonical columns (a subset: what is absent from the frame, the source does not have).

    `source_now`: the answer's own `now`, caps the watermark. `ids`: with an empty frame, every id that exists at the
    source (the full reconcile). `ordered`: rows come in cursor order, so the batch may commit on its own.
    `problems`: rows that could not even be read, one dict each: source_id, field, reason, value; where known, `fields`
    (canonical names, values as read) and `origin` (an Origin).
    `origin`: the Origin of the frame's row at a position, where the connector can map it anew (`Connector.remap`).
    `notes`: (code, detail) findings that do not fail the run, e.g. ("clock_ahead", "+7 h").
    """

    dataset: Dataset
    frame: pd.DataFrame
    cursor: str | None = None
    source_now: datetime | None = None
    ids: set[str] | None = None
    retention_days: int | None = None
    ordered: bool = False
    problems: list[dict[str, Any]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    origin: Callable[[int], Origin] | None = None


@dataclass(frozen=True, slots=True)
class Reachability:
    """What `coc check` found: `ok`, one sentence, and what to do when it is not."""

    ok: bool
    said: str
    mend: str = ""
    code: str = ""


class Connector(Protocol):
    """A kind of source.

    One that can read any past window says `history: ClassVar[bool] = True`: the scheduler then asks for its last hour
    first, and for its past in pieces (`Window.now` is a piece's end) while the wall lives already.

    One that is not asked but reports by itself says `pushed: ClassVar[bool] = True`.

    One that maps a source's own columns has `remap(dataset, origins) -> Batch`: rows that were refused (of one name,
    with the same columns), mapped as its block says now. Raises FetchError where it wants more than was kept of them.
    """

    kind: ClassVar[str]  # the `type:` in config.yaml
    datasets: ClassVar[set[Dataset]]  # what it can fill

    def check(self) -> Reachability: ...

    def pull(self, window: Window) -> Iterator[Batch]: ...
